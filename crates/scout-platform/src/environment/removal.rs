//! Taking back what was recorded or listed in an environment.

use std::collections::{BTreeMap, BTreeSet};

use scout_envs::{EnvironmentName, ImageReference};
use scout_store::{
    EnvironmentImage, ImageId, IntegrationRecord, RecordedImage, RepositoryId, Store,
};

use super::{MANUAL_SOURCE, line, unknown};
use crate::error::{Error, Result};
use crate::lookup::{Organization, is_at, shown};

/// What was taken out of an environment.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Removed {
    /// The images that had been recorded, `repository:tag@digest`, by name.
    pub images: BTreeSet<String>,
    /// The shares that were removed.
    pub shares: BTreeSet<String>,
    /// The shares that stay, because an integration fills them.
    pub kept: BTreeSet<String>,
}

/// Takes an image that was recorded by hand out of an environment. A reference means what it was
/// recorded by: its tag may point elsewhere by now.
///
/// # Errors
///
/// [`Error::NotRecorded`] if it was not recorded by hand, [`Error::AmbiguousImage`] if several
/// were that fit, or if the store fails.
pub async fn remove_image(
    store: &dyn Store,
    org: &Organization,
    environment: &EnvironmentName,
    image: &ImageReference,
) -> Result<Removed> {
    let place = Place::find(store, org, environment).await?;
    let recorded: Vec<&EnvironmentImage> = place.recorded_by(MANUAL_SOURCE).collect();
    let fitting: Vec<&EnvironmentImage> = recorded
        .iter()
        .copied()
        .filter(|one| place.fits(one, image))
        .collect();
    let lines: BTreeSet<String> = fitting.iter().map(|one| place.line(one)).collect();
    match lines.len() {
        0 => Err(Error::NotRecorded {
            image: image.to_string(),
            environment: environment.to_string(),
            advice: place.advice(image, &recorded),
        }),
        1 => {
            let images: Vec<_> = fitting.iter().map(|one| key(one)).collect();
            store
                .forget_environment_images(org.id, environment, MANUAL_SOURCE, &images)
                .await?;
            Ok(Removed {
                images: lines,
                ..Removed::default()
            })
        }
        _ => Err(Error::AmbiguousImage {
            image: image.to_string(),
            candidates: lines.into_iter().collect::<Vec<_>>().join(", "),
        }),
    }
}

/// Takes everything out of an environment that one source put there: a list, what was recorded by
/// hand, or an integration that is gone.
///
/// # Errors
///
/// [`Error::UnknownSource`] if it put nothing there, [`Error::FilledByIntegration`] if it would
/// soon do so again, or if the store fails.
pub async fn remove_source(
    store: &dyn Store,
    org: &Organization,
    environment: &EnvironmentName,
    source: &str,
) -> Result<Removed> {
    let place = Place::find(store, org, environment).await?;
    if !place.sources().contains(source) {
        let sources = place.sources();
        let known: Vec<&str> = sources.iter().map(String::as_str).collect();
        return Err(Error::UnknownSource {
            source_name: source.to_owned(),
            environment: environment.to_string(),
            known: known.join(", "),
        });
    }
    if let Some(integration) = place.filled_by(source) {
        return Err(Error::FilledByIntegration {
            integration: integration.name.to_string(),
            environment: environment.to_string(),
        });
    }
    let mut removed = Removed::default();
    place.remove(store, org, source, &mut removed).await?;
    Ok(removed)
}

/// Takes everything out of an environment but for what integrations say of it.
///
/// # Errors
///
/// [`Error::UnknownEnvironment`] if nothing is known of it, or if the store fails.
pub async fn remove_environment(
    store: &dyn Store,
    org: &Organization,
    environment: &EnvironmentName,
) -> Result<Removed> {
    let place = Place::find(store, org, environment).await?;
    let mut removed = Removed::default();
    for source in place.sources() {
        if place.filled_by(&source).is_some() {
            removed.kept.insert(source);
        } else {
            place.remove(store, org, &source, &mut removed).await?;
        }
    }
    Ok(removed)
}

/// An environment, and what is known of what is in it.
struct Place<'a> {
    environment: &'a EnvironmentName,
    recorded: Vec<RecordedImage>,
    shares: BTreeSet<String>,
    integrations: Vec<IntegrationRecord>,
    /// Registry's name and reference of each repository.
    repositories: BTreeMap<RepositoryId, (String, String)>,
    /// The manifests of the images recorded.
    manifests: BTreeMap<ImageId, String>,
}

