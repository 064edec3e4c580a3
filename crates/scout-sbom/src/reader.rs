//! Evidence files: which paths tell about packages, and who reads them. One module an ecosystem.

use std::io::{self, BufRead};

mod alpm;
mod apk;
mod class;
mod composer;
mod conda;
mod deb;
mod dotnet;
mod egg;
mod executable;
mod gem;
mod java;
mod json;
mod line;
mod lock;
mod npm;
mod os_release;
mod pypi;
mod rpm;
mod spdx;
mod zip;

pub(crate) use class::{Class, classify, is_installed_module};
pub(crate) use executable::ExecutableScan;
pub(crate) use rpm::{read_sqlite as read_rpm_sqlite, split_source as split_source_rpm};
#[cfg(test)]
pub(crate) use zip::tests::Builder as ZipBuilder;

use crate::analysis::{Finding, Parts};
use crate::budget::{Budget, Stored};
use crate::error::Result;
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

/// Reads a file that must be seen at random, as [`Class::is_stored`] says. `name` is the last part
/// of its path.
///
/// # Errors
/// If this machine has no room for what is packed inside of it.
pub(crate) fn read_stored(
    class: Class,
    name: &[u8],
    mut file: Stored,
    limits: &Limits,
    budget: &Budget,
) -> Result<Result<Finding, Unreadable>> {
    Ok(match class {
        Class::JavaArchive => return java::read(name, file, limits, budget),
        Class::PythonEgg => egg::read(file, limits),
        Class::RpmBerkeley => rpm::read_berkeley(&mut file, limits).map(Finding::Database),
        Class::RpmNdb => rpm::read_ndb(&mut file, limits).map(Finding::Database),
        _ => Ok(Finding::Unread),
    })
}

/// Reads a file that is read from front to back.
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
        Class::DebCopyright => {
            let license = deb::read_copyright(input)?;
            Ok(license.map_or(Finding::Nothing, Finding::License))
        }
        Class::PacmanRecord => alpm::read_description(input, limits).map(Finding::Database),
        Class::PacmanFiles => alpm::read_files(input).map(Finding::FileList),
        Class::ApkInstalled => apk::read(input, limits).map(Finding::Database),
        Class::PypiMetadata => pypi::read(input).map(Finding::Package),
        Class::NpmManifest | Class::NpmLocal => npm::read(input, limits.record_bytes),
        Class::GemSpecification => gem::read(input).map(Finding::Package),
        Class::CondaRecord => conda::read(input).map(Finding::Package),
        Class::ComposerInstalled => composer::read(input, limits).map(Parts::into_finding),
        Class::DotnetDeps => dotnet::read(input, limits).map(Parts::into_finding),
        Class::SpdxDocument => spdx::read(input, limits).map(Parts::into_finding),
        Class::NpmLock => lock::read_npm(input, limits).map(Parts::into_finding),
        Class::YarnLock => lock::read_yarn(input, limits).map(Parts::into_finding),
        Class::PnpmLock => lock::read_pnpm(input, limits).map(Parts::into_finding),
        Class::NpmStored => npm::read_stored(input, limits.record_bytes),
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
