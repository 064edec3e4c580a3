//! What must be so when all is quiet, told from the model by the documented rules alone.
//!
//! Which repositories, tags and digests exist, and what each turned out to be, follows from the
//! model. When the watcher saw something does not, so times are taken from the record, within
//! what the model allows; which tag is the newest by them is told here once more.

mod newest;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use scout_envs::Severity;
use scout_store::{ArtifactRecord, ArtifactState, OrgId, RepositoryListing, Store, TagCandidate};

use super::model::{Model, Place, Tenure};
use super::script::{REPOSITORIES, Settings, TAGS};
use super::world::{Artifact, Image, WORLD, is_vulnerable};
use newest::newest;
pub(crate) use newest::newest_of;

/// What the oracle knows beside the model.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Oracle<'a> {
    pub(crate) model: &'a Model,
    pub(crate) settings: &'a Settings,
    /// When the first sweep was over; nothing if it was not let finish in peace.
    pub(crate) baseline: Option<Timestamp>,
    /// Whether two watchers ran at once at any time: one may have put back what the other saw.
    pub(crate) had_second: bool,
}

/// Whether an artifact is to be looked at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Wanted {
    Yes,
    No,
    /// It depends on what was seen when.
    Perhaps,
}

type Outcome<T = ()> = Result<T, String>;

