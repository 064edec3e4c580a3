//! What can go wrong when images are looked for.

mod advice;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use scout_envs::Digest;
use scout_http::{RedactedUrl, Transient};

/// The result of an operation on an integration.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A shared cause whose type is nobody's business.
pub type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// Why an integration could not do what it was asked.
///
/// It can be cloned because several callers may wait for one answer.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No usable answer came.
    #[error(transparent)]
    Http(Arc<scout_http::Error>),
    /// The credentials are wrong, or none were given where some are needed.
    #[error("{url} does not accept {who}: {advice}{}", said(.detail))]
    Unauthorized {
        /// Who refused: the registry or its token service.
        url: RedactedUrl,
        /// Who we said we are, without secrets.
        who: String,
        /// What to do about it.
        advice: &'static str,
        /// What the server said, if anything.
        detail: Option<String>,
    },
    /// A token or password with characters that cannot be sent.
    #[error("the credentials hold characters that cannot be sent, perhaps a line break")]
    UnusableCredentials,
    /// The credentials are right, but do not allow this.
    #[error("{who} may not read {what} at {url}{}", said(.detail))]
    Denied {
        /// The address that was asked.
        url: RedactedUrl,
        /// Who we said we are, without secrets.
        who: String,
        /// What was asked for.
        what: String,
        /// What the server said, if anything.
        detail: Option<String>,
    },
    /// There is no such thing.
    #[error("{what} does not exist{}", said(.detail))]
    NotFound {
        /// What was asked for.
        what: String,
        /// What the server said, if anything.
        detail: Option<String>,
    },
    /// The registry itself says that it knows no such repository (`NAME_UNKNOWN`), and not only
    /// something on the way to it that there is no such path.
    #[error("{what} does not exist{}", said(.detail))]
    UnknownRepository {
        /// What was asked for.
        what: String,
        /// What the server said, if anything.
        detail: Option<String>,
    },
    /// The registry has no catalog for us.
    #[error("{registry} does not list its repositories; name them with repository=")]
    NoCatalog {
        /// The registry.
        registry: String,
        /// What came instead of the list.
        source: Box<Self>,
    },
    /// The registry wants fewer requests.
    #[error("{url} asks to slow down{}{}", wait(.retry_after), said(.detail))]
    TooManyRequests {
        /// The address that was asked.
        url: RedactedUrl,
        /// How long it wants us to wait.
        retry_after: Option<Duration>,
        /// What the server said, if anything.
        detail: Option<String>,
    },
    /// The registry is out of order.
    #[error("{url} is out of order (status {status}){}", said(.detail))]
    Unavailable {
        /// The address that was asked.
        url: RedactedUrl,
        /// The HTTP status, 500 and above.
        status: u16,
        /// How long it wants us to wait.
        retry_after: Option<Duration>,
        /// What the server said, if anything.
        detail: Option<String>,
    },
    /// What answers is not the API that was expected there.
    #[error("{url} is not {expected}{}", said(.detail))]
    WrongApi {
        /// The address that was asked.
        url: RedactedUrl,
        /// What should be there, and how its address usually looks.
        expected: &'static str,
        /// What came instead, if there is something to say.
        detail: Option<String>,
    },
    /// A server that seems to want TLS.
    #[error(
        "{url} cannot be asked over plain http; if it speaks TLS, put https:// before the host"
    )]
    NotPlainHttp {
        /// The address that was asked.
        url: RedactedUrl,
    },
    /// An answer that the protocol does not foresee.
    #[error("{url} answered with status {status}{}", said(.detail))]
    UnexpectedStatus {
        /// The address that was asked.
        url: RedactedUrl,
        /// The HTTP status.
        status: u16,
        /// What the server said, if anything.
        detail: Option<String>,
    },
    /// An answer that cannot be understood.
    #[error("{url} sent something that is not {expected}")]
    InvalidAnswer {
        /// The address that was asked.
        url: RedactedUrl,
        /// What should have come.
        expected: &'static str,
        /// What is wrong with it.
        source: Cause,
    },
    /// Content does not have the digest it was asked for by.
    #[error("{what} is damaged: it has the digest {actual}, not {expected}")]
    DigestMismatch {
        /// What was asked for.
        what: String,
        /// The digest it should have.
        expected: Digest,
        /// The digest it has.
        actual: Digest,
    },
    /// Content does not have the length that its descriptor states.
    #[error("{what} is damaged: it should have {expected} bytes{}", has(.actual))]
    SizeMismatch {
        /// What was asked for.
        what: String,
        /// The length it should have, in bytes.
        expected: u64,
        /// The length it has, in bytes, if that is known; else it is longer.
        actual: Option<u64>,
    },
    /// A blob ended before it was whole, and starting over may help.
    #[error("{what} broke off after {received} of {expected} bytes")]
    BrokenOff {
        /// What was asked for.
        what: String,
        /// How much came, in bytes.
        received: u64,
        /// How much should have come, in bytes.
        expected: u64,
    },
    /// Content is longer than we read.
    #[error("{what} has more than {limit} bytes")]
    TooLarge {
        /// What was asked for.
        what: String,
        /// The most we read, in bytes.
        limit: u64,
    },
    /// A manifest that cannot be used.
    #[error("{what} cannot be used")]
    InvalidManifest {
        /// Which one.
        what: String,
        /// What is wrong with it.
        source: Cause,
    },
    /// A redirect that must not be followed.
    #[error("the redirect from {from} to {to} is not followed: {reason}")]
    RefusedRedirect {
        /// Where it came from.
        from: RedactedUrl,
        /// Where it leads, without secrets.
        to: String,
        /// Why not.
        reason: &'static str,
    },
    /// A token service that must not see our credentials.
    #[error("{registry} names {realm} as its token service, which gets no credentials: {reason}")]
    RefusedRealm {
        /// The registry.
        registry: String,
        /// The token service, without secrets.
        realm: String,
        /// Why not.
        reason: &'static str,
    },
    /// A link to a next page that must not be followed.
    #[error("the next page that {url} names is not asked for: {reason}")]
    RefusedLink {
        /// The page that has the link.
        url: RedactedUrl,
        /// Why not.
        reason: &'static str,
    },
    /// A listing that does not end.
    #[error("the listing at {url} has more than {limit} {unit}")]
    EndlessListing {
        /// The first page.
        url: RedactedUrl,
        /// The most we read.
        limit: usize,
        /// What is counted: pages or names.
        unit: &'static str,
    },
    /// No cluster was chosen, and what was asked for is about one.
    #[error("no cluster of {host} is chosen; give one with cluster=")]
    NoCluster {
        /// Where the clusters are known.
        host: String,
    },
    /// A cluster of which nothing is known.
    #[error("{host} knows no cluster {cluster:?}; {}", choices(.known))]
    UnknownCluster {
        /// Where it was looked for.
        host: String,
        /// The name that was given.
        cluster: String,
        /// The clusters that are known there, sorted.
        known: Vec<String>,
    },
    /// Neither of two APIs that tell what runs is there for us.
    #[error("{url} offers neither Risk Spotlight ({risk_spotlight}) nor the public API")]
    NoRuntimeApi {
        /// The address that was asked.
        url: RedactedUrl,
        /// What the first one answered.
        risk_spotlight: Box<Self>,
        /// What the other answered.
        source: Box<Self>,
    },
    /// A file that cannot be read.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// The file or directory.
        path: PathBuf,
        /// The cause.
        source: Arc<std::io::Error>,
    },
    /// A file that is no archive of images.
    #[error("{} is not an archive as docker save writes it: {reason}", path.display())]
    NotAnArchive {
        /// The file.
        path: PathBuf,
        /// What is missing or wrong.
        reason: String,
    },
    /// A directory that is no image layout.
    #[error("{} is not an OCI image layout: {reason}", path.display())]
    NotALayout {
        /// The directory.
        path: PathBuf,
        /// What is missing or wrong.
        reason: String,
    },
}

