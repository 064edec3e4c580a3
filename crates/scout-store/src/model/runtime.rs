//! What runs: images as runtimes and lists tell them, and what is known of each.

use jiff::Timestamp;
use scout_envs::{Digest, EnvironmentName, RepositoryName};
use serde::{Deserialize, Serialize};

use crate::id::{ImageId, RepositoryId};

/// How many images a share may have. Kubernetes allows 150,000 pods in a cluster; they share
/// images.
pub const MAX_SHARE_IMAGES: usize = 50_000;
/// How many workloads of an image are kept in a share; the others still run it.
pub const MAX_WORKLOADS: usize = 1_000;
/// How many packages in use of an image are kept in a share. Large images hold some thousands; of
/// an image with more it is not known what is in use, as a part of them would say that the others
/// are not.
pub const MAX_PACKAGES_IN_USE: usize = 20_000;
/// How much of the reason of a failure is kept, in bytes.
pub const MAX_FAILURE_BYTES: usize = 2_000;

/// An image that a source says runs.
///
/// At least one of image ID, manifest and reference must be there.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RunningImageRecord {
    /// The digest of its configuration, by which container runtimes know it.
    pub image_id: Option<Digest>,
    /// The digest by which it was pulled: of its manifest or of an index.
    pub manifest: Option<Digest>,
    /// What it was pulled as, such as `registry.example.com/team/app:1.0`.
    pub reference: Option<String>,
    /// What runs it.
    pub workloads: Vec<RunningWorkload>,
    /// The packages that were loaded at run time; `None` if nobody looked.
    pub packages_in_use: Option<Vec<RunningPackage>>,
}

/// One container of a workload that runs an image. What is not told is empty.
#[derive(Clone, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct RunningWorkload {
    /// The kind in Kubernetes, such as `Deployment`.
    pub kind: String,
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// The name of the container in it.
    pub container: String,
}

/// A package that was loaded at run time, as the source writes it.
#[derive(Clone, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct RunningPackage {
    /// The name.
    pub name: String,
    /// The version.
    pub version: String,
    /// The package URL, where the source tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purl: Option<String>,
}

/// The share that one source has of an environment.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ShareRecord {
    /// The environment.
    pub environment: EnvironmentName,
    /// Whose share it is: an integration's name, or another word for what filled it.
    pub source: String,
    /// How many images run.
    pub images: u64,
    /// How many of them are not analyzed.
    pub waiting: u64,
    /// When it was last replaced; absent if it never was.
    pub synced_at: Option<Timestamp>,
    /// When replacing it last failed, if that was since.
    pub failed_at: Option<Timestamp>,
    /// Why it failed, for people.
    pub failure: Option<String>,
}

/// An image in a share, and what is known of it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct RunningImageStatus {
    /// Whose share it is in.
    pub source: String,
    /// What the source says.
    pub image: RunningImageRecord,
    /// Since when the source says so.
    pub since: Timestamp,
    /// What it is.
    pub status: RunningStatus,
}

/// What is known of an image that runs. The set is closed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RunningStatus {
    /// It is analyzed.
    Joined(JoinedImage),
    /// It is not.
    Waiting {
        /// Why not.
        reason: WaitingReason,
        /// What there is to say about it, for people.
        detail: Option<String>,
    },
}

/// The analyzed image that an image that runs is.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct JoinedImage {
    /// The repository it counts in: that of its pull reference, if it was analyzed there, else
    /// the first by name.
    pub repository_id: RepositoryId,
    /// The repository's name.
    pub repository: RepositoryName,
    /// The digest of its manifest, or that of the index it was pulled by.
    pub digest: Digest,
    /// The image; several if all that is known is an index of which several platforms were
    /// analyzed.
    pub images: Vec<ImageId>,
}

/// Why an image that runs is not analyzed.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum WaitingReason {
    /// No registry that is watched has it, or had it while it was watched.
    NeverSeen,
    /// It was there before anybody watched, and only what is newer is analyzed.
    BelowBaseline,
    /// It is about to be indexed.
    Waiting,
    /// Another platform of it was wanted.
    OtherPlatform,
    /// It could not be indexed.
    Failed,
    /// What is in the registry is no image.
    Skipped,
}

impl WaitingReason {
    /// All reasons.
    pub const ALL: [Self; 6] = [
        Self::NeverSeen,
        Self::BelowBaseline,
        Self::Waiting,
        Self::OtherPlatform,
        Self::Failed,
        Self::Skipped,
    ];

    /// Returns the name shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NeverSeen => "never-seen",
            Self::BelowBaseline => "below-baseline",
            Self::Waiting => "waiting",
            Self::OtherPlatform => "other-platform",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}
