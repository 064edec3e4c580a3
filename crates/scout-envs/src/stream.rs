//! Streams: every environment, and the newest analyzed tag of every repository.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The name of a stream, the value of the `streamName` label.
///
/// Streams are a superset of environments: each environment is a stream, and
/// [`latest-indexed`](Self::LATEST_INDEXED) holds the most recently pushed and analyzed tag of
/// each repository.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct StreamName(String);

impl StreamName {
    /// The stream that holds the newest analyzed tag of every repository.
    pub const LATEST_INDEXED: &'static str = "latest-indexed";
    /// Longest name accepted, in bytes: label values are stored with every series.
    pub const MAX_LEN: usize = 128;

    /// Returns the special stream `latest-indexed`.
    #[must_use]
    pub fn latest_indexed() -> Self {
        Self(Self::LATEST_INDEXED.to_owned())
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<StreamName> for String {
    fn from(name: StreamName) -> Self {
        name.0
    }
}

impl FromStr for StreamName {
    type Err = InvalidStreamName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::try_from(name.to_owned())
    }
}

impl TryFrom<String> for StreamName {
    type Error = InvalidStreamName;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        if name.trim().is_empty() {
            return Err(InvalidStreamName::Empty);
        }
        if name.trim() != name {
            return Err(InvalidStreamName::Padded);
        }
        if name.len() > Self::MAX_LEN {
            return Err(InvalidStreamName::TooLong { len: name.len() });
        }
        if name.chars().any(breaks_lines) {
            return Err(InvalidStreamName::ControlCharacter);
        }
        Ok(Self(name))
    }
}

/// Control characters, which no dashboard can show, and Unicode's line separators, on which
/// Datadog's check splits the page.
fn breaks_lines(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Why a text is not a stream's name.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidStreamName {
    /// Nothing but white space.
    #[error("the name is empty")]
    Empty,
    /// White space at an end: two names would look alike.
    #[error("the name starts or ends with white space")]
    Padded,
    /// Longer than [`StreamName::MAX_LEN`].
    #[error("the name has {len} bytes, {max} at most are allowed", max = StreamName::MAX_LEN)]
    TooLong {
        /// How long it is, in bytes.
        len: usize,
    },
    /// A control character or a line separator.
    #[error("the name has a control character or a line separator in it")]
    ControlCharacter,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_what_a_label_cannot_show() {
        for (name, expected) in [
            ("", InvalidStreamName::Empty),
            ("  ", InvalidStreamName::Empty),
            (" prod", InvalidStreamName::Padded),
            ("a\nb", InvalidStreamName::ControlCharacter),
            ("a\u{2028}b", InvalidStreamName::ControlCharacter),
            (&"a".repeat(129), InvalidStreamName::TooLong { len: 129 }),
        ] {
            assert_eq!(name.parse::<StreamName>(), Err(expected), "{name:?}");
        }
        for good in ["production", "eu west \"1\"", "prod\\blue", "生产"] {
            assert_eq!(good.parse::<StreamName>().unwrap().as_str(), good);
        }
    }

    #[test]
    fn deserializing_uses_the_same_door() {
        assert!(serde_json::from_str::<StreamName>("\"a\\tb\"").is_err());
        assert!(serde_json::from_str::<StreamName>("\"prod\"").is_ok());
    }
}