impl Error {
    /// Returns whether the same request may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Http(error) => error.is_retryable(),
            Self::TooManyRequests { .. } | Self::Unavailable { .. } | Self::BrokenOff { .. } => {
                true
            }
            Self::NoCatalog { source, .. } => source.is_retryable(),
            _ => false,
        }
    }

    /// Returns whether what was asked for does not exist.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. } | Self::UnknownRepository { .. })
    }

    /// Returns whether the registry itself says that it knows no such repository.
    #[must_use]
    pub fn is_unknown_repository(&self) -> bool {
        matches!(self, Self::UnknownRepository { .. })
    }

    /// Returns whether the credentials are wrong or missing: nothing else will work either.
    #[must_use]
    pub fn is_unauthorized(&self) -> bool {
        matches!(self, Self::Unauthorized { .. } | Self::UnusableCredentials)
    }

    /// Returns whether the whole source is out of reach, and not only what was asked for: nothing
    /// else needs to be tried now. The storage a registry redirects to counts as part of it.
    #[must_use]
    pub fn concerns_whole_source(&self) -> bool {
        match self {
            Self::Http(error) => !matches!(
                **error,
                scout_http::Error::BodyTooLarge { .. }
                    | scout_http::Error::Interrupted { .. }
                    | scout_http::Error::Timeout { .. }
            ),
            Self::Unauthorized { .. }
            | Self::UnusableCredentials
            | Self::NotPlainHttp { .. }
            | Self::WrongApi { .. }
            | Self::RefusedRealm { .. }
            | Self::TooManyRequests { .. }
            | Self::NoRuntimeApi { .. }
            | Self::NotAnArchive { .. }
            | Self::NotALayout { .. } => true,
            _ => false,
        }
    }

    /// Returns whether the registry asks for fewer requests: nothing is wrong with what was asked
    /// for.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        match self {
            Self::TooManyRequests { .. } => true,
            Self::Unavailable { retry_after, .. } => retry_after.is_some(),
            Self::NoCatalog { source, .. } => source.is_busy(),
            _ => false,
        }
    }

    /// Returns whether no answer came, which may be the matter of this one question or of all.
    #[must_use]
    pub fn is_unanswered(&self) -> bool {
        matches!(self, Self::Http(error) if error.is_retryable())
    }

    /// Returns how long the registry asked to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooManyRequests { retry_after, .. } | Self::Unavailable { retry_after, .. } => {
                *retry_after
            }
            _ => None,
        }
    }

    /// Gives a body that was too long its name.
    pub(crate) fn from_body(what: &str, error: scout_http::Error) -> Self {
        match error {
            scout_http::Error::BodyTooLarge { limit, .. } => Self::TooLarge {
                what: what.to_owned(),
                limit,
            },
            other => other.into(),
        }
    }
}

