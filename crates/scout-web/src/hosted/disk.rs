//! What is kept of an organization between two runs: its last good answer, and how reading went.
//! Never a token.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use scout_api::MAX_METRICS_BYTES;
use scout_api::hosted::{
    InvalidSaved, MAX_META_BYTES, ScheduleState, TokenFingerprint, decode_saved, encode_saved,
};
use scout_envs::OrgName;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The directory belongs to the program: what is in it is the organization's.
const DIR_MODE: u32 = 0o700;
/// Longest file that is read, in bytes: an answer, and what is before it.
const MAX_FILE_BYTES: u64 = MAX_METRICS_BYTES + MAX_META_BYTES as u64 + 1024;

/// Facts of an answer, before its text.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct AnswerFacts {
    pub(super) org: OrgName,
    pub(super) server: String,
    pub(super) read_at: Timestamp,
    pub(super) content_type: Option<String>,
}

/// How reading went.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct StateFacts {
    pub(super) org: OrgName,
    pub(super) server: String,
    pub(super) schedule: ScheduleState,
    /// Of the token that was used last.
    pub(super) token: Option<TokenFingerprint>,
}

/// The place of an organization's two files.
#[derive(Clone, Debug)]
pub(super) struct Disk {
    dir: PathBuf,
    org: OrgName,
}

/// One of the two files.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Answer,
    State,
}

impl Disk {
    pub(super) fn new(dir: &Path, org: &OrgName) -> Self {
        Self {
            dir: dir.to_owned(),
            org: org.clone(),
        }
    }

    /// Returns where a file is. The letters of an organization's name are safe in a file's.
    pub(super) fn path(&self, kind: Kind) -> PathBuf {
        let extension = match kind {
            Kind::Answer => "answer",
            Kind::State => "state",
        };
        self.dir.join(format!("{}.{extension}", self.org))
    }

    /// Reads a file; nothing if there is none. Blocks.
    pub(super) fn load<M: DeserializeOwned>(
        &self,
        kind: Kind,
    ) -> Result<Option<(M, Vec<u8>)>, LoadError> {
        let bytes = match read(&self.path(kind)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(LoadError::Read { source }),
        };
        let (facts, body) = decode_saved(&bytes).map_err(|source| LoadError::Invalid { source })?;
        Ok(Some((facts, body.to_vec())))
    }

    /// Writes a file: all of it, or nothing. Blocks.
    pub(super) fn save(&self, kind: Kind, facts: &impl Serialize, body: &[u8]) -> io::Result<()> {
        let bytes = encode_saved(facts, body).map_err(io::Error::other)?;
        DirBuilder::new()
            .recursive(true)
            .mode(DIR_MODE)
            .create(&self.dir)?;
        // Beside its place and moved there; readable by us alone.
        let mut file = tempfile::Builder::new()
            .prefix(".new")
            .tempfile_in(&self.dir)?;
        file.write_all(&bytes)?;
        file.as_file().sync_all()?;
        file.persist(self.path(kind)).map_err(|error| error.error)?;
        // The name is on disk, too, once the directory is.
        File::open(&self.dir)?.sync_all()
    }
}

/// Why a file is not used.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoadError {
    /// It cannot be read.
    #[error("it cannot be read")]
    Read {
        /// The cause.
        source: io::Error,
    },
    /// It is not what was written.
    #[error(transparent)]
    Invalid {
        /// What is wrong.
        source: InvalidSaved,
    },
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    // Opening a pipe would wait for somebody to write into it.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?
        .take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        let text = format!("it has more than {MAX_FILE_BYTES} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn facts() -> AnswerFacts {
        AnswerFacts {
            org: "acme".parse().unwrap(),
            server: "https://h/".to_owned(),
            read_at: Timestamp::UNIX_EPOCH,
            content_type: Some("text/plain".to_owned()),
        }
    }

    #[test]
    fn files_come_back_whole_and_are_ours_alone() {
        let parent = tempfile::tempdir().unwrap();
        let dir = parent.path().join("a/hosted");
        let disk = Disk::new(&dir, &"acme".parse().unwrap());
        assert!(disk.load::<AnswerFacts>(Kind::Answer).unwrap().is_none());
        for body in [&b"a 1\n"[..], b""] {
            disk.save(Kind::Answer, &facts(), body).unwrap();
            let (found, text) = disk.load::<AnswerFacts>(Kind::Answer).unwrap().unwrap();
            assert_eq!((found, text.as_slice()), (facts(), body));
        }
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&dir), 0o700);
        assert_eq!(mode(&disk.path(Kind::Answer)), 0o600);
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1, "nothing is left");
    }

    #[test]
    fn damaged_and_odd_files_are_told() {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::new(dir.path(), &"acme".parse().unwrap());
        disk.save(Kind::Answer, &facts(), b"a 1\n").unwrap();
        let path = disk.path(Kind::Answer);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        let error = disk.load::<AnswerFacts>(Kind::Answer).unwrap_err();
        assert!(matches!(error, LoadError::Invalid { .. }), "{error:?}");
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        let error = disk.load::<AnswerFacts>(Kind::Answer).unwrap_err();
        assert!(matches!(error, LoadError::Read { .. }), "{error:?}");
    }
}
