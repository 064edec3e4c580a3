//! The store of one machine: a SQLite database in the data directory.
//!
//! SQLite never runs on a thread of the runtime: a method takes its turn asynchronously, and then
//! runs one transaction on a blocking thread.

mod activation;
mod artifacts;
mod channels;
mod column;
mod connection;
mod environments;
mod events;
mod extended;
mod fault;
mod feeds;
mod findings;
mod health;
mod holder;
mod images;
mod integrations;
mod joins;
mod judge_input;
mod judgement;
mod layers;
mod leases;
mod listings;
mod mark;
mod methods;
mod migration;
mod organizations;
mod packages;
mod queue;
mod ranges;
mod registries;
mod repositories;
mod shares;
mod standings;
mod tags;
#[cfg(test)]
mod tests;
mod tokens;
mod work;

use std::fmt;
use std::fs;
use std::io;
use std::panic;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, Transaction};
use tokio::sync::{Mutex, Semaphore};
use tokio::task::{JoinError, spawn_blocking};

use self::connection::{Durability, Readers};
use self::fault::{Fault, Outcome};
use self::holder::Holder;
use self::mark::Mark;
use crate::error::{Error, Result};

/// The database's name in the data directory.
const DATABASE: &str = "scout.db";

/// How many reading transactions run at once; more would only queue for the same disk.
const READERS: usize = 4;

/// What a store may do with its data directory. The set is closed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Access {
    /// Everything; the directory and the database are created if they are missing.
    ReadWrite,
    /// Only read. The database must exist, and be of this program's schema; the directory may
    /// be on a read-only mount. Methods that write answer [`Error::ReadOnly`].
    ReadOnly,
    /// As [`ReadOnly`](Self::ReadOnly), but [`Store::record_token_uses`](crate::Store) writes, if
    /// the directory and the database may be written. No lease is ever taken.
    ReadAndRecordUses,
}

/// A store in a data directory: the SQLite database `scout.db`, with the write-ahead log beside
/// it.
///
/// Several processes may have the same directory open, as long as they are on one machine: a
/// network file system is not supported. The methods need a Tokio runtime.
pub struct SqliteStore {
    shared: Arc<Shared>,
}

/// What transactions on blocking threads need; outlives the store while one runs.
struct Shared {
    directory: PathBuf,
    database: PathBuf,
    readers: Readers,
    turns: Arc<Semaphore>,
    mark: Mark,
    writer: Option<Writer>,
    /// Writes what is no more than a note; opened when there is one.
    aside: Option<Aside>,
}

type Aside = Arc<Mutex<Option<Connection>>>;

struct Writer {
    connection: Arc<Mutex<Connection>>,
    holder: Holder,
}

impl SqliteStore {
    /// The database's name in the data directory.
    pub const FILE_NAME: &'static str = DATABASE;

    /// Opens the store in this directory.
    ///
    /// This blocks, and waits for other processes that open the store at the same time: call it
    /// before the runtime is busy, or on a blocking thread. A directory that is created is
    /// private (mode 0700).
    ///
    /// # Errors
    ///
    /// [`Error::Open`], [`Error::ReadOnly`] and [`Error::DiskFull`] tell what is wrong with the
    /// directory; [`Error::Damaged`] and [`Error::NewerSchema`] what is wrong with the database.
    pub fn open(data_dir: &Path, access: Access) -> Result<Self> {
        let database = data_dir.join(DATABASE);
        let opened = match access {
            Access::ReadWrite => open_to_write(data_dir, &database).map(Some),
            Access::ReadOnly | Access::ReadAndRecordUses => open_to_read(&database).map(|()| None),
        };
        let aside = (access == Access::ReadAndRecordUses).then(Aside::default);
        let writer = opened.map_err(|fault| opening_error(fault, access, data_dir))?;
        Ok(Self {
            shared: Arc::new(Shared {
                directory: data_dir.to_owned(),
                database,
                readers: Readers::default(),
                turns: Arc::new(Semaphore::new(READERS)),
                mark: Mark::default(),
                writer,
                aside,
            }),
        })
    }

