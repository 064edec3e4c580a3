//! Work that is leased: one holder at a time, and a fencing token against the late.

use jiff::Timestamp;
use scout_envs::{Digest, RepositoryName};

use crate::id::{ArtifactId, OrgId, RegistryId, RepositoryId};

/// Why an artifact is to be indexed, and with that how soon. Ordered: the greater goes first. The
/// set is closed.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum WorkClass {
    /// It was there before anybody watched, and everything is wanted.
    Backfill,
    /// It was looked at before: by older readers, for other platforms, or in vain.
    Recheck,
    /// A sweep saw it for the first time.
    NewTag,
    /// Somebody waits for it: an event told of it, or its repository was just enabled.
    Event,
}

impl WorkClass {
    /// All classes, the first to go first.
    pub const ALL: [Self; 4] = [Self::Event, Self::NewTag, Self::Recheck, Self::Backfill];

    /// Returns the name shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::NewTag => "new-tag",
            Self::Recheck => "re-check",
            Self::Backfill => "back-fill",
        }
    }
}

/// Which index work is asked for, and for how long.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct LeaseRequest {
    /// What time it is: only what is due is leased.
    pub now: Timestamp,
    /// When the lease ends unless it is renewed.
    pub until: Timestamp,
    /// How much is wanted at most.
    pub limit: u32,
    /// The least class that is wanted.
    pub least: WorkClass,
    /// Whether what was deferred least often goes first, whatever its class: what the registry
    /// may fail to answer for is then not the only thing it is tried with.
    pub is_probe: bool,
}

impl LeaseRequest {
    /// Returns a request for so much work of any class.
    #[must_use]
    pub fn new(now: Timestamp, until: Timestamp, limit: u32) -> Self {
        Self {
            now,
            until,
            limit,
            least: WorkClass::Backfill,
            is_probe: false,
        }
    }

    /// Asks only for work of this class and of those before it.
    #[must_use]
    pub fn at_least(mut self, class: WorkClass) -> Self {
        self.least = class;
        self
    }

    /// Asks for what was deferred least often.
    #[must_use]
    pub fn as_probe(mut self) -> Self {
        self.is_probe = true;
        self
    }
}

/// An artifact to be indexed, leased to the one who got this value.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct IndexWork {
    /// The organization.
    pub org: OrgId,
    /// The registry it is in.
    pub registry: RegistryId,
    /// The repository's number.
    pub repository_id: RepositoryId,
    /// The repository it is in.
    pub repository: RepositoryName,
    /// What is to be indexed.
    pub artifact: ArtifactId,
    /// Its digest.
    pub digest: Digest,
    /// Why it is wanted.
    pub class: WorkClass,
    /// How often it was tried before.
    pub attempts: u32,
    /// How often it was [deferred](crate::ArtifactOutcome::Deferred) since the last attempt.
    pub deferrals: u32,
    /// The fencing token: grows with each lease of the row; a write with an older one is refused.
    pub fence: i64,
}

/// A named lease, such as that of the judge.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Lease {
    /// What is leased.
    pub name: String,
    /// The fencing token.
    pub fence: i64,
    /// When it ends unless it is renewed.
    pub until: Timestamp,
}
