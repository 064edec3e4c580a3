//! Work that is leased: one holder at a time, and a fencing token against the late.

use jiff::Timestamp;
use scout_envs::{Digest, RepositoryName};

use crate::id::{ArtifactId, OrgId, RegistryId, RepositoryId};

/// An artifact to be indexed, leased to the one who got this value.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct IndexWork {
    /// The organization.
    pub org: OrgId,
    /// The registry it is in.
    pub registry: RegistryId,
    /// The repository's number.
    pub repository_id: RepositoryId,
    /// The repository it is in.
    pub repository: RepositoryName,
    /// What is to be indexed.
    pub artifact: ArtifactId,
    /// Its digest.
    pub digest: Digest,
    /// How often it was tried before.
    pub attempts: u32,
    /// The fencing token: grows with each lease of the row; a write with an older one is refused.
    pub fence: i64,
}

/// A named lease, such as that of the judge.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Lease {
    /// What is leased.
    pub name: String,
    /// The fencing token.
    pub fence: i64,
    /// When it ends unless it is renewed.
    pub until: Timestamp,
}
