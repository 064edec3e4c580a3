//! dpkg: the database, its one-package parts in distroless images, and the lists of files.
//!
//! A package counts when its files are there: unpacked, half configured, waiting for triggers or
//! installed. What is removed (`config-files`) or half installed does not.

mod copyright;

use std::io::BufRead;

use scout_envs::{Package, PackageType, SourcePackage};

use super::Unreadable;
use super::line::{read_line, split_field, text};
use crate::analysis::{PathList, Record, Records};
use crate::limits::Limits;
use crate::path::clean;

pub(super) use copyright::read as read_copyright;

/// Which of the two forms is read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum File {
    /// `status`: each package says whether it is installed.
    Status,
    /// A file in `status.d`: to be there is to be installed.
    StatusPart,
}

#[derive(Default)]
struct Stanza {
    name: String,
    version: String,
    architecture: Option<String>,
    source: Option<String>,
    state: Option<String>,
    is_empty: bool,
}

pub(super) fn read_status(
    input: &mut dyn BufRead,
    file: File,
    limits: &Limits,
) -> Result<Records, Unreadable> {
    let mut records = Records::default();
    let mut stanza = Stanza::new();
    let mut line = Vec::new();
    loop {
        let more = read_line(input, &mut line)?;
        if !more || line.trim_ascii().is_empty() {
            stanza.finish(file, &mut records, limits)?;
            stanza = Stanza::new();
            if !more {
                return Ok(records);
            }
            continue;
        }
        stanza.is_empty = false;
        let Some((name, value)) = split_field(&line) else {
            continue;
        };
        match name.to_ascii_lowercase().as_slice() {
            b"package" => stanza.name = text(value),
            b"version" => stanza.version = text(value),
            b"architecture" => stanza.architecture = Some(text(value)),
            b"source" => stanza.source = Some(text(value)),
            b"status" => stanza.state = value.rsplit(|&byte| byte == b' ').next().map(text),
            _ => {}
        }
    }
}

impl Stanza {
    fn new() -> Self {
        Self {
            is_empty: true,
            ..Self::default()
        }
    }

    fn finish(self, file: File, records: &mut Records, limits: &Limits) -> Result<(), Unreadable> {
        if self.is_empty || !self.is_installed(file) {
            return Ok(());
        }
        if self.name.is_empty() || self.version.is_empty() {
            let reason = format!(
                "an installed package {:?} has no name or version",
                self.name
            );
            records.note_incomplete(reason);
            return Ok(());
        }
        let source = self.source.as_deref().map(|source| {
            let (name, version) = split_source(source);
            SourcePackage {
                name: name.to_owned(),
                version: version.unwrap_or(&self.version).to_owned(),
            }
        });
        let differs =
            |source: &SourcePackage| (&source.name, &source.version) != (&self.name, &self.version);
        let source = source.filter(differs);
        let mut package = Package::new(PackageType::Deb, self.name, self.version);
        package.architecture = self.architecture;
        package.source = source;
        let files = PathList::default();
        records.push(Record { package, files }, limits)
    }

    fn is_installed(&self, file: File) -> bool {
        match self.state.as_deref() {
            None => file == File::StatusPart,
            Some(state) => matches!(
                state,
                "installed"
                    | "triggers-pending"
                    | "triggers-awaited"
                    | "half-configured"
                    | "unpacked"
            ),
        }
    }
}

/// Splits `name (version)`.
fn split_source(source: &str) -> (&str, Option<&str>) {
    match source.split_once('(') {
        Some((name, version)) => (
            name.trim_end(),
            Some(version.trim_end().trim_end_matches(')').trim()),
        ),
        None => (source, None),
    }
}

/// Reads `info/NAME.list`: one absolute path a line.
pub(super) fn read_list(input: &mut dyn BufRead) -> Result<PathList, Unreadable> {
    read_paths(input, |line| line)
}

/// Reads `status.d/NAME.md5sums`: a checksum, two spaces, a relative path.
pub(super) fn read_sums(input: &mut dyn BufRead) -> Result<PathList, Unreadable> {
    read_paths(input, |line| {
        let space = memchr::memchr(b' ', line).unwrap_or(line.len());
        line.get(space..).unwrap_or_default().trim_ascii_start()
    })
}

fn read_paths(
    input: &mut dyn BufRead,
    path_of: impl Fn(&[u8]) -> &[u8],
) -> Result<PathList, Unreadable> {
    let mut paths = PathList::default();
    let (mut line, mut path) = (Vec::new(), Vec::new());
    while read_line(input, &mut line)? {
        if clean(path_of(&line), &mut path) && !path.is_empty() {
            paths.push(&path);
        }
    }
    Ok(paths.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, file: File, expected: &[&str]) -> Records {
        let records = read_status(&mut text.as_bytes(), file, &Limits::default()).unwrap();
        let got: Vec<String> = records
            .packages
            .iter()
            .map(|record| {
                let package = &record.package;
                let source = package.source.as_ref().map_or_else(String::new, |source| {
                    format!(" from {} {}", source.name, source.version)
                });
                let architecture = package.architecture.as_deref().unwrap_or("-");
                format!(
                    "{} {} {architecture}{source}",
                    package.name, package.version
                )
            })
            .collect();
        assert_eq!(got, expected, "{text}");
        records
    }

    #[test]
    fn only_packages_whose_files_are_there_count() {
        let text = "Package: a\nStatus: install ok installed\nVersion: 1:2-3\nArchitecture: amd64\n\n\
                    Package: b\nStatus: deinstall ok config-files\nVersion: 1\n\n\
                    Package: c\nStatus: hold ok installed\nVersion: 2\nArchitecture: all\nSource: sc\n\n\n\
                    Package: d\nStatus: install ok unpacked\nVersion: 3\nArchitecture: i386\nSource: sd (4)\n\
                    Description: x\n Package: folded\n .\n\n\
                    Package: e\nVersion: 1\n\n\
                    Package: f\nStatus: install reinstreq half-installed\nVersion: 1\n";
        check(
            text,
            File::Status,
            &["a 1:2-3 amd64", "c 2 all from sc 2", "d 3 i386 from sd 4"],
        );
    }

    #[test]
    fn a_part_needs_no_status_and_a_source_that_says_nothing_new_is_left_out() {
        let text = "Package: base-files\nVersion: 12\nArchitecture: amd64\nSource: base-files (12)";
        check(text, File::StatusPart, &["base-files 12 amd64"]);
        check("", File::StatusPart, &[]);
        check("\n\n\r\n", File::Status, &[]);
    }

    #[test]
    fn a_record_without_a_version_is_said_not_lost() {
        let text = "Package: a\nStatus: install ok installed\n\nPackage: b\nStatus: install ok installed\nVersion: 1\n";
        let records = check(text, File::Status, &["b 1 -"]);
        assert!(records.incomplete.is_some());
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let text = "P".repeat(3 << 20);
        assert!(read_status(&mut text.as_bytes(), File::Status, &Limits::default()).is_err());
    }

    #[test]
    fn lists_and_sums_give_clean_paths() {
        let mut got = Vec::new();
        read_list(&mut &b"/.\n/usr\n/usr/bin/x\n/../etc\n"[..])
            .unwrap()
            .for_each(|path| got.push(path.to_vec()));
        assert_eq!(got, [&b"usr"[..], b"usr/bin/x"]);
        let mut got = Vec::new();
        read_sums(&mut &b"0123  usr/a b\n"[..])
            .unwrap()
            .for_each(|path| got.push(path.to_vec()));
        assert_eq!(got, [b"usr/a b"]);
    }
}
