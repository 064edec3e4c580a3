//! The watcher: sweeps, events, workers and judgement of an organization's registries, once or
//! for good.

mod breaker;
mod progress;
mod rounds;
mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::try_join_all;
use scout_sbom::ANALYSIS_VERSION;
use scout_store::{OrgId, RegistryId, Retry, Store};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::error::Result;
use crate::hint::EventRecorder;
use crate::index::{Indexer, chain};
use crate::judge::{Judge, JudgeOutcome};
use crate::stats::JudgeCounters;
use crate::sweep::{SweepReport, Sweeper};
use crate::watched::Watched;
use breaker::Breaker;
pub use progress::Progress;
use worker::Tally;

/// How often a watcher that goes on tries again what failed for reasons that may have passed.
const RETRY_FAILED: Duration = Duration::from_secs(15 * 60);
/// How long the judge waits at first: a small registry is indexed by then, and the advisories it
/// needs are loaded once instead of ecosystem by ecosystem.
const FIRST_JUDGEMENT: Duration = Duration::from_secs(2);
/// How much longer than a judgement the pause after it is.
const PAUSE_RATIO: u32 = 3;

/// How registries are watched.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WatchOptions {
    /// How many images are indexed at once, in all registries together. While watching, one of
    /// several is kept for what was just pushed: back-fill never holds it up.
    pub workers: usize,
    /// The time from the start of a sweep to the start of the next, of which a tenth to a fifth
    /// is left out, another part each time. At least half of it passes after a sweep's end.
    pub interval: Duration,
    /// Whether images are indexed (`--sbom`), or only tags recorded.
    pub index: bool,
    /// How long the judge, or a worker with nothing to do, waits before it looks again: what
    /// other processes ask for waits as long.
    pub idle: Duration,
}

impl WatchOptions {
    /// The documented default of `--workers`.
    pub const DEFAULT_WORKERS: usize = 3;
    /// The documented default of `--interval`, in seconds.
    pub const DEFAULT_INTERVAL_SECONDS: u64 = 60;
    /// How long those wait who have nothing to do.
    pub const DEFAULT_IDLE: Duration = Duration::from_millis(500);
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self {
            workers: Self::DEFAULT_WORKERS,
            interval: Duration::from_secs(Self::DEFAULT_INTERVAL_SECONDS),
            index: true,
            idle: Self::DEFAULT_IDLE,
        }
    }
}

/// What a round did in one registry: one sweep, and the work it gave.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct RunReport {
    /// What the sweep saw.
    pub sweep: SweepReport,
    /// Why the registry could not be listed at all, if so: it did not answer, or its integration
    /// was removed.
    pub unlisted: Option<crate::Error>,
    /// Artifacts indexed in this round.
    pub indexed: u64,
    /// Artifacts in which there was nothing to index.
    pub skipped: u64,
    /// Artifacts that failed in this round.
    pub failed: u64,
    /// How often an artifact was put back because the registry was out of reach.
    pub deferred: u64,
}

/// One registry, and what works on it.
#[derive(Debug)]
pub struct Source {
    watched: Watched,
    sweeper: Sweeper,
    indexer: Indexer,
    tally: Tally,
    breaker: Breaker,
    /// Whether a sweep was made, well or not.
    swept: AtomicBool,
    /// Whether activations were done that were due at first, and events looked at.
    heeded: AtomicBool,
}

impl Source {
    /// Returns a source made of these parts; sweeper and indexer must be of what is watched.
    #[must_use]
    pub fn new(watched: Watched, sweeper: Sweeper, indexer: Indexer) -> Self {
        Self {
            watched,
            sweeper,
            indexer,
            tally: Tally::default(),
            breaker: Breaker::default(),
            swept: AtomicBool::new(false),
            heeded: AtomicBool::new(false),
        }
    }
}

/// Watches registries of one organization.
#[derive(Debug)]
pub struct Watcher {
    store: Arc<dyn Store>,
    org: OrgId,
    clock: Arc<dyn Clock>,
    sources: Vec<Source>,
    judge: Judge,
    judged: Arc<JudgeCounters>,
    options: WatchOptions,
    /// Told when there may be work.
    work: Notify,
    /// Told when there may be events.
    wake: Arc<Notify>,
    /// The source whose turn it is to have work done.
    turn: AtomicUsize,
}

