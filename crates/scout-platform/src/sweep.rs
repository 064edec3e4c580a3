//! A sweep: what the registry holds now, written down.
//!
//! A repository or tag that cannot be read is a problem that is counted and named; the sweep
//! goes on with the rest.

mod progress;
mod reach;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use regex::Regex;
use scout_envs::{RepositoryName, Tag};
use scout_registry::{RegistryIntegration, Resolved};
use scout_store::{Observation, RegistryId, RepositoryRecord, WorkClass};

use crate::error::{Error, Result};
use crate::index::chain;
use crate::stats::ErrorKind;
use crate::watched::Watched;
pub(crate) use progress::SweepProgress;
use reach::{Concern, FailedTags, Reach};

/// How many repositories are listed at once: while the tags of one come to their end, those of
/// the next are listed.
const REPOSITORIES_AT_ONCE: usize = 2;
/// How many tags of a repository are asked for at once. A client holds back what a host is not to
/// bear: sweeps have half of its places.
const TAGS_AT_ONCE: usize = 8;

/// What a sweep looks at.
#[derive(Clone, Debug, Default)]
pub struct SweepOptions {
    /// Whether images below the baseline are wanted too.
    pub all_images: bool,
    /// A tag must match one of these, if there are any.
    pub tags: Vec<Regex>,
    /// Whether repositories are listed anew in every sweep (`--refresh-registry`), not in the
    /// first one only.
    pub refresh: bool,
}

impl SweepOptions {
    /// Returns whether the tag is looked at; tags that only carry signatures never are.
    #[must_use]
    pub fn wants(&self, tag: &Tag) -> bool {
        let matches = self.tags.is_empty() || self.tags.iter().any(|p| p.is_match(tag.as_str()));
        matches && !tag.is_referrer()
    }
}

/// Lists one registry of one organization.
#[derive(Debug)]
pub struct Sweeper {
    watched: Watched,
    options: SweepOptions,
    /// What the first sweep listed; nothing if the next one is to list again.
    listed: Mutex<Option<Vec<RepositoryName>>>,
    /// Tags that were asked for by themselves since the sweep began, which may know less of them.
    asked_since: Mutex<HashSet<(RepositoryName, Tag)>>,
    /// How far the sweep is that goes on.
    seen: progress::Seen,
}

/// What went wrong in a sweep, each message once, with how often it came.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Problems(BTreeMap<String, u64>);

impl Problems {
    /// Notes a problem; returns whether it is the first of its kind.
    pub fn note(&mut self, message: &str) -> bool {
        let count = self.0.entry(message.to_owned()).or_default();
        *count += 1;
        *count == 1
    }

    /// Returns how many things went wrong in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// Returns each message with how often it came.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0
            .iter()
            .map(|(message, count)| (message.as_str(), *count))
    }

    fn merge(&mut self, other: Self) {
        for (message, count) in other.0 {
            *self.0.entry(message).or_default() += count;
        }
    }
}

/// What a sweep saw.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct SweepReport {
    /// Repositories listed.
    pub repositories: u64,
    /// Tags that were looked at.
    pub tags: u64,
    /// Tags among them that were not seen with their digest before.
    pub new_tags: u64,
    /// Tags that are gone from the registry.
    pub gone_tags: u64,
    /// Whether this sweep was the first of the registry, which took the baseline.
    pub took_baseline: bool,
    /// What went wrong.
    pub problems: Problems,
}

impl Sweeper {
    /// Returns a sweeper of what is watched.
    #[must_use]
    pub fn new(watched: Watched, options: SweepOptions) -> Self {
        Self {
            watched,
            options,
            listed: Mutex::default(),
            asked_since: Mutex::default(),
            seen: progress::Seen::default(),
        }
    }

    /// Returns what is swept.
    pub(crate) fn watched(&self) -> &Watched {
        &self.watched
    }

    /// Returns what is looked at.
    #[must_use]
    pub fn options(&self) -> &SweepOptions {
        &self.options
    }

    /// Returns how far the sweep is, if one goes on.
    pub(crate) fn progress(&self) -> Option<SweepProgress> {
        self.seen.progress()
    }

