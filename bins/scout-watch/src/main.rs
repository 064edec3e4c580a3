//! Watches registries and clusters: indexes images, matches them with advisories, judges them.
//!
//! Exit status: 0 when all went well, 1 when something failed, 64 when it was used wrongly.

mod arguments;
mod dry_run;
mod fleet;
mod health;
mod notices;
mod progress;
mod run;
mod runtimes;
mod serve;
mod settings;
mod text;
mod usage;
mod webhooks;

use std::process::ExitCode;

use anyhow::Context as _;
use arguments::Arguments;
use clap::{CommandFactory as _, Parser as _};
use progress::Screen;
use scout_config::{ProcessEnvironment, Shell, USAGE};
use tracing_subscriber::util::SubscriberInitExt as _;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // A closed terminal is no reason for another message.
            let _ = error.print();
            return ExitCode::from(scout_config::usage_status(&error));
        }
    };
    if let Some(shell) = arguments.completions {
        return print_completions(shell).map_or_else(|error| fail(&error), |()| ExitCode::SUCCESS);
    }
    let screen = Screen::new(arguments.log_format, &ProcessEnvironment);
    scout_config::log_to(arguments.log_format, &ProcessEnvironment, screen.clone()).init();
    match run::run(arguments, &screen) {
        Ok(status) => status,
        Err(error) => fail(&error),
    }
}

/// Prints the script by which a shell completes the command line.
fn print_completions(shell: Shell) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    scout_config::write_completions(&mut out, Arguments::command(), shell)
        .context("cannot write to standard output")
}

#[expect(
    clippy::print_stderr,
    reason = "the one place that talks to a person of failure"
)]
fn fail(error: &anyhow::Error) -> ExitCode {
    // `{:#}` prints the whole chain; library errors never repeat their source.
    eprintln!("scout-watch: {error:#}");
    let is_usage = error
        .downcast_ref::<scout_config::Error>()
        .is_some_and(scout_config::Error::is_usage)
        || error.is::<usage::Usage>();
    ExitCode::from(if is_usage { USAGE } else { 1 })
}
