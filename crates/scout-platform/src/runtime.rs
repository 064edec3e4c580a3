//! What runs: from runtimes, or from lists somebody makes, to shares of environments.
//!
//! Nothing here triggers an analysis: an image that is not analyzed waits, and joins when it is.

mod kubernetes;
mod list;
mod plan;

use std::collections::BTreeSet;

use scout_envs::{Digest, EnvironmentName, ImageReference};
use scout_registry::runtime::{
    PackageInUse, RunningImage, RunningImages, RuntimeIntegration, Workload,
};
use scout_store::{
    ArtifactRecord, RunningImageRecord, RunningPackage, RunningWorkload, ShareRecord, Store,
};

use crate::clock::Clock;
use crate::environment::MANUAL_SOURCE;
use crate::error::{Error, Result};
use crate::index::chain;
use crate::lookup::{Organization, fits};
pub use list::{InvalidRunningList, RunningList};
pub use plan::{PlannedImage, plan_runtime};

/// The share of an environment that lists fill.
pub const LIST_SOURCE: &str = "list";

/// Replaces a runtime's share of an environment by what runs now.
///
/// `source` is [`IntegrationRecord::share_source`](scout_store::IntegrationRecord::share_source).
/// If it cannot be found out what runs, what was known stays, and the failure is recorded.
///
/// # Errors
///
/// [`Error::Runtime`] if the runtime does not answer, or if the store fails.
pub async fn sync_runtime(
    store: &dyn Store,
    org: &Organization,
    environment: &EnvironmentName,
    source: &str,
    runtime: &dyn RuntimeIntegration,
    clock: &dyn Clock,
) -> Result<ShareRecord> {
    let running = runtime.running_images().await;
    record_running(store, org, environment, source, runtime, running, clock).await
}

/// Records what a runtime told, as [`sync_runtime`] does: for who asks it themselves, to be able to
/// stop asking without stopping to record.
///
/// # Errors
///
/// As for [`sync_runtime`].
pub async fn record_running(
    store: &dyn Store,
    org: &Organization,
    environment: &EnvironmentName,
    source: &str,
    runtime: &dyn RuntimeIntegration,
    running: scout_registry::Result<RunningImages>,
    clock: &dyn Clock,
) -> Result<ShareRecord> {
    let running = match running {
        Ok(running) => running,
        Err(error) => {
            let reason = chain(&error);
            store
                .record_share_failure(org.id, environment, source, &reason, clock.now())
                .await?;
            return Err(Error::Runtime {
                runtime: runtime.host().to_owned(),
                source: error,
            });
        }
    };
    let images = running.images.into_iter().filter_map(record).collect();
    replace_share(store, org, environment, source, images, clock).await
}

/// Replaces the share that a list has of an environment.
///
/// An image that the list names by a tag alone is the one that the tag points to now, if it was
/// seen. `source` names the share, usually [`LIST_SOURCE`]; several lists may fill one environment
/// under several names.
///
/// # Errors
///
/// [`Error::ReservedSource`] if the share is not a list's, [`Error::AmbiguousImage`] if such a tag
/// is in several repositories with different images, or if the store fails; nothing is replaced
/// then.
pub async fn sync_list(
    store: &dyn Store,
    org: &Organization,
    environment: &EnvironmentName,
    source: &str,
    list: RunningList,
    clock: &dyn Clock,
) -> Result<ShareRecord> {
    not_taken(source)?;
    let mut images = list.images;
    let is_open = |image: &RunningImageRecord| image.image_id.is_none() && image.manifest.is_none();
    if images.iter().any(is_open) {
        let artifacts = store.artifacts(org.id, None).await?;
        for image in images.iter_mut().filter(|image| is_open(image)) {
            image.manifest = pinned(&artifacts, image.reference.as_deref())?;
        }
    }
    replace_share(store, org, environment, source, images, clock).await
}

/// Refuses the share of people, and those of integrations, which have a colon.
fn not_taken(source: &str) -> Result<()> {
    let reason = match source {
        MANUAL_SOURCE => "it is what people record",
        _ if source.contains(':') => "it is that of an integration",
        _ => return Ok(()),
    };
    Err(Error::ReservedSource {
        source_name: source.to_owned(),
        reason: reason.to_owned(),
    })
}

/// Replaces the share that `source` has of an environment by these images; the others' stay.
///
/// # Errors
///
/// If there are too many, or if the store fails.
pub async fn replace_share(
    store: &dyn Store,
    org: &Organization,
    environment: &EnvironmentName,
    source: &str,
    images: Vec<RunningImageRecord>,
    clock: &dyn Clock,
) -> Result<ShareRecord> {
    let now = clock.now();
    Ok(store
        .replace_share(org.id, environment, source, images, now)
        .await?)
}

/// Returns what the tag of a reference points to, if that was seen.
fn pinned(artifacts: &[ArtifactRecord], reference: Option<&str>) -> Result<Option<Digest>> {
    let parsed = reference.and_then(|reference| reference.parse::<ImageReference>().ok());
    let Some(reference) = parsed else {
        return Ok(None);
    };
    let fitting: Vec<_> = artifacts
        .iter()
        .filter(|artifact| fits(artifact, &reference))
        .collect();
    let digests: BTreeSet<&Digest> = fitting.iter().map(|artifact| &artifact.digest).collect();
    match (digests.len(), digests.first()) {
        (0 | 1, only) => Ok(only.map(|digest| (*digest).clone())),
        _ => {
            let names: Vec<String> = fitting
                .iter()
                .map(|artifact| format!("{}@{}", artifact.reference, artifact.digest))
                .collect();
            Err(Error::AmbiguousImage {
                image: reference.to_string(),
                candidates: names.join(", "),
            })
        }
    }
}

/// What a runtime tells, as it is recorded; nothing without any name.
fn record(image: RunningImage) -> Option<RunningImageRecord> {
    let RunningImage {
        image_id,
        manifest,
        reference,
        workloads,
        packages_in_use,
        ..
    } = image;
    let record = RunningImageRecord {
        image_id,
        manifest,
        reference,
        workloads: workloads.into_iter().map(workload).collect(),
        packages_in_use: packages_in_use
            .map(|packages| packages.into_iter().map(package).collect()),
    };
    let is_named =
        record.image_id.is_some() || record.manifest.is_some() || record.reference.is_some();
    is_named.then_some(record)
}

fn workload(workload: Workload) -> RunningWorkload {
    let Workload {
        kind,
        namespace,
        name,
        container,
        ..
    } = workload;
    RunningWorkload {
        kind,
        namespace,
        name,
        container,
    }
}

fn package(package: PackageInUse) -> RunningPackage {
    let PackageInUse {
        name,
        version,
        purl,
        ..
    } = package;
    RunningPackage {
        name,
        version,
        purl,
    }
}
