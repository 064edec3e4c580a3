//! What AQL tells of the tags of one repository: digests and times, all at once.
//!
//! The first search reads everything, the following ones what changed. Deletions are not told:
//! which tags there are is always the tag list's word. A tag about which AQL is silent or
//! ambiguous is asked for by `HEAD`.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use scout_envs::{Digest, Tag};
use tokio::time::Instant;

use crate::artifactory::api::{Api, Row};
use crate::artifactory::aql;
use crate::error::Result;
use crate::integration::Resolved;
use crate::rest;

/// After this many searches for changes everything is read again: so long may a stale entry live.
const FULL_EVERY: u32 = 48;
/// How much of what was read is read again, because clocks differ and writes overtake each other.
const OVERLAP: SignedDuration = SignedDuration::from_mins(10);
/// How old what is known may be when it is used.
const MAX_AGE: Duration = Duration::from_secs(60);
/// Most rows read of one repository: what is beyond is asked for by `HEAD`.
const MAX_ROWS: usize = 1_000_000;

/// The names under which Artifactory keeps manifests and indexes.
pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const LIST: &str = "list.manifest.json";

/// A manifest that a tag may point to. There are as many as tags, so it is kept small.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Candidate {
    /// Which repository holds it: behind a virtual one there may be several.
    repo: Arc<str>,
    /// Whether it is an index; a tag may have one beside a manifest.
    is_list: bool,
    sha256: [u8; 32],
    modified: Option<Timestamp>,
}

/// The manifests of tags, by image and tag.
#[derive(Debug, Default)]
struct Candidates(HashMap<String, HashMap<String, Box<[Candidate]>>>);

/// What is known of the tags of one repository.
#[derive(Debug, Default)]
pub(super) struct Pushes {
    known: Mutex<Candidates>,
    /// Held while a search runs, so that one does for all who wait.
    progress: tokio::sync::Mutex<Progress>,
}

#[derive(Debug, Default)]
struct Progress {
    /// The newest time that was read, by the server's clock.
    cursor: Option<Timestamp>,
    searches_for_changes: u32,
    searched_at: Option<Instant>,
    /// When a search failed that may work later.
    failed_at: Option<Instant>,
    /// The images whose tags were looked up since then.
    looked_up: HashSet<String>,
}

impl Progress {
    fn is_fresh_for(&self, image: &str) -> bool {
        is_recent(self.searched_at) && !self.looked_up.contains(image)
    }
}

fn is_recent(time: Option<Instant>) -> bool {
    time.is_some_and(|time| time.elapsed() < MAX_AGE)
}

impl Pushes {
    fn known(&self) -> MutexGuard<'_, Candidates> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings what is known up to date, and returns whether it may be used for this image: one
    /// search serves each image once, for a short while.
    ///
    /// # Errors
    ///
    /// If searching will not work later either.
    pub(super) async fn refresh(&self, api: &Api, key: &str, image: &str) -> Result<bool> {
        let mut progress = self.progress.lock().await;
        if !progress.is_fresh_for(image) {
            if is_recent(progress.failed_at) {
                return Ok(false);
            }
            match self.search(api, key, &mut progress).await {
                Ok(()) => {}
                Err(error) if error.is_retryable() => {
                    progress.failed_at = Some(Instant::now());
                    return Ok(false);
                }
                Err(error) => return Err(error),
            }
            progress.searched_at = Some(Instant::now());
            progress.looked_up.clear();
        }
        progress.looked_up.insert(image.to_owned());
        Ok(true)
    }

