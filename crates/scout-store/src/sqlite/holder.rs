//! Who holds leases: one locked file for each open store, in `holders/` of the data directory.
//!
//! A process that is gone holds no lock, however it ended, so its leases can be told from those
//! of a living one without waiting for their end. A file gets its final name only once it is
//! locked, and before anything is leased: a name without a file is the name of the dead.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::process;

use rusqlite::{Transaction, params};

use super::fault::{Fault, Outcome};

const DIRECTORY: &str = "holders";
const LOCKED: &str = "lock";
const NEW: &str = "new";

/// How often taking a name is tried again when a janitor took the new file for one left over.
const TRIES: u32 = 16;

/// The mark of one open store; the lock is held as long as the value lives.
#[derive(Debug)]
pub(super) struct Holder {
    id: String,
    directory: PathBuf,
    _lock: File,
}

impl Holder {
    /// Takes a name that nobody has or had.
    pub(super) fn take(data_directory: &Path) -> io::Result<Self> {
        let directory = data_directory.join(DIRECTORY);
        fs::create_dir_all(&directory)?;
        for _ in 0..TRIES {
            let id = new_id()?;
            let new = directory.join(&id).with_extension(NEW);
            let file = OpenOptions::new().write(true).create_new(true).open(&new)?;
            let is_ours = file.try_lock().is_ok();
            if is_ours && fs::rename(&new, path_of(&directory, &id)).is_ok() {
                return Ok(Self {
                    id,
                    directory,
                    _lock: file,
                });
            }
            // Not there if a janitor was quicker; else a file system that cannot lock or rename.
            let _ = fs::remove_file(&new);
        }
        Err(io::Error::other(
            "the file system of the data directory cannot lock files",
        ))
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = fs::remove_file(path_of(&self.directory, &self.id));
    }
}

/// Takes a lock that only one process has while it opens the database: turning on the
/// write-ahead log does not wait for another process that does the same.
pub(super) fn lock_opening(data_directory: &Path) -> io::Result<File> {
    let directory = data_directory.join(DIRECTORY);
    fs::create_dir_all(&directory)?;
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(directory.join("opening"))?;
    file.lock()?;
    Ok(file)
}

/// Frees all that is leased by holders that are gone; returns how many leases that were.
pub(super) fn release_dead(tx: &Transaction<'_>, holder: &Holder) -> Outcome<u64> {
    let mut freed = 0;
    for id in leaseholders(tx)? {
        if id == holder.id {
            continue;
        }
        // Held until after the rows are written, so that a second janitor leaves it alone.
        let Some(_grave) = Grave::of(&holder.directory, &id)? else {
            continue;
        };
        freed += tx.execute(
            "UPDATE work SET holder = NULL, lease_until = NULL WHERE holder = ?1",
            params![id],
        )?;
        freed += tx.execute("DELETE FROM leases WHERE holder = ?1", params![id])?;
    }
    sweep(&holder.directory)?;
    Ok(freed as u64)
}

fn leaseholders(tx: &Transaction<'_>) -> Outcome<Vec<String>> {
    let mut statement = tx.prepare_cached(
        "SELECT holder FROM work WHERE holder IS NOT NULL UNION SELECT holder FROM leases",
    )?;
    let ids = statement.query_map([], |row| row.get(0))?;
    Ok(ids.collect::<rusqlite::Result<_>>()?)
}

/// Removes the files of those who are gone, also of those who held nothing.
fn sweep(directory: &Path) -> Outcome<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if matches!(extension, Some(LOCKED | NEW)) {
            drop(Grave::at(path)?);
        }
    }
    Ok(())
}

/// The file of a holder that is gone; removed when the value is dropped.
struct Grave {
    path: PathBuf,
    _lock: Option<File>,
}

impl Grave {
    /// Returns the grave of this holder, unless it lives.
    fn of(directory: &Path, id: &str) -> Outcome<Option<Self>> {
        let is_ours = id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
        if !is_ours {
            return Err(Fault::value(format!("{id:?} is no holder of leases")));
        }
        Self::at(path_of(directory, id))
    }

    fn at(path: PathBuf) -> Outcome<Option<Self>> {
        let file = match OpenOptions::new().write(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Some(Self { path, _lock: None }));
            }
            Err(error) => return Err(error.into()),
        };
        match file.try_lock() {
            Ok(()) => Ok(Some(Self {
                path,
                _lock: Some(file),
            })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }
}

impl Drop for Grave {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn path_of(directory: &Path, id: &str) -> PathBuf {
    directory.join(id).with_extension(LOCKED)
}

/// The process number, for people, and enough randomness never to meet again.
fn new_id() -> io::Result<String> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(format!(
        "{}-{:016x}",
        process::id(),
        u64::from_le_bytes(random)
    ))
}
