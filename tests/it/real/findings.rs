//! Findings against those of an independent matcher. What we find beyond it is listed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use super::fixture::{Indexed, one_at_a_time};
use crate::support::truth::normalized;
use crate::support::workspace;

/// The ecosystems that are read today. Findings for others are expected to be missing, and the
/// images that hold them to have a gap (see `packages.rs`).
const KINDS: [&str; 5] = ["apk", "deb", "npm", "pypi", "rpm"];

/// Expected findings that are wrong: image and kind, package, the reason, records.
///
/// The independent matcher compares versions only. The image's nodejs is of the module stream
/// `nodejs:16`; these records fix the streams 18, 20, 22 and 24, whose builds never replace it.
const WRONG: [(&str, &str, &str, &[&str]); 1] = [(
    "app-rpm rpm",
    "nodejs@1:16.14.0-4.el9",
    "another module stream",
    &[
        "ALSA-2022:8832",
        "ALSA-2023:2654",
        "ALSA-2023:3577",
        "ALSA-2023:4330",
        "ALSA-2023:5363",
        "ALSA-2023:5849",
        "ALSA-2024:1503",
        "ALSA-2024:1688",
        "ALSA-2024:2779",
        "ALSA-2024:2853",
        "ALSA-2024:5815",
        "ALSA-2024:6147",
        "ALSA-2025:1443",
        "ALSA-2025:1446",
        "ALSA-2025:1613",
        "ALSA-2025:7426",
        "ALSA-2025:7433",
        "ALSA-2025:8467",
        "ALSA-2025:8468",
        "ALSA-2026:2781",
        "ALSA-2026:2782",
        "ALSA-2026:2783",
        "ALSA-2026:35891",
        "ALSA-2026:35892",
        "ALSA-2026:47057",
        "ALSA-2026:47058",
        "ALSA-2026:7350",
        "ALSA-2026:7896",
    ],
)];

/// (package `name@version`, record id).
type Pairs = BTreeSet<(String, String)>;

#[test]
#[ignore = "needs real servers; run tests/run"]
fn findings_include_those_of_an_independent_matcher() {
    let _turn = one_at_a_time();
    let Some(indexed) = Indexed::get() else {
        return;
    };
    let path = workspace::shared("advisories/expected-findings.json").unwrap();
    let expected: BTreeMap<String, BTreeMap<String, Vec<String>>> =
        serde_json::from_slice::<Value>(&fs::read(path).unwrap())
            .unwrap()
            .as_object()
            .unwrap()
            .iter()
            .map(|(key, packages)| (key.clone(), table(packages)))
            .collect();
    let summaries = summaries(WRONG.iter().flat_map(|(_, _, _, records)| *records));
    let mut missing = Vec::new();
    let mut compared = 0;
    for (key, packages) in &expected {
        let (tag, kind) = key.split_once(' ').unwrap();
        if !KINDS.contains(&kind) {
            println!("{key}: not read yet, {} packages left out", packages.len());
            continue;
        }
        let images = indexed.pushed.testbed.images();
        let Some(image) = images.iter().find(|image| image.layout_tag == tag) else {
            println!("skipped: the test bed has no {tag}");
            continue;
        };
        let cves = indexed.scout.cves(&image.name);
        let expected: Pairs = packages
            .iter()
            .flat_map(|(package, ids)| {
                let package = spelled(kind, package);
                ids.iter().map(move |id| (package.clone(), id.clone()))
            })
            .collect();
        let ours = ours(&cves, kind);
        compared += expected.len();
        for (package, id) in &expected {
            let wrong = WRONG.iter().find(|(image, name, _, records)| {
                image == key && name == package && records.contains(&id.as_str())
            });
            let found = ours
                .iter()
                .any(|entry| entry.id == *id && entry.is(package));
            match (found, wrong) {
                (false, None) => missing.push(format!("{key}: {package} {id}")),
                (false, Some((_, _, reason, _))) => {
                    let summary = &summaries[id];
                    println!("{key}: {package} {id} is no finding: {reason} ({summary})");
                    assert!(is_of_another_stream(summary), "{id}: {summary}");
                }
                (true, Some(_)) => {
                    missing.push(format!("{key}: {package} {id} is listed as wrong"))
                }
                (true, None) => {}
            }
        }
        for extra in ours.iter().filter(|entry| {
            !expected
                .iter()
                .any(|(name, id)| *id == entry.id && entry.is(name))
        }) {
            // A report joins packages and records by vulnerability.
            let joined = expected.iter().any(|(_, id)| *id == extra.id);
            let note = if joined {
                "the record is another package's, of the same vulnerability"
            } else {
                "unexpected"
            };
            println!("extra {key}: {extra} ({note})");
        }
    }
    assert!(
        missing.is_empty(),
        "{} missing: {missing:#?}",
        missing.len()
    );
    assert!(compared > 300, "only {compared} compared");
}

