//! What can go wrong between a request and its answer.

use std::error::Error as StdError;
use std::fmt;

use crate::redact::RedactedUrl;

/// The result of an HTTP operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A cause whose type is nobody's business.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// Why a request got no usable answer. Statuses are not errors here: they are answers.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The extra certificate authorities are not PEM, or are damaged.
    #[error("the extra certificate authorities (ca=) cannot be used")]
    InvalidCertificates {
        /// What is wrong with them.
        source: BoxError,
    },
    /// The extra certificate authorities hold no certificate.
    #[error("the extra certificate authorities (ca=) hold no certificate in PEM form")]
    NoCertificates,
    /// The client could not be made.
    #[error("the HTTP client could not be set up")]
    Setup {
        /// The cause.
        source: BoxError,
    },
    /// Plain HTTP to another machine was not allowed.
    #[error(
        "{url} is plain http, which is used for loopback addresses only (insecure=true allows it)"
    )]
    PlainHttp {
        /// The address.
        url: RedactedUrl,
    },
    /// The request could not be put together.
    #[error("{url} cannot be asked")]
    InvalidRequest {
        /// The address.
        url: RedactedUrl,
        /// The cause.
        source: BoxError,
    },
    /// The host's name has no address.
    #[error("the host name in {url} cannot be resolved")]
    Unresolved {
        /// The address.
        url: RedactedUrl,
        /// The cause.
        source: BoxError,
    },
    /// No connection came about, or not in time.
    #[error("{url} cannot be reached")]
    Unreachable {
        /// The address.
        url: RedactedUrl,
        /// The cause.
        source: BoxError,
    },
    /// The server's certificate was not accepted.
    #[error("the certificate of {url} is not trusted (a private authority is named with ca=FILE)")]
    Untrusted {
        /// The address.
        url: RedactedUrl,
        /// The cause.
        source: BoxError,
    },
    /// The server does not speak TLS, or not ours.
    #[error("no TLS connection to {url} (a server without TLS is named with insecure=true)")]
    Tls {
        /// The address.
        url: RedactedUrl,
        /// The cause.
        source: BoxError,
    },
    /// There was a connection, but nothing came over it in time.
    #[error("{url} did not answer in time")]
    Timeout {
        /// The address.
        url: RedactedUrl,
    },
    /// The connection ended before the answer did.
    #[error("the connection to {url} broke off")]
    Interrupted {
        /// The address.
        url: RedactedUrl,
        /// The cause.
        source: BoxError,
    },
    /// The answer is longer than was allowed.
    #[error("{url} sent more than {limit} bytes")]
    BodyTooLarge {
        /// The address.
        url: RedactedUrl,
        /// The most that was allowed, in bytes.
        limit: u64,
    },
}

impl Error {
    /// Returns whether the same request may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unresolved { .. }
            | Self::Unreachable { .. }
            | Self::Timeout { .. }
            | Self::Interrupted { .. } => true,
            Self::InvalidCertificates { .. }
            | Self::NoCertificates
            | Self::Setup { .. }
            | Self::PlainHttp { .. }
            | Self::InvalidRequest { .. }
            | Self::Untrusted { .. }
            | Self::Tls { .. }
            | Self::BodyTooLarge { .. } => false,
        }
    }

    /// Returns what a person should do about it, a clause that starts in lower case.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::InvalidCertificates { .. } | Self::NoCertificates => "check the file of ca=",
            Self::Setup { .. } | Self::InvalidRequest { .. } => "check the address",
            Self::PlainHttp { .. } => "use https, or allow plain http with insecure=true",
            Self::Unresolved { .. } => "check the host's name, and this machine's name service",
            Self::Unreachable { .. } => "check host and port, and firewalls and proxies between",
            Self::Untrusted { .. } => "name the certificate's authority with ca=FILE",
            Self::Tls { .. } => "check the port, and whether it speaks TLS",
            Self::Timeout { .. } | Self::Interrupted { .. } | Self::BodyTooLarge { .. } => {
                "try again later; if it stays so, look at the server and at proxies between"
            }
        }
    }

    /// Sorts an error of the HTTP library by what happened.
    pub(crate) fn classify(url: &url::Url, error: reqwest::Error) -> Self {
        let url = RedactedUrl::from(url);
        // The library's own text holds the whole address, query included.
        let error = error.without_url();
        if error.is_timeout() && !error.is_connect() {
            return Self::Timeout { url };
        }
        if error.is_builder() {
            let source = error.into();
            return Self::InvalidRequest { url, source };
        }
        let (is_dns, is_connect) = (error.is_dns(), error.is_connect());
        let cause = RootCause(error);
        let text = cause.to_string();
        let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
        let source = Box::new(cause);
        match () {
            () if is_dns => Self::Unresolved { url, source },
            () if is_connect && says(&["certificate", "UnknownIssuer"]) => {
                Self::Untrusted { url, source }
            }
            () if is_connect && says(&["corrupt message", "alert", "handshake", "tls"]) => {
                Self::Tls { url, source }
            }
            () if is_connect => Self::Unreachable { url, source },
            () => Self::Interrupted { url, source },
        }
    }
}

/// An error that shows its deepest cause only: the layers between say nothing to a person.
#[derive(Debug)]
struct RootCause(reqwest::Error);

impl fmt::Display for RootCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut cause: &dyn StdError = &self.0;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        write!(f, "{cause}")
    }
}

impl StdError for RootCause {}
