//! A dry run of a sync: what would be assigned and what would wait, and nothing recorded.

use scout_registry::runtime::RuntimeIntegration;
use scout_store::{RunningImageRecord, RunningStatus, Store, WaitingReason};

use crate::error::{Error, Result};
use crate::lookup::Organization;
use crate::runtime::record;

/// What a dry run says of one image that runs.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct PlannedImage {
    /// What is known of its name and its digests.
    pub image: String,
    /// Why it would wait; nothing if it is analyzed.
    pub waits: Option<WaitingReason>,
}

/// Asks a runtime what runs, and says what a real sync would do with each image; records nothing.
/// Without a store everything was never seen.
///
/// # Errors
///
/// [`Error::Runtime`] if the runtime does not answer, or if the store fails.
pub async fn plan_runtime(
    known: Option<(&dyn Store, &Organization)>,
    runtime: &dyn RuntimeIntegration,
) -> Result<Vec<PlannedImage>> {
    let running = runtime.running_images().await;
    let running = running.map_err(|source| Error::Runtime {
        runtime: runtime.host().to_owned(),
        source,
    })?;
    let images: Vec<_> = running.images.into_iter().filter_map(record).collect();
    let names = images.iter().map(name);
    let mut planned: Vec<_> = names
        .map(|image| PlannedImage {
            image,
            waits: Some(WaitingReason::NeverSeen),
        })
        .collect();
    if let Some((store, org)) = known {
        let statuses = store.join_running(org.id, images).await?;
        for (planned, status) in planned.iter_mut().zip(statuses) {
            planned.waits = match status {
                RunningStatus::Joined(_) => None,
                RunningStatus::Waiting { reason, .. } => Some(reason),
            };
        }
    }
    planned.sort_by(|a, b| (a.waits, &a.image).cmp(&(b.waits, &b.image)));
    Ok(planned)
}

fn name(image: &RunningImageRecord) -> String {
    let digest = image.manifest.as_ref().or(image.image_id.as_ref());
    match (&image.reference, digest) {
        (Some(reference), _) => reference.clone(),
        (None, Some(digest)) => digest.to_string(),
        (None, None) => String::new(),
    }
}
