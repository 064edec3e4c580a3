//! The watcher: sweeps, workers and judgement of one registry, once or for good.

mod worker;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use scout_sbom::ANALYSIS_VERSION;
use scout_store::{RegistryId, Retry};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::error::Result;
use crate::index::{Indexer, chain};
use crate::judge::{Judge, JudgeOutcome};
use crate::sweep::{SweepReport, Sweeper};
use crate::watched::Watched;
use worker::Tally;

/// How long the judge, or a worker with nothing to do, waits before it looks again.
const IDLE: Duration = Duration::from_millis(500);
/// How often a watcher that goes on tries again what failed for reasons that may have passed.
const RETRY_FAILED: Duration = Duration::from_secs(15 * 60);
/// How long the judge waits at first: a small registry is indexed by then, and the advisories it
/// needs are loaded once instead of ecosystem by ecosystem.
const FIRST_JUDGEMENT: Duration = Duration::from_secs(2);
/// How much longer than a judgement the pause after it is.
const PAUSE_RATIO: u32 = 3;

/// How a registry is watched.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WatchOptions {
    /// How many images are indexed at once.
    pub workers: usize,
    /// The time between the end of a sweep and the start of the next.
    pub interval: Duration,
    /// Whether images are indexed (`--sbom`), or only tags recorded.
    pub index: bool,
}

impl WatchOptions {
    /// The documented default of `--workers`.
    pub const DEFAULT_WORKERS: usize = 3;
    /// The documented default of `--interval`, in seconds.
    pub const DEFAULT_INTERVAL_SECONDS: u64 = 60;
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self {
            workers: Self::DEFAULT_WORKERS,
            interval: Duration::from_secs(Self::DEFAULT_INTERVAL_SECONDS),
            index: true,
        }
    }
}

/// What a round did: one sweep, and all the work it gave.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct RunReport {
    /// What the sweep saw.
    pub sweep: SweepReport,
    /// Artifacts indexed in this round.
    pub indexed: u64,
    /// Artifacts in which there was nothing to index.
    pub skipped: u64,
    /// Artifacts that failed in this round.
    pub failed: u64,
}

/// Watches one registry for one organization.
#[derive(Debug)]
pub struct Watcher {
    watched: Watched,
    sweeper: Sweeper,
    indexer: Indexer,
    judge: Judge,
    options: WatchOptions,
    /// Told when there may be work.
    work: Notify,
}

impl Watcher {
    /// Returns a watcher made of these parts; sweeper and indexer must be of what is watched.
    #[must_use]
    pub fn new(
        watched: Watched,
        sweeper: Sweeper,
        indexer: Indexer,
        judge: Judge,
        options: WatchOptions,
    ) -> Self {
        Self {
            watched,
            sweeper,
            indexer,
            judge,
            options,
            work: Notify::new(),
        }
    }

    /// Makes one round: sweeps, indexes what is wanted, judges; then returns.
    ///
    /// Stops early, without error, when `stop` is cancelled.
    ///
    /// # Errors
    ///
    /// If the registry cannot be listed at all, or the store fails.
    pub async fn once(&self, stop: &CancellationToken) -> Result<RunReport> {
        let registry = self.begin().await?;
        let tally = Tally::default();
        let swept = AtomicBool::new(false);
        let judging = CancellationToken::new();
        let sweep = async {
            let report = self.sweep_unless(stop).await;
            swept.store(true, Ordering::Release);
            self.work.notify_waiters();
            report
        };
        let work = async {
            let (report, ()) =
                tokio::try_join!(sweep, self.work_until(registry, &tally, &swept, stop))?;
            judging.cancel();
            Ok(report)
        };
        let (sweep, ()) = tokio::try_join!(work, self.judge_until(&judging))?;
        self.judge_all(stop).await?;
        Ok(tally.report(sweep))
    }

