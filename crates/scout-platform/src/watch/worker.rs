//! Workers: lease an artifact, make an attempt, record how it ended.

use std::cmp::Reverse;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::try_join_all;
use jiff::SignedDuration;
use scout_store::{ArtifactOutcome, IndexWork, LeaseRequest, RegistryId, WorkClass};
use tokio_util::sync::CancellationToken;

use super::breaker::{Breaker, Pass};
use super::progress::{Done, Ended};
use super::{RunReport, Source, Until, Watcher};
use crate::error::Result;
use crate::index::{Attempt, OutOfReach};

/// How long a lease lasts without renewal: what another machine waits after a crash of this one.
const LEASE: SignedDuration = SignedDuration::from_secs(60);
/// How often a lease is renewed; a third of its length, so that one lost renewal is no loss.
const RENEWAL: Duration = Duration::from_secs(20);
/// How long what is being indexed may go on once the watcher is told to stop; then it is put back.
/// Kubernetes kills after 30 s, and a registry that asks to slow down can take minutes.
const DRAIN: Duration = Duration::from_secs(20);

/// Counts of what the workers did.
#[derive(Debug, Default)]
pub(super) struct Tally {
    indexed: AtomicU64,
    skipped: AtomicU64,
    failed: AtomicU64,
    deferred: AtomicU64,
    done: Done,
}

/// What a worker has in hand.
struct Leased<'a> {
    source: &'a Source,
    work: IndexWork,
    /// Whether it is to show whether the registry answers again.
    is_probe: bool,
}

impl Tally {
    /// Adds the counts to the report, and counts from zero again.
    pub(super) fn take(&self, report: &mut RunReport) {
        report.indexed += self.indexed.swap(0, Ordering::Relaxed);
        report.skipped += self.skipped.swap(0, Ordering::Relaxed);
        report.failed += self.failed.swap(0, Ordering::Relaxed);
        report.deferred += self.deferred.swap(0, Ordering::Relaxed);
    }

    /// Returns what was done since the source was made.
    pub(super) fn done(&self) -> &Done {
        &self.done
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
            ArtifactOutcome::Deferred { .. } => Some(&self.deferred),
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
        // A watcher keeps a worker for what was just pushed. A single run has an end, at which
        // all is done.
        let is_reserved = until == Until::Stopped && self.options.workers > 1;
        let workers = (0..self.options.workers).map(|number| {
            let least = match is_reserved && number == 0 {
                true => WorkClass::NewTag,
                false => WorkClass::Backfill,
            };
            self.work(registries, least, until, stop)
        });
        try_join_all(workers).await?;
        Ok(())
    }

    async fn work(
        &self,
        registries: &[RegistryId],
        least: WorkClass,
        until: Until,
        stop: &CancellationToken,
    ) -> Result<()> {
        while !stop.is_cancelled() {
            // Both before the lease is asked for: work that comes meanwhile is not missed.
            let woken = self.work.notified();
            let was_begun = self.is_begun();
            if let Some(leased) = self.lease(registries, least).await? {
                self.index_one(&leased, stop).await?;
                continue;
            }
            if until == Until::NothingIsLeft
                && was_begun
                && self.backlog(Breaker::has_given_up).await? == 0
            {
                break;
            }
            tokio::select! {
                () = tokio::time::sleep(self.options.idle) => {}
                () = woken => {}
                () = stop.cancelled() => {}
            }
        }
        Ok(())
    }

