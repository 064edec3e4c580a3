//! Conda: `conda-meta/NAME-VERSION-BUILD.json`, one for each installed package.

use std::io::BufRead;

use scout_envs::license::{Dialect, License};
use scout_envs::{Package, PackageType};
use serde::Deserialize;

use super::{Unreadable, json};

#[derive(Deserialize)]
struct Record {
    name: String,
    version: String,
    license: Option<String>,
}

pub(super) fn read(input: &mut dyn BufRead) -> Result<Package, Unreadable> {
    let record: Record = json::read(input, "record of Conda")?;
    if record.name.is_empty() || record.version.is_empty() {
        return Err(Unreadable::new("a Conda package without name or version"));
    }
    let mut package = Package::new(PackageType::Conda, record.name, record.version);
    package.license = record
        .license
        .and_then(|license| License::stated(&license, Dialect::Spdx));
    Ok(package)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_version_and_licence_are_read() {
        let text = r#"{"build":"h1_0","channel":"x","files":["lib/a"],"license":"BSD-3-Clause","name":"zlib","version":"1.2.13"}"#;
        let package = read(&mut text.as_bytes()).unwrap();
        assert_eq!(
            (package.name.as_str(), package.version.as_str()),
            ("zlib", "1.2.13")
        );
        assert_eq!(package.license.unwrap().as_str(), "BSD-3-Clause");
        for bad in [
            "{}",
            r#"{"name":"","version":"1"}"#,
            "[",
            r#"{"name":1,"version":"1"}"#,
        ] {
            assert!(read(&mut bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
