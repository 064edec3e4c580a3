//! Java archives: jar, war, ear and the like, with the archives packed inside of them.
//!
//! What Maven left in an archive (`pom.properties`) says for certain what it is, and in a shaded
//! one what else is in it. Else the manifest and the name of the file have to do.

mod manifest;
mod name;
mod properties;

use std::io::{self, Read};

use scout_envs::{Certainty, Package, PackageType};

use self::manifest::Manifest;
use self::name::FileName;
use self::properties::Coordinates;
use super::Unreadable;
use super::zip::{Content, Directory, Entry, Slice};
use crate::analysis::{Finding, Part, Parts};
use crate::budget::{Budget, Stored};
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::path::split;

const MANIFEST: &str = "META-INF/MANIFEST.MF";
/// Most bytes of the names of entries that are looked into, of one archive: 1 MiB, for ten
/// thousand libraries.
const MAX_NAME_BYTES: usize = 1 << 20;
/// Longest name of an entry that is looked at, in bytes, as for files.
const MAX_ENTRY_NAME_BYTES: usize = 4096;

/// Returns whether a file of this name is an archive that Java programs are packed in.
pub(super) fn is_archive(name: &[u8]) -> bool {
    /// `hpi` and `jpi` are plugins of Jenkins, `par`, `sar`, `kar`, `nar` and `lpkg` of other
    /// servers. `rar` is left out: nearly all such files are of another format.
    const SUFFIXES: [&[u8]; 10] = [
        b"jar", b"war", b"ear", b"hpi", b"jpi", b"par", b"sar", b"kar", b"nar", b"lpkg",
    ];
    let Some(dot) = memchr::memrchr(b'.', name) else {
        return false;
    };
    let suffix = name.get(dot + 1..).unwrap_or_default();
    dot > 0
        && SUFFIXES
            .iter()
            .any(|known| suffix.eq_ignore_ascii_case(known))
}

/// Reads an archive whose file has this name.
pub(super) fn read(
    name: &[u8],
    mut file: Stored,
    limits: &Limits,
    budget: &Budget,
) -> Result<Result<Finding, Unreadable>> {
    let mut walk = Walk {
        limits,
        budget,
        parts: Parts::default(),
        entries: 0,
        unpacked: 0,
        held: file.len(),
    };
    let here = Here {
        name: &String::from_utf8_lossy(name),
        place: None,
        depth: 0,
    };
    let result = walk.archive(&mut Slice::whole(&mut file), &here)?;
    Ok(match result {
        Err(reason) if walk.parts.packages.is_empty() => Err(reason),
        Err(Unreadable(reason)) => {
            walk.parts.note_incomplete(reason);
            Ok(walk.parts.into_finding())
        }
        Ok(()) => Ok(walk.parts.into_finding()),
    })
}

/// What is read of one file, however deep.
struct Walk<'a> {
    limits: &'a Limits,
    budget: &'a Budget,
    parts: Parts,
    entries: u64,
    unpacked: u64,
    /// Bytes of the stored files that are open.
    held: u64,
}

/// Which archive is read.
struct Here<'a> {
    /// The last part of its path.
    name: &'a str,
    /// Where it is in the outermost one.
    place: Option<&'a str>,
    depth: u32,
}

impl Here<'_> {
    /// Returns where something in this archive is.
    fn inner(&self, name: &str) -> String {
        match self.place {
            Some(place) => format!("{place}!/{name}"),
            None => name.to_owned(),
        }
    }

    fn part(&self, package: Package, certainty: Certainty) -> Part {
        Part {
            package,
            place: self.place.map(str::to_owned),
            certainty,
        }
    }
}

/// What of an archive's table of contents matters.
#[derive(Default)]
struct Contents {
    manifest: Option<Entry>,
    coordinates: Vec<(String, Entry)>,
    archives: Vec<(String, Entry)>,
    /// The directory that all its classes are in.
    root: Option<String>,
    name_bytes: usize,
}

