//! The name of an organization, the tenant of everything that is recorded.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::name::is_plain;

/// An organization's name, as it stands in the path of the metrics endpoint.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct OrgName(String);

impl OrgName {
    /// The organization used when none is named.
    pub const DEFAULT: &'static str = "default";
    /// Longest name accepted, in bytes.
    pub const MAX_LEN: usize = crate::name::MAX_LEN;

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OrgName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<OrgName> for String {
    fn from(name: OrgName) -> Self {
        name.0
    }
}

impl FromStr for OrgName {
    type Err = InvalidOrgName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::try_from(name.to_owned())
    }
}

impl TryFrom<String> for OrgName {
    type Error = InvalidOrgName;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        if is_plain(&name) {
            Ok(Self(name))
        } else {
            Err(InvalidOrgName(name))
        }
    }
}

/// A text that is not an organization's name.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "{0:?} is not an organization name: 1 to 64 lower-case letters, digits, '-', '_' or '.', \
     starting with a letter or digit"
)]
pub struct InvalidOrgName(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_what_a_path_segment_and_a_label_can_hold() {
        for good in [
            "acme",
            "a",
            "dockerscoutpolicy",
            "team-1",
            "9lives",
            "a.b_c",
        ] {
            assert!(good.parse::<OrgName>().is_ok(), "{good}");
        }
        for bad in ["", "Acme", "a/b", "..", "-a", "a b", "ä", &"a".repeat(65)] {
            assert!(bad.parse::<OrgName>().is_err(), "{bad}");
        }
    }
}