    /// Makes a round after each interval until `stop` is cancelled: what is being indexed then is
    /// finished first. Workers and judge do not wait for rounds. `each` is called with what every
    /// round did.
    ///
    /// # Errors
    ///
    /// If the store fails. A registry that cannot be listed is logged and tried again.
    pub async fn run(
        &self,
        stop: &CancellationToken,
        mut each: impl FnMut(&RunReport),
    ) -> Result<()> {
        let registry = self.sweeper.record().await?.id;
        let tally = Tally::default();
        let rounds = async {
            let mut retried = Instant::now();
            loop {
                tokio::select! {
                    () = tokio::time::sleep(self.options.interval) => {}
                    () = stop.cancelled() => return Ok(()),
                }
                match self.sweep_unless(stop).await {
                    Ok(sweep) => each(&tally.take(sweep)),
                    Err(error @ crate::Error::Registry { .. }) => {
                        tracing::warn!("{}", chain(&error));
                        continue;
                    }
                    Err(error) => return Err(error),
                }
                if retried.elapsed() >= RETRY_FAILED {
                    retried = Instant::now();
                    self.retry_failed().await?;
                }
                self.work.notify_waiters();
            }
        };
        // Never true here: workers go on until they are told to stop.
        let swept = AtomicBool::new(false);
        tokio::try_join!(
            rounds,
            self.work_until(registry, &tally, &swept, stop),
            self.judge_until(stop),
        )?;
        Ok(())
    }

    async fn begin(&self) -> Result<RegistryId> {
        let freed = self.watched.store.release_dead_holders().await?;
        if freed > 0 {
            tracing::info!("took over {freed} pieces of work from a process that has gone");
        }
        self.retry_failed().await?;
        let registry = self.sweeper.record().await?.id;
        let now = self.watched.clock.now();
        let platforms = self.indexer.platforms_wanted().to_string();
        let outdated = self
            .watched
            .store
            .enqueue_outdated(
                self.watched.org,
                registry,
                ANALYSIS_VERSION,
                &platforms,
                now,
            )
            .await?;
        if outdated > 0 {
            tracing::info!("looking at {outdated} images again: readers or platforms changed");
        }
        Ok(registry)
    }

    /// Gives another chance to what failed for reasons that may have passed.
    async fn retry_failed(&self) -> Result<()> {
        let now = self.watched.clock.now();
        self.watched
            .store
            .retry_failed(self.watched.org, Retry::Transient, now)
            .await?;
        Ok(())
    }

    /// Sweeps, unless told to stop: what was seen until then is recorded.
    async fn sweep_unless(&self, stop: &CancellationToken) -> Result<SweepReport> {
        tokio::select! {
            report = self.sweeper.sweep() => report,
            () = stop.cancelled() => Ok(SweepReport::default()),
        }
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
            match self.judge.run().await {
                Ok(_) => {}
                Err(error @ crate::Error::Advisories { .. }) => tracing::warn!("{}", chain(&error)),
                Err(error) if is_lease_lost(&error) => {}
                Err(error) => return Err(error),
            }
            pause = (started.elapsed() * PAUSE_RATIO).max(IDLE);
        }
    }

    /// Judges what there is to judge, or waits until the process that is the judge has done so.
    async fn judge_all(&self, stop: &CancellationToken) -> Result<()> {
        loop {
            match self.judge.run().await {
                Ok(JudgeOutcome::Done { .. }) => return Ok(()),
                Ok(JudgeOutcome::ElsewhereHeld) => {}
                Err(error) if is_lease_lost(&error) => {}
                Err(error) => return Err(error),
            }
            if stop.is_cancelled() || self.nothing_to_judge().await? {
                return Ok(());
            }
            tokio::time::sleep(IDLE).await;
        }
    }

    async fn nothing_to_judge(&self) -> Result<bool> {
        let work = self
            .watched
            .store
            .judge_work(self.watched.clock.now())
            .await?;
        Ok(work.iter().all(|work| work.org != self.watched.org))
    }
}

fn is_lease_lost(error: &crate::Error) -> bool {
    matches!(error, crate::Error::Store { source } if source.is_lease_lost())
}

#[cfg(test)]
mod tests;