impl Oracle<'_> {
    fn is_watched(&self, (repository, tag): Place) -> bool {
        let is_wanted =
            !self.settings.some_tags || tag.starts_with("1.") || tag.starts_with("latest");
        !repository.starts_with("secret/") && is_wanted
    }

    /// The tags that must be known, with what they point to.
    fn tags(&self) -> BTreeMap<Place, usize> {
        let places = REPOSITORIES
            .iter()
            .flat_map(|&repository| TAGS.iter().map(move |&tag| (repository, tag)));
        places
            .filter(|&place| self.is_watched(place))
            .filter_map(|place| Some((place, self.model.points_to(place)?)))
            .collect()
    }

    /// Checks which tags exist and where they point.
    pub(crate) async fn check_tags(&self, store: &dyn Store, org: OrgId) -> Outcome {
        let mut known = BTreeMap::new();
        for repository in repositories(store, org).await? {
            let tags = store.known_tags(org, repository.id).await;
            for tag in tags.map_err(|error| text(&error))? {
                let place = format!("{}:{}", repository.name, tag.tag);
                known.insert(place, name(tag.digest.as_str()));
            }
        }
        let expected: BTreeMap<String, String> = self
            .tags()
            .into_iter()
            .map(|((repository, tag), artifact)| {
                (
                    format!("{repository}:{tag}"),
                    WORLD.artifacts[artifact].name.clone(),
                )
            })
            .collect();
        same("tags", &known, &expected)
    }

    /// Checks all the rest.
    pub(crate) async fn check(&self, store: &dyn Store, org: OrgId) -> Outcome {
        self.check_tags(store, org).await?;
        self.check_artifacts(store, org).await?;
        self.check_nothing_waits(store, org).await?;
        self.check_judgement(store, org).await
    }

    async fn check_artifacts(&self, store: &dyn Store, org: OrgId) -> Outcome {
        let mut expected: BTreeMap<(&str, usize), BTreeSet<&str>> = BTreeMap::new();
        for ((repository, tag), artifact) in self.tags() {
            expected
                .entry((repository, artifact))
                .or_default()
                .insert(tag);
        }
        let records = store
            .artifacts(org, None)
            .await
            .map_err(|error| text(&error))?;
        let shown: BTreeSet<String> = records.iter().map(shown).collect();
        let wanted: BTreeSet<String> = expected
            .iter()
            .map(|((repository, artifact), tags)| {
                let tags: Vec<_> = tags.iter().copied().collect();
                format!(
                    "{repository}:{} = {}",
                    tags.join(","),
                    WORLD.artifacts[*artifact].name
                )
            })
            .collect();
        same("artifacts", &shown, &wanted)?;
        for record in &records {
            let places = expected.keys();
            let place = places
                .filter(|(repository, _)| *repository == record.repository.as_str())
                .find(|(_, artifact)| WORLD.artifacts[*artifact].digest == record.digest.as_str());
            let Some(&(repository, number)) = place else {
                return Err(format!("{} was never pushed", shown_of(record)));
            };
            let artifact = &WORLD.artifacts[number];
            let wanted = self.wanted(repository, number);
            let is_right = match wanted {
                Wanted::Yes => record.state == artifact.state,
                Wanted::No => record.state == ArtifactState::BelowBaseline,
                Wanted::Perhaps => {
                    [ArtifactState::BelowBaseline, artifact.state].contains(&record.state)
                }
            };
            if !is_right {
                let history: Vec<_> = record
                    .tags
                    .iter()
                    .filter_map(|tag| {
                        let places = self.model.history.iter();
                        let mut places = places.filter(|((of, _), _)| *of == repository);
                        places.find(|((_, name), _)| *name == tag.as_str())
                    })
                    .collect();
                return Err(format!(
                    "{} is {} ({:?}), wanted: {wanted:?}; first sweep over: {:?}; {history:#?}",
                    shown_of(record),
                    record.state.as_str(),
                    record.reason,
                    self.baseline
                ));
            }
            check_images(store, record, artifact).await?;
        }
        Ok(())
    }

    /// Returns whether an artifact that some tag of the repository points to is to be looked at.
    fn wanted(&self, repository: &'static str, artifact: usize) -> Wanted {
        if self.settings.all_images {
            return Wanted::Yes;
        }
        let places = TAGS.iter().map(|&tag| (repository, tag));
        let mut wanted = Wanted::No;
        for place in places.filter(|&place| self.is_watched(place)) {
            let Some(history) = self.model.history.get(&place) else {
                continue;
            };
            let Some(first) = history.iter().find(|one| one.artifact == artifact) else {
                continue;
            };
            let last = history.last().filter(|last| last.until.is_none());
            if let Some(last) = last.filter(|last| last.artifact == artifact) {
                let is_told = last.pushes.iter().any(|push| push.is_acknowledged);
                // The pair of tag and digest is new, and still there for the sweep to see.
                let is_new = std::ptr::eq(first, last)
                    && self.baseline.is_some_and(|baseline| last.since > baseline);
                if is_told || is_new {
                    return Wanted::Yes;
                }
            }
            // What was there all through the end of the first sweep is in the baseline.
            let was_first = self.baseline.is_some_and(|baseline| {
                let is_there = |one: &Tenure| {
                    one.since < baseline && one.until.is_none_or(|until| until >= baseline)
                };
                history
                    .iter()
                    .any(|one| one.artifact == artifact && is_there(one))
            });
            // A late event of an earlier push asks for what is there now.
            let end = history.iter().rposition(|one| one.artifact == artifact);
            let may_be_told = history[..=end.unwrap_or_default()]
                .iter()
                .any(|one| one.pushes.iter().any(|push| push.is_sent));
            if !was_first || may_be_told {
                wanted = Wanted::Perhaps;
            }
        }
        wanted
    }

    async fn check_nothing_waits(&self, store: &dyn Store, org: OrgId) -> Outcome {
        for registry in registries(store, org).await? {
            let (work, due) = store
                .index_backlog(org, registry)
                .await
                .map_err(|error| text(&error))?;
            if work > 0 {
                return Err(format!("{work} artifacts wait until {due:?}"));
            }
            let (events, due) = store
                .event_backlog(org, registry)
                .await
                .map_err(|error| text(&error))?;
            if events > 0 {
                return Err(format!("{events} events wait until {due:?}"));
            }
        }
        Ok(())
    }

    async fn check_judgement(&self, store: &dyn Store, org: OrgId) -> Outcome {
        let input = store.judge_input(org).await.map_err(|error| text(&error))?;
        let manifests: BTreeMap<_, _> = input
            .images
            .iter()
            .map(|image| (image.id, image.facts.manifest_digest.to_string()))
            .collect();
        let mut candidates: BTreeMap<&str, Vec<(&TagCandidate, Image)>> = BTreeMap::new();
        for candidate in &input.tags {
            let place = self.place(candidate)?;
            let images: Vec<_> = candidate.images.iter().map(|id| &manifests[id]).collect();
            let image = self.check_candidate(place, candidate, &images)?;
            candidates
                .entry(place.0)
                .or_default()
                .push((candidate, image));
        }
        for ((repository, tag), artifact) in self.tags() {
            let artifact = &WORLD.artifacts[artifact];
            let of_repository = candidates.get(repository).map_or(&[][..], Vec::as_slice);
            let is_there = of_repository
                .iter()
                .any(|(candidate, _)| candidate.tag.as_str() == tag);
            if self.settings.all_images && artifact.image.is_some() && !is_there {
                return Err(format!("{repository}:{tag} is no candidate"));
            }
        }
        let members: Vec<&Image> = candidates.values().map(|all| newest(all)).collect();
        let packages: BTreeSet<&String> =
            members.iter().flat_map(|image| &image.packages).collect();
        let critical = packages.iter().filter(|name| is_vulnerable(name)).count() as u64;
        let Some(snapshot) = store.snapshot(org).await.map_err(|error| text(&error))? else {
            return Err("nothing is published".to_owned());
        };
        let stream = &snapshot.streams[0];
        let counted = stream
            .vulnerabilities
            .map(|counts| (counts.of(Severity::Critical), counts.total()));
        let found = (stream.members, stream.judged, counted);
        // No data is not zero: nothing may be left that was not looked at to its end.
        let is_nothing_left = self
            .tags()
            .values()
            .all(|artifact| WORLD.artifacts[*artifact].state == ArtifactState::Skipped);
        let is_known = !members.is_empty() || is_nothing_left;
        let members_count = members.len() as u64;
        let expected = (
            members_count,
            members_count,
            is_known.then_some((critical, critical)),
        );
        if found != expected {
            let members: Vec<_> = members.iter().map(|image| &image.packages).collect();
            return Err(format!(
                "{found:?} is published, {expected:?} is right: {members:?}"
            ));
        }
        Ok(())
    }

    fn place(&self, candidate: &TagCandidate) -> Outcome<Place> {
        let (repository, tag) = (candidate.repository_name.as_str(), candidate.tag.as_str());
        let place = self
            .tags()
            .into_keys()
            .find(|&place| place == (repository, tag));
        place.ok_or_else(|| format!("{repository}:{tag} is a candidate and not there"))
    }

    /// Checks what a tag stands for and since when; returns the image.
    fn check_candidate(
        &self,
        place: Place,
        candidate: &TagCandidate,
        images: &[&String],
    ) -> Outcome<Image> {
        let history = &self.model.history[&place];
        let current = history.last().unwrap();
        let is_it = |tenure: &&Tenure| {
            let image = WORLD.artifacts[tenure.artifact].image.as_ref();
            image.is_some_and(|image| images == [&image.manifest])
        };
        let Some(stands_for) = history.iter().rev().find(is_it) else {
            return Err(format!("{place:?} stands for {images:?}"));
        };
        let is_current = stands_for.artifact == current.artifact;
        let artifact = &WORLD.artifacts[current.artifact];
        // It stands for what was there before as long as that is not looked at.
        let may_lag = self.wanted(place.0, current.artifact) != Wanted::Yes
            || matches!(
                artifact.state,
                ArtifactState::Failed | ArtifactState::OtherPlatform
            );
        let same_image =
            artifact.image.as_ref().map(|image| vec![&image.manifest]) == Some(images.to_vec());
        if !is_current && !same_image && !may_lag {
            return Err(format!("{place:?} stands for what was there before"));
        }
        if is_current {
            self.check_push_time(place, history, candidate.pushed_at)?;
        }
        Ok(WORLD.artifacts[stands_for.artifact].image.clone().unwrap())
    }

    /// The time of pushing is that of the newest event that was taken, as long as the tag did not
    /// move in between; never that of an event that was not sent.
    fn check_push_time(
        &self,
        place: Place,
        history: &[Tenure],
        told: Option<Timestamp>,
    ) -> Outcome {
        let current = history.last().unwrap();
        let of_it = history
            .iter()
            .filter(|one| one.artifact == current.artifact);
        let sent: BTreeSet<Timestamp> = of_it
            .flat_map(|tenure| &tenure.pushes)
            .filter(|push| push.is_sent)
            .map(|push| push.at)
            .collect();
        if told.is_some_and(|told| !sent.contains(&told)) {
            return Err(format!("{place:?} was not pushed at {told:?}"));
        }
        let taken = current.pushes.iter().filter(|push| push.is_acknowledged);
        let least = taken.map(|push| push.at).max();
        if told < least && !self.had_second {
            return Err(format!(
                "{place:?} is said to be pushed at {told:?}, not {least:?}"
            ));
        }
        Ok(())
    }
}

