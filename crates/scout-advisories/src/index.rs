//! The advisories of the wanted ecosystems, in memory and compact. A later version keeps them in
//! files; [`AdvisoryIndex::has_feed`] and [`AdvisoryIndex::find`] are all that others see.

mod build;
mod feed;
mod matching;
mod module;
mod range;
mod strings;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use scout_envs::{Ecosystem, Finding, MatchKey};

use crate::dump::AdvisoryDir;
use crate::ecosystem::release_of;
use crate::error::Result;
use crate::limits::LoadLimits;
use crate::report::LoadReport;
use feed::Feed;

/// The loaded advisories.
///
/// ```no_run
/// use std::collections::BTreeSet;
///
/// use scout_advisories::{AdvisoryDir, AdvisoryIndex, LoadLimits};
///
/// let folder = AdvisoryDir::open("advisories")?;
/// let wanted = BTreeSet::from(["Debian".to_owned(), "npm".to_owned()]);
/// let (index, report) = AdvisoryIndex::load(&folder, &wanted, LoadLimits::default())?;
/// for feed in &report.feeds {
///     println!("{}: {} records", feed.ecosystem, feed.records);
/// }
/// # drop(index);
/// # Ok::<(), scout_advisories::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct AdvisoryIndex {
    feeds: BTreeMap<String, Feed>,
}

impl AdvisoryIndex {
    /// Loads the feeds of the wanted ecosystems, named without releases. A wanted feed that is
    /// not in the folder is not loaded and not a problem.
    ///
    /// A record that cannot be read is reported, and the rest of its feed is loaded. A damaged
    /// dump is reported and not loaded at all.
    ///
    /// # Errors
    ///
    /// If the folder cannot be listed.
    pub fn load(
        advisories: &AdvisoryDir,
        wanted: &BTreeSet<String>,
        limits: LoadLimits,
    ) -> Result<(Self, LoadReport)> {
        let dumps: Vec<_> = advisories
            .dumps()?
            .into_iter()
            .filter(|(ecosystem, _)| wanted.contains(ecosystem))
            .collect();
        let (feeds, report) = build::load(dumps, limits);
        Ok((Self { feeds }, report))
    }

    /// Returns whether the advisories that speak of this ecosystem and release are loaded. A feed
    /// without a single record of the release does not speak of it.
    #[must_use]
    pub fn has_feed(&self, ecosystem: &Ecosystem) -> bool {
        self.feeds
            .get(ecosystem.base())
            .is_some_and(|feed| feed.speaks_of(&release_of(ecosystem.as_str())))
    }

    /// Returns whether some advisory speaks of a package, in whichever version.
    #[must_use]
    pub fn names(&self, key: &MatchKey) -> bool {
        self.feeds
            .get(key.ecosystem.base())
            .is_some_and(|feed| feed.names(key))
    }

    /// Finds the vulnerabilities that affect a package, sorted by id. Without its feed nothing is
    /// found: ask [`AdvisoryIndex::has_feed`] before taking that for a clean answer.
    #[must_use]
    pub fn find(&self, key: &MatchKey) -> Vec<Finding> {
        self.feeds
            .get(key.ecosystem.base())
            .map(|feed| feed.find(key))
            .unwrap_or_default()
    }
}
