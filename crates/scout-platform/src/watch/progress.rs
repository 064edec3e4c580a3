//! How far a watcher is, as plain numbers, for whoever shows it.

use std::sync::atomic::{AtomicU64, Ordering};

use scout_store::ArtifactOutcome;

use super::{Breaker, Source, Watcher};
use crate::error::Result;

/// How far a watcher is, all its registries together.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// Whether every registry was swept at least once, well or not.
    pub swept: bool,
    /// Registries that are being swept now.
    pub sweeping: u64,
    /// Repositories in the sweeps that go on; those of a registry that is still listing them are
    /// missing.
    pub repositories: u64,
    /// Repositories among them whose tags were all looked at.
    pub repositories_done: u64,
    /// Tags that the sweeps that go on have looked at.
    pub tags: u64,
    /// Artifacts whose work has ended since the watcher was made, failed ones included. Only
    /// grows.
    pub done: u64,
    /// Artifacts among them that failed. Only grows.
    pub failed: u64,
    /// Artifacts that wait to be indexed, those in hand included, in registries that answer.
    pub left: u64,
    /// Artifacts that wait for a registry that is out of reach.
    pub held_back: u64,
    /// Artifacts that workers have in hand.
    pub in_hand: u64,
    /// Bytes of layers and configurations received since the registries were opened. Only grows.
    pub bytes: u64,
}

/// Counts of what the workers of a source did since it was made. They only grow, but for what is
/// in hand.
#[derive(Debug, Default)]
pub(super) struct Done {
    ended: AtomicU64,
    failed: AtomicU64,
    in_hand: AtomicU64,
}

/// How the work on an artifact ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ended {
    Well,
    Failed,
    /// It did not: somebody is to try again.
    Not,
}

impl Ended {
    pub(super) fn of(outcome: &ArtifactOutcome) -> Self {
        match outcome {
            ArtifactOutcome::Failed { .. } => Self::Failed,
            ArtifactOutcome::Retry { .. } | ArtifactOutcome::Deferred { .. } => Self::Not,
            _ => Self::Well,
        }
    }
}

/// Counts something as in hand as long as it lives.
#[derive(Debug)]
pub(super) struct InHand<'a>(&'a AtomicU64);

impl Done {
    /// Counts one more that is in hand.
    pub(super) fn take_in_hand(&self) -> InHand<'_> {
        self.in_hand.fetch_add(1, Ordering::Relaxed);
        InHand(&self.in_hand)
    }

    pub(super) fn note(&self, ended: Ended) {
        let ended_now = u64::from(ended != Ended::Not);
        self.ended.fetch_add(ended_now, Ordering::Relaxed);
        let failed_now = u64::from(ended == Ended::Failed);
        self.failed.fetch_add(failed_now, Ordering::Relaxed);
    }
}

impl Drop for InHand<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Watcher {
    /// Returns how far it is. Asks the store how much there is left to do, once a registry.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn progress(&self) -> Result<Progress> {
        let mut progress = Progress {
            swept: self.is_begun(),
            left: self.backlog(Breaker::is_open).await?,
            held_back: self.backlog(|breaker| !breaker.is_open()).await?,
            ..Progress::default()
        };
        for source in &self.sources {
            progress.add(source);
        }
        Ok(progress)
    }
}

impl Progress {
    fn add(&mut self, source: &Source) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        if let Some(sweep) = source.sweeper.progress() {
            self.sweeping += 1;
            self.repositories += sweep.repositories;
            self.repositories_done += sweep.repositories_done;
            self.tags += sweep.tags;
        }
        let done = source.tally.done();
        self.done += read(&done.ended);
        self.failed += read(&done.failed);
        self.in_hand += read(&done.in_hand);
        self.bytes += source.watched.registry.stats().blob_bytes;
    }
}