impl From<scout_http::Error> for Error {
    fn from(error: scout_http::Error) -> Self {
        Self::Http(Arc::new(error))
    }
}

impl Transient for Error {
    fn is_retryable(&self) -> bool {
        self.is_retryable()
    }

    fn retry_after(&self) -> Option<Duration> {
        self.retry_after()
    }
}

fn said(detail: &Option<String>) -> String {
    detail
        .as_ref()
        .map(|detail| format!(" ({detail})"))
        .unwrap_or_default()
}

/// Most clusters named in a message.
const MAX_CHOICES: usize = 20;

fn choices(known: &[String]) -> String {
    if known.is_empty() {
        return "it knows none".to_owned();
    }
    let named: Vec<_> = known
        .iter()
        .take(MAX_CHOICES)
        .map(|name| format!("{name:?}"))
        .collect();
    match known.len().saturating_sub(MAX_CHOICES) {
        0 => format!("it knows {}", named.join(", ")),
        more => format!("it knows {} and {more} more", named.join(", ")),
    }
}

fn wait(retry_after: &Option<Duration>) -> String {
    retry_after
        .map(|wait| format!(" for {} s", wait.as_secs()))
        .unwrap_or_default()
}

fn has(actual: &Option<u64>) -> String {
    match actual {
        Some(actual) => format!(", but has {actual}"),
        None => ", but has more".to_owned(),
    }
}
