//! Rounds: sweeps at intervals, and beside them events and activations as they come.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::Ordering;
use std::time::Duration;

use scout_http::Priority;
use scout_store::RegistryId;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{RunReport, Source, Watcher};
use crate::activation::Activator;
use crate::error::{Error, Result};
use crate::hint::HintReader;
use crate::index::chain;
use crate::stats::ErrorKind;

impl Watcher {
    /// Makes one round of a registry: sweeps it, and does what was asked for in the meantime. A
    /// registry whose integration was removed meanwhile is told in the report.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub(super) async fn round(
        &self,
        source: &Source,
        registry: RegistryId,
        stop: &CancellationToken,
    ) -> Result<RunReport> {
        let mut report = RunReport::default();
        let made: Result<()> = tokio::select! {
            made = async {
                self.sweep(source, &mut report).await?;
                let mut activator = Activator::new(&source.sweeper, registry);
                while self.heed(source, &mut activator).await? {}
                Ok(())
            } => made,
            // What was seen until then is recorded.
            () = stop.cancelled() => Ok(()),
        };
        match made {
            Err(error) if error.is_removed() => report.unlisted = Some(error),
            other => other?,
        }
        self.note_begun(source);
        Ok(report)
    }

    /// Makes rounds until told to stop. A registry whose integration is removed meanwhile is
    /// left alone from then on.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub(super) async fn rounds(
        &self,
        source: &Source,
        registry: RegistryId,
        stop: &CancellationToken,
        each: impl Fn(&RunReport),
    ) -> Result<()> {
        let ended = tokio::select! {
            ended = async {
                tokio::try_join!(self.sweeps(source, each), self.listen(source, registry))
            } => ended,
            () = stop.cancelled() => return Ok(()),
        };
        match ended {
            Err(error) if error.is_removed() => {
                tracing::info!("{} is not watched any more", source.watched.registry.host());
                self.note_begun(source);
                Ok(())
            }
            Err(error) => Err(error),
            Ok(_) => Ok(()),
        }
    }

    /// Sweeps at intervals, for good.
    async fn sweeps(&self, source: &Source, each: impl Fn(&RunReport)) -> Result<()> {
        loop {
            let started = Instant::now();
            let mut report = RunReport::default();
            self.sweep(source, &mut report).await?;
            source.swept.store(true, Ordering::Release);
            self.work.notify_waiters();
            if let Some(error) = &report.unlisted {
                tracing::warn!("{}", chain(error));
            }
            source.tally.take(&mut report);
            each(&report);
            let pause = self.pause_between_rounds(source, started.elapsed());
            tokio::time::sleep(pause).await;
        }
    }

    /// Returns how long to wait after a round that took this long. Rounds begin an interval apart,
    /// less a tenth to a fifth: what is pushed has that time to be indexed, judged and served within
    /// the interval, and the rounds of many registries and watchers that began together drift apart.
    /// But a registry is left alone for half an interval, however long a round takes.
    pub(super) fn pause_between_rounds(&self, source: &Source, took: Duration) -> Duration {
        let mut hasher = DefaultHasher::new();
        source.watched.registry.key().hash(&mut hasher);
        self.clock.now().as_nanosecond().hash(&mut hasher);
        let thousandths = 100 + u32::try_from(hasher.finish() % 100).unwrap_or_default();
        let interval = self.options.interval * (1_000 - thousandths) / 1_000;
        interval.saturating_sub(took).max(self.options.interval / 2)
    }

    /// Does what is told and asked for between and during sweeps, for good.
    async fn listen(&self, source: &Source, registry: RegistryId) -> Result<()> {
        let mut activator = Activator::new(&source.sweeper, registry);
        loop {
            // Made before looking: what comes while somebody looks ends the wait.
            let woken = self.wake.notified();
            let found = self.heed(source, &mut activator).await?;
            source.heeded.store(true, Ordering::Release);
            if found {
                self.work.notify_waiters();
                continue;
            }
            tokio::select! {
                () = woken => {}
                // Other processes enable repositories, and events wait for their time.
                () = tokio::time::sleep(self.options.idle) => {}
            }
        }
    }

    async fn sweep(&self, source: &Source, report: &mut RunReport) -> Result<()> {
        match Priority::Sweep.scope(source.sweeper.sweep()).await {
            Ok(sweep) => {
                let counters = &source.watched.counters;
                counters.count_sweep(&sweep, self.clock.now());
                if sweep.problems.total() == 0 {
                    counters.note_reachable(true);
                }
                // Whatever kept images from being read, the registry answers.
                if sweep.repositories > 0 && sweep.problems.total() == 0 {
                    self.reached(source);
                }
                report.sweep = sweep;
            }
            Err(Error::Registry {
                registry,
                source: cause,
            }) => {
                let counters = &source.watched.counters;
                counters.count_unlisted();
                counters.count_error(ErrorKind::of(&cause));
                let source = cause;
                report.unlisted = Some(Error::Registry { registry, source });
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Does what a registry told and what somebody asked for; returns whether there was
    /// something.
    pub(super) async fn heed(
        &self,
        source: &Source,
        activator: &mut Activator<'_>,
    ) -> Result<bool> {
        let hints = HintReader {
            sweeper: &source.sweeper,
            registry: activator.registry(),
        };
        // Before all that a sweep has still to ask.
        let told = Priority::Event.scope(hints.read()).await?;
        let asked = Priority::Event.scope(activator.run()).await?;
        Ok(told + asked > 0)
    }

    /// Notes that all was looked at that was there at first: workers may find that nothing is left.
    pub(super) fn note_begun(&self, source: &Source) {
        source.swept.store(true, Ordering::Release);
        source.heeded.store(true, Ordering::Release);
        self.work.notify_waiters();
    }
}
