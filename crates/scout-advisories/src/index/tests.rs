//! Tests of loading and finding, on dumps written on the spot.

mod expected;
mod loading;
mod variants;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use scout_envs::{Finding, PackageType};
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;

/// Writes a dump; a record's file is named by its position.
fn write_dump(folder: &Path, ecosystem: &str, records: &[&str]) {
    let folder = folder.join(ecosystem);
    fs::create_dir_all(&folder).unwrap();
    let mut zip = ZipWriter::new(fs::File::create(folder.join("all.zip")).unwrap());
    for (position, record) in records.iter().enumerate() {
        zip.start_file(format!("{position}.json"), SimpleFileOptions::default())
            .unwrap();
        zip.write_all(record.as_bytes()).unwrap();
    }
    zip.finish().unwrap();
}

/// Loads all dumps of a folder.
fn load(folder: &Path) -> (AdvisoryIndex, LoadReport) {
    let advisories = AdvisoryDir::open(folder).unwrap();
    let wanted: BTreeSet<String> = advisories
        .dumps()
        .unwrap()
        .into_iter()
        .map(|(ecosystem, _)| ecosystem)
        .collect();
    AdvisoryIndex::load(&advisories, &wanted, LoadLimits::default()).unwrap()
}

/// Loads one dump of these records.
fn index_of(ecosystem: &str, records: &[&str]) -> AdvisoryIndex {
    let folder = TempDir::new().unwrap();
    let base = Ecosystem::new(ecosystem).base().to_owned();
    write_dump(folder.path(), &base, records);
    let (index, report) = load(folder.path());
    assert_eq!(report.problems, []);
    index
}

/// The key of a package without a source package of another name.
fn key(ecosystem: &str, name: &str, version: &str) -> MatchKey {
    let ecosystem = Ecosystem::new(ecosystem);
    MatchKey {
        package_type: match ecosystem.base() {
            "npm" => PackageType::Npm,
            "PyPI" => PackageType::Pypi,
            "Debian" | "Ubuntu" => PackageType::Deb,
            "Alpine" | "Wolfi" => PackageType::Apk,
            _ => PackageType::Rpm,
        },
        ecosystem,
        name: name.to_owned(),
        version: version.to_owned(),
        source_name: name.to_owned(),
        source_version: version.to_owned(),
        module: None,
    }
}

/// Shows findings as `VULNERABILITY>fix,fix`, separated by blanks.
fn shown(findings: &[Finding]) -> String {
    let shown: Vec<String> = findings
        .iter()
        .map(|finding| {
            format!(
                "{}>{}",
                finding.vulnerability,
                finding.fixed_versions.join(",")
            )
        })
        .collect();
    shown.join(" ")
}

/// Checks what is found for each version of package `p`.
fn check(ecosystem: &str, records: &[&str], cases: &[(&str, &str)]) {
    let index = index_of(ecosystem, records);
    for (version, expected) in cases {
        let findings = index.find(&key(ecosystem, "p", version));
        assert_eq!(shown(&findings), *expected, "{ecosystem} p {version}");
    }
}

/// A record of package `p` with one range.
fn record(id: &str, ecosystem: &str, kind: &str, events: &str) -> String {
    format!(
        r#"{{"id": "{id}", "affected": [{{"package": {{"ecosystem": "{ecosystem}", "name": "p"}},
            "ranges": [{{"type": "{kind}", "events": [{events}]}}]}}]}}"#
    )
}
