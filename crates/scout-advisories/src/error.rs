//! What can go wrong while advisories are read. Damage inside a feed is not an error: it is told
//! in the [`LoadReport`](crate::LoadReport), and the other feeds are loaded.

use std::io;
use std::path::PathBuf;

/// A cause whose type belongs to a dependency.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The result of reading advisories.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why advisories could not be read at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The folder of advisories is missing, is not a folder, or may not be read.
    #[error("cannot read the advisory folder {}", path.display())]
    UnreadableFolder {
        /// The folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A file is there and cannot be read.
    #[error("cannot read {}", path.display())]
    UnreadableFile {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The catalog of known exploited vulnerabilities is not what CISA publishes.
    #[error("{} is no catalog of known exploited vulnerabilities", path.display())]
    DamagedKev {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: BoxError,
    },
    /// The catalog of known exploited vulnerabilities names none; it would clear every image.
    #[error("{} names no vulnerability", path.display())]
    EmptyKev {
        /// The file.
        path: PathBuf,
    },
    /// A file is larger than any genuine one.
    #[error("{} is larger than {limit} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit, in bytes.
        limit: u64,
    },
}
