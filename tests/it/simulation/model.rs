//! What the registry holds, what it held before, and what it told of it: the truth to compare with.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::world::WORLD;

/// A repository and a tag.
pub(crate) type Place = (&'static str, &'static str);

/// Everything that was ever in the registry.
#[derive(Debug, Default)]
pub(crate) struct Model {
    /// The repositories that were not deleted, with the manifests they hold.
    pub(crate) repositories: BTreeMap<&'static str, BTreeSet<&'static str>>,
    /// The repositories that were deleted.
    pub(crate) deleted: BTreeSet<&'static str>,
    /// What each tag pointed to, the newest last.
    pub(crate) history: BTreeMap<Place, Vec<Tenure>>,
}

/// A time during which a tag pointed to one thing.
#[derive(Debug)]
pub(crate) struct Tenure {
    pub(crate) artifact: usize,
    pub(crate) since: Timestamp,
    pub(crate) until: Option<Timestamp>,
    /// Its pushes: a repeated one changes nothing, but is told.
    pub(crate) pushes: Vec<Push>,
}

/// One push, and what became of its event.
#[derive(Debug)]
pub(crate) struct Push {
    pub(crate) at: Timestamp,
    /// Whether the sender ever sent it.
    pub(crate) is_sent: bool,
    /// Whether it was answered with 200.
    pub(crate) is_acknowledged: bool,
}

/// Which push an event is of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PushId {
    place: Place,
    tenure: usize,
    push: usize,
}

impl Model {
    /// Points a tag to an artifact.
    pub(crate) fn push(&mut self, place: Place, artifact: usize, now: Timestamp) -> PushId {
        let (repository, _) = place;
        self.deleted.remove(repository);
        let manifests = self.repositories.entry(repository).or_default();
        let pushed = &WORLD.artifacts[artifact];
        manifests.insert(&pushed.digest);
        manifests.extend(pushed.children.iter().map(String::as_str));
        let history = self.history.entry(place).or_default();
        let is_same = history
            .last()
            .is_some_and(|last| last.until.is_none() && last.artifact == artifact);
        if !is_same {
            end(history, now);
            history.push(Tenure {
                artifact,
                since: now,
                until: None,
                pushes: Vec::new(),
            });
        }
        let tenure = history.len() - 1;
        let pushes = &mut history[tenure].pushes;
        pushes.push(Push {
            at: now,
            is_sent: false,
            is_acknowledged: false,
        });
        let push = pushes.len() - 1;
        PushId {
            place,
            tenure,
            push,
        }
    }

    /// Returns the push with this number.
    pub(crate) fn pushed(&mut self, id: PushId) -> &mut Push {
        let tenures = self.history.get_mut(&id.place).unwrap();
        &mut tenures[id.tenure].pushes[id.push]
    }

    /// Deletes a tag; returns whether it was there.
    pub(crate) fn delete_tag(&mut self, place: Place, now: Timestamp) -> bool {
        let was_there = self.points_to(place).is_some();
        if let Some(history) = self.history.get_mut(&place) {
            end(history, now);
        }
        was_there
    }

    /// Deletes a manifest with its tags; returns whether it was there.
    pub(crate) fn delete_manifest(
        &mut self,
        repository: &'static str,
        artifact: usize,
        now: Timestamp,
    ) -> bool {
        let digest = WORLD.artifacts[artifact].digest.as_str();
        let Some(manifests) = self.repositories.get_mut(repository) else {
            return false;
        };
        // A registry does not look whether an index needs it; nobody deletes such a one here.
        let is_child = WORLD
            .artifacts
            .iter()
            .any(|one| one.children.iter().any(|child| child == digest));
        if is_child || !manifests.remove(digest) {
            return false;
        }
        let here = self.history.iter_mut();
        for (_, history) in here.filter(|((name, _), _)| *name == repository) {
            if history.last().is_some_and(|last| last.artifact == artifact) {
                end(history, now);
            }
        }
        true
    }

    pub(crate) fn delete_repository(&mut self, repository: &'static str, now: Timestamp) {
        if self.repositories.remove(repository).is_some() {
            self.deleted.insert(repository);
        }
        let here = self.history.iter_mut();
        for (_, history) in here.filter(|((name, _), _)| *name == repository) {
            end(history, now);
        }
    }

    /// Returns what a tag points to.
    pub(crate) fn points_to(&self, place: Place) -> Option<usize> {
        let last = self.history.get(&place)?.last()?;
        last.until.is_none().then_some(last.artifact)
    }

    /// Returns the tags of a repository, sorted, and what they point to.
    pub(crate) fn tags(&self, repository: &str) -> BTreeMap<&'static str, usize> {
        let here = self.history.keys().filter(|(name, _)| *name == repository);
        here.filter_map(|&place| Some((place.1, self.points_to(place)?)))
            .collect()
    }
}

fn end(history: &mut [Tenure], now: Timestamp) {
    if let Some(last) = history.last_mut() {
        last.until.get_or_insert(now);
    }
}
