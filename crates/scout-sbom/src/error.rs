//! What can go wrong with a whole layer or a stored analysis.
//!
//! A single unreadable file is no error: it becomes a gap and the rest of the layer is kept.

use std::io;
use std::path::PathBuf;

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a layer could not be analyzed, or a stored analysis not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The caller's reader failed: the network, or a digest that did not match at the end.
    #[error("cannot read the layer's bytes")]
    Input(#[source] io::Error),
    /// The bytes arrived, but they are not an undamaged layer.
    #[error("the layer is damaged at byte {offset} of its uncompressed content: {reason}")]
    Corrupt {
        /// How many uncompressed bytes were fine.
        offset: u64,
        /// What is wrong, for people.
        reason: String,
    },
    /// The layer asks for more than we are willing to spend on it.
    #[error("the layer exceeds a limit: {what} is over {limit}")]
    Limit {
        /// What is too large.
        what: &'static str,
        /// The bound, in the unit that `what` names.
        limit: u64,
    },
    /// A temporary file in the spool directory failed, for instance because the disk is full.
    #[error("cannot use a temporary file in {}", dir.display())]
    Spool {
        /// The spool directory.
        dir: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Memory that is needed in the middle of a layer is used by other layers right now.
    #[error("no {bytes} bytes of the memory budget are free right now")]
    Busy {
        /// How much was asked for.
        bytes: u64,
    },
    /// A bill of materials is not of a form that is read, or over a limit.
    #[error("the document cannot be used: {reason}")]
    Document {
        /// What is wrong with it, for people.
        reason: String,
    },
    /// A stored analysis was written by another version of the readers.
    #[error("the stored layer analysis has version {found}, this program reads {expected}")]
    OtherVersion {
        /// The version of the stored bytes.
        found: u32,
        /// The version of this program.
        expected: u32,
    },
    /// A stored analysis is not what was written.
    #[error("the stored layer analysis is damaged: {reason}")]
    DamagedAnalysis {
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl Error {
    /// Returns whether the same layer may be analyzed without error at another time.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Input(_) | Self::Spool { .. } | Self::Busy { .. }
        )
    }

    /// Returns whether the layer itself is at fault: trying again gives the same error.
    #[must_use]
    pub fn is_layer_fault(&self) -> bool {
        matches!(self, Self::Corrupt { .. } | Self::Limit { .. })
    }
}
