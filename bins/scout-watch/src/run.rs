//! What the program does, in the order it does it.

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use scout_config::{OpenedRegistry, ProcessEnvironment, SystemClock};
use scout_platform::{
    AdvisorySource, Clock, Indexer, IndexerOptions, Judge, Organization, Reader, RunReport,
    Summary, SweepOptions, Sweeper, WatchOptions, Watcher,
};
use scout_registry::RegistryIntegration;
use scout_sbom::{Budget, Limits};
use scout_store::ArtifactState;
use scout_web::{Exporter, ExporterOptions, ReaderSource};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::arguments::Arguments;
use crate::text;

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let OpenedRegistry {
        registry,
        lists_all,
        ..
    } = scout_config::open_registry(
        &ProcessEnvironment,
        &arguments.registry,
        arguments.repository.clone(),
    )?;
    let options = SweepOptions {
        all_images: arguments.all_images,
        tags: arguments.tag.clone(),
        complete: lists_all,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let stop = CancellationToken::new();
    runtime.block_on(async {
        tokio::spawn(cancel_on_signal(stop.clone()));
        if arguments.dry_run {
            return dry_run(arguments, registry.as_ref(), options).await;
        }
        watch(arguments, registry, options, &stop).await
    })
}

async fn dry_run(
    arguments: &Arguments,
    registry: &dyn RegistryIntegration,
    options: SweepOptions,
) -> anyhow::Result<ExitCode> {
    // A dry run leaves nothing behind, not even an empty data directory.
    let mut known = Vec::new();
    if scout_config::has_store(&arguments.data_dir) {
        let store = scout_config::open_store(&arguments.data_dir)?;
        if let Some(org) = store.org(&arguments.org).await? {
            known = store.artifacts(org, None).await?;
        }
    }
    let baseline_taken = known
        .iter()
        .any(|artifact| artifact.registry == registry.host());
    let (planned, problems) =
        scout_platform::plan(registry, &options, &known, baseline_taken).await?;
    let mut out = String::new();
    for tag in &planned {
        let what = match (tag.would_index, tag.state) {
            (true, _) => "would index",
            (false, None) => "would note",
            (false, Some(state)) => state.as_str(),
        };
        out += &format!("{what:14} {}:{}@{}\n", tag.repository, tag.tag, tag.digest);
    }
    let wanted = planned.iter().filter(|tag| tag.would_index).count();
    out += &format!(
        "{wanted} of {} tags would be indexed; nothing was done\n",
        planned.len()
    );
    if wanted == 0 && !baseline_taken && !arguments.all_images && !planned.is_empty() {
        out += "Use --all-images to index what is in the registry already.\n";
    }
    print(&out)?;
    Ok(status(problems.total() > 0))
}

