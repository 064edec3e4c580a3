//! pacman: one directory a package, `desc` with its fields and `files` with its paths. A line
//! `%NAME%` opens a field, its values follow, an empty line ends it.

use std::io::BufRead;

use scout_envs::license::{Dialect, License};
use scout_envs::{Package, PackageType, SourcePackage};

use super::Unreadable;
use super::line::{read_line, text};
use crate::analysis::{PathList, Record, Records};
use crate::limits::Limits;
use crate::path::clean;

/// Most licences of one package: 1,000, far above what a PKGBUILD lists.
const MAX_LICENSES: usize = 1000;

/// Reads `desc`: a database of one package.
pub(super) fn read_description(
    input: &mut dyn BufRead,
    limits: &Limits,
) -> Result<Records, Unreadable> {
    let (mut name, mut version) = (String::new(), String::new());
    let (mut base, mut architecture) = (None, None);
    let mut licenses: Vec<License> = Vec::new();
    for_each_value(input, |field, value| match field {
        b"NAME" => name = text(value),
        b"VERSION" => version = text(value),
        b"BASE" => base = Some(text(value)),
        b"ARCH" => architecture = Some(text(value)),
        b"LICENSE" if licenses.len() < MAX_LICENSES => {
            licenses.extend(License::stated(&text(value), Dialect::Spdx));
        }
        _ => {}
    })?;
    if name.is_empty() || version.is_empty() {
        return Err(Unreadable::new("a package without name or version"));
    }
    let mut package = Package::new(PackageType::Alpm, name, version);
    package.architecture = architecture;
    package.source = base
        .filter(|base| !base.is_empty() && *base != package.name)
        .map(|name| SourcePackage {
            name,
            version: package.version.clone(),
        });
    // Several lines hold together.
    package.license = License::all_of(licenses);
    let mut records = Records::default();
    let files = PathList::default();
    records.push(Record { package, files }, limits)?;
    Ok(records)
}

/// Reads `files`: its `%FILES%` are paths without a slash in front; directories end in one.
pub(super) fn read_files(input: &mut dyn BufRead) -> Result<PathList, Unreadable> {
    let mut paths = PathList::default();
    let mut path = Vec::new();
    for_each_value(input, |field, value| {
        if field == b"FILES" && !value.ends_with(b"/") && clean(value, &mut path) {
            paths.push(&path);
        }
    })?;
    Ok(paths.finish())
}

fn for_each_value(
    input: &mut dyn BufRead,
    mut visit: impl FnMut(&[u8], &[u8]),
) -> Result<(), Unreadable> {
    let (mut line, mut field) = (Vec::new(), Vec::new());
    while read_line(input, &mut line)? {
        let name = line
            .strip_prefix(b"%")
            .and_then(|rest| rest.strip_suffix(b"%"));
        if line.is_empty() {
            field.clear();
        } else if let Some(name) = name.filter(|_| field.is_empty()) {
            field = name.to_vec();
        } else if !field.is_empty() {
            visit(&field, &line);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_package_and_its_files() {
        let desc = "%NAME%\ngcc-libs\n\n%VERSION%\n1:14.2.1+r134-1\n\n%BASE%\ngcc\n\n%ARCH%\nx86_64\n\n\
                    %LICENSE%\nGPL-3.0-or-later WITH GCC-exception-3.1\nGFDL-1.3-or-later\n\n%VALIDATION%\npgp\n\n";
        let records = read_description(&mut desc.as_bytes(), &Limits::default()).unwrap();
        let package = &records.packages[0].package;
        assert_eq!(
            (package.name.as_str(), package.version.as_str()),
            ("gcc-libs", "1:14.2.1+r134-1")
        );
        assert_eq!(package.architecture.as_deref(), Some("x86_64"));
        assert_eq!(package.source.as_ref().unwrap().name, "gcc");
        assert_eq!(
            package.license.as_ref().unwrap().as_str(),
            "GPL-3.0-or-later WITH GCC-exception-3.1 AND GFDL-1.3-or-later"
        );
        let files = "%FILES%\nusr/\nusr/lib/\nusr/lib/libgcc_s.so\n\n%BACKUP%\netc/x\tabc\n";
        let mut got = Vec::new();
        read_files(&mut files.as_bytes())
            .unwrap()
            .for_each(|path| got.push(path.to_vec()));
        assert_eq!(got, [b"usr/lib/libgcc_s.so"]);
    }

    #[test]
    fn a_package_without_a_version_is_refused() {
        for bad in ["", "%NAME%\nx\n", "%NAME%\n\n%VERSION%\n1\n", "NAME\nx\n"] {
            let got = read_description(&mut bad.as_bytes(), &Limits::default());
            assert!(got.is_err(), "{bad:?}");
        }
    }
}
