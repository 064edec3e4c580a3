//! Whether anything was committed: a connection that only watches.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};

use super::connection::open_reader;
use super::fault::Outcome;

/// A number of SQLite that changes with every commit on another connection, and never with one on
/// its own: so nothing is ever written on this one, and no other is asked.
const DATA_VERSION: &str = "PRAGMA data_version";

/// The connection that watches.
///
/// Asking it reads the index of the write-ahead log, which is shared memory: microseconds, in which
/// the lock is held.
#[derive(Debug, Default)]
pub(super) struct Mark(Mutex<Watch>);

#[derive(Debug, Default)]
enum Watch {
    #[default]
    Unopened,
    Open(Connection),
    /// Another connection would begin to count anew, and its numbers could be those of before.
    Broken,
}

impl Mark {
    /// Returns the mark, if it can be told now.
    pub(super) fn read(&self, database: &Path) -> Option<u64> {
        // A panic leaves a connection that is asked again.
        let mut watch = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*watch, Watch::Unopened) {
            *watch = open(database).map_or(Watch::Broken, Watch::Open);
        }
        let Watch::Open(connection) = &*watch else {
            return None;
        };
        let version = connection
            .prepare_cached(DATA_VERSION)
            .and_then(|mut statement| statement.query_row([], |row| row.get::<_, u32>(0)));
        match version {
            Ok(version) => Some(u64::from(version)),
            // Another process repairs the log after a crash.
            Err(error) if is_busy(&error) => None,
            Err(_) => {
                *watch = Watch::Broken;
                None
            }
        }
    }
}

fn open(database: &Path) -> Outcome<Connection> {
    let connection = open_reader(database)?;
    // Who asks is a task of the runtime: nothing is waited for.
    connection.busy_timeout(Duration::ZERO)?;
    Ok(connection)
}

fn is_busy(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(
        code,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}