impl Walk<'_> {
    fn archive(&mut self, file: &mut Slice<'_>, here: &Here<'_>) -> Result<Result<(), Unreadable>> {
        let (directory, contents) = match self.contents(file) {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(Ok(())),
            Err(reason) => return Ok(Err(reason)),
        };
        self.identify(file, &directory, &contents, here);
        for (name, entry) in &contents.archives {
            if here.depth + 1 >= self.limits.archive_depth {
                let depth = self.limits.archive_depth;
                let reason = format!("archives lie in it more than {depth} deep");
                self.parts.note_incomplete(reason);
                break;
            }
            let place = here.inner(name);
            let inner = Here {
                name: &String::from_utf8_lossy(split(name.as_bytes()).1),
                place: Some(&place),
                depth: here.depth + 1,
            };
            if let Err(Unreadable(reason)) = self.inner(file, &directory, entry, &inner)? {
                self.parts.note_incomplete(format!("{place}: {reason}"));
            }
        }
        Ok(Ok(()))
    }

    /// Reads the table of contents; `None` if the file is no archive.
    fn contents(
        &mut self,
        file: &mut Slice<'_>,
    ) -> Result<Option<(Directory, Contents)>, Unreadable> {
        let Some(directory) = Directory::find(file)? else {
            return Ok(None);
        };
        let mut contents = Contents::default();
        directory.for_each(file, &mut |name, entry| {
            self.entries += 1;
            if self.entries > self.limits.archive_entries {
                let limit = self.limits.archive_entries;
                return Err(Unreadable::new(format!("it has more than {limit} entries")));
            }
            contents.add(name, entry)
        })?;
        Ok(Some((directory, contents)))
    }

    fn identify(
        &mut self,
        file: &mut Slice<'_>,
        directory: &Directory,
        contents: &Contents,
        here: &Here<'_>,
    ) {
        let mut manifest = Manifest::default();
        if let Some(entry) = &contents.manifest {
            match self.text(file, directory, entry) {
                Ok(text) => manifest = Manifest::parse(&text),
                Err(Unreadable(reason)) => self.note(here, MANIFEST, &reason),
            }
        }
        let mut stated: Vec<(&str, Coordinates)> = Vec::new();
        for (name, entry) in &contents.coordinates {
            match self.text(file, directory, entry) {
                Ok(text) => {
                    let found = properties::parse(&text).map(|found| (name.as_str(), found));
                    stated
                        .extend(found.filter(|(_, new)| stated.iter().all(|(_, old)| old != new)));
                }
                Err(Unreadable(reason)) => self.note(here, name, &reason),
            }
        }
        let file_name = FileName::parse(here.name);
        let own = name::own(&stated, &file_name, &manifest);
        for (index, (name, coordinates)) in stated.iter().enumerate() {
            let mut part = here.part(coordinates.package(), Certainty::Stated);
            if own != Some(index) {
                // A copy of another archive's content, shaded into this one.
                part.place = Some(here.inner(name));
            }
            self.parts.push(part, self.limits);
        }
        if own.is_none()
            && let Some((name, version, certainty)) =
                name::derive(&file_name, &manifest, contents.root.as_deref())
            && !stated.iter().any(|(_, known)| known.is_named(&name))
        {
            let package = Package::new(PackageType::Maven, name, version);
            self.parts.push(here.part(package, certainty), self.limits);
        }
    }

    fn note(&mut self, here: &Here<'_>, name: &str, reason: &str) {
        let place = here.inner(name);
        self.parts.note_incomplete(format!("{place}: {reason}"));
    }

    /// Returns the content of a small file.
    fn text(
        &mut self,
        file: &mut Slice<'_>,
        directory: &Directory,
        entry: &Entry,
    ) -> Result<Vec<u8>, Unreadable> {
        let max = self.limits.record_bytes;
        if entry.size > max {
            return Err(Unreadable::new(format!("it has more than {max} bytes")));
        }
        self.unpack(entry.size)?;
        let mut text = Vec::new();
        let content = directory.open(file, entry)?;
        content.take(entry.size).read_to_end(&mut text)?;
        Ok(text)
    }

    /// Counts what is about to be unpacked.
    fn unpack(&mut self, bytes: u64) -> Result<(), Unreadable> {
        let max = self.limits.archive_unpacked_bytes;
        self.unpacked = self.unpacked.saturating_add(bytes);
        if self.unpacked > max {
            let reason = format!("more than {max} bytes are packed in it");
            return Err(Unreadable::new(reason));
        }
        Ok(())
    }

    /// Reads an archive in an archive.
    fn inner(
        &mut self,
        file: &mut Slice<'_>,
        directory: &Directory,
        entry: &Entry,
        here: &Here<'_>,
    ) -> Result<Result<(), Unreadable>> {
        let content = match directory.open(file, entry) {
            Ok(content) => content,
            Err(reason) => return Ok(Err(reason)),
        };
        let packed = match content {
            // What lies there as it is needs no copy.
            Content::Stored(mut slice) => return self.archive(&mut slice, here),
            Content::Packed(packed) => packed,
        };
        if let Err(reason) = self.unpack(entry.size) {
            return Ok(Err(reason));
        }
        let mut watched = Watched {
            input: packed,
            read: 0,
            failure: None,
        };
        let stored = self.budget.store_inner(entry.size, self.held, &mut watched);
        let mut stored = match stored {
            Ok(Some(stored)) => stored,
            Ok(None) => return Ok(Err(Unreadable::new("it is larger than the spool has room"))),
            // The archive's fault, not this machine's.
            Err(Error::Spool { .. }) if watched.is_short(entry.size) => {
                return Ok(Err(Unreadable::new("it is damaged")));
            }
            Err(error) => return Err(error),
        };
        self.held += entry.size;
        let result = self.archive(&mut Slice::whole(&mut stored), here);
        self.held -= entry.size;
        result
    }
}

impl Contents {
    fn add(&mut self, name: &[u8], entry: Entry) -> Result<(), Unreadable> {
        if name.len() > MAX_ENTRY_NAME_BYTES {
            return Ok(());
        }
        if name.eq_ignore_ascii_case(MANIFEST.as_bytes()) {
            self.manifest.get_or_insert(entry);
            return Ok(());
        }
        let list = if name::is_class(name) {
            self.root = name::common_root(self.root.take(), name);
            return Ok(());
        } else if is_coordinates(name) {
            &mut self.coordinates
        } else if is_archive(name) {
            &mut self.archives
        } else {
            return Ok(());
        };
        self.name_bytes += name.len();
        if self.name_bytes > MAX_NAME_BYTES {
            return Err(Unreadable::new("it holds too many archives or records"));
        }
        list.push((String::from_utf8_lossy(name).into_owned(), entry));
        Ok(())
    }
}

/// Whether this is `META-INF/maven/GROUP/ARTIFACT/pom.properties`.
fn is_coordinates(name: &[u8]) -> bool {
    name.starts_with(b"META-INF/maven/") && name.ends_with(b"/pom.properties")
}

/// Tells whether a copy failed because of what was read.
struct Watched<R> {
    input: R,
    read: u64,
    failure: Option<()>,
}

impl<R> Watched<R> {
    fn is_short(&self, size: u64) -> bool {
        self.failure.is_some() || self.read < size
    }
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let result = self.input.read(buffer);
        match &result {
            Ok(count) => self.read += *count as u64,
            Err(_damaged) => self.failure = Some(()),
        }
        result
    }
}

#[cfg(test)]
mod tests;
