//! What the program does, in the order it does it.

use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use scout_config::{StopSignal, SystemClock};
use scout_platform::{Clock as _, Organization, Reader, RunReport, Summary, Watcher};
use scout_store::{ArtifactState, Store};
use tokio_util::sync::CancellationToken;

use crate::arguments::Arguments;
use crate::dry_run::dry_run;
use crate::fleet::{Fleet, Member, open_flags};
use crate::health::{self, Health, HealthListener};
use crate::notices::Notices;
use crate::progress::Screen;
use crate::runtimes::Runtimes;
use crate::serve::{Serving, listen};
use crate::settings::{Settings, Targets};
use crate::text;
use crate::usage::Usage;
use crate::webhooks::Receivers;

pub(crate) fn run(arguments: Arguments, screen: &Screen) -> anyhow::Result<ExitCode> {
    let is_dry_run = arguments.dry_run;
    let settings = Settings::new(arguments)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let stop = CancellationToken::new();
    runtime.block_on(async {
        let signal = StopSignal::catch().context("cannot catch signals")?;
        tokio::spawn(cancel_on_signal(signal, stop.clone()));
        if is_dry_run {
            return dry_run(&settings, screen).await;
        }
        // What is wrong with how we were called is told before a data directory is made.
        match &settings.targets {
            Targets::Flags {
                registry,
                repositories,
            } => drop(open_flags(registry, repositories)?),
            Targets::Integrations { configured, .. } => {
                if configured.is_empty() && !scout_config::has_store(&settings.data_dir) {
                    return Err(Usage::nothing_to_watch(&settings).into());
                }
            }
        }
        watch(&settings, screen, &stop).await
    })
}

async fn watch(
    settings: &Settings,
    screen: &Screen,
    stop: &CancellationToken,
) -> anyhow::Result<ExitCode> {
    let store = scout_config::open_store(&settings.data_dir)?;
    // Bound before the first sweep: an address in use is told now, not after an hour's work.
    let listener = match &settings.serve {
        Some(serve) => Some((listen(serve.address).await?, serve)),
        None => None,
    };
    let health = Arc::new(Health::new(&settings.data_dir));
    let told = match settings.health_address {
        Some(address) => {
            let listener = listen(address).await?;
            health::tell(listener.local_addr()?);
            Some(HealthListener::start(listener, &store, &health))
        }
        None => None,
    };
    store.enroll(&settings.org, SystemClock.now()).await?;
    let org = scout_platform::organization(store.as_ref(), &settings.org).await?;
    let mut fleet = Fleet::open(settings, Some((store.as_ref(), &org)), None).await?;
    if fleet.is_empty() && fleet.broken.is_empty() {
        return Err(Usage::nothing_to_watch(settings).into());
    }
    if let (true, Some(_)) = (fleet.is_empty(), fleet.broken.first()) {
        return Err(fleet.broken.swap_remove(0));
    }
    let serving = match listener {
        Some((listener, serve)) => {
            let how = (settings, serve);
            Some(Serving::start(listener, &store, &org, how, &health, stop.clone()).await?)
        }
        None => None,
    };
    // Before anything is judged: what is found from now on is told.
    let notices = Notices::open(settings, &store, &org).await?;
    let runtimes = Runtimes::new(&store, &org, settings, &health);
    let house = House {
        settings,
        screen,
        store,
        org,
        runtimes,
        health,
        serving: serving.as_ref(),
    };
    let status = match settings.once {
        true => {
            let status = house.once(&fleet, stop).await;
            notices.flush().await?;
            status?
        }
        false => {
            let ended = stop.child_token();
            let watching = async {
                let result = house.run(fleet, stop).await;
                // If it fails, nothing else goes on.
                ended.cancel();
                result
            };
            tokio::join!(watching, notices.run(&ended)).0?;
            ExitCode::SUCCESS
        }
    };
    if let Some(serving) = serving {
        serving.end().await?;
    }
    if let Some(told) = told {
        told.end().await?;
    }
    Ok(status)
}

