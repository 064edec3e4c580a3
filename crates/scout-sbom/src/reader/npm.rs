//! JavaScript: name and version of an installed `package.json`.

use std::fmt;
use std::io::{BufRead, Read};

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
            Finding::Package(Package::new(PackageType::Npm, name, version))
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
}
