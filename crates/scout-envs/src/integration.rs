//! The name of an integration: a registry or runtime that an organization set up under it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::name::is_plain;

/// An integration's name, as people give it; also the path on which its events arrive.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct IntegrationName(String);

impl IntegrationName {
    /// Longest name accepted, in bytes.
    pub const MAX_LEN: usize = crate::name::MAX_LEN;

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IntegrationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<IntegrationName> for String {
    fn from(name: IntegrationName) -> Self {
        name.0
    }
}

impl FromStr for IntegrationName {
    type Err = InvalidIntegrationName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::try_from(name.to_owned())
    }
}

impl TryFrom<String> for IntegrationName {
    type Error = InvalidIntegrationName;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        if is_plain(&name) {
            Ok(Self(name))
        } else {
            Err(InvalidIntegrationName(name))
        }
    }
}

/// A text that is not an integration's name.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "{0:?} is not an integration name: 1 to 64 lower-case letters, digits, '-', '_' or '.', \
     starting with a letter or digit"
)]
pub struct InvalidIntegrationName(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_what_a_path_segment_and_a_label_can_hold() {
        for good in ["prod", "a", "my-registry", "9lives", "a.b_c"] {
            assert!(good.parse::<IntegrationName>().is_ok(), "{good}");
        }
        for bad in ["", "Prod", "a/b", "..", "-a", "a b", "ä", &"a".repeat(65)] {
            let refused = bad.parse::<IntegrationName>();
            assert_eq!(refused, Err(InvalidIntegrationName(bad.to_owned())));
        }
    }

    #[test]
    fn is_read_through_the_same_door() {
        let good: IntegrationName = serde_json::from_str("\"prod\"").unwrap();
        assert_eq!(good.to_string(), "prod");
        assert!(serde_json::from_str::<IntegrationName>("\"../x\"").is_err());
    }
}
