//! Environments: recording which images run where, and taking that back.

mod near;
mod removal;

use std::collections::BTreeSet;

use scout_envs::{EnvironmentName, ImageReference, Platform};
use scout_store::{EnvironmentImage, Store};

use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::lookup::{Organization, find_artifact, why_not_analyzed};
pub use removal::{Removed, remove_environment, remove_image, remove_source};

/// The share of an environment that people fill by hand.
pub const MANUAL_SOURCE: &str = "manual";

/// Records an image in an environment and asks for judgement: the image of one platform, or of
/// all that are analyzed. Returns the digests recorded.
///
/// Only analyzed images can be recorded. Several versions of an image may be in one environment.
///
/// # Errors
///
/// If no image, or more than one, fits the reference, if it is not analyzed, or if the store
/// fails.
pub async fn assign_platform(
    store: &dyn Store,
    org: &Organization,
    environment: &EnvironmentName,
    image: &ImageReference,
    platform: Option<&Platform>,
    clock: &dyn Clock,
) -> Result<Vec<String>> {
    let artifact = find_artifact(store, org, image).await?;
    let named = artifact.images.iter().filter(|(_, manifest, _)| {
        image
            .digest()
            .is_none_or(|digest| *digest == artifact.digest || digest == manifest)
    });
    let named: Vec<_> = named.collect();
    if named.is_empty() {
        let reason = why_not_analyzed(&artifact);
        return Err(Error::NotAnalyzed {
            image: image.to_string(),
            reason,
        });
    }
    let is_wanted = |own: &Platform| platform.is_none_or(|wanted| own.satisfies(wanted));
    let wanted: Vec<_> = named.iter().filter(|(.., own)| is_wanted(own)).collect();
    if let (true, Some(platform)) = (wanted.is_empty(), platform) {
        let analyzed: Vec<String> = named.iter().map(|(.., own)| own.to_string()).collect();
        return Err(Error::NotAnalyzed {
            image: format!("{image} for {platform}"),
            reason: format!("of its platforms only {} is", analyzed.join(", ")),
        });
    }
    let tag = image
        .tag()
        .cloned()
        .or_else(|| artifact.tags.first().cloned());
    for (id, ..) in &wanted {
        let entry = EnvironmentImage {
            repository_id: artifact.repository_id,
            repository: artifact.repository.clone(),
            tag: tag.clone(),
            digest: image.digest().unwrap_or(&artifact.digest).clone(),
            image: *id,
            recorded_at: clock.now(),
        };
        store
            .record_environment_image(org.id, environment, MANUAL_SOURCE, entry)
            .await?;
    }
    store.enqueue_judgement(org.id).await?;
    Ok(wanted
        .iter()
        .map(|(_, manifest, _)| manifest.to_string())
        .collect())
}

/// Records an image in an environment, of all platforms; see [`assign_platform`].
///
/// # Errors
///
/// As [`assign_platform`].
pub async fn assign(
    store: &dyn Store,
    org: &Organization,
    environment: &EnvironmentName,
    image: &ImageReference,
    clock: &dyn Clock,
) -> Result<Vec<String>> {
    assign_platform(store, org, environment, image, None, clock).await
}

/// Lists the names of all environments of which anything is known: also of those that hold no
/// analyzed image yet, and are therefore no streams.
///
/// # Errors
///
/// If the store fails.
pub async fn known_environments(
    store: &dyn Store,
    org: &Organization,
) -> Result<BTreeSet<EnvironmentName>> {
    let streams = store.environments(org.id).await?.into_iter();
    let shares = store.shares(org.id).await?.into_iter();
    let names = streams.map(|environment| environment.name);
    Ok(names.chain(shares.map(|share| share.environment)).collect())
}

/// The error for an environment of which nothing is known, with what may have been meant.
pub(crate) async fn unknown(store: &dyn Store, org: &Organization, name: &str) -> Error {
    let known = match known_environments(store, org).await {
        Ok(known) => known,
        Err(error) => return error,
    };
    let names = known.iter().map(EnvironmentName::as_str);
    let advice = match near::nearest(name, names) {
        Some(near) => format!("did you mean {near}?"),
        None if known.is_empty() => {
            "there is none yet; `scout environment NAME IMAGE` makes one".to_owned()
        }
        None => "`scout environment` lists them".to_owned(),
    };
    Error::UnknownEnvironment {
        environment: name.to_owned(),
        org: org.name.to_string(),
        advice,
    }
}

/// An image of an environment as people read it, `repository:tag@digest`, in the place where its
/// repository is, if that is known.
pub(crate) fn line(image: &EnvironmentImage, place: Option<&str>) -> String {
    let tag = image
        .tag
        .as_ref()
        .map(|tag| format!(":{tag}"))
        .unwrap_or_default();
    let place = place.unwrap_or(image.repository.as_str());
    format!("{place}{tag}@{}", image.digest)
}