impl Watcher {
    /// Returns a watcher of these registries, all of the organization in the same store.
    #[must_use]
    pub fn new(
        (store, org, clock): (Arc<dyn Store>, OrgId, Arc<dyn Clock>),
        sources: Vec<Source>,
        judge: Judge,
        options: WatchOptions,
    ) -> Self {
        Self {
            store,
            org,
            clock,
            sources,
            judge,
            judged: Arc::default(),
            options,
            work: Notify::new(),
            wake: Arc::default(),
            turn: AtomicUsize::new(0),
        }
    }

    /// Counts judgements here.
    #[must_use]
    pub fn with_judge_counters(mut self, counters: Arc<JudgeCounters>) -> Self {
        self.judged = counters;
        self
    }

    /// Returns what records the events of each source, in their order.
    #[must_use]
    pub fn recorders(&self) -> Vec<EventRecorder> {
        let recorder =
            |source: &Source| EventRecorder::new(source.watched.clone(), Arc::clone(&self.wake));
        self.sources.iter().map(recorder).collect()
    }

    /// Makes one round of each registry: sweeps, indexes what is wanted, judges; then returns.
    ///
    /// Stops early, without error, when `stop` is cancelled.
    ///
    /// # Errors
    ///
    /// If the store fails. A registry that cannot be listed, or whose integration is removed
    /// meanwhile, is told in its report, and the others go on.
    pub async fn once(&self, stop: &CancellationToken) -> Result<Vec<RunReport>> {
        let registries = self.begin().await?;
        let judging = CancellationToken::new();
        let rounds = self.sources.iter().zip(&registries);
        let rounds = rounds.map(|(source, &registry)| self.round(source, registry, stop));
        let work = async {
            let (reports, ()) = tokio::try_join!(
                try_join_all(rounds),
                self.work_until(&registries, Until::NothingIsLeft, stop)
            )?;
            judging.cancel();
            Ok(reports)
        };
        let (mut reports, ()) = tokio::try_join!(work, self.judge_until(&judging))?;
        self.judge_all(stop).await?;
        self.collect(&mut reports);
        Ok(reports)
    }

    /// Makes rounds of each registry, the first at once and others after each interval, until
    /// `stop` is cancelled: what is being indexed then is finished first. Events, workers and
    /// judge do not wait for rounds. `each` is called with the number of the source and what
    /// every round did.
    ///
    /// # Errors
    ///
    /// If the store fails. A registry that cannot be listed is told, and tried again; one whose
    /// integration is removed is left alone from then on.
    pub async fn run(
        &self,
        stop: &CancellationToken,
        each: impl Fn(usize, &RunReport),
    ) -> Result<()> {
        let registries = self.begin().await?;
        let rounds = self.sources.iter().zip(&registries).enumerate();
        let rounds = rounds.map(|(number, (source, &registry))| {
            let each = &each;
            self.rounds(source, registry, stop, move |report| each(number, report))
        });
        tokio::try_join!(
            try_join_all(rounds),
            self.work_until(&registries, Until::Stopped, stop),
            self.judge_until(stop),
            self.retry_until(stop),
        )?;
        Ok(())
    }

