//! What every runtime must do, as checks that its tests call.
//!
//! Not covered by any promise of stability: checks are added as rules are found.

use crate::conformance::{Checked, OrFailed, ensure};
use crate::integration::Capabilities;
use crate::runtime::{RunningImage, RuntimeIntegration};

/// Runs every check against a runtime whose chosen cluster exists and runs something.
///
/// # Errors
///
/// The first rule that is broken.
pub async fn check_all(runtime: &dyn RuntimeIntegration) -> Checked {
    identity_is_stable(runtime)?;
    clusters_are_listed(runtime).await?;
    images_are_listed(runtime).await
}

/// The key names the kind, and the only ability is to know what runs.
///
/// # Errors
///
/// The rule that is broken.
pub fn identity_is_stable(runtime: &dyn RuntimeIntegration) -> Checked {
    let (key, kind) = (runtime.key(), runtime.kind());
    ensure(
        key.starts_with(&format!("{kind}:")),
        "the key starts with the kind",
        || key.to_owned(),
    )?;
    ensure(!runtime.host().is_empty(), "the host has a name", || {
        key.to_owned()
    })?;
    let capabilities = runtime.capabilities();
    ensure(
        capabilities == Capabilities::OF_RUNTIME,
        "a runtime knows what runs, and nothing else",
        || format!("{capabilities:?}"),
    )
}

/// The connection is good, and clusters are sorted, each once, the chosen one among them.
///
/// # Errors
///
/// The rule that is broken.
pub async fn clusters_are_listed(runtime: &dyn RuntimeIntegration) -> Checked {
    let checked = runtime.check().await;
    checked.or_failed("the connection is good")?;
    let clusters = runtime.clusters().await;
    let clusters = clusters.or_failed("clusters are listed")?;
    ensure(
        clusters.is_sorted_by(|a, b| a < b),
        "clusters are sorted, each once",
        || format!("{clusters:?}"),
    )?;
    ensure(
        clusters.iter().all(|name| !name.is_empty()),
        "clusters have names",
        || format!("{clusters:?}"),
    )?;
    let chosen = runtime.cluster();
    ensure(
        chosen.is_some_and(|chosen| clusters.iter().any(|name| name == chosen)),
        "the chosen cluster is listed",
        || format!("{chosen:?} {clusters:?}"),
    )
}

/// Images, workloads and packages are sorted, each once, and asking again gives the same.
///
/// # Errors
///
/// The rule that is broken.
pub async fn images_are_listed(runtime: &dyn RuntimeIntegration) -> Checked {
    let listed = runtime.running_images().await;
    let listed = listed.or_failed("running images are listed")?;
    ensure(!listed.images.is_empty(), "something runs", || {
        format!("{listed:?}")
    })?;
    for image in &listed.images {
        image_is_merged(image)?;
    }
    let mut ids: Vec<_> = listed
        .images
        .iter()
        .filter_map(|it| it.image_id.as_ref())
        .collect();
    let count = ids.len();
    ids.sort();
    ids.dedup();
    ensure(ids.len() == count, "an image is listed once", || {
        format!("{ids:?}")
    })?;
    let again = runtime.running_images().await;
    let again = again.or_failed("running images are listed again")?;
    ensure(
        listed == again,
        "an unchanged cluster has the same list",
        || format!("{listed:?} {again:?}"),
    )
}

fn image_is_merged(image: &RunningImage) -> Checked {
    let shown = || format!("{image:?}");
    ensure(
        image.image_id.is_some() || image.manifest.is_some() || image.reference.is_some(),
        "an image has a name",
        shown,
    )?;
    ensure(
        !image.workloads.is_empty() && image.workloads.is_sorted_by(|a, b| a < b),
        "workloads are sorted, each once, and there is one",
        shown,
    )?;
    let packages = image.packages_in_use.as_deref();
    ensure(
        packages.is_none_or(|packages| !packages.is_empty() && packages.is_sorted_by(|a, b| a < b)),
        "packages in use are sorted, each once; unknown is not an empty list",
        shown,
    )
}
