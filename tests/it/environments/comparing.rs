//! `scout environment compare`: what changes from one stream to another.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::indexed;
use crate::examples::REGISTRY;
use crate::support::scout::Scout;

/// `before` runs web 1.0 and the worker, `after` web 1.1, the worker and the API.
fn two() -> Scout {
    let scout = indexed();
    for (environment, image) in [
        ("before", "shop/web:1.0"),
        ("before", "shop/worker:0.9"),
        ("after", "shop/web:1.1"),
        ("after", "shop/worker:0.9"),
        ("after", "shop/api:2.1"),
    ] {
        scout
            .scout(&["environment", environment, image])
            .expect_code(0);
    }
    scout
}

#[test]
fn images_vulnerabilities_and_policies_are_compared() {
    let scout = two();
    let compared = scout.json(&["environment", "compare", "before", "after"]);
    let repositories = compared["repositories"].as_array().unwrap().iter();
    let changes: Vec<_> = repositories
        .map(|one| {
            let tags = |side: &str| {
                let images = one[side].as_array().unwrap().iter();
                images
                    .map(|one| one["tags"][0].clone())
                    .collect::<Vec<Value>>()
            };
            let name = one["repository"].as_str().unwrap();
            (
                name,
                one["change"].as_str().unwrap(),
                tags("from"),
                tags("to"),
            )
        })
        .collect();
    assert_eq!(
        changes,
        [
            ("shop/api", "only-to", vec![], vec![json!("2.1")]),
            (
                "shop/web",
                "versions",
                vec![json!("1.0")],
                vec![json!("1.1")]
            ),
        ]
    );
    assert_eq!(compared["same_repositories"], 1);
    let vulnerabilities = &compared["vulnerabilities"];
    let ids = |kind: &str| {
        let lines = vulnerabilities[kind].as_array().unwrap().iter();
        lines
            .map(|one| one["vulnerability"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    // What the examples promise: web 1.0 has 1C 5H, the API 1C 2H 4M 1U, web 1.1 nothing.
    assert_eq!((ids("new").len(), ids("fixed").len()), (8, 6));
    assert_eq!(ids("worse").len(), 0);
    let own = |name: &str| {
        let cves = scout.cves(name);
        let findings = cves["findings"].as_array().unwrap().iter();
        let mut ids: Vec<String> = findings
            .map(|one| one["vulnerability"].as_str().unwrap().to_owned())
            .collect();
        ids.sort();
        ids
    };
    let sorted = |mut ids: Vec<String>| {
        ids.sort();
        ids
    };
    assert_eq!(sorted(ids("new")), own("shop/api:2.1"));
    assert_eq!(sorted(ids("fixed")), own("shop/web:1.0"));
    let worst = &vulnerabilities["new"][0];
    assert_eq!(worst["severity"], "CRITICAL");
    assert_eq!(worst["images"], json!(["shop/api:2.1"]));

    let policies = compared["policies"].as_array().unwrap();
    let fixable = policies
        .iter()
        .find(|one| one["id"] == "fixable-vulnerabilities");
    let fixable = fixable.unwrap();
    assert_eq!(
        fixable["is_worse"], false,
        "one image violates it in both: {fixable}"
    );
    let same = scout.json(&["environment", "compare", "after", "after"]);
    assert_eq!(same["repositories"], json!([]));
    assert_eq!(same["policies"], json!([]));
    assert_eq!(
        same["vulnerabilities"],
        json!({"new": [], "fixed": [], "worse": []})
    );
}

#[test]
fn a_person_reads_tables_and_a_comment_markdown() {
    let scout = two();
    let compare = ["environment", "compare", "before", "after"];
    let table = scout.scout(&compare).expect_code(0);
    table
        .says("before → after")
        .says("Images (1 more repository has the same in both)")
        .says("New in after: 1C 2H 4M 0L 1U")
        .says("Fixed or gone in after: 1C 5H 0M 0L 0U")
        .says("CVE-2023-38545")
        .says("Policies, compliant of evaluated images");
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("comment.md");
    let path = file.to_str().unwrap();
    let more = ["--format", "markdown", "--output", path];
    let written = scout.scout(&[&compare[..], &more].concat()).expect_code(0);
    assert_eq!(written.stdout, "");
    let markdown = fs::read_to_string(&file).unwrap();
    for line in [
        "### before → after",
        "| Stream | Images | Findings |  |",
        "| --- | --- | --- | --- |",
        "### New in after: 1C 2H 4M 0L 1U",
        "| CRITICAL | CVE-2024-5535 | libcrypto3 3.3.0-r2, libssl3 3.3.0-r2 | shop/api:2.1 |",
    ] {
        assert!(
            markdown.lines().any(|own| own == line),
            "{line}\n{markdown}"
        );
    }
    let same = scout.scout(&["environment", "compare", "after", "after"]);
    same.expect_code(0)
        .says("The images are the same")
        .says("The vulnerabilities are the same")
        .says("The policies have the same results");
}

#[test]
fn the_exit_status_tells_what_is_worse() {
    let scout = two();
    let status = |from: &str, to: &str, more: &[&str]| {
        let outcome = scout.scout(&[&["environment", "compare", from, to], more].concat());
        outcome.code.unwrap()
    };
    let vulnerability = ["--exit-on", "vulnerability"];
    let policy = ["-x", "policy"];
    assert_eq!(status("before", "after", &[]), 0);
    assert_eq!(status("before", "after", &vulnerability), 2);
    assert_eq!(
        status("before", "after", &policy),
        0,
        "1 of 1 violates, then 1 of 2"
    );
    assert_eq!(
        status("after", "before", &policy),
        2,
        "web 1.0 violates what 1.1 does not"
    );
    assert_eq!(status("after", "after", &vulnerability), 0);
    assert_eq!(status("after", "latest-indexed", &vulnerability), 0);
    let both = ["--exit-on", "vulnerability,policy"];
    assert_eq!(status("latest-indexed", "before", &both), 2);
    assert_eq!(status("before", "after", &["-x", "package"]), super::USAGE);
}

/// What is not judged is not clean.
#[test]
fn streams_that_are_not_judged_are_not_compared() {
    let scout = Scout::new();
    scout.sweep(REGISTRY, &[]).expect_code(0);
    scout
        .scout(&["environment", "prod", "shop/web:1.0"])
        .expect_code(0);
    let compare = ["environment", "compare", "prod", "latest-indexed"];
    let table = scout.scout(&compare).expect_code(0);
    table.says("one of the two is not judged, so nothing is known");
    assert_eq!(scout.json(&compare)["vulnerabilities"], json!(null));
    let asked = scout.scout(&[&compare[..], &["-x", "vulnerability"]].concat());
    asked.expect_code(1).says("which is not clean");
    let unknown = scout.scout(&["environment", "compare", "prd", "latest-indexed"]);
    unknown.expect_code(1).says("did you mean prod?");
}
