//! How far a sweep is.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How far the sweep is that goes on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct SweepProgress {
    /// Repositories that it looks at; none while the registry lists them.
    pub(crate) repositories: u64,
    /// Those of them that it is done with.
    pub(crate) repositories_done: u64,
    /// Tags that it has looked at.
    pub(crate) tags: u64,
}

/// The counters behind [`SweepProgress`].
#[derive(Debug, Default)]
pub(super) struct Seen {
    goes_on: AtomicBool,
    repositories: AtomicU64,
    repositories_done: AtomicU64,
    tags: AtomicU64,
}

/// A sweep that goes on as long as this lives, however it ends.
#[derive(Debug)]
pub(super) struct GoesOn<'a>(&'a Seen);

impl Seen {
    /// Counts from zero for a sweep that begins.
    pub(super) fn begin(&self) -> GoesOn<'_> {
        for counter in [&self.repositories, &self.repositories_done, &self.tags] {
            counter.store(0, Ordering::Relaxed);
        }
        self.goes_on.store(true, Ordering::Relaxed);
        GoesOn(self)
    }

    pub(super) fn note_repositories(&self, count: usize) {
        self.repositories.store(count as u64, Ordering::Relaxed);
    }

    pub(super) fn note_repository_done(&self) {
        self.repositories_done.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn note_tag(&self) {
        self.tags.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns how far the sweep is, if one goes on.
    pub(super) fn progress(&self) -> Option<SweepProgress> {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        self.goes_on.load(Ordering::Relaxed).then(|| SweepProgress {
            repositories: read(&self.repositories),
            repositories_done: read(&self.repositories_done),
            tags: read(&self.tags),
        })
    }
}

impl Drop for GoesOn<'_> {
    fn drop(&mut self) {
        self.0.goes_on.store(false, Ordering::Relaxed);
    }
}
