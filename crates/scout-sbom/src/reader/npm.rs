//! JavaScript: name and version of an installed `package.json`.

use std::fmt;
use std::io::{BufRead, Read};

use scout_envs::license::{Dialect, License};
use scout_envs::{Package, PackageType};
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use super::Unreadable;
use crate::analysis::Finding;

pub(super) fn read(input: &mut dyn BufRead, max_bytes: u64) -> Result<Finding, Unreadable> {
    let mut bytes = Vec::new();
    input.take(max_bytes).read_to_end(&mut bytes)?;
    // npm accepts a byte order mark.
    let json = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let mut parser = serde_json::Deserializer::from_slice(json);
    let manifest = parser
        .deserialize_map(ManifestVisitor)
        .and_then(|manifest| parser.end().map(|()| manifest))
        .map_err(|error| Unreadable::new(format!("invalid package.json: {error}")))?;
    Ok(match (manifest.name, manifest.version) {
        (Some(name), Some(version)) => {
            let mut package = Package::new(PackageType::Npm, name, version);
            package.license = manifest.license.or(manifest.licenses);
            Finding::Package(package)
        }
        _ => Finding::Nothing,
    })
}

/// Reads a file of which only its content can tell whether it is a `package.json`.
pub(super) fn read_stored(input: &mut dyn BufRead, max_bytes: u64) -> Result<Finding, Unreadable> {
    if !input.fill_buf()?.starts_with(b"{") {
        return Ok(Finding::Nothing);
    }
    Ok(read(input, max_bytes).unwrap_or(Finding::Nothing))
}

#[derive(Default)]
struct Manifest {
    name: Option<String>,
    version: Option<String>,
    license: Option<License>,
    /// The older form: one of these may be chosen.
    licenses: Option<License>,
}

/// Like JavaScript, the last of several equal keys wins and other types are no error.
struct ManifestVisitor;

impl<'de> Visitor<'de> for ManifestVisitor {
    type Value = Manifest;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Manifest, A::Error> {
        let mut manifest = Manifest::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "name" => manifest.name = filled(map.next_value()?),
                "version" => manifest.version = filled(map.next_value()?),
                "license" => manifest.license = license(&map.next_value()?),
                "licenses" => manifest.licenses = licenses(&map.next_value()?),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(manifest)
    }
}

fn filled(value: Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        _ => None,
    }
}

/// Reads `"MIT"`, or the older `{"type": "MIT"}`.
fn license(value: &Value) -> Option<License> {
    let text = match value {
        Value::Object(fields) => fields.get("type").or_else(|| fields.get("name"))?,
        other => other,
    };
    License::stated(text.as_str()?, Dialect::Spdx)
}

fn licenses(value: &Value) -> Option<License> {
    /// Most alternatives: 100; more than three are not known.
    const MAX_ALTERNATIVES: usize = 100;

    match value {
        Value::Array(all) => License::any_of(all.iter().take(MAX_ALTERNATIVES).filter_map(license)),
        other => license(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_a_store_what_is_no_manifest_is_nothing() {
        for (text, is_package) in [
            (r#"{"name":"a","version":"1"}"#, true),
            (r#"{"name":"a"}"#, false),
            ("{ margin: 0 }", false),
            ("#!/bin/sh", false),
            ("", false),
        ] {
            let got = read_stored(&mut text.as_bytes(), 1 << 20).unwrap();
            assert_eq!(got != Finding::Nothing, is_package, "{text}");
        }
    }

    #[test]
    fn a_package_has_a_name_and_a_version() {
        let package = |name: &str, version: &str| {
            Some(Finding::Package(Package::new(
                PackageType::Npm,
                name,
                version,
            )))
        };
        let deep = format!("{{\"name\":{}1{}}}", "[".repeat(9999), "]".repeat(9999));
        for (text, expected) in [
            (
                r#"{"name":"@s/a","version":"1.0.0","x":[1,{"name":"b"}]}"#,
                package("@s/a", "1.0.0"),
            ),
            (
                "\u{feff}{\"name\":\"a\",\"version\":\"1\"}",
                package("a", "1"),
            ),
            (
                r#"{"name":"a","name":"b","version":"1"}"#,
                package("b", "1"),
            ),
            (r#"{"type":"module"}"#, Some(Finding::Nothing)),
            (r#"{"name":"a","version":1}"#, Some(Finding::Nothing)),
            ("{}", Some(Finding::Nothing)),
            ("", None),
            ("[]", None),
            (r#"{"name":"a","version":"1"} x"#, None),
            (r#"{"name":"a","version":"1""#, None),
            (deep.as_str(), None),
        ] {
            let got = read(&mut text.as_bytes(), 1 << 20).ok();
            assert_eq!(got, expected, "{:.40}", text);
        }
    }

    #[test]
    fn licences_in_all_their_forms() {
        for (field, expected) in [
            (
                r#""license":"(MIT OR GPL-2.0)""#,
                Some("MIT OR GPL-2.0-only"),
            ),
            (r#""license":{"type":"ISC","url":"x"}"#, Some("ISC")),
            (
                r#""licenses":[{"type":"MIT"},"Apache-2.0"]"#,
                Some("MIT OR Apache-2.0"),
            ),
            (
                r#""licenses":[{"type":"MIT"}],"license":"ISC""#,
                Some("ISC"),
            ),
            (r#""license":"SEE LICENSE IN x""#, Some("SEE LICENSE IN x")),
            (r#""license":"UNLICENSED""#, Some("UNLICENSED")),
            (r#""license":["MIT"]"#, None),
            (r#""license":7"#, None),
        ] {
            let text = format!(r#"{{"name":"a","version":"1",{field}}}"#);
            let Finding::Package(package) = read(&mut text.as_bytes(), 1 << 20).unwrap() else {
                panic!("{field}");
            };
            let license = package.license.as_ref().map(License::as_str);
            assert_eq!(license, expected, "{field}");
        }
    }
}
