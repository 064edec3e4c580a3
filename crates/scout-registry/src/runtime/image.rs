//! The images that run in a cluster, for which workloads, and what of them is in use.

use scout_envs::Digest;

use crate::runtime::merge::Merge;

/// All images that run in one cluster.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct RunningImages {
    /// The images, each once, in a stable order.
    pub images: Vec<RunningImage>,
    /// How many containers were told of, repetitions included; not only different ones.
    pub containers: usize,
    /// How many of them have neither an image ID nor another name of their image that can be
    /// used, so that they are in no image of this list.
    pub unidentified: usize,
    /// How many have an image ID that is no digest, whether or not the image has another name.
    pub invalid_image_ids: usize,
    /// How many rows could not be read at all, and were left out.
    pub skipped_rows: usize,
    /// How many packages in use could not be read, and were left out.
    pub skipped_packages: usize,
    /// For how many images the manifest and the packages in use were asked for in vain; the
    /// images themselves are listed.
    pub without_details: usize,
}

impl RunningImages {
    /// Merges what runs in each container by image.
    #[must_use]
    pub fn merged(containers: impl IntoIterator<Item = RunningContainer>) -> Self {
        let mut merge = Merge::default();
        for container in containers {
            merge.add(container);
        }
        merge.finish()
    }
}

/// An image that runs.
///
/// At least one of image ID, manifest and reference is known.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct RunningImage {
    /// The image ID: the digest of the image's configuration.
    pub image_id: Option<Digest>,
    /// The digest by which it was pulled: of its manifest or, for an image of several platforms,
    /// of its index. Of several the smallest.
    pub manifest: Option<Digest>,
    /// What it was pulled as, such as `registry.example.com/team/app:1.0`. Of several the first
    /// in order.
    pub reference: Option<String>,
    /// What runs it, sorted, each once.
    pub workloads: Vec<Workload>,
    /// The packages that were loaded at run time, by any of the workloads, sorted, each once.
    /// `None` means that nothing was observed: unknown, not unused.
    pub packages_in_use: Option<Vec<PackageInUse>>,
}

/// What runs an image: one container of a workload. What is not told is empty.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub struct Workload {
    /// The kind in Kubernetes, such as `Deployment`.
    pub kind: String,
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// The name of the container in it.
    pub container: String,
}

impl Workload {
    /// Returns a workload.
    #[must_use]
    pub fn new(
        kind: impl Into<String>,
        namespace: impl Into<String>,
        name: impl Into<String>,
        container: impl Into<String>,
    ) -> Self {
        Self {
            kind: kind.into(),
            namespace: namespace.into(),
            name: name.into(),
            container: container.into(),
        }
    }
}

/// A package that was loaded at run time.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub struct PackageInUse {
    /// The name, as the source writes it.
    pub name: String,
    /// The version, as the source writes it.
    pub version: String,
    /// The package URL, where the source tells it.
    pub purl: Option<String>,
    /// The kind, such as `npm`, where the source tells it. Packages of a distribution have none
    /// or `os`.
    pub kind: Option<String>,
    /// The distribution that the package belongs to, such as `debian`.
    pub os_family: Option<String>,
    /// The distribution's version, such as `11`.
    pub os_version: Option<String>,
    /// The architecture, such as `amd64`.
    pub architecture: Option<String>,
    /// Where it lies in the image.
    pub path: Option<String>,
}

impl PackageInUse {
    /// Returns a package of which nothing more is told.
    #[must_use]
    pub fn new(name: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            ..Self::default()
        }
    }
}

/// What runs in one container, before it is [merged](RunningImages::merged) by image.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct RunningContainer {
    /// The image ID.
    pub image_id: Option<Digest>,
    /// The digest by which the image was pulled.
    pub manifest: Option<Digest>,
    /// What the image was pulled as.
    pub reference: Option<String>,
    /// What the container belongs to.
    pub workload: Workload,
    /// The packages that were loaded; `None` and an empty list both say that none was observed.
    pub packages_in_use: Option<Vec<PackageInUse>>,
}

impl RunningContainer {
    /// Returns a container of this workload, whose image is not told yet.
    #[must_use]
    pub fn new(workload: Workload) -> Self {
        Self {
            workload,
            ..Self::default()
        }
    }
}