async fn check_images(store: &dyn Store, record: &ArtifactRecord, artifact: &Artifact) -> Outcome {
    let expected = artifact
        .image
        .as_ref()
        .filter(|_| record.state == ArtifactState::Indexed);
    let manifests: Vec<_> = record
        .images
        .iter()
        .map(|(_, digest, _)| digest.as_str())
        .collect();
    let wanted: Vec<_> = expected
        .iter()
        .map(|image| image.manifest.as_str())
        .collect();
    if manifests != wanted {
        return Err(format!(
            "{} holds {manifests:?}, not {wanted:?}",
            shown_of(record)
        ));
    }
    if record.state == ArtifactState::Failed && record.reason.is_none() {
        return Err(format!("{} is parked without a reason", shown_of(record)));
    }
    if let (Some((id, ..)), Some(image)) = (record.images.first(), expected) {
        let found = store.image(*id).await.map_err(|error| text(&error))?;
        let found = found.ok_or_else(|| format!("{} has no facts", shown_of(record)))?;
        let packages = store
            .packages(&found.packages)
            .await
            .map_err(|error| text(&error))?;
        let names: BTreeSet<String> = packages.into_iter().map(|(_, key)| key.name).collect();
        same("packages", &names, &image.packages)?;
    }
    Ok(())
}