    /// Returns when every registry was swept, and nothing is left that can be done now: no event,
    /// nothing to index but in registries out of reach, nothing to judge; while
    /// [`run`](Self::run) runs.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn settled(&self) -> Result<()> {
        loop {
            // In the order in which one leads to the other.
            if self.is_begun()
                && !self.has_events().await?
                && self.backlog(Breaker::is_open).await? == 0
                && !self.has_judgement().await?
            {
                return Ok(());
            }
            tokio::time::sleep(self.options.idle).await;
        }
    }

    /// Adds what the workers did since the last report of each source, in their order.
    pub fn collect(&self, reports: &mut [RunReport]) {
        for (report, source) in reports.iter_mut().zip(&self.sources) {
            source.tally.take(report);
        }
    }

    async fn begin(&self) -> Result<Vec<RegistryId>> {
        let freed = self.store.release_dead_holders().await?;
        if freed > 0 {
            tracing::info!("took over {freed} pieces of work from a process that has gone");
        }
        self.retry_failed().await?;
        let mut registries = Vec::with_capacity(self.sources.len());
        for source in &self.sources {
            source.swept.store(false, Ordering::Release);
            source.heeded.store(false, Ordering::Release);
            let record = source.watched.record().await?;
            self.look_again(source, record.id).await?;
            registries.push(record.id);
        }
        Ok(registries)
    }

    /// Enqueues what older readers, or another wish for platforms, looked at.
    async fn look_again(&self, source: &Source, registry: RegistryId) -> Result<()> {
        let now = self.clock.now();
        let platforms = source.indexer.platforms_wanted().to_string();
        let outdated = self
            .store
            .enqueue_outdated(self.org, registry, ANALYSIS_VERSION, &platforms, now)
            .await?;
        if outdated > 0 {
            tracing::info!("looking at {outdated} images again: readers or platforms changed");
        }
        Ok(())
    }

    /// Gives another chance to what failed for reasons that may have passed.
    async fn retry_failed(&self) -> Result<()> {
        let now = self.clock.now();
        self.store
            .retry_failed(self.org, Retry::Transient, now)
            .await?;
        Ok(())
    }

    async fn retry_until(&self, stop: &CancellationToken) -> Result<()> {
        loop {
            tokio::select! {
                () = tokio::time::sleep(RETRY_FAILED) => self.retry_failed().await?,
                () = stop.cancelled() => return Ok(()),
            }
        }
    }

    /// Whether each registry was swept, and what was asked for at first was done.
    fn is_begun(&self) -> bool {
        let mut sources = self.sources.iter();
        sources.all(|source| {
            source.swept.load(Ordering::Acquire) && source.heeded.load(Ordering::Acquire)
        })
    }

    /// Returns how much there is to index, but for registries that are left out.
    async fn backlog(&self, is_left_out: fn(&Breaker) -> bool) -> Result<u64> {
        let mut backlog = 0;
        if self.options.index {
            let counted = |source: &&Source| !is_left_out(&source.breaker);
            for source in self.sources.iter().filter(counted) {
                let registry = source.watched.record().await?.id;
                backlog += self.store.index_backlog(self.org, registry).await?.0;
            }
        }
        Ok(backlog)
    }

    /// Returns whether there are events that could be looked at now.
    async fn has_events(&self) -> Result<bool> {
        for source in &self.sources {
            let registry = source.watched.record().await?.id;
            let (_, due) = self.store.event_backlog(self.org, registry).await?;
            if due.is_some_and(|due| due <= self.clock.now()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns whether there is something to judge that this judge, or another, will judge.
    async fn has_judgement(&self) -> Result<bool> {
        Ok(!self.nothing_to_judge().await? && self.judge.has_work().await?)
    }

    /// Judges whenever there is something to judge, until told to stop.
    ///
    /// A judgement that takes long, because advisories of another ecosystem are loaded with it,
    /// is followed by a longer pause: most of the time is the workers'.
    async fn judge_until(&self, stop: &CancellationToken) -> Result<()> {
        let mut pause = FIRST_JUDGEMENT;
        loop {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => return Ok(()),
            }
            let started = Instant::now();
            match self.judge_once().await {
                Ok(_) => {}
                Err(error @ crate::Error::Advisories { .. }) => tracing::warn!("{}", chain(&error)),
                Err(error) if is_lease_lost(&error) => {}
                Err(error) => return Err(error),
            }
            pause = (started.elapsed() * PAUSE_RATIO).max(self.options.idle);
        }
    }

    /// Runs the judge, and counts what came of it. A lost lease is nobody's failure.
    async fn judge_once(&self) -> Result<JudgeOutcome> {
        let started = Instant::now();
        let judged = self.judge.run().await;
        match &judged {
            Ok(JudgeOutcome::Done { organizations: 1.. }) => {
                self.judged
                    .count_judged(self.clock.now(), started.elapsed());
            }
            Err(error) if !is_lease_lost(error) => self.judged.count_failed(),
            _ => {}
        }
        judged
    }

    /// Judges what there is to judge, or waits until the process that is the judge has done so.
    async fn judge_all(&self, stop: &CancellationToken) -> Result<()> {
        loop {
            match self.judge_once().await {
                Ok(JudgeOutcome::Done { .. }) => return Ok(()),
                Ok(JudgeOutcome::ElsewhereHeld) => {}
                Err(error) if is_lease_lost(&error) => {}
                Err(error) => return Err(error),
            }
            if stop.is_cancelled() || self.nothing_to_judge().await? {
                return Ok(());
            }
            tokio::time::sleep(self.options.idle).await;
        }
    }

    async fn nothing_to_judge(&self) -> Result<bool> {
        let work = self.store.judge_work(self.clock.now()).await?;
        Ok(work.iter().all(|work| work.org != self.org))
    }
}

/// How long workers go on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Until {
    /// Until every registry was swept and nothing is left.
    NothingIsLeft,
    /// Until they are told to stop.
    Stopped,
}

fn is_lease_lost(error: &crate::Error) -> bool {
    matches!(error, crate::Error::Store { source } if source.is_lease_lost())
}

#[cfg(test)]
mod tests;
