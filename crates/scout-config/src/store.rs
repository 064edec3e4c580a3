//! Opening the embedded store.

use std::path::Path;
use std::sync::Arc;

use scout_store::{Access, SqliteStore, Store};

use crate::error::{Error, Result};

/// The data directory used when none is named.
pub const DEFAULT_DATA_DIR: &str = "./scout-data";

/// Opens the store in the data directory, creating both if needed.
///
/// # Errors
///
/// If it cannot be opened, with the reason.
pub fn open_store(data_dir: &Path) -> Result<Arc<dyn Store>> {
    let store = SqliteStore::open(data_dir, Access::ReadWrite).map_err(|source| Error::Store {
        source: source.into(),
    })?;
    Ok(Arc::new(store))
}

/// Returns whether the data directory holds a store.
#[must_use]
pub fn has_store(data_dir: &Path) -> bool {
    data_dir.join(SqliteStore::FILE_NAME).exists()
}

/// Opens the store in the data directory to read it; creates nothing.
///
/// # Errors
///
/// If there is none, or it cannot be opened, with the reason.
pub fn open_store_to_read(data_dir: &Path) -> Result<Arc<dyn Store>> {
    open_existing(data_dir, Access::ReadOnly)
}

/// Opens the store in the data directory to read it, and to record when tokens are used if it may
/// be written; creates nothing.
///
/// # Errors
///
/// If there is none, or it cannot be opened, with the reason.
pub fn open_store_to_serve(data_dir: &Path) -> Result<Arc<dyn Store>> {
    open_existing(data_dir, Access::ReadAndRecordUses)
}

fn open_existing(data_dir: &Path, access: Access) -> Result<Arc<dyn Store>> {
    if !has_store(data_dir) {
        return Err(Error::NoStore {
            path: data_dir.to_owned(),
        });
    }
    let store = SqliteStore::open(data_dir, access).map_err(|source| Error::Store {
        source: source.into(),
    })?;
    Ok(Arc::new(store))
}