    /// Leases the next piece of work: of the greatest class there is in any registry, and among
    /// registries that have it in turns, so that one with a long queue keeps no other waiting.
    async fn lease(
        &self,
        registries: &[RegistryId],
        least: WorkClass,
    ) -> Result<Option<Leased<'_>>> {
        loop {
            let now = self.clock.now();
            let due = self.store.due_index_work(self.org, registries, now).await?;
            let turn = self.turn.load(Ordering::Relaxed);
            let all = self.sources.iter().zip(registries).zip(due).enumerate();
            let next = all
                .filter_map(|(number, ((source, &registry), class))| {
                    let class = class.filter(|class| *class >= least)?;
                    let pass = source.breaker.pass();
                    let order = (class, Reverse((number < turn, number)));
                    (pass != Pass::Shut).then_some((order, number, source, registry, pass))
                })
                .max_by_key(|(order, ..)| *order);
            let Some(((class, _), number, source, registry, pass)) = next else {
                return Ok(None);
            };
            let is_probe = pass == Pass::Probe;
            if is_probe && !source.breaker.begin_probe() {
                continue;
            }
            let request = LeaseRequest::new(now, now + LEASE, 1);
            let request = match is_probe {
                true => request.at_least(least).as_probe(),
                false => request.at_least(class),
            };
            let leased = self
                .store
                .lease_index_work(self.org, registry, request)
                .await?;
            if let Some(work) = leased.into_iter().next() {
                self.turn.store(number + 1, Ordering::Relaxed);
                return Ok(Some(Leased {
                    source,
                    work,
                    is_probe,
                }));
            }
            // Somebody was quicker.
            if is_probe {
                source.breaker.drop_probe();
            }
        }
    }

    /// Notes that the registry of a source answers.
    pub(super) fn reached(&self, source: &Source) {
        source.watched.counters.note_reachable(true);
        if source.breaker.close() {
            tracing::info!("{} answers again", source.watched.registry.host());
            self.work.notify_waiters();
        }
    }

    /// Returns how an attempt ended, having looked who is to blame: an image that the registry
    /// fails at again, while it answers for others, is tried for itself.
    fn judge_attempt(&self, leased: &Leased<'_>, attempt: Attempt) -> ArtifactOutcome {
        let Leased {
            source,
            work,
            is_probe,
        } = leased;
        let Some(OutOfReach {
            reason,
            retry_after,
            is_busy,
        }) = attempt.out_of_reach
        else {
            self.reached(source);
            return attempt.outcome;
        };
        if work.deferrals > 0 && !is_busy && !source.breaker.is_open() {
            return attempt.outcome;
        }
        source.watched.counters.note_reachable(false);
        if let Some(pause) = source.breaker.trip(*is_probe, retry_after) {
            tracing::warn!(
                "{} is out of reach, its images wait for {} s: {reason}",
                source.watched.registry.host(),
                pause.as_secs()
            );
        }
        ArtifactOutcome::Deferred { reason }
    }

    async fn index_one(&self, leased: &Leased<'_>, stop: &CancellationToken) -> Result<()> {
        let Leased {
            source,
            work,
            is_probe,
        } = leased;
        let counters = &source.watched.counters;
        let _in_hand = source.tally.done().take_in_hand();
        let _in_hand_of_class = counters.take_in_hand(work.class);
        let name = || {
            let reference = source.watched.registry.reference(&work.repository);
            format!("{reference}@{}", work.digest.short())
        };
        let attempt = source.indexer.attempted(work);
        let drained = async {
            stop.cancelled().await;
            tokio::time::sleep(DRAIN).await;
        };
        tokio::pin!(attempt, drained);
        let outcome = loop {
            tokio::select! {
                attempt = &mut attempt => break self.judge_attempt(leased, attempt?),
                () = &mut drained => {
                    if *is_probe {
                        source.breaker.drop_probe();
                    }
                    let reason = "the watcher was told to stop".to_owned();
                    break ArtifactOutcome::Deferred { reason };
                }
                () = tokio::time::sleep(RENEWAL) => {
                    let until = self.clock.now() + LEASE;
                    match self.store.renew_index_work(work, until).await {
                        Err(error) if error.is_lease_lost() => {
                            if *is_probe {
                                source.breaker.drop_probe();
                            }
                            return Ok(());
                        }
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
        counters.count_attempt(&outcome);
        let counter = source.tally.counter(&outcome);
        let ended = Ended::of(&outcome);
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
        source.tally.done().note(ended);
        // It may have been the last, for which others wait to end.
        self.work.notify_waiters();
        Ok(())
    }
}
