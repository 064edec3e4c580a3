//! Watches a registry: indexes the images in it, matches them with advisories, judges them.
//!
//! Exit status: 0 when all went well, 1 when something failed, 64 when it was used wrongly.

mod arguments;
mod run;
mod text;

use std::process::ExitCode;

use arguments::Arguments;
use clap::Parser as _;
use clap::error::ErrorKind;

/// Wrong usage, as in `sysexits.h`.
const USAGE: u8 = 64;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let is_answer = matches!(
                error.kind(),
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
            );
            // A closed terminal is no reason for another message.
            let _ = error.print();
            return if is_answer {
                ExitCode::SUCCESS
            } else {
                ExitCode::from(USAGE)
            };
        }
    };
    scout_config::start_log(arguments.log_format);
    match run::run(&arguments) {
        Ok(status) => status,
        Err(error) => fail(&error),
    }
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
        .is_some_and(scout_config::Error::is_usage);
    ExitCode::from(if is_usage { USAGE } else { 1 })
}
