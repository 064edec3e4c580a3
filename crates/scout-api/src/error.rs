//! What can go wrong when the server is asked.

use std::time::Duration;

use scout_envs::OrgName;
use scout_http::RedactedUrl;

/// The result of asking the server.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the server gave no metrics.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The token cannot be sent: it is empty or has characters that no header can hold.
    #[error("the token is empty or has characters that cannot be sent")]
    UnusableToken,
    /// The address of the server has no place for a path.
    #[error("{url} cannot be the address of a Scout server")]
    UnusableAddress {
        /// The address.
        url: RedactedUrl,
    },
    /// The server does not know the token (status 401).
    #[error("{url} refused the token: it is mistyped, expired or revoked")]
    Unauthorized {
        /// The address that was asked.
        url: RedactedUrl,
    },
    /// The token may not read these metrics (status 403).
    #[error("{url} does not let this token read {org}: an owner of the organization must make it")]
    Forbidden {
        /// The address that was asked.
        url: RedactedUrl,
        /// The organization.
        org: OrgName,
    },
    /// The server does not know the organization (status 404).
    #[error("{url} does not know the organization {org}, or it is not enrolled")]
    NotFound {
        /// The address that was asked.
        url: RedactedUrl,
        /// The organization.
        org: OrgName,
    },
    /// The server was asked too often (status 429).
    #[error("{url} was asked too often")]
    TooManyRequests {
        /// The address that was asked.
        url: RedactedUrl,
        /// How long the server wants to be left alone, if it says so.
        retry_after: Option<Duration>,
    },
    /// The server has a fault of its own (status 5xx).
    #[error("{url} is unavailable (status {status})")]
    Unavailable {
        /// The address that was asked.
        url: RedactedUrl,
        /// The status.
        status: u16,
        /// How long the server wants to be left alone, if it says so.
        retry_after: Option<Duration>,
    },
    /// The server answered with a status that means nothing here. Redirects are among them: they
    /// are not followed, so that the token goes nowhere else.
    #[error("{url} answered with status {status}{}", redirect_note(*status))]
    UnexpectedStatus {
        /// The address that was asked.
        url: RedactedUrl,
        /// The status.
        status: u16,
    },
    /// No whole answer came, or a longer one than is allowed.
    #[error("the metrics could not be fetched")]
    Fetch {
        /// What happened.
        source: scout_http::Error,
    },
}

impl Error {
    /// Returns whether the same request may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::TooManyRequests { .. } | Self::Unavailable { .. } => true,
            Self::Fetch { source } => source.is_retryable(),
            Self::UnusableToken
            | Self::UnusableAddress { .. }
            | Self::Unauthorized { .. }
            | Self::Forbidden { .. }
            | Self::NotFound { .. }
            | Self::UnexpectedStatus { .. } => false,
        }
    }

    /// Returns how long the server asked to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooManyRequests { retry_after, .. } | Self::Unavailable { retry_after, .. } => {
                *retry_after
            }
            _ => None,
        }
    }
}

/// Returns what to do about a redirect; nothing of other statuses.
fn redirect_note(status: u16) -> &'static str {
    match status {
        300..=303 | 305..=399 => {
            ", a redirect, which is not followed as the token is for this address only: give the \
             server's own address as its api"
        }
        _ => "",
    }
}