    async fn search(&self, api: &Api, key: &str, progress: &mut Progress) -> Result<()> {
        let is_full = progress.searches_for_changes >= FULL_EVERY;
        let since = progress.cursor.filter(|_| !is_full);
        let since = since.map(|cursor| cursor.checked_sub(OVERLAP).unwrap_or(Timestamp::MIN));
        let (mut found, mut repos) = (Candidates::default(), HashSet::new());
        let (mut cursor, mut read) = (progress.cursor, 0);
        loop {
            let rows = api.search(aql::manifests(key, since, read)).await?;
            let count = rows.len();
            for row in rows {
                cursor = cursor.max(found.add_row(row, &mut repos));
            }
            read += count;
            // The total in the answer is said to be that of the page; a short page is the last.
            if count < aql::PAGE_SIZE || read >= MAX_ROWS {
                break;
            }
        }
        let mut known = self.known();
        match since {
            None => *known = found,
            Some(_) => known.merge(found),
        }
        progress.cursor = cursor;
        progress.searches_for_changes = match since {
            None => 0,
            Some(_) => progress.searches_for_changes + 1,
        };
        Ok(())
    }

    /// Returns what a tag points to, if there is only one manifest that it can be.
    pub(super) fn get(&self, image: &str, tag: &Tag) -> Option<Resolved> {
        let known = self.known();
        match known.0.get(image)?.get(tag.as_str())?.as_ref() {
            [only] => {
                let digest = Digest::sha256(&only.sha256);
                Some(Resolved::new(digest).with_pushed_at(only.modified))
            }
            _ => None,
        }
    }

    /// Returns when a manifest got a tag, if that is known. If the tag is known to have pointed
    /// to other manifests only, that is forgotten: the tag has moved.
    pub(super) fn time_of(&self, image: &str, tag: &Tag, digest: &Digest) -> Option<Timestamp> {
        let mut known = self.known();
        let tags = known.0.get_mut(image)?;
        let mut candidates = tags.get(tag.as_str())?.iter();
        match candidates.find(|candidate| Digest::sha256(&candidate.sha256) == *digest) {
            Some(found) => found.modified,
            None => {
                tags.remove(tag.as_str());
                None
            }
        }
    }
}

impl Candidates {
    /// Adds a row; returns its time by the server's clock.
    fn add_row(&mut self, row: Row, repos: &mut HashSet<Arc<str>>) -> Option<Timestamp> {
        let time = |text: Option<&str>| text.and_then(rest::time);
        let modified = time(row.modified.as_deref());
        let written = time(row.updated.as_deref()).or(modified);
        let is_list = match row.name.as_str() {
            MANIFEST => false,
            LIST => true,
            _ => return None,
        };
        let (image, tag) = row.path.rsplit_once('/')?;
        // Manifests without a tag lie in folders named by their digest.
        tag.parse::<Tag>().ok()?;
        // Files from before Artifactory 5.5 may have none.
        let sha256 = hex::decode(row.sha256?).ok()?.try_into().ok()?;
        let tags = self.0.entry(image.to_owned()).or_default();
        let candidate = Candidate {
            repo: shared(&row.repo, repos),
            is_list,
            sha256,
            modified,
        };
        put(tags.entry(tag.to_owned()).or_default(), candidate);
        written
    }

    fn merge(&mut self, other: Self) {
        for (image, tags) in other.0 {
            let known = self.0.entry(image).or_default();
            for (tag, candidates) in tags {
                let slot = known.entry(tag).or_default();
                for candidate in candidates {
                    put(slot, candidate);
                }
            }
        }
    }
}

/// Returns a text that is kept once, however often it comes.
fn shared(text: &str, all: &mut HashSet<Arc<str>>) -> Arc<str> {
    if let Some(known) = all.get(text) {
        return Arc::clone(known);
    }
    let new: Arc<str> = text.into();
    all.insert(Arc::clone(&new));
    new
}

/// Puts a manifest in the place of the one that lay there before.
fn put(slot: &mut Box<[Candidate]>, candidate: Candidate) {
    let mut all = std::mem::take(slot).into_vec();
    all.retain(|old| (&old.repo, old.is_list) != (&candidate.repo, candidate.is_list));
    all.push(candidate);
    *slot = all.into_boxed_slice();
}
