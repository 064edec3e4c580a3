//! How complete and how fresh what is known of an organization is: what is not analyzed, and when
//! each source of facts last answered. It changes without any judgement, so it is no part of a
//! snapshot.

use jiff::Timestamp;

use crate::stream::StreamName;

/// What waits, and when sources last answered.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Upkeep {
    /// Images that are not analyzed, by stream and reason; a reason that could be and has none
    /// counts zero. Of an environment, only where a runtime or a list says what runs.
    pub not_analyzed: Vec<NotAnalyzed>,
    /// When each loaded feed of advisories was last found unchanged or loaded, by ecosystem.
    pub advisories: Vec<(String, Timestamp)>,
    /// The same of the catalog of known exploited vulnerabilities, if it is loaded.
    pub known_exploited: Option<Timestamp>,
    /// Of each registry, by name, when the last listing began that read all of it.
    pub registries: Vec<(String, Timestamp)>,
    /// What sources say runs.
    pub runtimes: Vec<RuntimeSync>,
}

/// How many images are not analyzed for one reason.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NotAnalyzed {
    /// Where they would be members.
    pub stream: StreamName,
    /// Why they are not: `waiting`, `failed`, `below-baseline`, `other-platform`, `skipped` or
    /// `never-seen`.
    pub reason: &'static str,
    /// How many: of `latest-indexed`, what a tag of a watched repository points to; of an
    /// environment, what its sources say runs.
    pub images: u64,
}

/// When a source last said what runs in an environment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RuntimeSync {
    /// The environment's stream.
    pub stream: StreamName,
    /// Whose share of it that is.
    pub source: String,
    /// When; a source that never did is not listed.
    pub synced_at: Timestamp,
}
