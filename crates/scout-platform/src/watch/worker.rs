//! Workers: lease an artifact, make an attempt, record how it ended.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::try_join_all;
use jiff::SignedDuration;
use scout_store::{ArtifactOutcome, IndexWork, RegistryId};
use tokio_util::sync::CancellationToken;

use super::{IDLE, RunReport, Source, Until, Watcher};
use crate::error::Result;

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
    /// Adds the counts to the report, and counts from zero again.
    pub(super) fn take(&self, report: &mut RunReport) {
        report.indexed += self.indexed.swap(0, Ordering::Relaxed);
        report.skipped += self.skipped.swap(0, Ordering::Relaxed);
        report.failed += self.failed.swap(0, Ordering::Relaxed);
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
    /// Works in all registries until told to stop, or until nothing is left to do.
    pub(super) async fn work_until(
        &self,
        registries: &[RegistryId],
        until: Until,
        stop: &CancellationToken,
    ) -> Result<()> {
        if !self.options.index {
            return Ok(());
        }
        let workers = (0..self.options.workers).map(|_| self.work(registries, until, stop));
        try_join_all(workers).await?;
        Ok(())
    }

    async fn work(
        &self,
        registries: &[RegistryId],
        until: Until,
        stop: &CancellationToken,
    ) -> Result<()> {
        while !stop.is_cancelled() {
            // Both before the lease is asked for: work that comes meanwhile is not missed.
            let woken = self.work.notified();
            let was_begun = self.is_begun();
            if let Some((source, work)) = self.lease(registries).await? {
                self.index_one(source, &work).await?;
                continue;
            }
            if until == Until::NothingIsLeft && was_begun && self.backlog().await? == 0 {
                break;
            }
            tokio::select! {
                () = tokio::time::sleep(IDLE) => {}
                () = woken => {}
                () = stop.cancelled() => {}
            }
        }
        Ok(())
    }

    /// Leases the next piece of work. Registries take turns, so that one with a long queue keeps
    /// no other waiting.
    async fn lease(&self, registries: &[RegistryId]) -> Result<Option<(&Source, IndexWork)>> {
        let first = self.turn.load(Ordering::Relaxed);
        let all = self.sources.iter().zip(registries).enumerate();
        for (number, (source, &registry)) in all.clone().skip(first).chain(all.take(first)) {
            let now = self.clock.now();
            let leased = self
                .store
                .lease_index_work(self.org, registry, now, now + LEASE, 1)
                .await?;
            if let Some(work) = leased.into_iter().next() {
                self.turn.store(number + 1, Ordering::Relaxed);
                return Ok(Some((source, work)));
            }
        }
        Ok(None)
    }

    async fn index_one(&self, source: &Source, work: &IndexWork) -> Result<()> {
        let name = || {
            let reference = source.watched.registry.reference(&work.repository);
            format!("{reference}@{}", work.digest.short())
        };
        let attempt = source.indexer.attempt(work);
        tokio::pin!(attempt);
        let outcome = loop {
            tokio::select! {
                outcome = &mut attempt => break outcome?,
                () = tokio::time::sleep(RENEWAL) => {
                    let until = self.clock.now() + LEASE;
                    match self.store.renew_index_work(work, until).await {
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
        let counter = source.tally.counter(&outcome);
        match self
            .store
            .finish_index_work(work, outcome, self.clock.now())
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
