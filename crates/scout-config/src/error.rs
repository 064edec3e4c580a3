//! What can be wrong with a configuration.

use std::io;
use std::path::PathBuf;

/// The result of reading a configuration.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a program cannot start as it was told to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file that was named, or that belongs to the program, cannot be read or written.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What was being done.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Docker's configuration is not what Docker writes.
    #[error("{} is not a Docker configuration", path.display())]
    DockerConfig {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: BoxError,
    },
    /// One half of a user name and password is missing.
    #[error("{present} is set but {missing} is not")]
    HalfCredentials {
        /// The variable that is set.
        present: &'static str,
        /// The variable that is missing.
        missing: &'static str,
    },
    /// The registry string cannot be understood or used.
    #[error("--registry")]
    Registry {
        /// The cause.
        source: BoxError,
    },
    /// No random bytes could be had from the operating system.
    #[error("the operating system gave no random bytes")]
    Random {
        /// The cause.
        source: BoxError,
    },
    /// The data directory holds nothing yet.
    #[error(
        "nothing is recorded in {} yet: scout-watch --data-dir records into it, and \
         scout enroll prepares it",
        path.display()
    )]
    NoStore {
        /// The directory.
        path: PathBuf,
    },
    /// The store failed.
    #[error("the record could not be read or written")]
    Store {
        /// The cause.
        source: BoxError,
    },
}

impl Error {
    /// Returns whether the fault is in what was written, not in the machine or the data.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Registry { .. } | Self::HalfCredentials { .. })
    }
}