    /// Runs a writing transaction that a loss of power may undo.
    async fn write<T, F>(&self, action: &'static str, run: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Outcome<T> + Send + 'static,
    {
        self.write_as(action, Durability::Normal, |tx, _| run(tx))
            .await
    }

    /// Runs a writing transaction that nothing undoes once it is answered.
    async fn write_durably<T, F>(&self, action: &'static str, run: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Outcome<T> + Send + 'static,
    {
        self.write_as(action, Durability::Full, |tx, _| run(tx))
            .await
    }

    /// Runs a writing transaction that leases or frees something.
    async fn write_as_holder<T, F>(&self, action: &'static str, run: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>, &Holder) -> Outcome<T> + Send + 'static,
    {
        self.write_as(action, Durability::Normal, run).await
    }

    async fn write_as<T, F>(
        &self,
        action: &'static str,
        durability: Durability,
        run: F,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>, &Holder) -> Outcome<T> + Send + 'static,
    {
        let Some(writer) = &self.shared.writer else {
            return Err(Error::ReadOnly {
                path: self.shared.directory.clone(),
            });
        };
        // The turn goes along to the blocking thread, so a dropped future neither stops the
        // transaction nor lets another one in.
        let mut connection = Arc::clone(&writer.connection).lock_owned().await;
        let shared = Arc::clone(&self.shared);
        let done = spawn_blocking(move || {
            let Some(writer) = &shared.writer else {
                return Err(Error::ReadOnly {
                    path: shared.directory.clone(),
                });
            };
            connection::write(&mut connection, durability, |tx| run(tx, &writer.holder))
                .map_err(|fault| fault.into_error(action, &shared.directory))
        });
        joined(action, done.await)
    }

    /// Runs a writing transaction that a loss of power may undo, also in a store that otherwise
    /// only reads, if it may write asides.
    async fn write_aside<T, F>(&self, action: &'static str, run: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Outcome<T> + Send + 'static,
    {
        let Some(aside) = &self.shared.aside else {
            return self.write(action, run).await;
        };
        let mut aside = Arc::clone(aside).lock_owned().await;
        let shared = Arc::clone(&self.shared);
        let done = spawn_blocking(move || {
            connection::write_aside(&mut aside, &shared.database, run)
                .map_err(|fault| fault.into_error(action, &shared.directory))
        });
        joined(action, done.await)
    }

    /// Runs a reading transaction.
    async fn read<T, F>(&self, action: &'static str, run: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Outcome<T> + Send + 'static,
    {
        let turn = Arc::clone(&self.shared.turns)
            .acquire_owned()
            .await
            .map_err(|error| Error::Failed {
                action,
                source: error.into(),
            })?;
        let shared = Arc::clone(&self.shared);
        let done = spawn_blocking(move || {
            let _turn = turn;
            shared
                .readers
                .read(&shared.database, run)
                .map_err(|fault| fault.into_error(action, &shared.directory))
        });
        joined(action, done.await)
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("directory", &self.shared.directory)
            .field("can_write", &self.shared.writer.is_some())
            .finish_non_exhaustive()
    }
}

fn open_to_write(directory: &Path, database: &Path) -> Outcome<Writer> {
    create_private(directory)?;
    // Before SQLite, which opens a database it may not write without a word.
    let _opening = holder::lock_opening(directory)?;
    let mut connection = connection::open_writer(database)?;
    if connection.is_readonly("main")? {
        return Err(io::Error::from(io::ErrorKind::PermissionDenied).into());
    }
    migration::migrate(&mut connection)?;
    let holder = Holder::take(directory)?;
    Ok(Writer {
        connection: Arc::new(Mutex::new(connection)),
        holder,
    })
}

fn open_to_read(database: &Path) -> Outcome<()> {
    // SQLite's own word for a missing file is "unable to open".
    fs::metadata(database)?;
    let mut connection = connection::open_reader(database)?;
    migration::check(&mut connection)
}

fn create_private(directory: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

fn opening_error(fault: Fault, access: Access, directory: &Path) -> Error {
    let path = directory.to_owned();
    match fault {
        // Who only reads is not told that the directory cannot be written.
        Fault::Io(source) if access != Access::ReadWrite => Error::Open {
            path,
            source: source.into(),
        },
        fault => match fault.into_error("open the data directory", directory) {
            Error::Failed { source, .. } => Error::Open { path, source },
            error => error,
        },
    }
}

/// Returns what came of a transaction on a blocking thread. A panic there goes on here.
fn joined<T>(action: &'static str, done: Result<Result<T>, JoinError>) -> Result<T> {
    done.unwrap_or_else(|error| match error.try_into_panic() {
        Ok(payload) => panic::resume_unwind(payload),
        Err(error) => Err(Error::Failed {
            action,
            source: error.into(),
        }),
    })
}
