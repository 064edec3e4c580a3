//! One dump, read record by record: never more than one record is held.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use sha2::{Digest as _, Sha256};
use zip::ZipArchive;

use crate::limits::LoadLimits;

/// How much of a damaged archive's end goes into its fingerprint, in bytes: where the table of
/// contents should be.
const DAMAGED_TAIL: u64 = 64 << 10;

/// Why a dump cannot be used as a whole.
#[derive(Debug)]
pub(crate) struct ReadFailure(pub(crate) String);

/// Reads the records of one dump.
pub(crate) struct FeedReader {
    archive: ZipArchive<BufReader<File>>,
    fingerprint: String,
    limits: LoadLimits,
    next: usize,
    inflated: u64,
}

/// One file of a dump.
pub(crate) struct Entry {
    /// Its name in the archive.
    pub(crate) name: String,
    /// Its content, or why it cannot be used although the archive is sound.
    pub(crate) content: Result<Vec<u8>, String>,
}

impl FeedReader {
    pub(crate) fn open(path: &Path, limits: LoadLimits) -> Result<Self, ReadFailure> {
        let unreadable = |error: io::Error| ReadFailure(format!("cannot be read: {error}"));
        let file = File::open(path).map_err(unreadable)?;
        // Of the same open file: the dump may be replaced while it is read.
        let (_, fingerprint) = fingerprint_of(&file).map_err(unreadable)?;
        let archive = ZipArchive::new(BufReader::new(file)).map_err(|error| damaged(&error))?;
        if archive.len() > limits.records {
            let limit = limits.records;
            return Err(ReadFailure(format!("holds more than {limit} records")));
        }
        Ok(Self {
            archive,
            fingerprint,
            limits,
            next: 0,
            inflated: 0,
        })
    }

    /// Returns what [`fingerprint`] says of the dump that is read.
    pub(crate) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Returns the next record, nothing at the end. An archive that cannot be read to its end is
    /// damaged as a whole: who knows what else it lost.
    pub(crate) fn next(&mut self) -> Result<Option<Entry>, ReadFailure> {
        while self.next < self.archive.len() {
            let index = self.next;
            self.next += 1;
            let mut file = self
                .archive
                .by_index(index)
                .map_err(|error| damaged(&error))?;
            // A name that is no text says nothing about the record in it.
            let name = file
                .name()
                .map_or_else(|_| format!("file {index}"), Cow::into_owned);
            let is_record = name.ends_with(".json") || file.name().is_err();
            if !file.is_file() || !is_record {
                continue;
            }
            let limit = self.limits.record_bytes;
            let mut json = Vec::new();
            let read = (&mut file)
                .take(limit.saturating_add(1))
                .read_to_end(&mut json)
                .map_err(|error| damaged(&error))?;
            self.inflated = self.inflated.saturating_add(read as u64);
            if self.inflated > self.limits.feed_bytes {
                let limit = self.limits.feed_bytes;
                return Err(ReadFailure(format!("inflates to more than {limit} bytes")));
            }
            let content = if read as u64 > limit {
                Err(format!("is larger than {limit} bytes"))
            } else {
                Ok(json)
            };
            return Ok(Some(Entry { name, content }));
        }
        Ok(None)
    }
}

fn damaged(error: &dyn std::error::Error) -> ReadFailure {
    ReadFailure(format!("is damaged: {error}"))
}

/// Returns the size of a dump and a text that changes whenever its content does.
pub(crate) fn fingerprint(path: &Path) -> io::Result<(u64, String)> {
    fingerprint_of(&File::open(path)?)
}

fn fingerprint_of(file: &File) -> io::Result<(u64, String)> {
    let mut file = BufReader::new(file);
    let bytes = file.seek(SeekFrom::End(0))?;
    file.rewind()?;
    let start = match ZipArchive::new(&mut file) {
        Ok(archive) => archive.central_directory_start(),
        Err(_) => bytes.saturating_sub(DAMAGED_TAIL),
    };
    file.seek(SeekFrom::Start(start))?;
    let mut hasher = Sha256::new();
    let mut buffer = [0; 8 << 10];
    loop {
        let read = file.read(&mut buffer)?;
        match buffer.get(..read) {
            None | Some([]) => break,
            Some(chunk) => hasher.update(chunk),
        }
    }
    Ok((bytes, format!("{bytes}-{}", hex::encode(hasher.finalize()))))
}
