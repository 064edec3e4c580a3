//! Evidence files: which paths tell about packages, and who reads them. One module an ecosystem.

use std::io::{self, BufRead};

mod apk;
mod class;
mod deb;
mod executable;
mod line;
mod npm;
mod os_release;
mod pypi;
mod rpm;

pub(crate) use class::{Class, classify, is_installed_module};
pub(crate) use executable::ExecutableScan;
pub(crate) use rpm::read_database as read_rpm_database;

use crate::analysis::Finding;
use crate::limits::Limits;

/// Why an evidence file could not be read, for people.
#[derive(Debug)]
pub(crate) struct Unreadable(pub(crate) String);

impl Unreadable {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

/// Reads a file that is read from front to back. `path` is clean.
pub(crate) fn read(
    class: Class,
    input: &mut dyn BufRead,
    limits: &Limits,
) -> Result<Finding, Unreadable> {
    match class {
        Class::OsRelease => os_release::read(input),
        Class::DebStatus => {
            deb::read_status(input, deb::File::Status, limits).map(Finding::Database)
        }
        Class::DebStatusPart => {
            deb::read_status(input, deb::File::StatusPart, limits).map(Finding::Database)
        }
        Class::DebList => deb::read_list(input).map(Finding::FileList),
        Class::DebSums => deb::read_sums(input).map(Finding::FileList),
        Class::ApkInstalled => apk::read(input, limits).map(Finding::Database),
        Class::PypiMetadata => pypi::read(input).map(Finding::Package),
        Class::NpmManifest | Class::NpmLocal => npm::read(input, limits.record_bytes),
        Class::NpmStored => npm::read_stored(input, limits.record_bytes),
        Class::RpmSqlite => Err(Unreadable::new("an rpm database is read at random")),
        _ => Ok(Finding::Unread),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_reader_panics_on_any_bytes(
            text in "([A-Za-z:=\"{}(), ]{0,20}(\n| |: ?)){0,30}",
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            for &class in Class::ALL {
                let _ = read(class, &mut text.as_bytes(), &Limits::default());
                let _ = read(class, &mut bytes.as_slice(), &Limits::default());
            }
        }

        #[test]
        fn no_path_panics(path in "[a-z@./_-]{0,60}", tail in "(node_modules|@|/|package.json|\\.egg-info){0,6}") {
            let _ = classify(format!("{path}{tail}").as_bytes());
        }
    }
}