async fn watch(
    arguments: &Arguments,
    registry: Arc<dyn RegistryIntegration>,
    sweep: SweepOptions,
    stop: &CancellationToken,
) -> anyhow::Result<ExitCode> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let store = scout_config::open_store(&arguments.data_dir)?;
    // Bound before the first sweep: an address in use is told now, not after an hour's work.
    let listener = match arguments.serve {
        Some(address) => Some(
            TcpListener::bind(address)
                .await
                .with_context(|| format!("cannot listen on {address}"))?,
        ),
        None => None,
    };
    let id = store.enroll(&arguments.org, clock.now()).await?;
    let org = scout_platform::organization(store.as_ref(), &arguments.org).await?;
    let sweeper = Sweeper::new(
        Arc::clone(&store),
        Arc::clone(&registry),
        id,
        sweep,
        Arc::clone(&clock),
    );
    let indexer = Indexer::new(
        Arc::clone(&store),
        Arc::clone(&registry),
        IndexerOptions {
            platforms: arguments.platform.clone(),
            limits: Limits::default(),
        },
        Budget::new(&arguments.data_dir),
        Arc::clone(&clock),
    );
    let advisories = arguments.advisories.as_ref().map(AdvisorySource::new);
    let judge = Judge::new(Arc::clone(&store), advisories, Arc::clone(&clock));
    let mut options = WatchOptions::default();
    options.workers = usize::try_from(arguments.workers)?;
    options.interval = Duration::from_secs(arguments.interval);
    options.index = arguments.sbom;
    let watcher = Watcher::new(
        Arc::clone(&store),
        Arc::clone(&registry),
        id,
        sweeper,
        indexer,
        judge,
        options,
        Arc::clone(&clock),
    );
    let reader = Reader::new(Arc::clone(&store));
    let serving = match listener {
        Some(listener) => {
            let token =
                scout_config::own_token(store.as_ref(), &org, &arguments.data_dir, clock.as_ref())
                    .await?;
            let line = curl_line(listener.local_addr()?, &org, &token);
            let source = Arc::new(ReaderSource::new(reader.clone()));
            let exporter = Exporter::new(
                source,
                ExporterOptions::new(scout_web::Clock::new(|| SystemClock.now())),
            );
            let (server, until) = (exporter.clone(), stop.clone().cancelled_owned());
            let server = tokio::spawn(async move { server.run(listener, until).await });
            Some((line, exporter, server))
        }
        None => None,
    };
    let failed = match watcher.once(stop).await {
        Ok(report) => {
            let summary = reader.summary(&org, Some(registry.host())).await?;
            print(&text::round(&report, &summary, registry.host(), arguments))?;
            is_unfinished(&report, &summary, arguments)
        }
        // A watcher that goes on finds the registry when it is back.
        Err(error @ scout_platform::Error::Registry { .. }) if !arguments.once => {
            tracing::warn!("{:#}", anyhow::Error::from(error));
            true
        }
        Err(error) => return Err(error.into()),
    };
    if let Some((line, exporter, _)) = &serving {
        // So that the line, run at once, shows what was just printed.
        exporter.refresh().await;
        print(line)?;
    }
    if !arguments.once {
        watcher
            .run(stop, |report| log_round(report, registry.host()))
            .await?;
    }
    if let Some((_, _, server)) = serving {
        server.await.context("the server ended unexpectedly")?;
    }
    Ok(status(failed && arguments.once))
}

/// Whether something that should have been done is not: it was not listed, failed, or waits.
fn is_unfinished(report: &RunReport, summary: &Summary, arguments: &Arguments) -> bool {
    let waits = arguments.sbom && summary.count(ArtifactState::Waiting) > 0;
    report.sweep.problems.total() > 0 || summary.count(ArtifactState::Failed) > 0 || waits
}

fn log_round(report: &RunReport, host: &str) {
    tracing::info!(
        tags = report.sweep.tags,
        new = report.sweep.new_tags,
        gone = report.sweep.gone_tags,
        indexed = report.indexed,
        failed = report.failed,
        "swept {host}"
    );
}

fn curl_line(address: SocketAddr, org: &Organization, token: &Path) -> String {
    let path = scout_api::metrics_path(&org.name);
    format!(
        "\nMetrics are served at http://{address}{path}; read them with\n  \
         curl -H \"Authorization: Bearer $(cat '{}')\" http://{address}{path}\n",
        token.display()
    )
}

/// Cancels at the first `SIGTERM` or Ctrl-C: what is being done is finished. A second one ends
/// the process at once.
async fn cancel_on_signal(stop: CancellationToken) {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return;
    };
    for _ in 0..2 {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        if stop.is_cancelled() {
            tracing::warn!("told to stop twice: stopping at once; the next run carries on");
            end_now();
        }
        tracing::info!("told to stop: finishing what is being done");
        stop.cancel();
    }
}

#[expect(clippy::exit, reason = "a second signal asks for just this")]
fn end_now() -> ! {
    std::process::exit(1)
}

fn status(failed: bool) -> ExitCode {
    if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

fn print(text: &str) -> anyhow::Result<()> {
    scout_config::write_text(&mut std::io::stdout().lock(), text)
        .context("cannot write to standard output")
}
