//! What loading found: which feeds, how old, and what was damaged.

use jiff::Timestamp;
use scout_envs::Ecosystem;

/// What [`AdvisoryIndex::load`](crate::AdvisoryIndex::load) did.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LoadReport {
    /// The feeds that were loaded, by name.
    pub feeds: Vec<FeedInfo>,
    /// What was damaged, at most [`LoadReport::MAX_PROBLEMS`] for each feed.
    pub problems: Vec<Problem>,
    /// How many problems there were beyond those listed.
    pub more_problems: u64,
}

impl LoadReport {
    /// Most problems listed for one feed: enough to see a pattern, few enough to print.
    pub const MAX_PROBLEMS: usize = 20;
}

/// One loaded feed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FeedInfo {
    /// The ecosystem without a release, for instance `Debian`.
    pub ecosystem: String,
    /// The releases that records speak of, sorted; empty where the ecosystem has none.
    pub releases: Vec<Ecosystem>,
    /// How many records were loaded: without those counted below.
    pub records: u64,
    /// How many records their authors have withdrawn.
    pub withdrawn: u64,
    /// How many records announce something else than a vulnerability.
    pub not_vulnerabilities: u64,
    /// How many records could not be read.
    pub unreadable: u64,
    /// When the newest record was changed, if the records say so.
    pub newest_modified: Option<Timestamp>,
    /// Changes whenever the content of the feed changes.
    pub fingerprint: String,
}

/// Something in a feed that could not be used.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problem {
    /// The feed, by the name of its ecosystem.
    pub ecosystem: String,
    /// The file: the dump itself, or a record in it.
    pub file: String,
    /// Why it was not used, for people.
    pub reason: String,
}