impl<'a> Place<'a> {
    async fn find(
        store: &dyn Store,
        org: &Organization,
        environment: &'a EnvironmentName,
    ) -> Result<Self> {
        let recorded = store.recorded_images(org.id, environment).await?;
        let shares = store.shares(org.id).await?.into_iter();
        let shares: BTreeSet<String> = shares
            .filter(|share| share.environment == *environment)
            .map(|share| share.source)
            .collect();
        if recorded.is_empty() && shares.is_empty() {
            return Err(unknown(store, org, environment.as_str()).await);
        }
        let artifacts = store.artifacts(org.id, None).await?;
        let listings = store.repositories(org.id, None).await?;
        let listed = listings
            .into_iter()
            .map(|one| (one.id, (one.registry, one.reference)));
        let held = artifacts.iter().map(|one| {
            let place = (one.registry.clone(), one.reference.clone());
            (one.repository_id, place)
        });
        let images = artifacts.iter().flat_map(|one| &one.images);
        Ok(Self {
            environment,
            recorded,
            shares,
            integrations: store.integrations(org.id).await?,
            repositories: held.chain(listed).collect(),
            manifests: images
                .map(|(id, manifest, _)| (*id, manifest.to_string()))
                .collect(),
        })
    }

    fn sources(&self) -> BTreeSet<String> {
        let recorded = self.recorded.iter().map(|one| one.source.clone());
        recorded.chain(self.shares.iter().cloned()).collect()
    }

    fn recorded_by(&self, source: &str) -> impl Iterator<Item = &EnvironmentImage> {
        let own = self.recorded.iter().filter(move |one| one.source == source);
        own.map(|one| &one.image)
    }

    /// Returns the integration that says under this name what runs, and will again.
    fn filled_by(&self, source: &str) -> Option<&IntegrationRecord> {
        let mut all = self.integrations.iter();
        all.find(|one| IntegrationRecord::share_source(&one.kind, &one.name) == source)
    }

    fn line(&self, image: &EnvironmentImage) -> String {
        let place = self.repositories.get(&image.repository_id);
        let place = place.map(|(registry, reference)| shown(reference, registry));
        line(image, place)
    }

    fn is_of_repository(&self, one: &EnvironmentImage, image: &ImageReference) -> bool {
        match self.repositories.get(&one.repository_id) {
            Some((registry, reference)) => {
                is_at(registry, one.repository.as_str(), reference, image)
            }
            None => one.repository == *image.repository(),
        }
    }

    fn fits(&self, one: &EnvironmentImage, image: &ImageReference) -> bool {
        let is_version = match (image.digest(), image.tag()) {
            (Some(digest), _) => {
                let manifest = self.manifests.get(&one.image);
                one.digest == *digest
                    || manifest.is_some_and(|manifest| manifest == digest.as_str())
            }
            (None, tag) => {
                let tag = tag.map_or("latest", |tag| tag.as_str());
                one.tag.as_ref().is_some_and(|own| own.as_str() == tag)
            }
        };
        is_version && self.is_of_repository(one, image)
    }

    /// What to do about an image that was not recorded by hand.
    fn advice(&self, image: &ImageReference, recorded: &[&EnvironmentImage]) -> String {
        let near = recorded.iter().copied();
        let near = near.filter(|one| self.is_of_repository(one, image));
        let near: BTreeSet<String> = near.map(|one| self.line(one)).collect();
        if !near.is_empty() {
            let near: Vec<String> = near.into_iter().collect();
            return format!("of its repository there is {}", near.join(", "));
        }
        let others: Vec<String> = self
            .sources()
            .into_iter()
            .filter(|source| source != MANUAL_SOURCE)
            .collect();
        match others.as_slice() {
            [] => format!("`scout environment {}` lists what is", self.environment),
            others => format!(
                "if it runs there, {} tells so, and it leaves when that tells no more of it",
                others.join(", ")
            ),
        }
    }

    async fn remove(
        &self,
        store: &dyn Store,
        org: &Organization,
        source: &str,
        removed: &mut Removed,
    ) -> Result<()> {
        let images: Vec<_> = self.recorded_by(source).map(key).collect();
        if !images.is_empty() {
            store
                .forget_environment_images(org.id, self.environment, source, &images)
                .await?;
            let lines = self.recorded_by(source).map(|one| self.line(one));
            removed.images.extend(lines);
        }
        if store.remove_share(org.id, self.environment, source).await? {
            removed.shares.insert(source.to_owned());
        }
        Ok(())
    }
}

fn key(image: &EnvironmentImage) -> (RepositoryId, ImageId) {
    (image.repository_id, image.image)
}
