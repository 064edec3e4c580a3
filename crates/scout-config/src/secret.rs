//! Secrets where configuration says they are kept, and whether the files have changed since.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use scout_registry::SecretRef;
use secrecy::SecretString;

use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::file::read_text;

/// Longest secret in a file, in bytes. Keys and tokens have some kilobytes at most.
const MAX_SECRET: u64 = 64 * 1024;

/// The files that something was read from, as they were then.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SecretFiles(Vec<(PathBuf, Option<Stamp>)>);

/// What tells one state of a file from another, without reading it. Mounted secrets are replaced
/// by moving a link: then it is another file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Stamp {
    device: u64,
    inode: u64,
    len: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        Some(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            len: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

impl SecretFiles {
    /// Remembers the file as it is now; call it before reading, so that no change is missed.
    pub(crate) fn remember(&mut self, path: &Path) {
        if !self.paths().any(|known| known == path) {
            self.0.push((path.to_owned(), Stamp::of(path)));
        }
    }

    /// Returns the files.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.0.iter().map(|(path, _)| path.as_path())
    }

    /// Remembers all files as they are now: only a later change is one.
    pub(crate) fn remember_again(&mut self) {
        for (path, stamp) in &mut self.0 {
            *stamp = Stamp::of(path);
        }
    }

    /// Returns whether one of the files was written, replaced, removed or made since. Costs one
    /// look at each file's metadata; nothing is read.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        self.0.iter().any(|(path, stamp)| Stamp::of(path) != *stamp)
    }
}

/// Reads a secret that the parameter `key` points to.
///
/// # Errors
///
/// If the variable or file is missing, empty, too long, or no text. The content is never told.
pub(crate) fn read_secret(
    environment: &impl Environment,
    files: &mut SecretFiles,
    key: &'static str,
    reference: &SecretRef,
) -> Result<SecretString> {
    let text = match reference {
        SecretRef::Env(name) => environment
            .get(name)
            .ok_or_else(|| Error::MissingVariable {
                key,
                name: name.clone(),
            })?,
        SecretRef::File(path) => {
            files.remember(path);
            let text = read_text(path, MAX_SECRET).map_err(|source| Error::SecretFile {
                key,
                path: path.clone(),
                source,
            })?;
            text.trim().to_owned()
        }
    };
    usable(text, || format!("{key}={reference}"))
}

/// Returns the secret, unless there is nothing in it: an empty one would let everybody in.
pub(crate) fn usable(text: String, what: impl FnOnce() -> String) -> Result<SecretString> {
    match text.trim().is_empty() {
        true => Err(Error::EmptySecret { what: what() }),
        false => Ok(text.into()),
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn read(
        environment: &impl Environment,
        reference: &str,
    ) -> Result<(SecretString, SecretFiles)> {
        let mut files = SecretFiles::default();
        let reference = reference.parse().unwrap();
        read_secret(environment, &mut files, "password", &reference).map(|secret| (secret, files))
    }

    #[test]
    fn a_variable_is_taken_as_it_is_and_a_file_without_white_space_around() {
        let (secret, files) = read(&[("A", " s ")], "env:A").unwrap();
        assert_eq!(secret.expose_secret(), " s ");
        assert_eq!(files.paths().count(), 0);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        fs::write(&path, "\n two words \r\n").unwrap();
        let (secret, files) = read(&[], &format!("file:{}", path.display())).unwrap();
        assert_eq!(secret.expose_secret(), "two words");
        assert_eq!(files.paths().collect::<Vec<_>>(), [path]);
    }

    #[test]
    fn errors_name_the_key_and_the_place_and_never_the_content() {
        let dir = tempfile::tempdir().unwrap();
        for (content, words) in [
            (None, &["cannot read password=file:"][..]),
            (Some(&b" \n"[..]), &["password=file:", "empty"]),
            (Some(b"canary\xff"), &["password=file:", "not UTF-8"]),
            (Some(&[b'c'; 65 * 1024]), &["password=file:", "64 KiB"]),
        ] {
            let path = dir.path().join("s");
            if let Some(content) = content {
                fs::write(&path, content).unwrap();
            }
            let error = read(&[], &format!("file:{}", path.display())).unwrap_err();
            let mut text = format!("{error} {error:?}");
            if let Some(source) = std::error::Error::source(&error) {
                text += &source.to_string();
            }
            for word in words {
                assert!(text.contains(word), "{text}");
            }
            assert!(!text.contains("canary") && !text.contains("ccc"), "{text}");
        }
        let error = read(&[("A", " ")], "env:A").unwrap_err().to_string();
        assert!(error.contains("password=env:A"), "{error}");
        let error = read(&[], "env:NO_SUCH").unwrap_err().to_string();
        assert!(error.contains("password=env:NO_SUCH: "), "{error}");
    }

    #[test]
    fn every_way_of_changing_a_file_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let check = |change: &dyn Fn()| {
            let mut files = SecretFiles::default();
            files.remember(&path);
            assert!(!files.has_changed());
            change();
            assert!(files.has_changed());
            files.remember_again();
            assert!(!files.has_changed());
        };
        check(&|| fs::write(&path, "one").unwrap());
        check(&|| fs::write(&path, "longer").unwrap());
        check(&|| {
            let other = dir.path().join("other");
            fs::write(&other, "others").unwrap();
            fs::rename(&other, &path).unwrap();
        });
        check(&|| fs::remove_file(&path).unwrap());
    }
}
