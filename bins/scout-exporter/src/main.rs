//! Serves the metrics endpoint over what `scout-watch` records.
//!
//! Exit status: 0 after a signal to stop, 1 when something failed, 64 when it was used wrongly.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Parser;
use scout_config::{DEFAULT_DATA_DIR, LogFormat, ProcessEnvironment, StopSignal, SystemClock};
use scout_platform::{Clock as _, Reader};
use scout_web::{Exporter, ExporterOptions, ReaderSource};
use tokio::net::TcpListener;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Serves the metrics endpoint over what scout-watch records.
#[derive(Debug, Parser)]
#[command(name = "scout-exporter", version, after_help = AFTER_HELP)]
struct Arguments {
    /// Address to listen at
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9318")]
    listen: SocketAddr,

    /// Directory that scout-watch records into
    #[arg(long, value_name = "DIR", env = "SCOUT_DATA_DIR", default_value = DEFAULT_DATA_DIR)]
    data_dir: PathBuf,

    /// How log lines look: `text` or `json`
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,
}

const AFTER_HELP: &str = "\
GET /v1/exporter/org/ORG/metrics   the metrics of an organization; needs a token of its owner,
                                   made with `scout token create --org ORG`
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
        let store = scout_config::open_store_to_read(&arguments.data_dir)?;
        let address = arguments.listen;
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot listen on {address}"))?;
        tracing::info!("listening on http://{}", listener.local_addr()?);
        let mut signal = StopSignal::catch().context("cannot catch signals")?;
        let source = ReaderSource::new(Reader::new(store));
        let options = ExporterOptions::new(scout_web::Clock::new(|| SystemClock.now()));
        Exporter::new(Arc::new(source), options)
            .run(listener, async move {
                signal.wait().await;
                tracing::info!("told to stop: finishing the answers under way");
            })
            .await;
        Ok(())
    })
}

#[expect(
    clippy::print_stderr,
    reason = "the one place that talks to a person of failure"
)]
fn fail(error: &anyhow::Error) -> ExitCode {
    // `{:#}` prints the whole chain; library errors never repeat their source.
    eprintln!("scout-exporter: {error:#}");
    ExitCode::FAILURE
}
