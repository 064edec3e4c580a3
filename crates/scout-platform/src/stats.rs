//! What was done, as plain numbers, for whoever shows them. Nothing is printed here.
//!
//! Counters are kept by the program and given to what works, so that they outlive registries that
//! are opened anew. Everything only grows while the process lives, but for what is in hand, what
//! is reachable, and times.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use scout_sbom::BudgetStats;
use scout_store::{ArtifactOutcome, WorkClass};

pub use error_kind::ErrorKind;
pub use outcome::{AttemptOutcome, SweepOutcome};

mod error_kind;
mod outcome;

use crate::sweep::SweepReport;

/// What a watcher did, and how it is.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct WatchStats {
    /// The registries, by name.
    pub registries: Vec<RegistryStats>,
    /// The runtimes, by name.
    pub runtimes: Vec<RuntimeStats>,
    /// The judge of this process.
    pub judge: JudgeStats,
    /// Memory and spool of the layers that are being read.
    pub budget: BudgetStats,
}

/// What was done in one registry.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct RegistryStats {
    /// The name of its integration.
    pub name: String,
    /// The integration's type.
    pub kind: &'static str,
    /// What was counted.
    pub done: SourceStats,
    /// What was asked of it.
    pub asked: scout_registry::Stats,
}

impl RegistryStats {
    /// Returns the numbers of a registry.
    #[must_use]
    pub fn new(
        name: impl Into<String>,
        kind: &'static str,
        done: SourceStats,
        asked: scout_registry::Stats,
    ) -> Self {
        Self {
            name: name.into(),
            kind,
            done,
            asked,
        }
    }
}

/// What was done with one runtime.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct RuntimeStats {
    /// The name of its integration.
    pub name: String,
    /// The integration's type.
    pub kind: &'static str,
    /// How often it told what runs.
    pub synced: u64,
    /// How often it did not.
    pub failed: u64,
    /// Whether it told the last time; nothing before it was asked.
    pub is_up: Option<bool>,
    /// What was asked of it.
    pub asked: scout_registry::Stats,
}

impl RuntimeStats {
    /// Returns the numbers of a runtime that was not asked yet.
    #[must_use]
    pub fn new(name: impl Into<String>, kind: &'static str) -> Self {
        Self {
            name: name.into(),
            kind,
            ..Self::default()
        }
    }
}

/// What was done in one registry, without its name.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct SourceStats {
    /// Sweeps, in the order of [`SweepOutcome::ALL`].
    pub sweeps: [u64; SweepOutcome::ALL.len()],
    /// When the last sweep ended that saw everything.
    pub last_complete_sweep: Option<Timestamp>,
    /// Tags that sweeps saw with a digest for the first time.
    pub new_tags: u64,
    /// Tags that sweeps saw as they were known: nothing was pulled for them.
    pub unchanged_tags: u64,
    /// Attempts to index an artifact, in the order of [`AttemptOutcome::ALL`].
    pub attempts: [u64; AttemptOutcome::ALL.len()],
    /// Artifacts in hand now, in the order of [`WorkClass::ALL`].
    pub in_hand: [u64; WorkClass::ALL.len()],
    /// Images that had been analyzed before, wherever: nothing but their manifest was asked for.
    pub images_reused: u64,
    /// Layers that were fetched and read.
    pub layers_fetched: u64,
    /// Their compressed bytes.
    pub layer_bytes_fetched: u64,
    /// Layers that had been read before, wherever.
    pub layers_reused: u64,
    /// Their compressed bytes, as manifests tell them: what was not pulled.
    pub layer_bytes_avoided: u64,
    /// Failures, in the order of [`ErrorKind::ALL`].
    pub errors: [u64; ErrorKind::ALL.len()],
    /// Whether the registry answered when it was last asked; nothing before that.
    pub is_up: Option<bool>,
}

/// What the judge of this process did.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct JudgeStats {
    /// Judgements that ended well, of one organization or several.
    pub judged: u64,
    /// Judgements that failed.
    pub failed: u64,
    /// When the last one ended that published something.
    pub last_at: Option<Timestamp>,
    /// How long that one took.
    pub last_took: Duration,
}

/// The counters behind [`SourceStats`]. To be shared by everything that works on one registry.
#[derive(Debug, Default)]
pub struct SourceCounters {
    sweeps: [AtomicU64; SweepOutcome::ALL.len()],
    last_complete_sweep: Mutex<Option<Timestamp>>,
    new_tags: AtomicU64,
    unchanged_tags: AtomicU64,
    attempts: [AtomicU64; AttemptOutcome::ALL.len()],
    in_hand: [AtomicU64; WorkClass::ALL.len()],
    images_reused: AtomicU64,
    layers_fetched: AtomicU64,
    layer_bytes_fetched: AtomicU64,
    layers_reused: AtomicU64,
    layer_bytes_avoided: AtomicU64,
    errors: [AtomicU64; ErrorKind::ALL.len()],
    was_asked: AtomicBool,
    is_up: AtomicBool,
}

