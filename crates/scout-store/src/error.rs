//! What can go wrong with a store.

use std::path::PathBuf;

/// The result of every operation on a store.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a store could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The data directory or the database in it could not be opened or created.
    #[error("cannot open the data directory {}", path.display())]
    Open {
        /// The directory.
        path: PathBuf,
        /// The cause.
        source: BoxError,
    },
    /// The data directory, or a file in it, may not be written.
    #[error("{} cannot be written: it is read-only for this user", path.display())]
    ReadOnly {
        /// The directory or file.
        path: PathBuf,
    },
    /// No space is left for the data directory.
    #[error("no space is left on the disk of {}; nothing was lost, free some and run again", path.display())]
    DiskFull {
        /// The directory.
        path: PathBuf,
    },
    /// The database was written by a newer version of Scout.
    #[error("{} has schema version {found}, this program knows up to {known}; use a newer program", path.display())]
    NewerSchema {
        /// The directory.
        path: PathBuf,
        /// The version found.
        found: u32,
        /// The newest version this program knows.
        known: u32,
    },
    /// The database is damaged.
    #[error("the database in {} is damaged; move the directory away and index again", path.display())]
    Damaged {
        /// The directory.
        path: PathBuf,
        /// The cause.
        source: BoxError,
    },
    /// Another process kept the database busy for too long.
    #[error("the database in {} stayed busy", path.display())]
    Busy {
        /// The directory.
        path: PathBuf,
    },
    /// The lease under which something was to be written has passed to somebody else.
    #[error("the lease on {what} was lost to another process")]
    LeaseLost {
        /// What was leased.
        what: String,
    },
    /// The integration that watched the registry was removed.
    #[error("the integration of {registry} was removed; add it again to watch it")]
    Removed {
        /// The registry, as people are shown it.
        registry: String,
    },
    /// Anything else the database said while doing the thing named.
    #[error("cannot {action}")]
    Failed {
        /// What was being done.
        action: &'static str,
        /// The cause.
        source: BoxError,
    },
}

impl Error {
    /// Returns whether the same operation may succeed later without anybody's doing.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Busy { .. })
    }

    /// Returns whether another process has taken over what was leased.
    #[must_use]
    pub fn is_lease_lost(&self) -> bool {
        matches!(self, Self::LeaseLost { .. })
    }

    /// Returns whether the registry is not watched any more.
    #[must_use]
    pub fn is_removed(&self) -> bool {
        matches!(self, Self::Removed { .. })
    }
}