/// Returns the summaries of AlmaLinux's records.
fn summaries<'a>(records: impl Iterator<Item = &'a &'a str>) -> BTreeMap<String, String> {
    let dump = workspace::shared("advisories/AlmaLinux/all.zip").unwrap();
    let mut dump = zip::ZipArchive::new(fs::File::open(dump).unwrap()).unwrap();
    records
        .map(|record| {
            let file = dump.by_name(&format!("{record}.json")).unwrap();
            let record: Value = serde_json::from_reader(file).unwrap();
            let text = |key: &str| record[key].as_str().unwrap().to_owned();
            (text("id"), text("summary"))
        })
        .collect()
}

/// Returns whether a summary names a stream of the module that is not the installed one.
fn is_of_another_stream(summary: &str) -> bool {
    let stream = summary.split("nodejs:").nth(1);
    stream.is_some_and(|stream| !stream.starts_with("16 "))
}

fn table(packages: &Value) -> BTreeMap<String, Vec<String>> {
    let packages = packages.as_object().unwrap().iter();
    packages
        .map(|(package, ids)| {
            let ids = ids.as_array().unwrap().iter();
            let ids = ids.map(|id| id.as_str().unwrap().to_owned()).collect();
            (package.clone(), ids)
        })
        .collect()
}

/// Brings a package of the expected findings into our spelling.
fn spelled(kind: &str, package: &str) -> String {
    let (name, version) = package.rsplit_once('@').unwrap();
    match kind {
        "rpm" => format!("{name}@{}", version.strip_prefix("0:").unwrap_or(version)),
        "pypi" => format!("{}@{version}", normalized(name)),
        _ => package.to_owned(),
    }
}

/// One of our findings, once for each record and package.
#[derive(Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Found {
    id: String,
    names: BTreeSet<String>,
    why: String,
}

impl Found {
    fn is(&self, package: &str) -> bool {
        self.names.contains(package)
    }
}

impl std::fmt::Display for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {}: {}", self.names, self.id, self.why)
    }
}

/// Returns our findings of one kind, each package by its own name and by its source's.
fn ours(cves: &Value, kind: &str) -> BTreeSet<Found> {
    let mut found = BTreeSet::new();
    for finding in cves["findings"].as_array().unwrap() {
        for package in finding["packages"].as_array().unwrap() {
            if package["type"] != kind {
                continue;
            }
            let text = |key: &str| package[key].as_str().unwrap_or_default();
            let names = [
                (text("name"), text("version")),
                (text("source_name"), text("source_version")),
            ];
            let names: BTreeSet<_> = names
                .into_iter()
                .filter(|(name, _)| !name.is_empty())
                .map(|(name, version)| spelled(kind, &format!("{name}@{version}")))
                .collect();
            for id in finding["records"].as_array().unwrap() {
                found.insert(Found {
                    id: id.as_str().unwrap().to_owned(),
                    names: names.clone(),
                    why: format!(
                        "{}, {}, fixed in {}",
                        finding["vulnerability"], finding["severity"], finding["fixed_versions"]
                    ),
                });
            }
        }
    }
    found
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn the_patched_image_has_no_finding_in_its_distribution() {
    let _turn = one_at_a_time();
    let Some(indexed) = Indexed::get() else {
        return;
    };
    let cves = indexed.scout.cves("library/debian:12-patched");
    assert_eq!(ours(&cves, "deb"), BTreeSet::new());
    assert_eq!(cves["coverage"]["judged"], true);
    assert_ne!(
        ours(&indexed.scout.cves("library/debian:12"), "deb"),
        BTreeSet::new()
    );
}