/// What stays while registries are opened anew.
struct House<'a> {
    settings: &'a Settings,
    screen: &'a Screen,
    store: Arc<dyn Store>,
    org: Organization,
    runtimes: Runtimes,
    health: Arc<Health>,
    serving: Option<&'a Serving>,
}

impl House<'_> {
    /// Makes the watcher of a fleet.
    async fn watcher(&self, fleet: &Fleet) -> anyhow::Result<Watcher> {
        fleet
            .watcher(self.settings, &self.store, &self.org, &self.health)
            .await
    }

    async fn once(&self, fleet: &Fleet, stop: &CancellationToken) -> anyhow::Result<ExitCode> {
        for error in &fleet.broken {
            tracing::error!("{error:#}");
        }
        let watcher = self.watcher(fleet).await?;
        // First: the images that are indexed below join by themselves, and all is judged at the end.
        let synced = self.runtimes.once(&fleet.runtimes, stop).await;
        for error in synced.iter().filter_map(|synced| synced.as_ref().err()) {
            tracing::error!("{}", scout_platform::chain(error));
        }
        let mut reports = self.screen.during(&watcher, watcher.once(stop)).await?;
        if let ([report], []) = (reports.as_mut_slice(), synced.as_slice())
            && let Some(error) = report.unlisted.take()
        {
            return Err(error.into());
        }
        for runtime in &fleet.runtimes {
            let line = self.runtimes.line(runtime).await?;
            self.screen.print(&format!("{line}\n"))?;
        }
        let summary = self.report(fleet, &reports).await?;
        let failed = synced.iter().any(Result::is_err)
            || reports.iter().any(is_unfinished)
            || is_unread(&summary, self.settings)
            || !fleet.broken.is_empty();
        if let Some(serving) = self.serving {
            self.screen.print(&serving.invitation().await)?;
        }
        Ok(status(failed))
    }

    /// Watches until told to stop, and opens the registries anew when they change.
    async fn run(&self, mut fleet: Fleet, stop: &CancellationToken) -> anyhow::Result<()> {
        let mut is_first = true;
        loop {
            for error in &fleet.broken {
                tracing::error!("{error:#}");
            }
            let why = self.until_changed(&mut fleet, stop, is_first).await?;
            if stop.is_cancelled() {
                return Ok(());
            }
            is_first = false;
            tracing::info!("opening the integrations anew: {why}");
            fleet = self.open_again(fleet, stop).await?;
        }
    }

    /// Watches until told to stop, or until the registries are to be opened anew; returns why.
    async fn until_changed(
        &self,
        fleet: &mut Fleet,
        stop: &CancellationToken,
        is_first: bool,
    ) -> anyhow::Result<&'static str> {
        let watcher = self.watcher(fleet).await?;
        let (receivers, mut refused) =
            Receivers::start(fleet, &watcher, self.settings, &self.health).await;
        if is_first && !refused.is_empty() {
            receivers.end().await;
            return Err(refused.swap_remove(0));
        }
        for error in &refused {
            tracing::error!("{error:#}; until that is mended, its registries are only polled");
        }
        fleet.broken.extend(refused);
        let fleet = &*fleet;
        if fleet.is_empty() {
            tracing::warn!("nothing is watched until an integration is added");
        }
        let ended = stop.child_token();
        let watching = async {
            let syncing = self.runtimes.run(&fleet.runtimes, &ended);
            let watching = async {
                let result = self.watch(fleet, &watcher, &ended, is_first).await;
                // If it fails, nothing else goes on.
                ended.cancel();
                result
            };
            tokio::join!(watching, syncing).0
        };
        let watching = self.screen.during(&watcher, watching);
        tokio::pin!(watching);
        let result = tokio::select! {
            result = &mut watching => result.map(|()| "it ended"),
            changed = fleet.changed(self.settings, self.store.as_ref(), &self.org) => {
                ended.cancel();
                watching.await.and(changed)
            }
        };
        receivers.end().await;
        result
    }

    /// Opens the registries; what was opened before serves as long as they cannot be.
    async fn open_again(&self, before: Fleet, stop: &CancellationToken) -> anyhow::Result<Fleet> {
        let record = Some((self.store.as_ref(), &self.org));
        match Fleet::open(self.settings, record, Some(&before)).await {
            Ok(fleet) => Ok(fleet),
            Err(error) if !stop.is_cancelled() => {
                tracing::error!("{error:#}; going on as before");
                Ok(before.kept())
            }
            Err(error) => Err(error),
        }
    }

    async fn watch(
        &self,
        fleet: &Fleet,
        watcher: &Watcher,
        stop: &CancellationToken,
        is_first: bool,
    ) -> anyhow::Result<()> {
        let first: Vec<Mutex<Option<RunReport>>> =
            fleet.members.iter().map(|_| Mutex::default()).collect();
        let each = |number: usize, report: &RunReport| {
            let Some((member, slot)) = fleet.members.iter().zip(&first).nth(number) else {
                return;
            };
            let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
            match (is_first, slot.is_none()) {
                (true, true) => *slot = Some(without_error(report)),
                // That it could not be listed is told by the watcher.
                _ if report.unlisted.is_some() => {}
                _ => log_round(report, member),
            }
        };
        let watching = watcher.run(stop, each);
        tokio::pin!(watching);
        if is_first {
            tokio::select! {
                result = &mut watching => return Ok(result?),
                settled = watcher.settled() => settled?,
            }
            let taken = first
                .iter()
                .map(|slot| slot.lock().unwrap_or_else(PoisonError::into_inner).take());
            let mut reports: Vec<_> = taken.map(Option::unwrap_or_default).collect();
            watcher.collect(&mut reports);
            // From now on rounds are logged.
            for slot in &first {
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(RunReport::default());
            }
            self.report(fleet, &reports).await?;
            if let Some(serving) = self.serving {
                self.screen.print(&serving.invitation().await)?;
            }
        }
        Ok(watching.await?)
    }

    /// Prints what was done, and the summary of what is known now.
    async fn report(&self, fleet: &Fleet, reports: &[RunReport]) -> anyhow::Result<Summary> {
        let reader = Reader::new(Arc::clone(&self.store));
        let summary = reader.summary(&self.org, fleet.only_host()).await?;
        let rounds: Vec<_> = fleet.members.iter().zip(reports).collect();
        self.screen
            .print(&text::rounds(&rounds, &summary, self.settings))?;
        Ok(summary)
    }
}

