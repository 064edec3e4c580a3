//! Environments and the images recorded in them.

use jiff::Timestamp;
use scout_envs::{Digest, EnvironmentName, RepositoryName, Tag};

use crate::id::{ImageId, RepositoryId};

/// An environment that holds at least one analyzed image.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct EnvironmentRecord {
    /// Its name.
    pub name: EnvironmentName,
    /// How many images are in it.
    pub images: u64,
}

/// An image that was recorded in an environment, and by whom.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct RecordedImage {
    /// Whose record it is; `manual` is people's.
    pub source: String,
    /// The image.
    pub image: EnvironmentImage,
}

/// An image in an environment: recorded, or said to run there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EnvironmentImage {
    /// The repository it was recorded from.
    pub repository_id: RepositoryId,
    /// The repository's name.
    pub repository: RepositoryName,
    /// The tag it was recorded by, if any; the tag may point elsewhere by now.
    pub tag: Option<Tag>,
    /// The digest it was recorded or found by: of the index or the manifest.
    pub digest: Digest,
    /// The image.
    pub image: ImageId,
    /// When it was recorded, or since when it runs.
    pub recorded_at: Timestamp,
}