    /// Lists the registry and records what it holds.
    ///
    /// # Errors
    ///
    /// If the registry cannot be listed at all, or the store fails.
    pub async fn sweep(&self) -> Result<SweepReport> {
        let _goes_on = self.seen.begin();
        let record = self.watched.record().await?;
        let started = self.watched.clock.now();
        locked(&self.asked_since).clear();
        let repositories = self.repositories(record.id, started).await?;
        // A registry in which nothing is enabled has none to take yet.
        let took_baseline = repositories
            .iter()
            .all(|repository| repository.baseline_at.is_none())
            && !(repositories.is_empty() && self.watched.registry.requires_activation());
        let mut report = SweepReport {
            took_baseline,
            ..SweepReport::default()
        };
        self.seen.note_repositories(repositories.len());
        // What concerns the whole registry is said once.
        let reach = Reach::default();
        let mut listings = stream::iter(repositories)
            .map(|repository| self.repository(repository, started, &reach))
            .buffer_unordered(REPOSITORIES_AT_ONCE);
        while let Some(listing) = listings.next().await {
            let listing = listing?;
            self.seen.note_repository_done();
            report.repositories += listing.repositories;
            report.tags += listing.tags;
            report.new_tags += listing.new_tags;
            report.gone_tags += listing.gone_tags;
            report.problems.merge(listing.problems);
        }
        drop(listings);
        if report.problems.total() == 0 && !reach.is_lost() {
            self.watched.record_sweep(record.id, started).await?;
        }
        Ok(report)
    }

    async fn repositories(
        &self,
        registry: RegistryId,
        now: Timestamp,
    ) -> Result<Vec<RepositoryRecord>> {
        let known = locked(&self.listed).clone();
        let known = known.filter(|_| !self.options.refresh);
        let is_listed_now = known.is_none();
        let names = match known {
            Some(names) => self.with_new_ones(names, registry).await?,
            None => list(self.watched.registry.as_ref()).await?,
        };
        let complete = is_listed_now && self.watched.registry.lists_all();
        let recorded = self
            .watched
            .record_repositories(registry, &names, complete, now)
            .await?;
        *locked(&self.listed) = Some(names);
        let enabled = recorded.into_iter().filter(|repository| repository.enabled);
        Ok(enabled.collect())
    }

    /// Adds the repositories that events told of, or somebody enabled, since the list was made.
    async fn with_new_ones(
        &self,
        mut names: Vec<RepositoryName>,
        registry: RegistryId,
    ) -> Result<Vec<RepositoryName>> {
        let recorded = self
            .watched
            .store
            .repositories(self.watched.org, Some(registry))
            .await?;
        let listed: BTreeSet<RepositoryName> = names.iter().cloned().collect();
        let new = recorded.into_iter().filter(|repository| {
            !repository.is_gone
                && repository.enabled
                && !listed.contains(&repository.name)
                && self.watched.registry.selects(&repository.name)
        });
        names.extend(new.map(|repository| repository.name));
        Ok(names)
    }

