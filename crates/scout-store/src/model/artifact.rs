//! What a digest in a repository turned out to be, and how far its indexing is.

use jiff::Timestamp;
use scout_envs::{Digest, Platform, RepositoryName, Tag};

use crate::id::{ArtifactId, ImageId, RepositoryId};
use crate::model::image::NewImage;

/// How far the indexing of an artifact is.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum ArtifactState {
    /// Seen by the first sweep without `--all-images`: not wanted.
    BelowBaseline,
    /// To be indexed.
    Waiting,
    /// Indexed.
    Indexed,
    /// Looked at, and nothing to index: not an image.
    Skipped,
    /// An image, but not for a platform that is wanted.
    OtherPlatform,
    /// Could not be indexed, and trying again would not help or did not.
    Failed,
}

impl ArtifactState {
    /// Returns the name stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BelowBaseline => "below-baseline",
            Self::Waiting => "waiting",
            Self::Indexed => "indexed",
            Self::Skipped => "skipped",
            Self::OtherPlatform => "other-platform",
            Self::Failed => "failed",
        }
    }
}

/// How a worker's attempt on an artifact ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ArtifactOutcome {
    /// These images were found in it; at least one.
    Indexed(Vec<FoundImage>),
    /// It has images for several platforms, or for one that is not wanted.
    Platforms {
        /// Those that are wanted.
        images: Vec<FoundImage>,
        /// Which platforms are wanted; another wish looks at the artifact again.
        wanted: String,
        /// Why there is none, for people; nothing if there are images.
        reason: Option<String>,
    },
    /// There is nothing to index, for this reason.
    Skipped {
        /// Why, for people.
        reason: String,
    },
    /// It failed, and is not tried again by itself, for this reason.
    Failed {
        /// Why, for people.
        reason: String,
        /// Whether a later attempt may succeed without a change of the artifact: a registry was
        /// down, not an archive damaged. Kept, for [`Retry::Transient`].
        transient: bool,
    },
    /// It failed for now; it is tried again at the time given.
    Retry {
        /// Why, for people.
        reason: String,
        /// When to try again.
        at: Timestamp,
    },
    /// The registry was out of reach: no attempt on the artifact, which keeps its place.
    Deferred {
        /// Why, for people.
        reason: String,
    },
}

/// Which failed artifacts to try again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Retry {
    /// This one.
    One(ArtifactId),
    /// Those whose failure may have passed.
    Transient,
    /// All of them.
    All,
}

/// An image found in an artifact.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum FoundImage {
    /// It had been analyzed before; nothing was fetched.
    Known(ImageId),
    /// It was analyzed just now.
    New(Box<NewImage>),
}

/// An artifact as it is listed for people.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ArtifactRecord {
    /// Its number.
    pub id: ArtifactId,
    /// The registry's display name (host or directory).
    pub registry: String,
    /// The repository's number.
    pub repository_id: RepositoryId,
    /// The repository it is in.
    pub repository: RepositoryName,
    /// How people write the repository.
    pub reference: String,
    /// Tags that point to it and exist, sorted.
    pub tags: Vec<Tag>,
    /// Its digest.
    pub digest: Digest,
    /// How far its indexing is.
    pub state: ArtifactState,
    /// Why it is in this state, where there is something to say.
    pub reason: Option<String>,
    /// How often indexing was tried.
    pub attempts: u32,
    /// When the state last changed.
    pub updated_at: Timestamp,
    /// The images in it, once indexed, with their platforms and manifest digests.
    pub images: Vec<(ImageId, Digest, Platform)>,
}
