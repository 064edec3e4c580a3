//! Why a channel cannot be used, and why a message did not arrive.
//!
//! The address of an incoming webhook is a secret: no text here holds more of it than its host.

use std::time::Duration;

use scout_envs::InvalidGlob;
use scout_http::{BoxError, CertificateFault};

/// The result of sending.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why parameters make no channel.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidChannel {
    /// A kind that does not exist.
    #[error("{name:?} is no kind of channel; the kinds are slack and webhook")]
    UnknownKind {
        /// What was given.
        name: String,
    },
    /// A key that the kind does not have.
    #[error("{key:?} is not a key of type={kind}; the keys are {allowed}")]
    UnknownKey {
        /// The key.
        key: String,
        /// The kind.
        kind: &'static str,
        /// What is allowed.
        allowed: String,
    },
    /// The address is not given.
    #[error(
        "type={kind} needs url=, where the address of the webhook is kept: env:NAME or file:PATH"
    )]
    MissingUrl {
        /// The kind.
        kind: &'static str,
    },
    /// A key given twice.
    #[error("{key}= is given more than once")]
    RepeatedKey {
        /// The key.
        key: &'static str,
    },
    /// A key without a value.
    #[error("{key}= has no value")]
    EmptyValue {
        /// The key.
        key: String,
    },
    /// A severity that nobody is told of.
    #[error("severity={value} is not known; it is high (critical and high) or critical")]
    Severity {
        /// What was given.
        value: String,
    },
    /// A value that is neither true nor false.
    #[error("{key}={value} is neither true nor false")]
    NotABoolean {
        /// The key.
        key: &'static str,
        /// The value.
        value: String,
    },
    /// A text that is no glob.
    #[error(transparent)]
    Glob(#[from] InvalidGlob),
    /// What `url=` points to is no address. It is not shown: it may be most of the secret.
    #[error(
        "what url= points to is not an https address, such as \
         https://hooks.slack.com/services/T…/B…/…"
    )]
    NotAnAddress,
    /// The address holds a user or a password, which no webhook asks for.
    #[error(
        "the webhook's address at {host} holds a user or a password, which are not sent; leave \
         them out (type=webhook signs its messages with secret=)"
    )]
    Credentials {
        /// The host.
        host: String,
    },
    /// The address is plain http to another machine.
    #[error(
        "the webhook's address at {host} is plain http, which hides neither the address nor the \
         message; use https, or allow it with insecure=true"
    )]
    PlainHttp {
        /// The host.
        host: String,
    },
    /// The client could not be made.
    #[error("the client for {host} could not be set up: {reason}")]
    Client {
        /// The host.
        host: String,
        /// Why not.
        reason: String,
    },
}

