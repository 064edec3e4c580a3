//! The small command line beside `scout-watch` and `scout-exporter`.
//!
//! Exit status: 0 when all went well, 1 when something failed, 64 when it was used wrongly; 2 when
//! what was asked about with `--exit-on` is so.

mod arguments;
mod environments;
mod images;
mod integrations;
mod organizations;
mod output;
mod repositories;
mod sbom;
mod streams;
mod tokens;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use arguments::{Arguments, Command, DataDir};
use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser as _};
use scout_config::{SystemClock, USAGE};
use scout_platform::Judge;
use scout_store::Store;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // A closed terminal is no reason for another message.
            let _ = error.print();
            return ExitCode::from(scout_config::usage_status(&error));
        }
    };
    match run(arguments.command) {
        Ok(status) => status,
        Err(error) => fail(&error),
    }
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(async {
        match command {
            Command::Enroll { org, data } => organizations::enroll(&org, &data).await,
            Command::Token(command) => tokens::run(command).await,
            Command::Environment(arguments) => return environments::run(*arguments).await,
            Command::Stream(arguments) => streams::run(arguments).await,
            Command::Images(arguments) => images::run(arguments).await,
            Command::Sbom {
                image,
                format,
                output,
                org,
            } => sbom::run(&org, &image, format, output.as_deref()).await,
            Command::Cves { image, format, org } => images::cves(&org, &image, format).await,
            Command::Integration(command) => return integrations::run(command).await,
            Command::Repo(command) => repositories::run(command).await,
            Command::Completions { shell } => output::print_completions(shell),
            Command::Version => output::print(concat!("scout ", env!("CARGO_PKG_VERSION"), "\n")),
        }?;
        Ok(ExitCode::SUCCESS)
    })
}

/// Judges what a command changed, unless a running watcher does. With the findings that are
/// recorded: no advisories are loaded.
async fn judge(store: Arc<dyn Store>) -> anyhow::Result<()> {
    let judge = Judge::new(store, None, Arc::new(SystemClock));
    judge.run().await?;
    Ok(())
}

/// Returns the fault of a command line that can be read, but makes no sense.
fn misused(message: &str) -> anyhow::Error {
    let mut command = Arguments::command();
    command.error(ErrorKind::ArgumentConflict, message).into()
}

/// Opens the record for a command that needs one to be there.
fn open(data: &DataDir) -> anyhow::Result<Arc<dyn Store>> {
    if !scout_config::has_store(&data.data_dir) {
        let path = data.data_dir.clone();
        return Err(scout_config::Error::NoStore { path }.into());
    }
    Ok(scout_config::open_store(&data.data_dir)?)
}

#[expect(
    clippy::print_stderr,
    reason = "the one place that talks to a person of failure"
)]
fn fail(error: &anyhow::Error) -> ExitCode {
    if let Some(error) = error.downcast_ref::<clap::Error>() {
        let _ = error.print();
        return ExitCode::from(scout_config::usage_status(error));
    }
    // `{:#}` prints the whole chain; library errors never repeat their source.
    eprintln!("scout: {error:#}");
    let is_usage = error
        .downcast_ref::<scout_config::Error>()
        .is_some_and(scout_config::Error::is_usage);
    ExitCode::from(if is_usage { USAGE } else { 1 })
}
