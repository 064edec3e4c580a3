//! The name of an integration: a registry or runtime that an organization set up under it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An integration's name, as people give it; also the path on which its events arrive.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct IntegrationName(String);

impl IntegrationName {
    /// Longest name accepted, in bytes; as for organizations.
    pub const MAX_LEN: usize = 64;

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
        let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let fits = !name.is_empty() && name.len() <= Self::MAX_LEN;
        let starts_well = name.bytes().next().is_some_and(is_word);
        let spelled_well = name
            .bytes()
            .all(|b| is_word(b) || matches!(b, b'-' | b'_' | b'.'));
        if fits && starts_well && spelled_well {
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
