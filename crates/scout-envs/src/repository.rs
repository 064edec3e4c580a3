//! Names of repositories and tags, by the grammar of the OCI distribution specification.
//!
//! Everything that reaches a URL, a log or a metric passes through these two types first.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A repository's name within its registry, for instance `library/debian`.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepositoryName(String);

impl RepositoryName {
    /// Longest name accepted, in bytes (distribution specification: registries limit host and
    /// name to 255 together).
    pub const MAX_LEN: usize = 255;

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One path component: alphanumerics, joined by `.`, `_`, `__` or any number of `-`.
fn is_component(component: &str) -> bool {
    let is_word = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = component.as_bytes();
    if !bytes.first().is_some_and(is_word) || !bytes.last().is_some_and(is_word) {
        return false;
    }
    bytes
        .split(is_word)
        .filter(|separator| !separator.is_empty())
        .all(|separator| {
            matches!(separator, b"." | b"_" | b"__") || separator.iter().all(|&byte| byte == b'-')
        })
}

/// A tag within a repository.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tag(String);

impl Tag {
    /// Longest tag accepted, in bytes (distribution specification).
    pub const MAX_LEN: usize = 128;

    /// Returns the tag.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether the tag only carries signatures or attestations of another image:
    /// the `sha256-<hex>` scheme of cosign and of the referrers fallback.
    #[must_use]
    pub fn is_referrer(&self) -> bool {
        self.0
            .strip_prefix("sha256-")
            .and_then(|rest| rest.as_bytes().get(..64))
            .is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit))
    }
}

macro_rules! text_value {
    ($type:ty, $error:ident) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> Self {
                value.0
            }
        }

        impl FromStr for $type {
            type Err = $error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::try_from(text.to_owned())
            }
        }
    };
}

text_value!(RepositoryName, InvalidRepositoryName);
text_value!(Tag, InvalidTag);

impl TryFrom<String> for RepositoryName {
    type Error = InvalidRepositoryName;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        if name.len() <= Self::MAX_LEN && name.split('/').all(is_component) {
            Ok(Self(name))
        } else {
            Err(InvalidRepositoryName(name))
        }
    }
}

impl TryFrom<String> for Tag {
    type Error = InvalidTag;

    fn try_from(tag: String) -> Result<Self, Self::Error> {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let starts_well = tag.bytes().next().is_some_and(is_word);
        let spelled_well = tag.bytes().all(|b| is_word(b) || matches!(b, b'.' | b'-'));
        if tag.len() <= Self::MAX_LEN && starts_well && spelled_well {
            Ok(Self(tag))
        } else {
            Err(InvalidTag(tag))
        }
    }
}

/// A text that is not a repository's name.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} is not a repository name: lower-case path segments such as `team/app`")]
pub struct InvalidRepositoryName(pub String);

/// A text that is not a tag.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} is not a tag: up to 128 letters, digits, '_', '.' or '-'")]
pub struct InvalidTag(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repository_names_follow_the_grammar() {
        for good in [
            "a",
            "library/debian",
            "a.b/c__d/e---f",
            "docker-local/team/app",
            "0/1",
        ] {
            assert!(good.parse::<RepositoryName>().is_ok(), "{good}");
        }
        for bad in [
            "", "/a", "a/", "a//b", "A", "a..b", "a___b", "../a", "a/../b", "a b", "a?x", "a%2f",
            "-a", "a-", "a._b",
        ] {
            assert!(bad.parse::<RepositoryName>().is_err(), "{bad}");
        }
        assert!("a/".repeat(127).parse::<RepositoryName>().is_err());
    }

    #[test]
    fn tags_follow_the_grammar() {
        for good in ["latest", "1.0", "_x", "V1.2-rc.1", "12-patched"] {
            assert!(good.parse::<Tag>().is_ok(), "{good}");
        }
        for bad in ["", ".a", "-a", "a/b", "a:b", &"a".repeat(129)] {
            assert!(bad.parse::<Tag>().is_err(), "{bad}");
        }
    }

    #[test]
    fn tells_referrer_tags() {
        let hex = "a".repeat(64);
        for (tag, expected) in [
            (format!("sha256-{hex}"), true),
            (format!("sha256-{hex}.sig"), true),
            ("sha256-abc".to_owned(), false),
            ("latest".to_owned(), false),
        ] {
            assert_eq!(tag.parse::<Tag>().unwrap().is_referrer(), expected, "{tag}");
        }
    }
}