pub(crate) async fn repositories(store: &dyn Store, org: OrgId) -> Outcome<Vec<RepositoryListing>> {
    store
        .repositories(org, None)
        .await
        .map_err(|error| text(&error))
}

async fn registries(store: &dyn Store, org: OrgId) -> Outcome<BTreeSet<scout_store::RegistryId>> {
    let all = repositories(store, org).await?;
    Ok(all.into_iter().map(|one| one.registry_id).collect())
}

fn name(digest: &str) -> String {
    let artifact = WORLD.artifact(digest);
    artifact.map_or_else(|| digest.to_owned(), |artifact| artifact.name.clone())
}

fn shown(record: &ArtifactRecord) -> String {
    let tags: Vec<_> = record.tags.iter().map(|tag| tag.as_str()).collect();
    let mut tags = tags;
    tags.sort_unstable();
    format!(
        "{}:{} = {}",
        record.repository,
        tags.join(","),
        name(record.digest.as_str())
    )
}

fn shown_of(record: &ArtifactRecord) -> String {
    shown(record)
}

fn text(error: &scout_store::Error) -> String {
    format!("the store fails: {error:?}")
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, expected: &T) -> Outcome {
    match found == expected {
        true => Ok(()),
        false => Err(format!(
            "{what} are {found:?}, the registry's are {expected:?}"
        )),
    }
}
