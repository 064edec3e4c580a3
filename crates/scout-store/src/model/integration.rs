//! Integrations: the registries and runtimes an organization set up by name.

use jiff::Timestamp;
use scout_envs::IntegrationName;

use crate::id::IntegrationId;

/// An integration to be recorded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewIntegration {
    /// Its name.
    pub name: IntegrationName,
    /// What product it is, as in `type=`.
    pub kind: String,
    /// Its parameters, in the order given. A secret is a reference such as `env:NAME`, never a
    /// value.
    pub parameters: Vec<(String, String)>,
    /// The key of the registry it watches; see [`Store::registry`](crate::Store::registry).
    pub registry_key: String,
    /// How its connection was tested, if it was.
    pub test: Option<IntegrationTest>,
}

/// An integration as recorded.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct IntegrationRecord {
    /// Its number.
    pub id: IntegrationId,
    /// Its name.
    pub name: IntegrationName,
    /// What product it is, as in `type=`.
    pub kind: String,
    /// Its parameters, in the order given; secrets are references.
    pub parameters: Vec<(String, String)>,
    /// The key of the registry it watches.
    pub registry_key: String,
    /// When it was added.
    pub created_at: Timestamp,
    /// When its parameters last changed.
    pub updated_at: Timestamp,
    /// The newest test of its connection.
    pub test: Option<IntegrationTest>,
}

/// A test of an integration's connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IntegrationTest {
    /// When it was made.
    pub at: Timestamp,
    /// What came of it, for people; no secret.
    pub summary: String,
}

/// What an integration becomes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IntegrationUpdate {
    /// All its parameters from now on.
    pub parameters: Vec<(String, String)>,
    /// The key of the registry it watches from now on. With another one, the former is no longer
    /// watched, as if the integration was removed.
    pub registry_key: String,
    /// A test of the new parameters; without one, what is known of the last test stays.
    pub test: Option<IntegrationTest>,
}

/// What came of adding an integration. The set is closed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum IntegrationAdded {
    /// It was added.
    Added(IntegrationId),
    /// The organization has one of this name.
    NameTaken,
    /// Another one of the organization's watches the same registry.
    RegistryTaken {
        /// Its name.
        by: IntegrationName,
    },
}

/// What came of updating an integration. The set is closed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum IntegrationUpdated {
    /// It was updated.
    Updated,
    /// The organization has none of this name.
    Unknown,
    /// Another one of the organization's watches the registry it was to watch.
    RegistryTaken {
        /// Its name.
        by: IntegrationName,
    },
}
