//! Serves the metrics endpoint over what `scout-watch` records, and what Docker's endpoint says.
//!
//! Exit status: 0 after a signal to stop, 1 when something failed, 64 when it was used wrongly.

mod hosted;
mod tls;
mod usage;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Parser;
use scout_config::{
    ConfigFile, DEFAULT_DATA_DIR, LogFormat, ProcessEnvironment, StopSignal, SystemClock, USAGE,
};
use scout_platform::{Clock as _, Reader};
use scout_web::{
    CacheMode, CacheTtl, EmptySource, Exporter, ExporterOptions, Hosted, MetricsSource,
    ReaderSource, Upstream,
};
use tokio::net::TcpListener;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::hosted::HostedArguments;
use crate::tls::TlsArguments;
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

    /// How long a cached answer is good, as in 60m: the pause between two reads of the hosted
    /// endpoint, and what --cache-mode ttl keeps to
    #[arg(long, value_name = "TIME", default_value_t = CacheTtl::DEFAULT)]
    cache_ttl: CacheTtl,

    /// When new numbers are served: `snapshot` (at once) or `ttl` (when the ones before are as old
    /// as --cache-ttl)
    #[arg(long, value_name = "MODE", default_value_t = CacheMode::Snapshot)]
    cache_mode: CacheMode,

    #[command(flatten)]
    tls: TlsArguments,

    /// How log lines look: `text` or `json`
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,
}

const AFTER_HELP: &str = "\
GET /v1/exporter/org/ORG/metrics   the metrics of an organization; needs a token of its owner,
                                   made with `scout token create --org ORG`, or the token that
                                   the hosted endpoint is read with
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
    scout_config::log(arguments.log_format, &ProcessEnvironment).init();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(async {
        let tls = arguments.tls.open().await?;
        let (source, hosted) = open(arguments).await?;
        let address = arguments.listen;
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot listen on {address}"))?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        tracing::info!("listening on {scheme}://{}", listener.local_addr()?);
        let has_ttl = arguments.cache_mode == CacheMode::Ttl || hosted.is_some();
        if !has_ttl && arguments.cache_ttl != CacheTtl::DEFAULT {
            tracing::warn!(
                "--cache-ttl changes nothing here: new numbers are served at once; add \
                 --cache-mode ttl to serve the same ones for {}",
                arguments.cache_ttl
            );
        }
        let mut signal = StopSignal::catch().context("cannot catch signals")?;
        let options = ExporterOptions::new(scout_web::Clock::new(|| SystemClock.now()))
            .with_cache(arguments.cache_mode, arguments.cache_ttl)
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
    let hosted = HostedArguments::open(organizations, &data_dir, arguments.cache_ttl).await?;
    let source: Arc<dyn MetricsSource> = if hosted.is_some() && !scout_config::has_store(&data_dir)
    {
        tracing::info!(
            "there is no record in {}: only hosted organizations are served, each to its own \
                 token",
            data_dir.display()
        );
        Arc::new(EmptySource)
    } else {
        let store = scout_config::open_store_to_read(&data_dir)?;
        Arc::new(ReaderSource::new(Reader::new(store)))
    };
    Ok((source, hosted))
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
