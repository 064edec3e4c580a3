//! Serves the metrics endpoint over what `scout-watch` records, and what Docker's endpoint says.
//!
//! Exit status: 0 after a signal to stop, 1 when something failed, 64 when it was used wrongly.

mod hosted;
mod record;
mod tls;
mod usage;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::{CommandFactory as _, Parser};
use scout_config::{
    ConfigFile, DEFAULT_DATA_DIR, ExtendedArguments, LogFormat, ProcessEnvironment,
    ServingArguments, Shell, StopSignal, SystemClock, USAGE,
};
use scout_platform::Clock as _;
use scout_web::{Exporter, ExporterOptions, Hosted, MetricsSource, PublicAddress, Upstream};
use tokio::net::TcpListener;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::hosted::HostedArguments;
use crate::record::RecordSource;
use crate::usage::Usage;

/// Serves the metrics endpoint over what scout-watch records, or over Docker's hosted endpoint.
#[derive(Debug, Parser)]
#[command(name = "scout-exporter", version, after_help = AFTER_HELP)]
struct Arguments {
    /// Address to listen at
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9318")]
    listen: SocketAddr,

    /// Directory that scout-watch records into [default: ./scout-data]
    #[arg(long, value_name = "DIR", env = "SCOUT_DATA_DIR")]
    data_dir: Option<PathBuf>,

    /// File with defaults and hosted organizations; docs/configuration.md describes it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(flatten)]
    hosted: HostedArguments,

    #[command(flatten)]
    serving: ServingArguments,

    #[command(flatten)]
    extended: ExtendedArguments,

    /// Address at which scrapers reach this server, as HOST:PORT or `https://HOST`, for /v1/sd;
    /// without it, the one that they write
    #[arg(long, value_name = "ADDR")]
    public_address: Option<PublicAddress>,

    /// How log lines look: `text` or `json`
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,

    /// Print the script by which a shell completes this command line, and exit
    #[arg(long, value_name = "SHELL", exclusive = true)]
    completions: Option<Shell>,
}

const AFTER_HELP: &str = "\
GET /v1/exporter/org/ORG/metrics   the metrics of an organization; needs a token of its owner,
                                   made with `scout token create --org ORG`, or the token that
                                   the hosted endpoint is read with
GET /v1/sd                         the organizations of a token as targets, for http_sd_configs
GET /healthz                       whether the record can be read
GET /metrics                       the exporter's own health

Exit status: 0 stopped by a signal, 1 something failed, 64 wrong usage.";

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
    scout_config::log(arguments.log_format, &ProcessEnvironment).init();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    // An answer takes microseconds, and pages are made on other threads: a second worker would be
    // woken for nothing again and again.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(async {
        let tls = tls::open(&arguments.serving).await?;
        let (source, hosted) = open(arguments).await?;
        let address = arguments.listen;
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot listen on {address}"))?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        tracing::info!("listening on {scheme}://{}", listener.local_addr()?);
        let serving = &arguments.serving;
        if hosted.is_none() && serving.has_idle_ttl() {
            tracing::warn!("{}", serving.idle_ttl());
        }
        let mut signal = StopSignal::catch().context("cannot catch signals")?;
        let options = ExporterOptions::new(scout_web::Clock::new(|| SystemClock.now()))
            .with_cache(serving.cache_mode(), serving.cache_ttl())
            .with_public_address(arguments.public_address.clone())
            .with_extended(arguments.extended.budget())
            .with_tls(tls);
        let upstream = hosted
            .clone()
            .map(|hosted| Arc::new(hosted) as Arc<dyn Upstream>);
        let exporter = Exporter::with_upstream(source, upstream, options);
        let serve = exporter.run(listener, async move {
            signal.wait().await;
            tracing::info!("told to stop: finishing the answers under way");
        });
        let read = async {
            match hosted {
                Some(hosted) => hosted.run().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = serve => Ok(()),
            never = read => match never {},
        }
    })
}

/// Opens the store, and what is read from other servers.
async fn open(arguments: &Arguments) -> anyhow::Result<(Arc<dyn MetricsSource>, Option<Hosted>)> {
    let file = match &arguments.config {
        Some(path) => ConfigFile::load(path)?,
        None => ConfigFile::default(),
    };
    let data_dir = arguments.data_dir.clone().or(file.defaults.data_dir);
    let data_dir = data_dir.unwrap_or_else(|| DEFAULT_DATA_DIR.into());
    let organizations = arguments.hosted.organizations(file.hosted)?;
    let ttl = arguments.serving.cache_ttl();
    let hosted = HostedArguments::open(organizations, &data_dir, ttl).await?;
    let source = RecordSource::open(data_dir, hosted.is_some())?;
    let source: Arc<dyn MetricsSource> = Arc::new(source);
    Ok((source, hosted))
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
    eprintln!("scout-exporter: {error:#}");
    if Usage::is_behind(error) {
        return ExitCode::from(USAGE);
    }
    ExitCode::FAILURE
}
