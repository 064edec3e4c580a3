//! Registries, repositories and the tags seen in them.

use jiff::Timestamp;
use scout_envs::{Digest, RepositoryName, Tag};

use crate::id::{ArtifactId, RegistryId, RepositoryId};
use crate::model::artifact::ArtifactState;

/// A registry that an organization watches.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct RegistryRecord {
    /// Its number.
    pub id: RegistryId,
    /// When it was first watched. Tags of the baseline count as first seen then.
    pub created_at: Timestamp,
}

/// A repository of a registry.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct RepositoryRecord {
    /// Its number.
    pub id: RepositoryId,
    /// Its name.
    pub name: RepositoryName,
    /// When its baseline was complete; tags seen before belong to it. Absent until then.
    ///
    /// A repository that appears in a catalog listed again later has none to take: everything
    /// in it is new, so this is set at once.
    pub baseline_at: Option<Timestamp>,
}

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
    /// registry's [`created_at`](RegistryRecord::created_at), so that order within a sweep, or
    /// an interruption, decides nothing.
    pub seen_at: Timestamp,
    /// Whether tags below the baseline are wanted too (`--all-images`).
    pub all_images: bool,
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
