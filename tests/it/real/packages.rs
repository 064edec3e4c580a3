//! For every image and ecosystem: our packages equal what the image's own tools list.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::fixture::{Indexed, one_at_a_time};
use crate::support::truth::{Packages, Unpacked, has_tool, normalized};

/// The kinds of packages that are compared.
const KINDS: [&str; 8] = [
    "apk", "cargo", "deb", "golang", "maven", "npm", "pypi", "rpm",
];

#[test]
#[ignore = "needs real servers; run tests/run"]
fn packages_equal_what_the_images_own_tools_list() {
    let _turn = one_at_a_time();
    let Some(indexed) = Indexed::get() else {
        return;
    };
    let testbed = &indexed.pushed.testbed;
    let mut faults = Vec::new();
    let mut counts = BTreeMap::<&str, usize>::new();
    for image in testbed.images() {
        let unpacked = Unpacked::new(testbed, &image);
        let sbom = indexed.scout.sbom(&image.name);
        for kind in KINDS.into_iter().filter(|kind| has_tool(kind)) {
            let truth = unpacked.packages(kind);
            let (ours, owned) = ours(&sbom, kind, &truth);
            for package in owned.difference(&truth) {
                println!(
                    "{}: owned by the distribution: {kind} {package:?}",
                    image.name
                );
            }
            let missing: Vec<_> = truth
                .iter()
                .filter(|package| !ours.contains(package) && !owned.contains(package))
                .collect();
            let invented: Vec<_> = ours.difference(&truth).collect();
            if !missing.is_empty() || !invented.is_empty() {
                faults.push(format!(
                    "{} {kind}: missing {missing:?}, too many {invented:?}",
                    image.name
                ));
            }
            if !truth.is_empty() {
                println!("{} {kind}: {} packages", image.name, truth.len());
            }
            *counts.entry(kind).or_default() += truth.len();
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    for kind in KINDS {
        if !has_tool(kind) {
            println!("skipped: no tool for {kind}");
            continue;
        }
        assert!(counts[kind] > 0, "no {kind} package to compare");
    }
}

/// Returns our packages of a kind, and those that a package of the distribution owns.
/// Architectures count where the tool tells them.
fn ours(sbom: &Value, kind: &str, truth: &Packages) -> (Packages, Packages) {
    let architectures = truth
        .iter()
        .any(|(_, _, architecture)| architecture.is_some());
    let mut ours = Packages::new();
    let mut owned = Packages::new();
    for package in sbom["packages"].as_array().unwrap() {
        // What had to be guessed, no tool tells.
        if package["type"] != kind || !package["certainty"].is_null() {
            continue;
        }
        let text = |key: &str| package[key].as_str().map(str::to_owned);
        let name = text("name").unwrap();
        let name = if kind == "pypi" {
            normalized(&name)
        } else {
            name
        };
        let architecture = text("architecture").filter(|_| architectures);
        let entry = (name, text("version").unwrap(), architecture);
        if package["owner"].is_null() {
            ours.insert(entry);
        } else {
            owned.insert(entry);
        }
    }
    (ours, owned)
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn programs_and_archives_leave_no_gap() {
    let _turn = one_at_a_time();
    let Some(indexed) = Indexed::get() else {
        return;
    };
    for image in ["acme/app-java:1.0", "acme/app-go:1.0", "acme/app-rust:1.0"] {
        let testbed = &indexed.pushed.testbed;
        if !testbed.images().iter().any(|known| known.name == image) {
            println!("skipped: the test bed has no {image}");
            continue;
        }
        let sbom = indexed.scout.sbom(image);
        assert_eq!(sbom["gaps"], Value::Array(Vec::new()), "{image}");
    }
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn one_image_in_other_clothes_has_the_same_packages() {
    let _turn = one_at_a_time();
    let Some(indexed) = Indexed::get() else {
        return;
    };
    // Docker's manifest format, another compression, and the entry of an index.
    let packages = |name: &str| -> BTreeSet<String> {
        let sbom = indexed.scout.sbom(name);
        let packages = sbom["packages"].as_array().unwrap().iter();
        packages
            .map(|package| package["purl"].to_string())
            .collect()
    };
    let plain = packages("library/debian:12");
    assert!(plain.len() > 50, "{plain:?}");
    for other in [
        crate::support::testbed::DOCKER_FORMAT,
        "acme/app-zstd:1.0",
        "acme/app-multi:1.0",
    ] {
        assert_eq!(packages(other), plain, "{other}");
    }
}
