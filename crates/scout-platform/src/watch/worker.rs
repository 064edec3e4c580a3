//! Workers: lease an artifact, make an attempt, record how it ended.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::try_join_all;
use jiff::SignedDuration;
use scout_store::{ArtifactOutcome, IndexWork, RegistryId};
use tokio_util::sync::CancellationToken;

use super::{IDLE, RunReport, Watcher};
use crate::error::Result;
use crate::sweep::SweepReport;

/// How long a lease lasts without renewal: what another machine waits after a crash of this one.
const LEASE: SignedDuration = SignedDuration::from_secs(60);
/// How often a lease is renewed; a third of its length, so that one lost renewal is no loss.
const RENEWAL: Duration = Duration::from_secs(20);

/// Counts of what the workers did.
#[derive(Debug, Default)]
pub(super) struct Tally {
    indexed: AtomicU64,
    skipped: AtomicU64,
    failed: AtomicU64,
}

impl Tally {
    pub(super) fn report(&self, sweep: SweepReport) -> RunReport {
        RunReport {
            sweep,
            indexed: self.indexed.load(Ordering::Relaxed),
            skipped: self.skipped.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
        }
    }

    /// As [`report`](Self::report), and counts from zero again.
    pub(super) fn take(&self, sweep: SweepReport) -> RunReport {
        RunReport {
            sweep,
            indexed: self.indexed.swap(0, Ordering::Relaxed),
            skipped: self.skipped.swap(0, Ordering::Relaxed),
            failed: self.failed.swap(0, Ordering::Relaxed),
        }
    }

    /// The counter of such an outcome; an attempt that is repeated is not counted.
    fn counter(&self, outcome: &ArtifactOutcome) -> Option<&AtomicU64> {
        match outcome {
            ArtifactOutcome::Indexed(_) => Some(&self.indexed),
            ArtifactOutcome::Platforms { reason: None, .. } => Some(&self.indexed),
            ArtifactOutcome::Platforms { .. } | ArtifactOutcome::Skipped { .. } => {
                Some(&self.skipped)
            }
            ArtifactOutcome::Failed { .. } => Some(&self.failed),
            _ => None,
        }
    }
}

impl Watcher {
    /// Works until told to stop, or until `swept` is set and nothing is left to do.
    pub(super) async fn work_until(
        &self,
        registry: RegistryId,
        tally: &Tally,
        swept: &AtomicBool,
        stop: &CancellationToken,
    ) -> Result<()> {
        if !self.options.index {
            return Ok(());
        }
        let workers = (0..self.options.workers).map(|_| self.work(registry, tally, swept, stop));
        try_join_all(workers).await?;
        Ok(())
    }

    async fn work(
        &self,
        registry: RegistryId,
        tally: &Tally,
        swept: &AtomicBool,
        stop: &CancellationToken,
    ) -> Result<()> {
        while !stop.is_cancelled() {
            // Read before the lease is asked for: work that the sweep added last is not missed.
            let was_swept = swept.load(Ordering::Acquire);
            let now = self.watched.clock.now();
            let leased = self.watched.store.lease_index_work(
                self.watched.org,
                registry,
                now,
                now + LEASE,
                1,
            );
            if let Some(work) = leased.await?.pop() {
                self.index_one(&work, tally).await?;
                continue;
            }
            if was_swept
                && self
                    .watched
                    .store
                    .index_backlog(self.watched.org, registry)
                    .await?
                    .0
                    == 0
            {
                break;
            }
            tokio::select! {
                () = tokio::time::sleep(IDLE) => {}
                () = self.work.notified() => {}
                () = stop.cancelled() => {}
            }
        }
        Ok(())
    }

    async fn index_one(&self, work: &IndexWork, tally: &Tally) -> Result<()> {
        let name = || {
            format!(
                "{}/{}@{}",
                self.watched.registry.host(),
                work.repository,
                work.digest.short()
            )
        };
        let attempt = self.indexer.attempt(work);
        tokio::pin!(attempt);
        let outcome = loop {
            tokio::select! {
                outcome = &mut attempt => break outcome?,
                () = tokio::time::sleep(RENEWAL) => {
                    let until = self.watched.clock.now() + LEASE;
                    match self.watched.store.renew_index_work(work, until).await {
                        Err(error) if error.is_lease_lost() => return Ok(()),
                        other => other?,
                    }
                }
            }
        };
        match &outcome {
            ArtifactOutcome::Indexed(images)
            | ArtifactOutcome::Platforms {
                images,
                reason: None,
                ..
            } => {
                tracing::info!(images = images.len(), "indexed {}", name());
            }
            ArtifactOutcome::Platforms {
                reason: Some(reason),
                ..
            }
            | ArtifactOutcome::Skipped { reason } => tracing::info!("skipped {}: {reason}", name()),
            ArtifactOutcome::Failed { reason, .. } => tracing::warn!("failed {}: {reason}", name()),
            ArtifactOutcome::Retry { reason, at } => {
                tracing::info!("will try {} again at {at}: {reason}", name());
            }
            _ => {}
        }
        let counter = tally.counter(&outcome);
        match self
            .watched
            .store
            .finish_index_work(work, outcome, self.watched.clock.now())
            .await
        {
            // Somebody else took over while we were slow; what they record is the same.
            Err(error) if error.is_lease_lost() => return Ok(()),
            other => other?,
        }
        if let Some(counter) = counter {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        // It may have been the last, for which others wait to end.
        self.work.notify_waiters();
        Ok(())
    }
}
