//! A folder of advisories as OSV publishes them: `<Ecosystem>/all.zip`, and beside them, if
//! wanted, CISA's catalog as `kev.json`.

mod feed;

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

pub(crate) use feed::{FeedReader, ReadFailure, fingerprint};

use crate::error::{Error, Result};
use crate::kev::KevCatalog;

/// The names under which CISA's catalog is looked for, in this order.
const KEV_FILES: [&str; 2] = ["kev.json", "known_exploited_vulnerabilities.json"];

/// A folder of advisories.
#[derive(Clone, Debug)]
pub struct AdvisoryDir {
    path: PathBuf,
}

/// One dump in a folder of advisories.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FeedFile {
    /// The ecosystem without a release, which is the name of the folder.
    pub ecosystem: String,
    /// The dump.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// Changes whenever the content changes. It is made from the archive's table of contents,
    /// which holds a checksum of each record, so it is cheap.
    pub fingerprint: String,
}

impl AdvisoryDir {
    /// Opens a folder.
    ///
    /// # Errors
    ///
    /// If it cannot be listed.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        fs::read_dir(&path)
            .map(drop)
            .map_err(|source| unreadable_folder(&path, source))?;
        Ok(Self { path })
    }

    /// Returns the folder's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Lists the dumps that are there, sorted by ecosystem. A damaged dump is listed too.
    ///
    /// # Errors
    ///
    /// If the folder cannot be listed, or a dump cannot be opened.
    pub fn feeds(&self) -> Result<Vec<FeedFile>> {
        self.dumps()?
            .into_iter()
            .map(|(ecosystem, path)| {
                let (bytes, fingerprint) =
                    fingerprint(&path).map_err(|source| Error::UnreadableFile {
                        path: path.clone(),
                        source,
                    })?;
                Ok(FeedFile {
                    ecosystem,
                    path,
                    bytes,
                    fingerprint,
                })
            })
            .collect()
    }

    /// Reads CISA's catalog of known exploited vulnerabilities, from `kev.json` or
    /// `known_exploited_vulnerabilities.json`; nothing if neither is there.
    ///
    /// # Errors
    ///
    /// If the file is there and is not such a catalog, or names no vulnerability.
    pub fn kev(&self) -> Result<Option<KevCatalog>> {
        for path in KEV_FILES.map(|name| self.path.join(name)) {
            let file = match File::open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(source) => return Err(Error::UnreadableFile { path, source }),
            };
            return read_kev(file, path).map(Some);
        }
        Ok(None)
    }

    /// Lists (ecosystem, dump) without opening any. Only names found here are ever opened: names
    /// of ecosystems come from images.
    pub(crate) fn dumps(&self) -> Result<Vec<(String, PathBuf)>> {
        let list = || -> io::Result<Vec<(String, PathBuf)>> {
            let mut dumps = Vec::new();
            for entry in fs::read_dir(&self.path)? {
                let entry = entry?;
                let dump = entry.path().join("all.zip");
                // A folder whose name is no text is none of OSV's.
                if let Ok(name) = entry.file_name().into_string()
                    && dump.is_file()
                {
                    dumps.push((name, dump));
                }
            }
            dumps.sort_unstable();
            Ok(dumps)
        };
        list().map_err(|source| unreadable_folder(&self.path, source))
    }
}

fn read_kev(file: File, path: PathBuf) -> Result<KevCatalog> {
    let mut json = Vec::new();
    if let Err(source) = file.take(KevCatalog::MAX_BYTES + 1).read_to_end(&mut json) {
        return Err(Error::UnreadableFile { path, source });
    }
    if json.len() as u64 > KevCatalog::MAX_BYTES {
        let limit = KevCatalog::MAX_BYTES;
        return Err(Error::TooLarge { path, limit });
    }
    match KevCatalog::parse(&json) {
        Ok(catalog) if catalog.is_empty() => Err(Error::EmptyKev { path }),
        Ok(catalog) => Ok(catalog),
        Err(source) => Err(Error::DamagedKev { path, source }),
    }
}

fn unreadable_folder(path: &Path, source: io::Error) -> Error {
    Error::UnreadableFolder {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_folder_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let error = AdvisoryDir::open(folder.path().join("nowhere")).unwrap_err();
        assert!(matches!(error, Error::UnreadableFolder { .. }), "{error}");
    }

    #[test]
    fn the_catalog_is_found_under_both_names() {
        const KEV: &str = r#"{"vulnerabilities": [{"cveID": "CVE-2021-44228"}]}"#;
        for name in KEV_FILES {
            let folder = tempfile::tempdir().unwrap();
            let advisories = AdvisoryDir::open(folder.path()).unwrap();
            assert!(advisories.kev().unwrap().is_none());
            fs::write(folder.path().join(name), KEV).unwrap();
            assert_eq!(advisories.kev().unwrap().unwrap().len(), 1, "{name}");
        }
    }

    #[test]
    fn a_catalog_that_would_clear_everything_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let advisories = AdvisoryDir::open(folder.path()).unwrap();
        for (json, expected) in [
            (r#"{"vulnerabilities": []}"#, "names no vulnerability"),
            ("<html>", "is no catalog"),
        ] {
            fs::write(folder.path().join("kev.json"), json).unwrap();
            let error = advisories.kev().unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
