//! What the holder of a token may do.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A token's role in its organization.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Role {
    /// May read the metrics, as the documentation demands of a token's owner.
    Owner,
    /// May not read the metrics.
    Member,
}

impl Role {
    /// Returns the role's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Member => "member",
        }
    }

    /// Returns whether the role may read the metrics endpoint.
    #[must_use]
    pub fn may_read_metrics(self) -> bool {
        matches!(self, Self::Owner)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "owner" => Ok(Self::Owner),
            "member" => Ok(Self::Member),
            _ => Err(UnknownRole(text.to_owned())),
        }
    }
}

/// A text that names no role.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} is not a role: owner or member")]
pub struct UnknownRole(pub String);
