//! How sweeps and attempts end.

use scout_store::ArtifactOutcome;

use crate::sweep::SweepReport;

/// How a sweep ended. The set is closed.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum SweepOutcome {
    /// It saw everything.
    Complete,
    /// Something could not be read, and is left to the next one.
    Partial,
    /// The registry could not be listed at all.
    Failed,
}

impl SweepOutcome {
    /// All outcomes.
    pub const ALL: [Self; 3] = [Self::Complete, Self::Partial, Self::Failed];

    /// Returns the name shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Failed => "failed",
        }
    }

    pub(super) fn of(report: &SweepReport) -> Self {
        match report.problems.total() {
            0 => Self::Complete,
            _ => Self::Partial,
        }
    }
}

/// How an attempt to index an artifact ended. The set is closed.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum AttemptOutcome {
    /// Its images are recorded.
    Indexed,
    /// There was nothing to index, or for no platform that is wanted.
    Skipped,
    /// It failed, and is not tried again now.
    Failed,
    /// It failed, and is tried again shortly.
    Retried,
    /// It was put back: the registry is out of reach, or the process ends.
    Deferred,
}

impl AttemptOutcome {
    /// All outcomes.
    pub const ALL: [Self; 5] = [
        Self::Indexed,
        Self::Skipped,
        Self::Failed,
        Self::Retried,
        Self::Deferred,
    ];

    /// Returns the name shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Indexed => "indexed",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
            Self::Retried => "retried",
            Self::Deferred => "deferred",
        }
    }

    pub(super) fn of(outcome: &ArtifactOutcome) -> Self {
        match outcome {
            ArtifactOutcome::Indexed(_) | ArtifactOutcome::Platforms { reason: None, .. } => {
                Self::Indexed
            }
            ArtifactOutcome::Platforms { .. } | ArtifactOutcome::Skipped { .. } => Self::Skipped,
            ArtifactOutcome::Retry { .. } => Self::Retried,
            ArtifactOutcome::Deferred { .. } => Self::Deferred,
            _ => Self::Failed,
        }
    }
}
