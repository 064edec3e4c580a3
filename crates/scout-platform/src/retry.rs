//! Trying again what failed, because somebody asks for it.

use scout_envs::ImageReference;
use scout_store::{ArtifactState, Retry, Store};

use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::lookup::{Organization, find_artifact, is_at};

/// Enqueues a failed image again, whatever it failed for; a running watcher takes it up.
///
/// # Errors
///
/// If no image, or more than one, fits the reference, [`Error::NotFailed`], [`Error::NotWatched`]
/// if its repository is not watched any more, or if the store fails.
pub async fn retry_image(
    store: &dyn Store,
    org: &Organization,
    image: &ImageReference,
    clock: &dyn Clock,
) -> Result<()> {
    let artifact = match find_artifact(store, org, image).await {
        Err(Error::UnknownImage { .. }) if is_disabled(store, org, image).await? => {
            return Err(Error::NotWatched {
                image: image.to_string(),
            });
        }
        found => found?,
    };
    if artifact.state != ArtifactState::Failed {
        return Err(Error::NotFailed {
            image: image.to_string(),
            state: artifact.state.as_str(),
        });
    }
    let which = Retry::One(artifact.id);
    match store.retry_failed(org.id, which, clock.now()).await? {
        0 => Err(Error::NotWatched {
            image: image.to_string(),
        }),
        _ => Ok(()),
    }
}

/// Whether the repository of a reference is known and not watched. Of such a one, images are only
/// known as far as they run somewhere.
async fn is_disabled(
    store: &dyn Store,
    org: &Organization,
    image: &ImageReference,
) -> Result<bool> {
    let mut repositories = store.repositories(org.id, None).await?;
    repositories.retain(|one| is_at(&one.registry, one.name.as_str(), &one.reference, image));
    Ok(!repositories.is_empty() && repositories.iter().all(|one| !one.enabled))
}

/// Enqueues every failed image of the organization again, but for those that are not watched any
/// more; returns how many.
///
/// # Errors
///
/// If the store fails.
pub async fn retry_failed(store: &dyn Store, org: &Organization, clock: &dyn Clock) -> Result<u64> {
    Ok(store.retry_failed(org.id, Retry::All, clock.now()).await?)
}
