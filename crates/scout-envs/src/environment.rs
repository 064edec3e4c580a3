//! Environments: what runs somewhere, by the name people gave it.

use std::fmt;
use std::str::FromStr;

use crate::stream::{InvalidStreamName, StreamName};

/// The name of an environment: any stream's name but the special one.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct EnvironmentName(StreamName);

impl EnvironmentName {
    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Returns the environment as a stream.
    #[must_use]
    pub fn to_stream(&self) -> StreamName {
        self.0.clone()
    }
}

impl fmt::Display for EnvironmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for EnvironmentName {
    type Err = InvalidEnvironmentName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let stream: StreamName = name
            .parse()
            .map_err(|reason| InvalidEnvironmentName::Name {
                name: name.to_owned(),
                reason,
            })?;
        if stream.as_str() == StreamName::LATEST_INDEXED {
            return Err(InvalidEnvironmentName::Reserved);
        }
        Ok(Self(stream))
    }
}

/// Why a text is not an environment's name.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidEnvironmentName {
    /// It cannot be a stream's name.
    #[error("{name:?} cannot be an environment: {reason}")]
    Name {
        /// What was given.
        name: String,
        /// What is wrong with it.
        reason: InvalidStreamName,
    },
    /// It is the name of the special stream.
    #[error("`latest-indexed` is filled by Scout itself and cannot be an environment")]
    Reserved,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_special_stream_is_not_an_environment() {
        assert_eq!(
            "latest-indexed".parse::<EnvironmentName>(),
            Err(InvalidEnvironmentName::Reserved)
        );
        assert_eq!(
            "production".parse::<EnvironmentName>().unwrap().as_str(),
            "production"
        );
    }
}
