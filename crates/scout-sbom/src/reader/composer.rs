//! PHP: `vendor/composer/installed.json`, which Composer writes when it installs. Version 1 wrote
//! a list, version 2 an object that holds it.

use std::io::BufRead;

use scout_envs::license::{Dialect, License};
use scout_envs::{Package, PackageType};
use serde::Deserialize;

use super::{Unreadable, json};
use crate::analysis::{Part, Parts};
use crate::limits::Limits;

#[derive(Deserialize)]
struct Installed {
    #[serde(default)]
    packages: json::List<Record>,
}

#[derive(Deserialize)]
struct Record {
    name: String,
    version: Option<String>,
    #[serde(default)]
    license: json::Texts,
}

pub(super) fn read(input: &mut dyn BufRead, limits: &Limits) -> Result<Parts, Unreadable> {
    let what = "list of Composer's packages";
    let records = if input.fill_buf()?.trim_ascii_start().starts_with(b"[") {
        json::read::<json::List<Record>>(input, what)?
    } else {
        json::read::<Installed>(input, what)?.packages
    };
    let mut parts = Parts::default();
    for record in records.0 {
        let Some(version) = record.version.filter(|version| !version.is_empty()) else {
            parts.note_incomplete("a package without version");
            continue;
        };
        let mut package = Package::new(PackageType::Composer, record.name, version);
        // By Composer's schema, several are to choose from.
        let licenses = record.license.0.iter();
        package.license =
            License::any_of(licenses.filter_map(|license| License::stated(license, Dialect::Spdx)));
        parts.push(Part::stated(package), limits);
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read() {
        let record = r#"{"name":"a/b","version":"v1.2","version_normalized":"1.2.0.0","license":["MIT","GPL-2.0-only"],"require":{"php":">=7"}}"#;
        let odd = r#"{"name":"a/c","version":"dev-main","license":"MIT"},{"name":"a/d"}"#;
        for text in [
            format!("[{record},{odd}]"),
            format!("\n {{\"packages\":[{record},{odd}],\"dev\":true}}"),
        ] {
            let parts = read(&mut text.as_bytes(), &Limits::default()).unwrap();
            let found: Vec<_> = parts
                .packages
                .iter()
                .map(|part| {
                    let license = part.package.license.as_ref().map(License::as_str);
                    (
                        part.package.name.as_str(),
                        part.package.version.as_str(),
                        license,
                    )
                })
                .collect();
            assert_eq!(
                found,
                [
                    ("a/b", "v1.2", Some("MIT OR GPL-2.0-only")),
                    ("a/c", "dev-main", Some("MIT")),
                ]
            );
            assert!(parts.incomplete.is_some());
        }
        for bad in ["", "[{}]", "[", "1"] {
            assert!(
                read(&mut bad.as_bytes(), &Limits::default()).is_err(),
                "{bad}"
            );
        }
        assert!(
            read(&mut &b"{}"[..], &Limits::default())
                .unwrap()
                .packages
                .is_empty()
        );
    }
}
