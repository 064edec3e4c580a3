//! The advisories in a directory: looked at often, loaded only when something needs them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use scout_advisories::{AdvisoryDir, AdvisoryIndex, FeedInfo, LoadLimits, has_version_order};
use scout_envs::{Digest, Finding, MatchKey};
use scout_store::{FeedRecord, KevRecord};
use sha2::{Digest as _, Sha256};

use crate::error::{Error, Result};
use crate::index::chain;

/// How often the directory is looked at for changed dumps.
const CHECK_SECONDS: i64 = 60;

/// A directory of advisory dumps, and what is loaded of it.
pub struct AdvisorySource {
    dir: PathBuf,
    looked_at: Mutex<Option<Timestamp>>,
    loaded: Mutex<Option<Loaded>>,
}

/// What is in the directory of what is wanted; nothing of it is loaded yet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Survey {
    /// The dumps of wanted ecosystems: name and fingerprint.
    pub(super) dumps: BTreeMap<String, String>,
    /// The catalog of known exploited vulnerabilities.
    pub(super) kev: Option<KevRecord>,
}

/// A consistent set of loaded advisories.
#[derive(Clone)]
pub(super) struct Loaded {
    index: Arc<AdvisoryIndex>,
    /// The dumps it was made from, those that could not be read too.
    dumps: BTreeMap<String, String>,
    /// What the store is told about the feeds.
    pub(super) records: Vec<FeedRecord>,
}

impl fmt::Debug for AdvisorySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdvisorySource")
            .field("dir", &self.dir)
            .finish_non_exhaustive()
    }
}

impl AdvisorySource {
    /// Returns a source that reads dumps laid out `<Ecosystem>/all.zip`, and an optional
    /// `kev.json`, from this directory.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            looked_at: Mutex::default(),
            loaded: Mutex::default(),
        }
    }

    /// Returns the directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns whether the directory was not looked at for a while.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        let looked_at = *self
            .looked_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        looked_at.is_none_or(|at| now >= at + SignedDuration::from_secs(CHECK_SECONDS))
    }

    /// Looks at the directory.
    pub(super) async fn survey(&self, wanted: BTreeSet<String>, now: Timestamp) -> Result<Survey> {
        let dir = self.dir.clone();
        let survey = blocking("reading advisories", move || {
            let failed = |source| Error::Advisories {
                path: dir.clone(),
                source,
            };
            let opened = AdvisoryDir::open(&dir).map_err(failed)?;
            let dumps = opened.feeds().map_err(failed)?.into_iter();
            let dumps = dumps
                .filter(|dump| wanted.contains(&dump.ecosystem))
                .map(|dump| (dump.ecosystem, dump.fingerprint));
            let (dumps, kev) = (of_a_set(dumps.collect()), kev(&opened, now));
            Ok(Survey { dumps, kev })
        })
        .await?;
        *self
            .looked_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(now);
        Ok(survey)
    }

    /// Loads the dumps of a survey, all together, since records of one are aliases of another's;
    /// keeps what is loaded if it was made from the same.
    pub(super) async fn load(&self, survey: &Survey, now: Timestamp) -> Result<Loaded> {
        let before = self
            .loaded
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(mut loaded) = before.filter(|loaded| loaded.dumps == survey.dumps) {
            loaded
                .records
                .iter_mut()
                .for_each(|record| record.loaded_at = now);
            return Ok(self.keep(loaded));
        }
        let (dir, dumps) = (self.dir.clone(), survey.dumps.clone());
        let loaded = blocking("loading advisories", move || load(&dir, dumps, now)).await?;
        Ok(self.keep(loaded))
    }

    fn keep(&self, loaded: Loaded) -> Loaded {
        *self.loaded.lock().unwrap_or_else(PoisonError::into_inner) = Some(loaded.clone());
        loaded
    }
}

impl Loaded {
    /// Returns the findings of a package and the fingerprint of the feed they come from; nothing
    /// if its feed is not loaded or cannot tell.
    pub(super) fn find(&self, key: &MatchKey) -> Option<(Vec<Finding>, String)> {
        let base = key.ecosystem.base();
        let record = self.records.iter().find(|record| record.name == base)?;
        if !has_version_order(&key.ecosystem) {
            return None;
        }
        // A version that is not known matters only if there are advisories at all.
        if !key.has_version() && self.index.names(key) {
            return None;
        }
        Some((self.index.find(key), record.fingerprint.clone()))
    }
}

async fn blocking<T: Send + 'static>(
    what: &'static str,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_interrupted| Error::Interrupted { what })?
}

fn load(dir: &Path, dumps: BTreeMap<String, String>, now: Timestamp) -> Result<Loaded> {
    let failed = |source| Error::Advisories {
        path: dir.to_owned(),
        source,
    };
    let opened = AdvisoryDir::open(dir).map_err(failed)?;
    let wanted = dumps.keys().cloned().collect();
    let (index, report) =
        AdvisoryIndex::load(&opened, &wanted, LoadLimits::default()).map_err(failed)?;
    for problem in &report.problems {
        let (ecosystem, file) = (&problem.ecosystem, &problem.file);
        tracing::warn!("advisories for {ecosystem}: {file}: {}", problem.reason);
    }
    if report.more_problems > 0 {
        tracing::warn!("advisories: {} more problems", report.more_problems);
    }
    let record = |feed: FeedInfo| FeedRecord {
        releases: feed.releases.iter().map(ToString::to_string).collect(),
        records: feed.records,
        newest_modified: feed.newest_modified,
        fingerprint: dumps.get(&feed.ecosystem).cloned().unwrap_or_default(),
        name: feed.ecosystem,
        loaded_at: now,
    };
    Ok(Loaded {
        index: Arc::new(index),
        records: report.feeds.into_iter().map(record).collect(),
        dumps,
    })
}

/// Joins to each dump's fingerprint one of all of them: aliases lead from one ecosystem's records
/// to another's, so what is said of a package may change with any of the dumps.
fn of_a_set(dumps: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut all = Sha256::new();
    for (name, fingerprint) in &dumps {
        all.update(format!("{name}={fingerprint}\n"));
    }
    let all = Digest::sha256(&all.finalize().into());
    dumps
        .into_iter()
        .map(|(name, fingerprint)| (name, format!("{fingerprint}+{}", all.short())))
        .collect()
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
