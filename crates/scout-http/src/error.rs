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
    /// The server's certificate would not be accepted whoever had issued it.
    #[error("the certificate of {url} {fault}")]
    InvalidCertificate {
        /// The address.
        url: RedactedUrl,
        /// What is wrong with it.
        fault: CertificateFault,
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
            | Self::InvalidCertificate { .. }
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
            Self::InvalidCertificate { fault, .. } => fault.advice(),
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
        let fault = CertificateFault::told_by(&text).filter(|_| is_connect);
        if let Some(fault) = fault {
            return Self::InvalidCertificate { url, fault, source };
        }
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

/// What is wrong with a certificate, whoever issued it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum CertificateFault {
    /// Its time is over, or has not come.
    Expired,
    /// It does not hold the name by which the server was asked for.
    OtherName,
    /// It is marked as that of an authority, as self-signed ones often are.
    Authority,
}

impl CertificateFault {
    /// Reads it from what the TLS library says.
    fn told_by(text: &str) -> Option<Self> {
        let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
        match () {
            () if says(&["CaUsedAsEndEntity"]) => Some(Self::Authority),
            () if says(&["not valid for name", "NotValidForName"]) => Some(Self::OtherName),
            () if says(&[
                "certificate expired",
                "Expired",
                "NotValidYet",
                "not valid yet",
            ]) =>
            {
                Some(Self::Expired)
            }
            () => None,
        }
    }

    fn advice(self) -> &'static str {
        match self {
            Self::Expired => "have the certificate renewed, and compare the clocks",
            Self::OtherName => "name the host as its certificate does",
            Self::Authority => "give the server a certificate with basicConstraints=CA:FALSE",
        }
    }
}

impl fmt::Display for CertificateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expired => "has expired, or is not valid yet",
            Self::OtherName => "is for other names",
            Self::Authority => "is that of an authority, not of a server",
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_authority_could_mend_is_told_from_an_unknown_authority() {
        for (text, expected) in [
            ("invalid peer certificate: UnknownIssuer", None),
            ("invalid peer certificate: BadSignature", None),
            (
                "invalid peer certificate: Expired",
                Some(CertificateFault::Expired),
            ),
            (
                "invalid peer certificate: certificate expired: verification time 2 (UNIX), but \
                 certificate is not valid after 1 (1 seconds ago)",
                Some(CertificateFault::Expired),
            ),
            (
                "invalid peer certificate: certificate not valid for name \"a\"; certificate is \
                 only valid for DnsName(\"b\")",
                Some(CertificateFault::OtherName),
            ),
            (
                "invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))",
                Some(CertificateFault::Authority),
            ),
        ] {
            assert_eq!(CertificateFault::told_by(text), expected, "{text}");
        }
    }
}