/// Whether not all could be listed.
fn is_unfinished(report: &RunReport) -> bool {
    report.unlisted.is_some() || report.sweep.problems.total() > 0
}

/// Whether something that should have been read is not: it failed, or waits.
fn is_unread(summary: &Summary, settings: &Settings) -> bool {
    let waits = settings.watch.index && summary.count(ArtifactState::Waiting) > 0;
    summary.count(ArtifactState::Failed) > 0 || waits
}

/// Copies a report; why the registry could not be listed becomes one of its problems.
fn without_error(report: &RunReport) -> RunReport {
    let mut copy = RunReport::default();
    copy.sweep = report.sweep.clone();
    if let Some(error) = &report.unlisted {
        copy.sweep.problems.note(&scout_platform::chain(error));
    }
    (copy.indexed, copy.skipped, copy.failed) = (report.indexed, report.skipped, report.failed);
    copy
}

fn log_round(report: &RunReport, member: &Member) {
    tracing::info!(
        tags = report.sweep.tags,
        new = report.sweep.new_tags,
        gone = report.sweep.gone_tags,
        indexed = report.indexed,
        failed = report.failed,
        integration = member.name,
        "swept {}",
        member.opened.registry.host()
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

pub(crate) fn status(failed: bool) -> ExitCode {
    if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}
