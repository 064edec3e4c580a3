//! Integrations: the registries, runtimes and channels an organization set up by name.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use scout_envs::{EnvironmentName, IntegrationName};

use crate::id::IntegrationId;

/// What an integration is for. The set is closed.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum IntegrationFamily {
    /// It is where images are.
    Registry,
    /// It knows which images run in a cluster, and has a share of an environment.
    Runtime,
    /// It is where notices go.
    Channel,
}

impl IntegrationFamily {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Registry, Self::Runtime, Self::Channel];

    /// Returns the name shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Registry => "registry",
            Self::Runtime => "runtime",
            Self::Channel => "channel",
        }
    }
}

impl FromStr for IntegrationFamily {
    type Err = UnknownFamily;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|family| family.as_str() == text)
            .ok_or(UnknownFamily)
    }
}

/// A word that is no family of integrations.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("this is no family of integrations")]
pub struct UnknownFamily;

/// An integration to be recorded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewIntegration {
    /// Its name.
    pub name: IntegrationName,
    /// What it is for.
    pub family: IntegrationFamily,
    /// What product it is, as in `type=`.
    pub kind: String,
    /// Its parameters, in the order given. A secret is a reference such as `env:NAME`, never a
    /// value.
    pub parameters: Vec<(String, String)>,
    /// What it works on: no two of an organization have the same. Of a registry it is the key of
    /// [`Store::registry`](crate::Store::registry).
    pub key: String,
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
    /// What it is for.
    pub family: IntegrationFamily,
    /// What product it is, as in `type=`.
    pub kind: String,
    /// Its parameters, in the order given; secrets are references.
    pub parameters: Vec<(String, String)>,
    /// What it works on, as in [`NewIntegration`].
    pub key: String,
    /// When it was added.
    pub created_at: Timestamp,
    /// When its parameters last changed.
    pub updated_at: Timestamp,
    /// The newest test of its connection.
    pub test: Option<IntegrationTest>,
}

impl IntegrationRecord {
    /// Returns the source under which an integration has its share of an environment. It is no
    /// word that anything else has: neither a type nor a name holds a colon.
    #[must_use]
    pub fn share_source(kind: &str, name: impl fmt::Display) -> String {
        format!("{kind}:{name}")
    }
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
    /// What it works on from now on. With another key, what it had is left as if the integration
    /// was removed.
    pub key: String,
    /// The environment that it has a share of from now on; its shares of others are removed.
    pub environment: Option<EnvironmentName>,
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
    /// Another one of the organization's works on the same.
    KeyTaken {
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
    /// Another one of the organization's works on what it was to work on.
    KeyTaken {
        /// Its name.
        by: IntegrationName,
    },
}