impl SourceCounters {
    /// Returns what was counted until now.
    #[must_use]
    pub fn stats(&self) -> SourceStats {
        SourceStats {
            sweeps: self.sweeps.each_ref().map(read),
            last_complete_sweep: *locked(&self.last_complete_sweep),
            new_tags: read(&self.new_tags),
            unchanged_tags: read(&self.unchanged_tags),
            attempts: self.attempts.each_ref().map(read),
            in_hand: self.in_hand.each_ref().map(read),
            images_reused: read(&self.images_reused),
            layers_fetched: read(&self.layers_fetched),
            layer_bytes_fetched: read(&self.layer_bytes_fetched),
            layers_reused: read(&self.layers_reused),
            layer_bytes_avoided: read(&self.layer_bytes_avoided),
            errors: self.errors.each_ref().map(read),
            is_up: (self.was_asked.load(Ordering::Acquire))
                .then(|| self.is_up.load(Ordering::Relaxed)),
        }
    }

    /// Counts a sweep that ended at this time.
    pub(crate) fn count_sweep(&self, report: &SweepReport, now: Timestamp) {
        let outcome = SweepOutcome::of(report);
        add(&self.sweeps, outcome as usize, 1);
        if outcome == SweepOutcome::Complete {
            *locked(&self.last_complete_sweep) = Some(now);
        }
    }

    /// Counts a sweep of a registry that could not be listed.
    pub(crate) fn count_unlisted(&self) {
        add(&self.sweeps, SweepOutcome::Failed as usize, 1);
        self.note_reachable(false);
    }

    /// Counts a tag that a sweep saw.
    pub(crate) fn count_tag(&self, is_new: bool) {
        let counter = match is_new {
            true => &self.new_tags,
            false => &self.unchanged_tags,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_attempt(&self, outcome: &ArtifactOutcome) {
        add(&self.attempts, AttemptOutcome::of(outcome) as usize, 1);
    }

    pub(crate) fn count_reused_image(&self) {
        self.images_reused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_fetched_layer(&self, bytes: u64) {
        self.layers_fetched.fetch_add(1, Ordering::Relaxed);
        self.layer_bytes_fetched.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn count_reused_layer(&self, bytes: u64) {
        self.layers_reused.fetch_add(1, Ordering::Relaxed);
        self.layer_bytes_avoided.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts a failure.
    pub(crate) fn count_error(&self, kind: ErrorKind) {
        add(&self.errors, kind as usize, 1);
    }

    /// Notes whether the registry answers.
    pub(crate) fn note_reachable(&self, is_up: bool) {
        self.is_up.store(is_up, Ordering::Relaxed);
        self.was_asked.store(true, Ordering::Release);
    }

    /// Counts an artifact of this class as in hand as long as what is returned lives.
    pub(crate) fn take_in_hand(&self, class: WorkClass) -> ClassInHand<'_> {
        let place = WorkClass::ALL.iter().position(|one| *one == class);
        let counter = place.and_then(|place| self.in_hand.get(place));
        if let Some(counter) = counter {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        ClassInHand(counter)
    }
}

/// Counts something as in hand as long as it lives.
#[derive(Debug)]
pub(crate) struct ClassInHand<'a>(Option<&'a AtomicU64>);

impl Drop for ClassInHand<'_> {
    fn drop(&mut self) {
        if let Some(counter) = self.0 {
            counter.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// The counters behind [`JudgeStats`].
#[derive(Debug, Default)]
pub struct JudgeCounters(Mutex<JudgeStats>);

impl JudgeCounters {
    /// Returns what was counted until now.
    #[must_use]
    pub fn stats(&self) -> JudgeStats {
        *locked(&self.0)
    }

    /// Counts a judgement that published something at this time.
    pub(crate) fn count_judged(&self, now: Timestamp, took: Duration) {
        let mut stats = locked(&self.0);
        stats.judged += 1;
        stats.last_at = Some(now);
        stats.last_took = took;
    }

    pub(crate) fn count_failed(&self) {
        locked(&self.0).failed += 1;
    }
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

fn add(counters: &[AtomicU64], place: usize, amount: u64) {
    if let Some(counter) = counters.get(place) {
        counter.fetch_add(amount, Ordering::Relaxed);
    }
}

/// A panic while it is held leaves numbers that are still numbers.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
