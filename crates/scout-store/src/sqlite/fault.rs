//! What goes wrong inside, before it is told in the words of [`Error`].

use std::io;
use std::path::Path;

use rusqlite::ErrorCode;

use crate::error::Error;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

pub(super) type Outcome<T> = Result<T, Fault>;

/// Why a transaction was rolled back.
#[derive(Debug)]
pub(super) enum Fault {
    /// SQLite said so.
    Sql(rusqlite::Error),
    /// The file system said so.
    Io(io::Error),
    /// What is stored cannot be read, or what is to be stored cannot be written.
    Value(BoxError),
    /// The lease on this has passed to somebody else.
    LeaseLost(String),
    /// The integration of this registry was removed.
    Removed(String),
    /// The database has this schema, which is newer than ours.
    NewerSchema(u32),
    /// The database cannot be used at all, for this reason.
    Unusable(String),
    /// What was asked for makes no sense here, for this reason.
    Refused(String),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Fault {
    pub(super) fn value(error: impl Into<BoxError>) -> Self {
        Self::Value(error.into())
    }

    /// Returns the error to tell, for something done in this data directory.
    pub(super) fn into_error(self, action: &'static str, directory: &Path) -> Error {
        let path = directory.to_owned();
        match self {
            Self::Sql(error) => sql_error(error, action, directory),
            Self::Io(error) => match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    Error::DiskFull { path }
                }
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    Error::ReadOnly { path }
                }
                _ => Error::Failed {
                    action,
                    source: error.into(),
                },
            },
            Self::Value(source) => Error::Damaged { path, source },
            Self::LeaseLost(what) => Error::LeaseLost { what },
            Self::Removed(registry) => Error::Removed { registry },
            Self::NewerSchema(found) => Error::NewerSchema {
                path,
                found,
                known: super::migration::KNOWN,
            },
            Self::Unusable(reason) => Error::Open {
                path,
                source: reason.into(),
            },
            Self::Refused(reason) => Error::Failed {
                action,
                source: reason.into(),
            },
        }
    }
}

/// Extended code of failing to enlarge the index of the write-ahead log, which is how a full disk
/// shows when it is found while that file grows.
const SQLITE_IOERR_SHMSIZE: i32 = 10 | (19 << 8);

fn sql_error(error: rusqlite::Error, action: &'static str, directory: &Path) -> Error {
    let path = directory.to_owned();
    if error.sqlite_extended_error_code() == Some(SQLITE_IOERR_SHMSIZE) {
        return Error::DiskFull { path };
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Error::DiskFull { path },
        Some(ErrorCode::ReadOnly) => Error::ReadOnly { path },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::Busy { path },
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Error::Damaged {
            path,
            source: error.into(),
        },
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => Error::Open {
            path,
            source: error.into(),
        },
        Some(_) => Error::Failed {
            action,
            source: error.into(),
        },
        None if is_unreadable(&error) => Error::Damaged {
            path,
            source: error.into(),
        },
        None => Error::Failed {
            action,
            source: error.into(),
        },
    }
}

/// Whether a stored value is not what we would have stored.
fn is_unreadable(error: &rusqlite::Error) -> bool {
    matches!(
        error,
        rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
    )
}
