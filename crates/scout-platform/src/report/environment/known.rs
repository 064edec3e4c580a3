//! What is known of images in registries: where they are, for which platforms, and what tags point
//! to.

use std::collections::{BTreeSet, HashMap, HashSet};

use scout_envs::{Digest, Tag};
use scout_store::{ArtifactRecord, EnvironmentImage, ImageId, RepositoryId, RepositoryListing};

use super::{EnvironmentLine, PlatformLine, TagLine, TagState};
use crate::lookup::shown;

/// What is known of images, to be found by them.
pub(super) struct Known<'a> {
    places: HashMap<RepositoryId, &'a str>,
    platforms: HashMap<ImageId, PlatformLine>,
    tags: HashMap<(RepositoryId, &'a Tag), &'a ArtifactRecord>,
    /// A tag that points to it now: to itself, else to an index that it is in.
    names: HashMap<(RepositoryId, &'a Digest), &'a Tag>,
    watched: HashSet<RepositoryId>,
}

impl<'a> Known<'a> {
    pub(super) fn new(artifacts: &'a [ArtifactRecord], repositories: &[RepositoryListing]) -> Self {
        let enabled = repositories.iter().filter(|one| one.enabled);
        let mut known = Self {
            places: HashMap::new(),
            platforms: HashMap::new(),
            tags: HashMap::new(),
            names: HashMap::new(),
            watched: enabled.map(|one| one.id).collect(),
        };
        for artifact in artifacts {
            let repository = artifact.repository_id;
            let place = shown(&artifact.reference, &artifact.registry);
            known.places.insert(repository, place);
            for (id, digest, platform) in &artifact.images {
                let line = PlatformLine {
                    digest: digest.to_string(),
                    platform: platform.clone(),
                };
                known.platforms.insert(*id, line);
            }
            if let Some(tag) = artifact.tags.first() {
                known.names.insert((repository, &artifact.digest), tag);
                for (_, digest, _) in &artifact.images {
                    known.names.entry((repository, digest)).or_insert(tag);
                }
            }
            let tags = artifact.tags.iter();
            known
                .tags
                .extend(tags.map(|tag| ((repository, tag), artifact)));
        }
        known
    }

    pub(super) fn place(&self, image: &EnvironmentImage) -> Option<&'a str> {
        self.places.get(&image.repository_id).copied()
    }

    pub(super) fn platform(&self, image: ImageId) -> Option<PlatformLine> {
        self.platforms.get(&image).cloned()
    }

    /// Gives an image that was told by its digest alone the name of a tag that points to it now.
    pub(super) fn named(&self, image: &EnvironmentImage) -> EnvironmentImage {
        let mut image = image.clone();
        if image.tag.is_none() {
            let name = self.names.get(&(image.repository_id, &image.digest));
            image.tag = name.map(|tag| (*tag).clone());
        }
        image
    }

    /// The line of an image, but for who put it there.
    pub(super) fn line(&self, name: &str, image: &EnvironmentImage) -> EnvironmentLine {
        let place = self.place(image).unwrap_or(image.repository.as_str());
        EnvironmentLine {
            image: name.to_owned(),
            repository: place.to_owned(),
            tag: self.tag(image),
            digest: image.digest.to_string(),
            platforms: Vec::new(),
            sources: BTreeSet::new(),
            since: image.recorded_at,
            workloads: BTreeSet::new(),
            packages_in_use: None,
        }
    }

    /// What became of the tag of an image, if it has one.
    fn tag(&self, image: &EnvironmentImage) -> Option<TagLine> {
        let tag = image.tag.as_ref()?;
        let now = self.tags.get(&(image.repository_id, tag));
        let (state, points_to) = match now {
            None if self.watched.contains(&image.repository_id) => (TagState::Gone, None),
            None => (TagState::Unknown, None),
            Some(now) if is_same(now, image) => (TagState::Current, None),
            Some(now) => (TagState::Moved, Some(now.digest.to_string())),
        };
        Some(TagLine {
            name: tag.to_string(),
            state,
            points_to,
        })
    }
}

fn is_same(artifact: &ArtifactRecord, image: &EnvironmentImage) -> bool {
    let mut images = artifact.images.iter();
    artifact.digest == image.digest || images.any(|(id, ..)| *id == image.image)
}
