//! Registries, and which of their repositories are watched.

use jiff::Timestamp;
use scout_envs::RepositoryName;

use crate::id::{RegistryId, RepositoryId};

/// A registry that an organization watches.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct RegistryRecord {
    /// Its number.
    pub id: RegistryId,
    /// When it was first watched.
    pub created_at: Timestamp,
    /// When its integration was removed; nothing can be recorded of it until it is
    /// [restored](crate::Store::restore_registry) or an integration is added for it.
    pub removed_at: Option<Timestamp>,
}

/// A repository as a registry listed it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WatchedRepository {
    /// Its name within the registry.
    pub name: RepositoryName,
    /// How people write it: `registry.example.com/team/app`, or with the registry's own
    /// repository in the host or the port where its layout puts it there.
    pub reference: String,
}

impl WatchedRepository {
    /// Returns the repository as it is written in most registries: host, slash, name.
    #[must_use]
    pub fn of_host(host: &str, name: RepositoryName) -> Self {
        Self {
            reference: format!("{host}/{name}"),
            name,
        }
    }
}

/// A repository of a registry.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct RepositoryRecord {
    /// Its number.
    pub id: RepositoryId,
    /// Its name.
    pub name: RepositoryName,
    /// How people write it.
    pub reference: String,
    /// Whether it is watched. Of a disabled one nothing is wanted, and its tags are no
    /// candidates for `latest-indexed`.
    pub enabled: bool,
    /// Whether somebody enabled it and its newest image was not asked for yet.
    pub activation_due: bool,
    /// When its baseline was complete; tags seen before belong to it. Absent until then.
    ///
    /// A repository that appears after the catalog was first listed, in a later one or in an
    /// event, has none to take: everything
    /// in it is new, so this is set at once. Enabling a repository begins anew: its baseline is
    /// what is there then.
    pub baseline_at: Option<Timestamp>,
    /// Since when it is watched: when somebody enabled it, else when its registry was first
    /// watched. Tags of its baseline count as first seen then.
    pub watched_since: Timestamp,
}

/// A repository as it is listed for people.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct RepositoryListing {
    /// Its registry's number.
    pub registry_id: RegistryId,
    /// The registry's display name.
    pub registry: String,
    /// The registry's key.
    pub registry_key: String,
    /// Its number.
    pub id: RepositoryId,
    /// Its name.
    pub name: RepositoryName,
    /// How people write it.
    pub reference: String,
    /// Whether it is watched.
    pub enabled: bool,
    /// When somebody enabled it; absent if it was never disabled, or is.
    pub enabled_at: Option<Timestamp>,
    /// Whether its newest image was not asked for yet, since it was enabled.
    pub activation_due: bool,
    /// How many tags it is known to have.
    pub tags: u64,
    /// Whether the registry does not list it any more.
    pub is_gone: bool,
}
