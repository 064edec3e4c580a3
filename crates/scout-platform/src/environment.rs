//! Environments: recording which images run where.

use std::collections::BTreeMap;

use scout_envs::{EnvironmentName, ImageReference};
use scout_store::{EnvironmentImage, RepositoryId, Store};

use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::lookup::{Organization, find_artifact, shown, why_not_analyzed};

/// The share of an environment that people fill by hand.
const MANUAL: &str = "manual";

/// Records an image in an environment and asks for judgement. Returns the digests recorded.
///
/// Only analyzed images can be recorded. Several versions of an image may be in one environment.
///
/// # Errors
///
/// If no image, or more than one, fits the reference, if it is not analyzed, or if the store
/// fails.
pub async fn assign(
    store: &dyn Store,
    org: &Organization,
    environment: &EnvironmentName,
    image: &ImageReference,
    clock: &dyn Clock,
) -> Result<Vec<String>> {
    let artifact = find_artifact(store, org, image).await?;
    let wanted: Vec<_> = artifact
        .images
        .iter()
        .filter(|(_, manifest, _)| {
            image
                .digest()
                .is_none_or(|digest| *digest == artifact.digest || digest == manifest)
        })
        .collect();
    if wanted.is_empty() {
        let reason = why_not_analyzed(&artifact);
        return Err(Error::NotAnalyzed {
            image: image.to_string(),
            reason,
        });
    }
    let tag = image
        .tag()
        .cloned()
        .or_else(|| artifact.tags.first().cloned());
    for (id, _, _) in &wanted {
        let entry = EnvironmentImage {
            repository_id: artifact.repository_id,
            repository: artifact.repository.clone(),
            tag: tag.clone(),
            digest: image.digest().unwrap_or(&artifact.digest).clone(),
            image: *id,
            recorded_at: clock.now(),
        };
        store
            .record_environment_image(org.id, environment, MANUAL, entry)
            .await?;
    }
    store.enqueue_judgement(org.id).await?;
    Ok(wanted
        .iter()
        .map(|(_, manifest, _)| manifest.to_string())
        .collect())
}

/// Returns the images of an environment as people read them, `repository:tag@digest`.
///
/// # Errors
///
/// If the store fails.
pub async fn environment_lines(
    store: &dyn Store,
    org: &Organization,
    environment: &EnvironmentName,
) -> Result<Vec<String>> {
    let images = store.environment_images(org.id, environment).await?;
    let artifacts = store.artifacts(org.id, None).await?;
    let places: BTreeMap<RepositoryId, &str> = artifacts
        .iter()
        .map(|one| (one.repository_id, shown(&one.reference, &one.registry)))
        .collect();
    let mut lines: Vec<String> = images.iter().map(|image| line(image, &places)).collect();
    lines.dedup();
    Ok(lines)
}

/// An image of an environment as people read it, in one of the places that repositories have.
pub(crate) fn line(image: &EnvironmentImage, places: &BTreeMap<RepositoryId, &str>) -> String {
    let tag = image
        .tag
        .as_ref()
        .map(|tag| format!(":{tag}"))
        .unwrap_or_default();
    let place = places.get(&image.repository_id);
    let place = place.copied().unwrap_or_else(|| image.repository.as_str());
    format!("{place}{tag}@{}", image.digest)
}
