//! Holds the crate map of the design: edges only point down, and crates of one layer do not know
//! each other (the programs and these tests excepted).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::workspace;

/// Every crate and its layer. Layer 5 is what nobody depends on but which may use all.
const LAYERS: [(&str, u8); 16] = [
    ("scout-envs", 0),
    ("scout-http", 0),
    ("scout-advisories", 1),
    ("scout-api", 1),
    ("scout-metrics", 1),
    ("scout-notices", 1),
    ("scout-registry", 1),
    ("scout-sbom", 1),
    ("scout-store", 1),
    ("scout-platform", 2),
    ("scout-config", 3),
    ("scout-web", 3),
    ("scout", 4),
    ("scout-exporter", 4),
    ("scout-watch", 4),
    ("scout-tests", 5),
];

/// Returns the packages of the workspace as cargo sees them.
fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version=1"])
        .current_dir(workspace::root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

fn name(package: &Value) -> &str {
    package["name"].as_str().unwrap()
}

/// Returns what is wrong with one edge, if anything is.
fn fault(layers: &BTreeMap<&str, u8>, from: &str, to: &str, kind: Option<&str>) -> Option<String> {
    // What only tests use may look sideways: a crate's own features, for instance.
    if kind == Some("dev") || !(to == "scout" || to.starts_with("scout-")) {
        return None;
    }
    match (layers.get(from), layers.get(to)) {
        (Some(above), Some(below)) if above > below => None,
        (Some(above), Some(below)) => Some(format!(
            "{from} (layer {above}) must not depend on {to} (layer {below})"
        )),
        (None, _) => Some(format!("{from} has no layer: add it to the table")),
        (_, None) => Some(format!("{to} has no layer: add it to the table")),
    }
}

#[test]
fn every_dependency_goes_to_a_lower_layer() {
    let layers = BTreeMap::from(LAYERS);
    let mut faults = Vec::new();
    let packages = packages();
    for package in &packages {
        let from = name(package);
        if !layers.contains_key(from) {
            faults.push(format!("{from} has no layer: add it to the table"));
        }
        for dependency in package["dependencies"].as_array().unwrap() {
            let kind = dependency["kind"].as_str();
            faults.extend(fault(&layers, from, name(dependency), kind));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    for (listed, _) in LAYERS {
        let exists = packages.iter().any(|package| name(package) == listed);
        assert!(exists, "{listed} is in the table but not in the workspace");
    }
}

#[test]
fn the_rule_itself_finds_what_it_forbids() {
    let layers = BTreeMap::from(LAYERS);
    for (from, to, kind, allowed) in [
        ("scout-platform", "scout-store", None, true),
        ("scout-registry", "scout-sbom", None, false),
        ("scout-registry", "scout-sbom", Some("build"), false),
        ("scout-registry", "scout-sbom", Some("dev"), true),
        ("scout-envs", "scout-store", None, false),
        ("scout-web", "scout-config", None, false),
        ("scout-watch", "scout-web", None, true),
        ("scout-unknown", "scout-envs", None, false),
        ("scout-platform", "scout-unknown", None, false),
        ("scout-platform", "serde", None, true),
    ] {
        let fault = fault(&layers, from, to, kind);
        assert_eq!(fault.is_none(), allowed, "{from} -> {to}: {fault:?}");
    }
}

#[test]
fn every_crate_has_the_lints_and_every_library_a_readme() {
    for package in packages() {
        let manifest = Path::new(package["manifest_path"].as_str().unwrap());
        let text = fs::read_to_string(manifest).unwrap();
        assert!(
            text.contains("[lints]\nworkspace = true"),
            "{} does not take the workspace's lints",
            name(&package)
        );
        let is_library = manifest.parent().unwrap().join("src/lib.rs").exists();
        if is_library {
            let readme = manifest.with_file_name("README.md");
            assert!(readme.exists(), "{} has no README.md", name(&package));
        }
    }
}

#[test]
fn every_library_of_layer_one_has_an_example_to_run() {
    let layers = BTreeMap::from(LAYERS);
    for package in packages() {
        if layers.get(name(&package)) == Some(&1) {
            let targets = package["targets"].as_array().unwrap();
            let has_example = targets.iter().any(|target| target["kind"][0] == "example");
            assert!(has_example, "{} has no example", name(&package));
        }
    }
}