/// Why a message did not arrive, as far as we know.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The host's name has no address.
    #[error("the host name {host} cannot be resolved")]
    Unresolved {
        /// The host.
        host: String,
        /// The cause.
        source: BoxError,
    },
    /// No connection came about, or it broke off.
    #[error("{host} cannot be reached")]
    Unreachable {
        /// The host.
        host: String,
        /// The cause.
        source: BoxError,
    },
    /// The server's certificate was not accepted.
    #[error("the certificate of {host} is not trusted (a private authority is named with ca=FILE)")]
    Untrusted {
        /// The host.
        host: String,
        /// The cause.
        source: BoxError,
    },
    /// The server's certificate would not be accepted whoever had issued it.
    #[error("the certificate of {host} {fault}")]
    InvalidCertificate {
        /// The host.
        host: String,
        /// What is wrong with it.
        fault: CertificateFault,
        /// The cause.
        source: BoxError,
    },
    /// The server does not speak TLS, or not ours.
    #[error("no TLS connection to {host} (a receiver without TLS has an http:// address)")]
    Tls {
        /// The host.
        host: String,
        /// The cause.
        source: BoxError,
    },
    /// The request could not be put together.
    #[error("no request to {host} can be made of the address: check what url= points to")]
    NotSent {
        /// The host.
        host: String,
    },
    /// Nothing came in time.
    #[error("{host} did not answer in time")]
    Timeout {
        /// The host.
        host: String,
    },
    /// Too many messages were sent (429).
    #[error("{host} takes no more messages for now (429)")]
    RateLimited {
        /// The host.
        host: String,
        /// How long it asked to wait.
        retry_after: Option<Duration>,
    },
    /// The message is not understood (400).
    #[error(
        "{host} does not accept the message (400{}): is the address that of an incoming webhook?",
        told(reason)
    )]
    InvalidPayload {
        /// The host.
        host: String,
        /// What it said.
        reason: Option<String>,
    },
    /// Somebody forbids it (403).
    #[error(
        "{host} forbids the webhook to post (403{}): ask an administrator of the workspace, or \
         make a new webhook",
        told(reason)
    )]
    Forbidden {
        /// The host.
        host: String,
        /// What it said.
        reason: Option<String>,
    },
    /// There is no such webhook or channel (404).
    #[error(
        "{host} has no such webhook or channel any more (404{}): make a new webhook and put its \
         address where url= points to",
        told(reason)
    )]
    NotFound {
        /// The host.
        host: String,
        /// What it said.
        reason: Option<String>,
    },
    /// The channel does not take messages any more (410).
    #[error(
        "the channel behind {host} is archived (410{}): unarchive it, or make a webhook for \
         another channel",
        told(reason)
    )]
    Archived {
        /// The host.
        host: String,
        /// What it said.
        reason: Option<String>,
    },
    /// The server has trouble of its own (5xx).
    #[error("{host} answered {status}{}", told(reason))]
    Unavailable {
        /// The host.
        host: String,
        /// The status.
        status: u16,
        /// What it said.
        reason: Option<String>,
        /// How long it asked to wait.
        retry_after: Option<Duration>,
    },
    /// An answer that is not that of a webhook.
    #[error(
        "{host} answered {status}{}, which is not how a webhook says that it took a message: check \
         the address",
        told(reason)
    )]
    Unexpected {
        /// The host.
        host: String,
        /// The status.
        status: u16,
        /// What it said.
        reason: Option<String>,
    },
}

fn told(reason: &Option<String>) -> String {
    reason
        .as_ref()
        .map_or_else(String::new, |reason| format!(" {reason}"))
}

impl Error {
    /// Returns whether somebody has to do something before it can work again.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Unresolved { .. }
            | Self::Unreachable { .. }
            | Self::Timeout { .. }
            | Self::RateLimited { .. }
            | Self::Unavailable { .. } => false,
            Self::Untrusted { .. }
            | Self::InvalidCertificate { .. }
            | Self::Tls { .. }
            | Self::NotSent { .. }
            | Self::InvalidPayload { .. }
            | Self::Forbidden { .. }
            | Self::NotFound { .. }
            | Self::Archived { .. }
            | Self::Unexpected { .. } => true,
        }
    }

    /// Returns how long the server asked to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after, .. } | Self::Unavailable { retry_after, .. } => {
                *retry_after
            }
            _ => None,
        }
    }

    /// Names what went wrong on the way, without the address.
    pub(crate) fn from_http(host: &str, error: scout_http::Error) -> Self {
        use scout_http::Error as Http;
        let host = host.to_owned();
        match error {
            Http::Unresolved { source, .. } => Self::Unresolved { host, source },
            Http::Unreachable { source, .. } | Http::Interrupted { source, .. } => {
                Self::Unreachable { host, source }
            }
            Http::Untrusted { source, .. } => Self::Untrusted { host, source },
            Http::InvalidCertificate { fault, source, .. } => Self::InvalidCertificate {
                host,
                fault,
                source,
            },
            Http::Tls { source, .. } => Self::Tls { host, source },
            Http::Timeout { .. } => Self::Timeout { host },
            // Its text would show the address.
            _ => Self::NotSent { host },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_fits_what_is_wrong_with_a_certificate() {
        let url: url::Url = "https://hooks.example.com/canary".parse().unwrap();
        let cause = || BoxError::from("cause");
        for (error, words) in [
            (
                scout_http::Error::Untrusted {
                    url: (&url).into(),
                    source: cause(),
                },
                "ca=FILE",
            ),
            (
                scout_http::Error::InvalidCertificate {
                    url: (&url).into(),
                    fault: CertificateFault::Expired,
                    source: cause(),
                },
                "has expired",
            ),
            (
                scout_http::Error::Tls {
                    url: (&url).into(),
                    source: cause(),
                },
                "http://",
            ),
        ] {
            let error = Error::from_http("hooks.example.com", error);
            let text = error.to_string();
            assert!(text.contains(words) && !text.contains("canary"), "{text}");
            assert!(error.is_permanent(), "{text}");
        }
    }
}
