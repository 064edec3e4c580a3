//! apk: the `installed` database. One letter a field; `F:` opens a directory, `R:` names a file.

use std::io::BufRead;

use scout_envs::license::{Dialect, License};
use scout_envs::{Package, PackageType, SourcePackage};

use super::Unreadable;
use super::line::{read_line, text};
use crate::analysis::{PathList, Record, Records};
use crate::limits::Limits;
use crate::path::{MAX_OPEN_BYTES, clean};

#[derive(Default)]
struct Stanza {
    name: String,
    version: String,
    architecture: Option<String>,
    origin: Option<String>,
    license: Option<License>,
    directory: Vec<u8>,
    files: PathList,
    has_fields: bool,
}

pub(super) fn read(input: &mut dyn BufRead, limits: &Limits) -> Result<Records, Unreadable> {
    let mut records = Records::default();
    let mut stanza = Stanza::default();
    let (mut line, mut path) = (Vec::new(), Vec::new());
    loop {
        let more = read_line(input, &mut line)?;
        if !more || line.is_empty() {
            std::mem::take(&mut stanza).finish(&mut records, limits)?;
            if !more {
                return Ok(records);
            }
            continue;
        }
        stanza.has_fields = true;
        let Some((&[field, b':'], value)) = line.split_first_chunk::<2>() else {
            return Err(Unreadable::new("a line is not of the form X:value"));
        };
        match field {
            b'P' => stanza.name = text(value.trim_ascii()),
            b'V' => stanza.version = text(value.trim_ascii()),
            b'A' => stanza.architecture = Some(text(value.trim_ascii())),
            b'o' => stanza.origin = Some(text(value.trim_ascii())),
            b'L' => stanza.license = License::stated(&text(value), Dialect::Spdx),
            b'F' => stanza.directory = value.to_vec(),
            b'R' => {
                let raw = [stanza.directory.as_slice(), b"/", value].concat();
                if raw.len() <= MAX_OPEN_BYTES && clean(&raw, &mut path) {
                    stanza.files.push(&path);
                }
            }
            _ => {}
        }
    }
}

impl Stanza {
    fn finish(self, records: &mut Records, limits: &Limits) -> Result<(), Unreadable> {
        if !self.has_fields {
            return Ok(());
        }
        if self.name.is_empty() || self.version.is_empty() {
            let reason = format!("a package {:?} has no name or version", self.name);
            records.note_incomplete(reason);
            return Ok(());
        }
        let source = self
            .origin
            .filter(|origin| !origin.is_empty() && *origin != self.name)
            .map(|name| SourcePackage {
                name,
                version: self.version.clone(),
            });
        let mut package = Package::new(PackageType::Apk, self.name, self.version);
        package.architecture = self.architecture;
        package.source = source;
        package.license = self.license;
        let files = self.files.finish();
        records.push(Record { package, files }, limits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_packages_with_origin_and_files() {
        let text = "C:Q1x=\nP:libssl1.1\nV:1.1.1d-r2\nL:OpenSSL\nA:x86_64\no:openssl\nF:lib\nM:0:0:755\nR:libssl.so.1.1\n\
                    a:0:0:555\nF:etc/ssl\nR:x\n\nP:musl\nV:1.1.24-r0\nA:x86_64\no:musl\n\n";
        let records = read(&mut text.as_bytes(), &Limits::default()).unwrap();
        assert_eq!(records.incomplete, None);
        let [first, second] = records.packages.as_slice() else {
            panic!("two packages");
        };
        let source = first.package.source.as_ref().unwrap();
        assert_eq!(
            (source.name.as_str(), source.version.as_str()),
            ("openssl", "1.1.1d-r2")
        );
        assert_eq!(second.package.source, None);
        let license = first.package.license.as_ref().map(License::as_str);
        assert_eq!(license, Some("OpenSSL"));
        assert_eq!(second.package.license, None);
        let mut files = Vec::new();
        first.files.for_each(|path| files.push(path.to_vec()));
        assert_eq!(files, [&b"lib/libssl.so.1.1"[..], b"etc/ssl/x"]);
    }

    #[test]
    fn spaces_and_a_missing_line_end_change_nothing() {
        let text = "C:Q1x=\nP:a \nV:1-r0 \r\nA:noarch\no:a \n\nP:.build-deps\nV:2024\nT:";
        let records = read(&mut text.as_bytes(), &Limits::default()).unwrap();
        let names: Vec<_> = records
            .packages
            .iter()
            .map(|record| {
                let package = &record.package;
                (package.name.as_str(), package.version.as_str())
            })
            .collect();
        assert_eq!(names, [("a", "1-r0"), (".build-deps", "2024")]);
        assert_eq!(records.packages[0].package.source, None);
    }

    #[test]
    fn other_files_are_refused() {
        assert!(read(&mut &b"hello world\n"[..], &Limits::default()).is_err());
        assert!(
            read(&mut &b"P:a\n\n"[..], &Limits::default())
                .unwrap()
                .incomplete
                .is_some()
        );
    }
}
