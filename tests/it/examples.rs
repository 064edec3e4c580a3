//! The example registry: what its README says of it, and that it can be made again.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::guard;
use crate::support::layout::digest;
use crate::support::program::Outcome;
use crate::support::scout::Scout;
use crate::support::workspace;

/// The example registry, as it is written in the README of the repository.
pub(crate) const REGISTRY: &str = "type=oci-dir,path=examples/registry";
/// The arguments that name the example advisories.
pub(crate) const ADVISORIES: [&str; 2] = ["--advisories", "examples/advisories"];
/// The images, and the findings that `examples/README.md` promises for them.
pub(crate) const IMAGES: [(&str, &str); 4] = [
    ("shop/web:1.0", "1C 5H 0M 0L 0U"),
    ("shop/web:1.1", "0C 0H 0M 0L 0U"),
    ("shop/api:2.1", "1C 2H 4M 0L 1U"),
    ("shop/worker:0.9", "0C 0H 2M 0L 0U"),
];
/// What `latest-indexed` counts: `web:1.1`, `api:2.1` and `worker:0.9` together.
pub(crate) const LATEST: &str = "1C 2H 6M 0L 1U";

/// Indexes the examples into a fresh data directory.
#[track_caller]
pub(crate) fn indexed() -> (Scout, Outcome) {
    let scout = Scout::new();
    let outcome = scout.sweep(REGISTRY, &ADVISORIES).expect_code(0);
    (scout, outcome)
}

/// Counts distinct vulnerabilities as a summary writes them.
pub(crate) fn severities(cves: &Value) -> String {
    let worst: BTreeMap<_, _> = cves["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| {
            let severity = finding["severity"].as_str().unwrap();
            (finding["vulnerability"].as_str().unwrap(), severity)
        })
        .collect();
    ["CRITICAL", "HIGH", "MEDIUM", "LOW", "UNSPECIFIED"]
        .map(|severity| {
            let count = worst.values().filter(|own| **own == severity).count();
            format!("{count}{}", &severity[..1])
        })
        .join(" ")
}

#[test]
fn making_the_examples_again_gives_the_same_bytes() {
    if !guard::exists("python3") {
        println!("skipped: python3 not found");
        return;
    }
    let examples = workspace::root().join("examples");
    let made = TempDir::new().unwrap();
    let status = Command::new("python3")
        .arg(examples.join("make/make.py"))
        .arg(made.path())
        .status()
        .unwrap();
    assert!(status.success());
    for folder in ["registry", "advisories"] {
        let kept = files(&examples.join(folder));
        let again = files(&made.path().join(folder));
        let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&kept), names(&again));
        assert_eq!(kept, again, "run examples/make/make.py");
    }
}

/// Returns the files below a folder and their digests.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            let below = files(&entry.path()).into_iter();
            found.extend(below.map(|(path, digest)| (format!("{name}/{path}"), digest)));
        } else {
            found.insert(name, digest(&fs::read(entry.path()).unwrap()));
        }
    }
    found
}

#[test]
fn the_example_registry_is_small() {
    let folder = workspace::root().join("examples/registry/blobs/sha256");
    let sizes = fs::read_dir(folder).unwrap();
    let total: u64 = sizes
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum();
    assert!(total < 200_000, "{total} bytes");
}

#[test]
fn the_readme_of_the_examples_tells_the_findings() {
    let readme = fs::read_to_string(workspace::root().join("examples/README.md")).unwrap();
    for (image, findings) in IMAGES {
        let row = format!("| `{image}` | `{findings}`");
        assert!(readme.contains(&row), "{row}");
    }
}
