//! The advisories that are loaded, one index for each ecosystem in use.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use scout_advisories::{AdvisoryDir, AdvisoryIndex, LoadLimits};
use scout_envs::{Finding, MatchKey};
use scout_store::{FeedRecord, KevRecord};

use crate::error::{Error, Result};
use crate::index::chain;

/// How often the directory is looked at for changed dumps.
const CHECK_SECONDS: i64 = 60;

/// A directory of advisory dumps, and what is loaded of it.
pub struct AdvisorySource {
    dir: PathBuf,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    checked_at: Option<Timestamp>,
    wanted: BTreeSet<String>,
    loaded: Option<Loaded>,
}

/// A consistent set of loaded advisories.
#[derive(Clone)]
pub(super) struct Loaded {
    index: Arc<AdvisoryIndex>,
    /// What the store is told about the feeds.
    pub(super) records: Vec<FeedRecord>,
    /// What the store is told about known exploited vulnerabilities.
    pub(super) kev: Option<KevRecord>,
}

impl fmt::Debug for AdvisorySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdvisorySource").field("dir", &self.dir).finish_non_exhaustive()
    }
}

impl AdvisorySource {
    /// Returns a source that reads dumps laid out `<Ecosystem>/all.zip`, and an optional
    /// `kev.json`, from this directory.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), state: Arc::default() }
    }

    /// Returns the directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns what is loaded of the wanted ecosystems, loading what is missing or has changed.
    pub(super) async fn refresh(&self, wanted: BTreeSet<String>, now: Timestamp) -> Result<Loaded> {
        let (dir, state) = (self.dir.clone(), Arc::clone(&self.state));
        tokio::task::spawn_blocking(move || {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            let is_recent = |at: &Timestamp| now < *at + SignedDuration::from_secs(CHECK_SECONDS);
            if let Some(loaded) = &state.loaded
                && state.checked_at.as_ref().is_some_and(is_recent)
                && wanted.is_subset(&state.wanted)
            {
                return Ok(loaded.clone());
            }
            let loaded = load(&dir, &wanted, state.loaded.as_ref(), now)?;
            *state = State { checked_at: Some(now), wanted, loaded: Some(loaded.clone()) };
            Ok(loaded)
        })
        .await
        .map_err(|_interrupted| Error::Interrupted { what: "loading advisories" })?
    }
}

impl Loaded {
    /// Returns the findings of a package and the fingerprint of the feed they come from; nothing
    /// if its feed is not loaded.
    pub(super) fn find(&self, key: &MatchKey) -> Option<(Vec<Finding>, String)> {
        let base = key.ecosystem.base();
        let record = self.records.iter().find(|record| record.name == base)?;
        Some((self.index.find(key), record.fingerprint.clone()))
    }
}

/// Loads the wanted ecosystems together, since records of one are aliases of another's; keeps
/// the index if no dump has changed.
fn load(
    dir: &Path,
    wanted: &BTreeSet<String>,
    before: Option<&Loaded>,
    now: Timestamp,
) -> Result<Loaded> {
    let failed = |source| Error::Advisories { path: dir.to_owned(), source };
    let opened = AdvisoryDir::open(dir).map_err(failed)?;
    let kev = kev(&opened, now);
    let dumps = opened.feeds().map_err(failed)?;
    let present: BTreeMap<&str, &str> = dumps
        .iter()
        .filter(|dump| wanted.contains(&dump.ecosystem))
        .map(|dump| (dump.ecosystem.as_str(), dump.fingerprint.as_str()))
        .collect();
    if let Some(before) = before
        && present == before.fingerprints()
    {
        let renew = |record: &FeedRecord| FeedRecord { loaded_at: now, ..record.clone() };
        let records = before.records.iter().map(renew).collect();
        return Ok(Loaded { index: Arc::clone(&before.index), records, kev });
    }
    let (index, report) =
        AdvisoryIndex::load(&opened, wanted, LoadLimits::default()).map_err(failed)?;
    for problem in &report.problems {
        tracing::warn!("advisories: {problem}");
    }
    if report.more_problems > 0 {
        tracing::warn!("advisories: {} more problems", report.more_problems);
    }
    let records = report.feeds.into_iter().map(|feed| FeedRecord {
        name: feed.ecosystem,
        releases: feed.releases.iter().map(ToString::to_string).collect(),
        records: feed.records,
        newest_modified: feed.newest_modified,
        fingerprint: feed.fingerprint,
        loaded_at: now,
    });
    Ok(Loaded { index: Arc::new(index), records: records.collect(), kev })
}

impl Loaded {
    fn fingerprints(&self) -> BTreeMap<&str, &str> {
        self.records
            .iter()
            .map(|record| (record.name.as_str(), record.fingerprint.as_str()))
            .collect()
    }
}

/// A catalog that cannot be read is said and left out; what it decides stays unknown.
fn kev(dir: &AdvisoryDir, now: Timestamp) -> Option<KevRecord> {
    let catalog = dir
        .kev()
        .inspect_err(|error| tracing::warn!("known exploited vulnerabilities: {}", chain(error)))
        .ok()??;
    Some(KevRecord {
        cves: catalog.vulnerabilities().cloned().collect(),
        fingerprint: catalog.fingerprint().to_owned(),
        loaded_at: now,
    })
}
