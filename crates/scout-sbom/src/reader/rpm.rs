//! rpm: its database in the sqlite format of rpm 4.16 and later, in SUSE's ndb, and in the hash
//! format of Berkeley DB from before that.
//!
//! An sqlite database is whole without its write-ahead log; if a log with commits is beside it in
//! the same layer, its pages are the newer ones, and nothing is written to merge them.
//!
//! The public keys that rpm keeps as packages named `gpg-pubkey` are no software and left out.

mod berkeley;
mod header;
mod log;
mod ndb;
mod pages;
mod sqlite;

use scout_envs::license::{Dialect, License};
use scout_envs::{Package, PackageType, SourcePackage};

use header::Header;

use super::Unreadable;
use crate::analysis::{PathList, Record, Records};
use crate::budget::Stored;
use crate::limits::Limits;
use crate::path::{MAX_OPEN_BYTES, clean};

/// The table that holds one header a row.
const TABLE: &[u8] = b"Packages";
/// The column with the header, behind its number.
const COLUMN: usize = 1;
const PUBLIC_KEY: &str = "gpg-pubkey";

/// What is done with a row, or with the reason why it could not be read.
type Visit<'v> = dyn FnMut(Result<&[u8], Unreadable>) -> Result<(), Unreadable> + 'v;

/// Reads all packages of an sqlite database, with its write-ahead log if there is one.
pub(crate) fn read_sqlite(
    file: &mut Stored,
    log: Option<&mut Stored>,
    limits: &Limits,
) -> Result<Records, Unreadable> {
    let log = match log {
        Some(log) => log::Log::open(log)
            .map_err(|Unreadable(reason)| Unreadable(format!("its write-ahead log: {reason}")))?,
        None => None,
    };
    if file.len() == 0 && log.is_none() {
        return Ok(Records::default());
    }
    let mut database = sqlite::Database::open(file, log, limits.rpm_header_bytes)?;
    let root = database.find_table(TABLE)?;
    collect(limits, |visit| {
        database.for_each_row(root, &mut |row| match row {
            Ok(row) => match sqlite::column(row, COLUMN) {
                Ok(blob) => visit(Ok(blob)),
                Err(error) => visit(Err(error)),
            },
            Err(error) => visit(Err(error)),
        })
    })
}

/// Reads all packages of an ndb database.
pub(crate) fn read_ndb(file: &mut Stored, limits: &Limits) -> Result<Records, Unreadable> {
    collect(limits, |visit| {
        ndb::for_each_row(file, limits.rpm_header_bytes, visit)
    })
}

/// Reads all packages of a Berkeley DB database.
pub(crate) fn read_berkeley(file: &mut Stored, limits: &Limits) -> Result<Records, Unreadable> {
    collect(limits, |visit| {
        berkeley::for_each_row(file, limits.rpm_header_bytes, visit)
    })
}

/// Makes records of all rows. A damaged row is noted and the others are kept.
fn collect(
    limits: &Limits,
    for_each_row: impl FnOnce(&mut Visit<'_>) -> Result<(), Unreadable>,
) -> Result<Records, Unreadable> {
    let mut records = Records::default();
    let mut path_bytes = 0;
    for_each_row(&mut |row| match row.and_then(read_record) {
        Ok(Some(record)) => {
            path_bytes += record.files.size();
            if path_bytes > limits.path_table_bytes {
                return Err(Unreadable::new("its lists of files are too long"));
            }
            records.push(record, limits)
        }
        Ok(None) => Ok(()),
        Err(Unreadable(reason)) => {
            records.note_incomplete(reason);
            Ok(())
        }
    })?;
    Ok(records)
}

fn read_record(blob: &[u8]) -> Result<Option<Record>, Unreadable> {
    let header = Header::parse(blob)?;
    let required = |tag, what| {
        header
            .text(tag)
            .filter(|text| !text.is_empty())
            .ok_or_else(|| Unreadable::new(format!("a package without {what}")))
    };
    let name = required(header::NAME, "name")?;
    if name == PUBLIC_KEY {
        return Ok(None);
    }
    let version = required(header::VERSION, "version")?;
    let release = required(header::RELEASE, "release")?;
    let epoch = header.number(header::EPOCH).filter(|&epoch| epoch != 0);
    let with_epoch = |text: String| match epoch {
        Some(epoch) => format!("{epoch}:{text}"),
        None => text,
    };
    let version = with_epoch(format!("{version}-{release}"));
    // The epoch of a source package is not recorded; its binary packages nearly always share it.
    let source = header
        .text(header::SOURCE_RPM)
        .as_deref()
        .and_then(split_source)
        .map(|(name, version)| SourcePackage {
            name: name.to_owned(),
            version: with_epoch(version.to_owned()),
        })
        .filter(|source| (&source.name, &source.version) != (&name, &version));
    let mut package = Package::new(PackageType::Rpm, name, version);
    package.architecture = header.text(header::ARCHITECTURE);
    package.module = header
        .text(header::MODULARITY_LABEL)
        .filter(|label| !label.is_empty());
    package.source = source;
    package.license = header
        .text(header::LICENSE)
        .and_then(|license| License::stated(&license, Dialect::Fedora));
    Ok(Some(Record {
        package,
        files: read_files(&header)?,
    }))
}

/// Splits `name-version-release.src.rpm` into name and `version-release`.
pub(crate) fn split_source(file_name: &str) -> Option<(&str, &str)> {
    let stem = file_name
        .strip_suffix(".src.rpm")
        .or_else(|| file_name.strip_suffix(".nosrc.rpm"))?;
    let (rest, _release) = stem.rsplit_once('-')?;
    let (name, _version) = rest.rsplit_once('-')?;
    let version = stem.get(name.len() + 1..)?;
    (!name.is_empty()).then_some((name, version))
}

fn read_files(header: &Header<'_>) -> Result<PathList, Unreadable> {
    /// Most bytes of one package's list, front-coded: 32 MiB; the kernel's sources take 1.
    const MAX_LIST_BYTES: u64 = 32 << 20;

    let directories = header.texts(header::DIR_NAMES);
    let (mut raw, mut path) = (Vec::new(), Vec::new());
    let mut files = PathList::default();
    for (name, index) in header
        .texts(header::BASE_NAMES)
        .into_iter()
        .zip(header.numbers(header::DIR_INDEXES))
    {
        let Some(directory) = usize::try_from(index).ok().and_then(|i| directories.get(i)) else {
            return Err(Unreadable::new("a file's directory does not exist"));
        };
        if directory.len() + name.len() > MAX_OPEN_BYTES {
            continue;
        }
        raw.clear();
        raw.extend_from_slice(directory);
        raw.push(b'/');
        raw.extend_from_slice(name);
        if clean(&raw, &mut path) {
            files.push(&path);
        }
        if files.size() > MAX_LIST_BYTES {
            return Err(Unreadable::new("a package's list of files is too long"));
        }
    }
    Ok(files.finish())
}

#[cfg(test)]
mod tests;
