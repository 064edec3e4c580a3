//! The tags seen in repositories.

use jiff::Timestamp;
use scout_envs::{Digest, Tag};

use crate::id::ArtifactId;
use crate::model::artifact::ArtifactState;
use crate::model::work::WorkClass;

/// A tag as it was last seen.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct KnownTag {
    /// The tag.
    pub tag: Tag,
    /// The digest it pointed to.
    pub digest: Digest,
    /// The state of what it points to.
    pub state: ArtifactState,
}

/// What a sweep or an event saw: a tag pointing to a digest.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Observation {
    /// The tag.
    pub tag: Tag,
    /// The digest it points to: of a manifest or of an index.
    pub digest: Digest,
    /// When it was pushed, where the registry tells.
    pub pushed_at: Option<Timestamp>,
    /// When it was seen. All tags of one sweep get the sweep's start, all tags of a baseline the
    /// repository's [`watched_since`](crate::RepositoryRecord::watched_since), so that order
    /// within a sweep, or an interruption, decides nothing.
    pub seen_at: Timestamp,
    /// Why what it points to is wanted whether it is new or not: back-fill (`--all-images`), an
    /// event or an activation. Without, only what is new since the baseline is.
    pub wanted: Option<WorkClass>,
}

/// What came of an [`Observation`].
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Observed {
    /// What the digest is in that repository.
    pub artifact: ArtifactId,
    /// Its state, after the observation.
    pub state: ArtifactState,
    /// Whether this tag was never seen with this digest before.
    pub is_new: bool,
}
