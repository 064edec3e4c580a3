//! What the program does, in the order it does it.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use scout_config::{OpenedRegistry, ProcessEnvironment, StopSignal, SystemClock};
use scout_platform::{
    AdvisorySource, Clock as _, Indexer, IndexerOptions, Judge, Reader, RunReport, Summary,
    SweepOptions, Sweeper, WatchOptions, Watched, Watcher,
};
use scout_registry::RegistryIntegration;
use scout_sbom::{Budget, Limits};
use scout_store::ArtifactState;
use tokio_util::sync::CancellationToken;

use crate::arguments::Arguments;
use crate::serve::{Serving, listen};
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
        let signal = StopSignal::catch().context("cannot catch signals")?;
        tokio::spawn(cancel_on_signal(signal, stop.clone()));
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
        let store = scout_config::open_store_to_read(&arguments.data_dir)?;
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
    let store = scout_config::open_store(&arguments.data_dir)?;
    // Bound before the first sweep: an address in use is told now, not after an hour's work.
    let listener = match arguments.serve {
        Some(address) => Some(listen(address).await?),
        None => None,
    };
    store.enroll(&arguments.org, SystemClock.now()).await?;
    let org = scout_platform::organization(store.as_ref(), &arguments.org).await?;
    let watched = Watched {
        store: Arc::clone(&store),
        registry,
        org: org.id,
        clock: Arc::new(SystemClock),
    };
    let reader = Reader::new(store);
    let serving = match listener {
        Some(listener) => {
            Some(Serving::start(listener, &watched, &org, arguments, stop.clone()).await?)
        }
        None => None,
    };
    let host = watched.registry.host().to_owned();
    let watcher = watcher(arguments, watched, sweep)?;
    let failed = match watcher.once(stop).await {
        Ok(report) => {
            let summary = reader.summary(&org, Some(&host)).await?;
            print(&text::round(&report, &summary, &host, arguments))?;
            is_unfinished(&report, &summary, arguments)
        }
        // A watcher that goes on finds the registry when it is back.
        Err(error @ scout_platform::Error::Registry { .. }) if !arguments.once => {
            tracing::warn!("{:#}", anyhow::Error::from(error));
            true
        }
        Err(error) => return Err(error.into()),
    };
    if let Some(serving) = &serving {
        print(&serving.invitation().await)?;
    }
    if !arguments.once {
        watcher.run(stop, |report| log_round(report, &host)).await?;
    }
    if let Some(serving) = serving {
        serving.end().await?;
    }
    Ok(status(failed && arguments.once))
}

fn watcher(
    arguments: &Arguments,
    watched: Watched,
    sweep: SweepOptions,
) -> anyhow::Result<Watcher> {
    let sweeper = Sweeper::new(watched.clone(), sweep);
    let options = IndexerOptions {
        platforms: arguments.platform.clone(),
        limits: Limits::default(),
    };
    let budget = Budget::new(&arguments.data_dir);
    let indexer = Indexer::new(watched.clone(), options, budget);
    let advisories = arguments.advisories.as_ref().map(AdvisorySource::new);
    let judge = Judge::new(
        Arc::clone(&watched.store),
        advisories,
        Arc::clone(&watched.clock),
    );
    let mut options = WatchOptions::default();
    options.workers = usize::try_from(arguments.workers)?;
    options.interval = Duration::from_secs(arguments.interval);
    options.index = arguments.sbom;
    Ok(Watcher::new(watched, sweeper, indexer, judge, options))
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

/// Cancels at the first signal: what is being done is finished. A second one ends the process at
/// once.
async fn cancel_on_signal(mut signal: StopSignal, stop: CancellationToken) {
    signal.wait().await;
    tracing::info!("told to stop: finishing what is being done");
    stop.cancel();
    signal.wait().await;
    tracing::warn!("told to stop twice: stopping at once; the next run carries on");
    end_now();
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
