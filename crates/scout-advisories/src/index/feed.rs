//! One loaded feed: records and what they say of each package, sorted by the package's name.

use std::collections::{BTreeSet, HashMap};
use std::ops;

use super::range::Range;
use super::strings::{StringId, Strings};
use crate::rating::Rating;
use crate::version::Order;

/// The advisories of one ecosystem, all releases together.
#[derive(Debug)]
pub(super) struct Feed {
    pub(super) order: Order,
    pub(super) strings: Strings,
    pub(super) records: Vec<Record>,
    /// Grouped by package name.
    pub(super) affected: Vec<Affected>,
    pub(super) names: HashMap<StringKey, ops::Range<usize>>,
    /// The releases that some record names, in the spelling of `release_of`.
    pub(super) releases: BTreeSet<String>,
}

/// A package's name as the key of the table.
pub(super) type StringKey = Box<str>;

/// One record.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) id: StringId,
    pub(super) vulnerabilities: Box<[StringId]>,
    /// The streams of modules that the record speaks of, `name:stream`.
    pub(super) streams: Box<[StringId]>,
}

/// What one record says of one package.
#[derive(Debug)]
pub(super) struct Affected {
    /// Index of the record.
    pub(super) record: u32,
    /// The ecosystem with its release; nothing: all releases.
    pub(super) release: Option<StringId>,
    pub(super) is_modular: bool,
    pub(super) rating: Rating,
    pub(super) ranges: Box<[Range]>,
    /// Canonical spellings of single versions, sorted by id.
    pub(super) versions: Box<[StringId]>,
}

impl Feed {
    /// Returns whether some record speaks of the ecosystem with this release; for an ecosystem
    /// that has no releases, whether the feed is there.
    pub(super) fn speaks_of(&self, ecosystem: &str) -> bool {
        !ecosystem.contains(':') || self.releases.contains(ecosystem)
    }

    /// Returns what is said of the package with this name.
    pub(super) fn named(&self, name: &str) -> &[Affected] {
        self.names
            .get(name)
            .and_then(|range| self.affected.get(range.clone()))
            .unwrap_or_default()
    }
}
