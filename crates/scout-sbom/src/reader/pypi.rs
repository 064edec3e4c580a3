//! Python: the header of `METADATA` or `PKG-INFO`. The long description is not read.

use std::io::BufRead;

use scout_envs::license::{Dialect, License};
use scout_envs::{Package, PackageType};

use super::Unreadable;
use super::line::{read_line, split_field, text};

pub(super) fn read(input: &mut dyn BufRead) -> Result<Package, Unreadable> {
    let (mut name, mut version) = (None, None);
    let mut licenses = Licenses::default();
    let mut line = Vec::new();
    while read_line(input, &mut line)? && !line.is_empty() {
        let Some((field, value)) = split_field(&line) else {
            continue;
        };
        if field.eq_ignore_ascii_case(b"name") {
            name.get_or_insert_with(|| text(value));
        } else if field.eq_ignore_ascii_case(b"version") {
            version.get_or_insert_with(|| text(value));
        } else {
            licenses.add(field, value);
        }
    }
    match (name, version) {
        (Some(name), Some(version)) if !name.is_empty() && !version.is_empty() => {
            let mut package = Package::new(PackageType::Pypi, name, version);
            package.license = licenses.finish();
            Ok(package)
        }
        _ => Err(Unreadable::new("Python metadata without name or version")),
    }
}

/// Where a distribution may state its licence.
#[derive(Default)]
struct Licenses {
    /// `License-Expression`: SPDX.
    expression: Option<License>,
    /// `License`: a name, a text, or anything else.
    free: Option<License>,
    /// `Classifier`s of licences.
    classified: Vec<License>,
}

impl Licenses {
    /// Most classifiers: 100; PyPI knows 90 of licences.
    const MAX_CLASSIFIERS: usize = 100;

    fn add(&mut self, field: &[u8], value: &[u8]) {
        let stated = |text: &str| License::stated(text, Dialect::Spdx);
        if field.eq_ignore_ascii_case(b"license-expression") {
            self.expression = stated(&text(value));
        } else if field.eq_ignore_ascii_case(b"license") {
            self.free = stated(&text(value));
        } else if field.eq_ignore_ascii_case(b"classifier")
            && self.classified.len() < Self::MAX_CLASSIFIERS
            && let Some(path) = text(value).strip_prefix("License ::")
        {
            let name = path.rsplit("::").next().unwrap_or(path).trim();
            // A branch of the tree is no licence.
            if !matches!(name, "OSI Approved" | "DFSG approved") {
                self.classified.extend(stated(name));
            }
        }
    }

    /// The expression says it best, then a name that is understood; classifiers do not say
    /// whether all of them hold or one may be chosen, so all do.
    fn finish(self) -> Option<License> {
        let is_clear = |license: &License| license.expression().is_some();
        self.expression
            .or_else(|| self.free.clone().filter(is_clear))
            .or_else(|| {
                let classified = License::all_of(self.classified);
                classified
                    .clone()
                    .filter(is_clear)
                    .or(self.free)
                    .or(classified)
            })
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

    #[test]
    fn the_clearest_statement_of_a_licence_counts() {
        let license = |fields: &str| {
            let text = format!("Name: a\nVersion: 1\n{fields}\n");
            let package = read(&mut text.as_bytes()).unwrap();
            package.license.map(|license| license.to_string())
        };
        let osi = "Classifier: License :: OSI Approved ::";
        for (fields, expected) in [
            (
                "License-Expression: MIT OR Apache-2.0\nLicense: x",
                Some("MIT OR Apache-2.0"),
            ),
            (
                &format!("License: Apache 2.0\n{osi} MIT License"),
                Some("Apache-2.0"),
            ),
            (
                &format!("License: see LICENSE\n{osi} MIT License"),
                Some("MIT"),
            ),
            (
                &format!("{osi} MIT License\n{osi} ISC License (ISCL)"),
                Some("MIT AND ISC"),
            ),
            (
                &format!("{osi} GNU Lesser General Public License v3 or later (LGPLv3+)"),
                Some("LGPL-3.0-or-later"),
            ),
            (
                "License: BSD\nClassifier: License :: OSI Approved",
                Some("BSD"),
            ),
            (&format!("{osi} BSD License"), Some("BSD License")),
            ("License: UNKNOWN", None),
        ] {
            assert_eq!(license(fields).as_deref(), expected, "{fields}");
        }
    }
}
