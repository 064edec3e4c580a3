//! Python: the header of `METADATA` or `PKG-INFO`. The long description is not read.

use std::io::BufRead;

use scout_envs::{Package, PackageType};

use super::Unreadable;
use super::line::{read_line, split_field, text};

pub(super) fn read(input: &mut dyn BufRead) -> Result<Package, Unreadable> {
    let (mut name, mut version) = (None, None);
    let mut line = Vec::new();
    while read_line(input, &mut line)? && !line.is_empty() {
        let Some((field, value)) = split_field(&line) else {
            continue;
        };
        if field.eq_ignore_ascii_case(b"name") {
            name.get_or_insert_with(|| text(value));
        } else if field.eq_ignore_ascii_case(b"version") {
            version.get_or_insert_with(|| text(value));
        }
    }
    match (name, version) {
        (Some(name), Some(version)) if !name.is_empty() && !version.is_empty() => {
            Ok(Package::new(PackageType::Pypi, name, version))
        }
        _ => Err(Unreadable::new("Python metadata without name or version")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_header_only() {
        let text = "Metadata-Version: 2.1\r\nName: Django\r\nVersion: 3.0.6\r\nLicense: x\r\n Name: folded\r\n\r\nName: body\n";
        let package = read(&mut text.as_bytes()).unwrap();
        assert_eq!(
            (package.name.as_str(), package.version.as_str()),
            ("Django", "3.0.6")
        );
        for bad in [
            "",
            "Name: a\n",
            "Name: a\n\nVersion: 1\n",
            "Name:\nVersion: 1\n",
        ] {
            assert!(read(&mut bad.as_bytes()).is_err(), "{bad:?}");
        }
    }
}
