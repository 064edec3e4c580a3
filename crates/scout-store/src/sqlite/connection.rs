//! Connections to the database: how they are set up, and the two ways to use them.

use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, FileControl, OpenFlags, Transaction, TransactionBehavior};

use super::fault::{Fault, Outcome};

/// How long a process waits for another one that writes. Our own transactions take
/// milliseconds; the longest, replacing all findings of a feed in batches, tens of them.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a note waits for who writes. It is made again a little later.
const ASIDE_BUSY_TIMEOUT: Duration = Duration::from_secs(1);

/// How many statements a connection keeps prepared; there are about 130 in all.
const STATEMENTS: usize = 192;

/// To how many bytes the write-ahead log is cut back after a burst of writing.
const WAL_BYTES: i64 = 64 << 20;

/// How sure a committed transaction is to survive a loss of power; a killed process loses
/// nothing either way.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Durability {
    /// The last ones may be lost: what is read from a registry can be read again.
    Normal,
    /// It is on the disk: what a person did, or a sender may forget.
    Full,
}

/// Opens the connection that writes; creates the database.
pub(super) fn open_writer(database: &Path) -> Outcome<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags)?;
    set_up(&connection)?;
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    if mode != "wal" {
        return Err(Fault::Unusable(
            "its file system cannot share memory between processes, which the write-ahead log \
             needs"
                .to_owned(),
        ));
    }
    set_up_to_write(&connection)?;
    Ok(connection)
}

/// Opens the connection of a store that otherwise only reads; creates nothing.
fn open_aside(database: &Path) -> Outcome<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags)?;
    // SQLite opens a database it may not write without a word.
    if connection.is_readonly("main")? {
        return Err(io::Error::from(io::ErrorKind::PermissionDenied).into());
    }
    set_up(&connection)?;
    connection.busy_timeout(ASIDE_BUSY_TIMEOUT)?;
    set_up_to_write(&connection)?;
    Ok(connection)
}

/// Opens a connection that only reads.
pub(super) fn open_reader(database: &Path) -> Outcome<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags)?;
    set_up(&connection)?;
    Ok(connection)
}

fn set_up(connection: &Connection) -> Outcome<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "foreign_keys", true)?;
    // Sorting must not need a writable directory for temporary files.
    connection.pragma_update(None, "temp_store", "memory")?;
    Ok(())
}

fn set_up_to_write(connection: &Connection) -> Outcome<()> {
    // The log stays when the last writer closes: without it, a reader that may not write to the
    // directory could not open the database.
    connection.file_control(Some("main"), FileControl::PersistWal(&mut 1))?;
    connection.pragma_update(None, "journal_size_limit", WAL_BYTES)?;
    connection.pragma_update(None, "synchronous", "normal")?;
    Ok(())
}

/// Runs one writing transaction on a connection that is opened if there is none yet.
pub(super) fn write_aside<T>(
    kept: &mut Option<Connection>,
    database: &Path,
    run: impl FnOnce(&Transaction<'_>) -> Outcome<T>,
) -> Outcome<T> {
    let connection = match kept {
        Some(connection) => connection,
        None => kept.insert(open_aside(database)?),
    };
    write_now(connection, run)
}

/// Runs one writing transaction. It is rolled back if `run` fails.
pub(super) fn write<T>(
    connection: &mut Connection,
    durability: Durability,
    run: impl FnOnce(&Transaction<'_>) -> Outcome<T>,
) -> Outcome<T> {
    if durability == Durability::Normal {
        return write_now(connection, run);
    }
    connection.pragma_update(None, "synchronous", "full")?;
    let outcome = write_now(connection, run);
    connection.pragma_update(None, "synchronous", "normal")?;
    outcome
}

fn write_now<T>(
    connection: &mut Connection,
    run: impl FnOnce(&Transaction<'_>) -> Outcome<T>,
) -> Outcome<T> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let value = run(&tx)?;
    tx.commit()?;
    Ok(value)
}

/// Connections that only read, opened when they are needed and then kept. How many there are at
/// most is for the caller to limit.
#[derive(Debug, Default)]
pub(super) struct Readers {
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    /// Runs one reading transaction: everything in it is as of one moment.
    pub(super) fn read<T>(
        &self,
        database: &Path,
        run: impl FnOnce(&Transaction<'_>) -> Outcome<T>,
    ) -> Outcome<T> {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => open_reader(database)?,
        };
        let outcome = read_now(&mut connection, run);
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(connection);
        outcome
    }
}

fn read_now<T>(
    connection: &mut Connection,
    run: impl FnOnce(&Transaction<'_>) -> Outcome<T>,
) -> Outcome<T> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Deferred)?;
    run(&tx)
}
