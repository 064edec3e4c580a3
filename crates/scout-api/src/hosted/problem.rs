//! Why a read gave nothing, as a word for metrics and state.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Why a read gave nothing.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Problem {
    /// The server does not know the token (status 401).
    Unauthorized,
    /// The token may not read this organization (status 403).
    Forbidden,
    /// The server does not know the organization (status 404).
    NotFound,
    /// The server was asked too often (status 429).
    TooManyRequests,
    /// The server has a fault of its own (status 5xx).
    Unavailable,
    /// Another status that means nothing here.
    UnexpectedStatus,
    /// No connection came about.
    Unreachable,
    /// No answer came in time.
    TimedOut,
    /// The answer ended before it was whole.
    Incomplete,
    /// The answer is longer than is read.
    TooLarge,
    /// The answer is not metrics, or not those that are documented.
    Malformed,
}

impl Problem {
    /// Every problem, in the order of the statuses.
    pub const ALL: [Self; 11] = [
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::TooManyRequests,
        Self::Unavailable,
        Self::UnexpectedStatus,
        Self::Unreachable,
        Self::TimedOut,
        Self::Incomplete,
        Self::TooLarge,
        Self::Malformed,
    ];

    /// Returns the word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::TooManyRequests => "too_many_requests",
            Self::Unavailable => "unavailable",
            Self::UnexpectedStatus => "unexpected_status",
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed_out",
            Self::Incomplete => "incomplete",
            Self::TooLarge => "too_large",
            Self::Malformed => "malformed",
        }
    }

    /// Returns whether a person must mend it, so that asking again soon is of no use.
    #[must_use]
    pub fn is_refusal(self) -> bool {
        matches!(self, Self::Unauthorized | Self::Forbidden | Self::NotFound)
    }
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        match error {
            Error::UnusableToken | Error::Unauthorized { .. } => Self::Unauthorized,
            Error::Forbidden { .. } => Self::Forbidden,
            Error::NotFound { .. } => Self::NotFound,
            Error::TooManyRequests { .. } => Self::TooManyRequests,
            Error::Unavailable { .. } => Self::Unavailable,
            Error::UnexpectedStatus { .. } => Self::UnexpectedStatus,
            Error::UnusableAddress { .. } => Self::Unreachable,
            Error::Fetch { source } => match source {
                scout_http::Error::Timeout { .. } => Self::TimedOut,
                scout_http::Error::Interrupted { .. } => Self::Incomplete,
                scout_http::Error::BodyTooLarge { .. } => Self::TooLarge,
                _ => Self::Unreachable,
            },
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_on_disk_are_those_of_metrics() {
        for problem in Problem::ALL {
            let json = serde_json::to_string(&problem).unwrap();
            assert_eq!(json, format!("\"{problem}\""));
        }
    }
}