    async fn repository(
        &self,
        repository: RepositoryRecord,
        started: Timestamp,
        reach: &Reach,
    ) -> Result<SweepReport> {
        let mut report = SweepReport::default();
        if reach.is_lost() {
            return Ok(report);
        }
        let tags = match self.watched.registry.tags(&repository.name).await {
            Ok(tags) => tags,
            // Distribution over object storage keeps a repository in its catalog whose last tag
            // was deleted, and then finds no such repository.
            Err(error) if error.is_unknown_repository() && self.lists_what_it_has() => {
                *locked(&self.listed) = None;
                Vec::new()
            }
            Err(error) => {
                self.watched.counters.count_error(ErrorKind::of(&error));
                match reach.note_unlisted(&error) {
                    Concern::All => self.lose(&mut report.problems, &error, reach),
                    Concern::One => {
                        let message = format!("{}: {}", repository.name, chain(&error));
                        note(&mut report.problems, &message);
                    }
                }
                // Perhaps it was deleted, which only the list of repositories tells.
                if error.is_not_found() {
                    *locked(&self.listed) = None;
                    if repository.baseline_at.is_some() {
                        report.gone_tags = self.record_listing(&repository, &[]).await?;
                    }
                }
                return Ok(report);
            }
        };
        reach.note_answer();
        report.repositories = 1;
        // Until the baseline is complete every tag counts as seen when the repository was first
        // met: an interruption must not make one tag look newer than another.
        let seen_at = if repository.baseline_at.is_some() {
            started
        } else {
            repository.watched_since
        };
        let names: Vec<Tag> = tags.iter().map(|listed| listed.tag.clone()).collect();
        let wanted = tags.into_iter();
        let wanted = wanted.filter(|listed| self.options.wants(&listed.tag));
        let mut resolving = stream::iter(wanted)
            .map(async |listed| match listed.resolved {
                Some(resolved) => (listed.tag, Ok(resolved)),
                None => {
                    let resolved = self.watched.registry.resolve(&repository.name, &listed.tag);
                    let resolved = resolved.await;
                    (listed.tag, resolved)
                }
            })
            .buffer_unordered(TAGS_AT_ONCE);
        let mut failed = FailedTags::default();
        while let Some((tag, resolved)) = resolving.next().await {
            self.seen.note_tag();
            if reach.is_lost() {
                break;
            }
            let error = resolved.as_ref().err();
            if error.is_none_or(scout_registry::Error::is_not_found) {
                reach.note_answer();
                tell(&mut report.problems, &repository.name, &mut failed);
            }
            if self.was_asked_since(&repository.name, &tag) {
                report.tags += 1;
                continue;
            }
            match resolved {
                Ok(Resolved {
                    digest, pushed_at, ..
                }) => {
                    // What was pushed since we began to look is no part of the baseline, where
                    // the registry tells: the event of it may have been lost.
                    let is_later = pushed_at.is_some_and(|at| at > repository.watched_since);
                    let is_since = repository.baseline_at.is_none() && is_later;
                    let wanted = match self.options.all_images {
                        _ if is_since => Some(WorkClass::NewTag),
                        true => Some(WorkClass::Backfill),
                        false => None,
                    };
                    let observation = Observation {
                        tag,
                        digest,
                        pushed_at,
                        seen_at,
                        wanted,
                    };
                    let observed = self
                        .watched
                        .store
                        .observe(self.watched.org, repository.id, observation)
                        .await?;
                    report.tags += 1;
                    report.new_tags += u64::from(observed.is_new);
                    self.watched.counters.count_tag(observed.is_new);
                }
                // A tag deleted between listing and asking is no problem; the next listing tells.
                Err(error) if error.is_not_found() => {}
                Err(error) => {
                    self.watched.counters.count_error(ErrorKind::of(&error));
                    match reach.note_unresolved(&error) {
                        Concern::All => self.lose(&mut report.problems, &error, reach),
                        Concern::One if failed.add(chain(&error)) => break,
                        Concern::One => {}
                    }
                }
            }
        }
        drop(resolving);
        if !reach.is_lost() {
            tell(&mut report.problems, &repository.name, &mut failed);
        }
        // A listing with holes is no baseline: what was missed would later look new.
        let is_whole = report.problems.total() == 0 && !reach.is_lost();
        if is_whole || repository.baseline_at.is_some() {
            report.gone_tags = self.record_listing(&repository, &names).await?;
        }
        Ok(report)
    }

    /// Records all tags of a repository; returns how many are gone.
    async fn record_listing(&self, repository: &RepositoryRecord, tags: &[Tag]) -> Result<u64> {
        let Watched { store, org, .. } = &self.watched;
        let now = self.watched.clock.now();
        Ok(store.record_listing(*org, repository.id, tags, now).await?)
    }

    /// Whether repositories are those the registry lists: one that is not found has no tags. One
    /// that somebody named is more likely mistaken.
    fn lists_what_it_has(&self) -> bool {
        self.watched.registry.lists_all() && !self.watched.registry.requires_activation()
    }

    /// Notes that the registry was asked for a tag by itself: what a sweep that began before has
    /// in hand of it is not recorded, as it may be older.
    pub(crate) fn note_asked(&self, repository: &RepositoryName, tag: &Tag) {
        locked(&self.asked_since).insert((repository.clone(), tag.clone()));
    }

    fn was_asked_since(&self, repository: &RepositoryName, tag: &Tag) -> bool {
        locked(&self.asked_since).contains(&(repository.clone(), tag.clone()))
    }

    /// Leaves the rest of the registry to the next sweep, and says why, once.
    fn lose(&self, problems: &mut Problems, error: &scout_registry::Error, reach: &Reach) {
        if reach.lose() {
            self.watched.counters.note_reachable(false);
            let host = self.watched.registry.host();
            let what = match error.concerns_whole_source() {
                true => "",
                false => " cannot answer now, the rest is left to the next sweep",
            };
            note(problems, &format!("{host}{what}: {}", chain(error)));
        }
    }
}

/// Tells which tags of a repository failed.
fn tell(problems: &mut Problems, repository: &RepositoryName, failed: &mut FailedTags) {
    for message in failed.take() {
        note(problems, &format!("{repository}: {message}"));
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lists the registry's repositories, sorted, each once.
pub(crate) async fn list(registry: &dyn RegistryIntegration) -> Result<Vec<RepositoryName>> {
    let names = registry
        .repositories()
        .await
        .map_err(|source| Error::Registry {
            registry: registry.host().to_owned(),
            source,
        })?;
    Ok(names
        .into_iter()
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect())
}

/// Notes a problem, and logs it the first time.
pub(crate) fn note(problems: &mut Problems, message: &str) {
    if problems.note(message) {
        tracing::warn!("{message}");
    }
}
