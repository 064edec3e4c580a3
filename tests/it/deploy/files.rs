//! The files of `deploy`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::workspace;

/// Returns the folder.
pub(crate) fn folder() -> PathBuf {
    workspace::root().join("deploy")
}

/// Reads a file of it.
#[track_caller]
pub(crate) fn text(file: &str) -> String {
    fs::read_to_string(folder().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Returns all files below a folder whose names end so, in order.
pub(crate) fn under(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else {
        return found;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(under(&path, endings));
        } else if path
            .extension()
            .is_some_and(|own| endings.iter().any(|ending| own == *ending))
        {
            found.push(path);
        }
    }
    found.sort();
    found
}
