//! Why an attempt on an artifact did not give an image.

use std::error::Error as StdError;
use std::fmt::Write as _;

use super::OutOfReach;
use crate::error::Error;
use crate::stats::ErrorKind;

/// How often a blob with wrong content is fetched: once more, in case the way was at fault.
const WRONG_CONTENT_ATTEMPTS: usize = 2;

/// Why an attempt did not give an image.
#[derive(Debug)]
pub(super) enum Failure {
    /// The registry did not give what was asked for.
    Registry(scout_registry::Error),
    /// A layer's content could not be read.
    Layer {
        /// Which layer.
        digest: String,
        /// Why not.
        source: scout_sbom::Error,
    },
    /// What was found breaks a rule; the text says which.
    Refused(String),
    /// There is nothing to index; the text says why.
    Skipped(String),
    /// An image, but not for a platform that is wanted; the text says for which it is.
    OtherPlatform(String),
    /// The store failed, which is nobody's fault here.
    Store(Box<Error>),
}

impl Failure {
    /// Returns the reason for people, with its causes.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Registry(error) => chain(error),
            Self::Layer { digest, source } => format!("layer {digest}: {}", chain(source)),
            Self::Refused(reason) | Self::Skipped(reason) | Self::OtherPlatform(reason) => {
                reason.clone()
            }
            Self::Store(error) => chain(error.as_ref()),
        }
    }

    /// Returns what kind of failure it is, if it is one that is counted.
    pub(super) fn kind(&self) -> Option<ErrorKind> {
        match self {
            Self::Registry(error) => Some(ErrorKind::of(error)),
            Self::Layer { .. } | Self::Refused(_) => Some(ErrorKind::Damaged),
            Self::Skipped(_) | Self::OtherPlatform(_) | Self::Store(_) => None,
        }
    }

    /// Returns whether a later attempt may succeed without a change of the artifact.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            // What is missing, refused or wrong now may be there, allowed or right after a repair
            // of the registry; only content that was read and is bad stays bad.
            Self::Registry(error) => !is_bad_content(error),
            Self::Layer { source, .. } => source.is_retryable(),
            Self::Store(_) => true,
            Self::Refused(_) | Self::Skipped(_) | Self::OtherPlatform(_) => false,
        }
    }

    /// Returns whether the whole registry is out of reach, and not only what was asked for. A
    /// server that is out of order counts: who is at fault shows when others are answered.
    pub(super) fn out_of_reach(&self) -> Option<OutOfReach> {
        let Self::Registry(error) = self else {
            return None;
        };
        let is_down = matches!(error, scout_registry::Error::Unavailable { .. });
        (is_down || error.concerns_whole_source()).then(|| OutOfReach {
            reason: self.reason(),
            retry_after: error.retry_after(),
            is_busy: error.is_busy(),
        })
    }

    /// Returns whether an attempt with this number, counted from 1 (the second is 1), is worth
    /// making now.
    pub(super) fn is_worth_attempt(&self, number: usize) -> bool {
        match self {
            Self::Registry(error) if is_wrong_content(error) => number < WRONG_CONTENT_ATTEMPTS,
            Self::Registry(error) => error.is_retryable(),
            _ => self.is_transient(),
        }
    }
}

/// Content that is not what its digest says: the registry's, or damaged on the way.
fn is_wrong_content(error: &scout_registry::Error) -> bool {
    use scout_registry::Error::{DigestMismatch, SizeMismatch};
    matches!(error, DigestMismatch { .. } | SizeMismatch { .. })
}

/// Content that has its digest and cannot be used: it will never be better.
fn is_bad_content(error: &scout_registry::Error) -> bool {
    use scout_registry::Error::{InvalidManifest, TooLarge};
    matches!(error, InvalidManifest { .. } | TooLarge { .. })
}

/// Returns an error and its causes on one line.
pub fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

impl From<scout_registry::Error> for Failure {
    fn from(error: scout_registry::Error) -> Self {
        Self::Registry(error)
    }
}

impl From<scout_store::Error> for Failure {
    fn from(error: scout_store::Error) -> Self {
        Error::from(error).into()
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Store(Box::new(error))
    }
}
