//! `scout environment` and `scout stream`: names, images, versions, and tags that moved.

use std::fs;

use scout_store::{Access, RunningImageRecord, RunningPackage, SqliteStore, Store as _};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::indexed;
use crate::examples::LATEST;
use crate::support::layout::{Layout, debian};
use crate::support::scout::{ORG, Scout};

/// The lists are for scripts: names or images alone, one a line; all else is on standard error.
#[test]
fn the_lists_are_as_documented() {
    let scout = indexed();
    let nothing = scout.scout(&["environment"]).expect_code(0);
    assert_eq!(nothing.stdout, "");
    assert!(nothing.stderr.contains("no environment yet"), "{nothing}");
    for (environment, image) in [
        ("production", "shop/web:1.0"),
        ("production", "shop/web:1.1"),
        ("production", "shop/api:2.1"),
        ("Europe (west)", "shop/web:1.1"),
    ] {
        let outcome = scout.scout(&["env", environment, image]).expect_code(0);
        outcome.says("is recorded in environment");
    }
    assert_eq!(
        scout.lines(&["environment"]),
        ["Europe (west)", "production"]
    );
    let line = |name: &str| format!("{name}@{}", scout.image(name).text("digest"));
    let expected = ["shop/api:2.1", "shop/web:1.0", "shop/web:1.1"].map(line);
    let images = scout.scout(&["environment", "production"]).expect_code(0);
    assert_eq!(images.stdout.lines().collect::<Vec<_>>(), expected);
    assert_eq!(images.stderr, "");
    assert_eq!(scout.lines(&["stream", "production"]), expected);

    let folder = TempDir::new().unwrap();
    let file = folder.path().join("images.txt");
    let path = file.to_str().unwrap();
    let outcome = scout
        .scout(&["environment", "production", "--output", path])
        .expect_code(0);
    assert_eq!(outcome.stdout, "");
    assert_eq!(fs::read_to_string(&file).unwrap(), images.stdout);

    let of = |platform| scout.lines(&["environment", "production", "--platform", platform]);
    assert_eq!(of("linux/amd64"), expected);
    assert_eq!(of("linux/arm64"), [] as [&str; 0]);
    let arguments = ["environment", "production", "shop/api:2.1", "--platform"];
    let other = scout.scout(&[&arguments[..], &["linux/arm64"]].concat());
    let other = other.expect_code(1);
    other.says("shop/api:2.1 for linux/arm64 is not analyzed");
}

/// The table names several versions of one image; JSON has the fields that its types document.
#[test]
fn several_versions_of_an_image_stand_together() {
    let scout = indexed();
    for image in ["shop/web:1.0", "shop/api:2.1", "shop/web:1.1"] {
        scout.scout(&["environment", "prod", image]).expect_code(0);
    }
    let table = scout.scout(&["environment", "prod", "--format", "table"]);
    let table = table.expect_code(0);
    table
        .says("Environment prod: 3 images analyzed, none waits")
        .says("2 versions of shop/web: 1.0, 1.1");
    let report = scout.json(&["environment", "prod"]);
    let images = report["images"].as_array().unwrap();
    let web = images.iter().find(|one| one["tag"]["name"] == "1.0");
    let mut web = web.unwrap().clone();
    let digest = scout.image("shop/web:1.0").text("digest").to_owned();
    assert!(web["since"].take().is_string(), "{web}");
    let expected = json!({
        "image": format!("shop/web:1.0@{digest}"),
        "repository": "shop/web",
        "tag": {"name": "1.0", "state": "current"},
        "digest": digest,
        "platforms": [{"digest": digest, "platform": "linux/amd64"}],
        "sources": ["manual"],
        "since": null,
        "workloads": [],
    });
    assert_eq!(web, expected);
    assert_eq!(
        (&report["waiting"], &report["shares"]),
        (&json!([]), &json!([]))
    );
}

/// An environment keeps what was recorded, and tells when its tag means something else.
#[test]
fn a_tag_that_moved_or_went_is_told() {
    let mut registry = Layout::new();
    registry.image("shop/moves:1", &[debian("openssl", "3.0.9-1")]);
    registry.image("shop/goes:1", &[debian("curl", "7.88.1-10")]);
    registry.image("shop/stays:1", &[debian("zlib1g", "1:1.2.13")]);
    let scout = Scout::new();
    let address = registry.registry();
    let sweep = || scout.sweep(&address, &[]).expect_code(0);
    sweep();
    for image in ["shop/moves:1", "shop/goes:1", "shop/stays:1"] {
        scout.scout(&["environment", "prod", image]).expect_code(0);
    }
    let before = scout.lines(&["environment", "prod"]);
    let path = registry.path().join("index.json");
    let mut index: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let entries = index["manifests"].as_array_mut().unwrap();
    entries.retain(|entry| {
        let name = &entry["annotations"]["org.opencontainers.image.ref.name"];
        name == "shop/stays:1"
    });
    let stays = entries.clone();
    let newer = registry.image("shop/moves:1", &[debian("openssl", "3.0.13-1")]);
    let manifests = [stays, vec![newer.clone()]].concat();
    let index = json!({"schemaVersion": 2, "manifests": manifests});
    fs::write(&path, index.to_string()).unwrap();
    // What is missing from one listing is not gone yet.
    sweep();
    sweep();
    assert_eq!(scout.lines(&["environment", "prod"]), before);
    let report = scout.json(&["environment", "prod"]);
    let images = report["images"].as_array().unwrap();
    let tag = |repository: &str| {
        let found = images.iter().find(|one| one["repository"] == repository);
        found.unwrap()["tag"].clone()
    };
    let moved = json!({"name": "1", "state": "moved", "points_to": newer["digest"]});
    assert_eq!(tag("shop/moves"), moved);
    assert_eq!(tag("shop/goes"), json!({"name": "1", "state": "gone"}));
    assert_eq!(tag("shop/stays"), json!({"name": "1", "state": "current"}));
    let table = scout.scout(&["environment", "prod", "--format", "table"]);
    let table = table.expect_code(0);
    table.says("moved to sha256:").says("gone").says("same");

    // A repository that is not watched tells nothing of its tags.
    scout
        .scout(&["repo", "disable", "shop/stays"])
        .expect_code(0);
    let report = scout.json(&["environment", "prod"]);
    let states = report["images"].as_array().unwrap().iter();
    let states: Vec<&str> = states
        .map(|one| one["tag"]["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["gone", "moved", "unknown"]);
}

#[test]
fn streams_are_listed_with_their_numbers() {
    let scout = indexed();
    assert_eq!(scout.lines(&["stream"]), ["latest-indexed"]);
    scout
        .scout(&["environment", "prod", "shop/web:1.0"])
        .expect_code(0);
    assert_eq!(scout.lines(&["stream"]), ["latest-indexed", "prod"]);
    let table = scout.scout(&["stream", "list"]).expect_code(0);
    table.says(LATEST).says("1C 5H 0M 0L 0U");
    let streams = scout.json(&["stream", "list"]);
    let counts = |at: usize| {
        let stream = &streams[at];
        let worst = &stream["vulnerabilities"];
        (
            stream["stream"].clone(),
            stream["images"].clone(),
            worst["critical"].clone(),
            worst["high"].clone(),
        )
    };
    let latest = (json!("latest-indexed"), json!(3), json!(1), json!(2));
    assert_eq!(counts(0), latest);
    assert_eq!(counts(1), (json!("prod"), json!(1), json!(1), json!(5)));

    let latest = scout.json(&["stream", "latest-indexed"]);
    let members = latest["members"].as_array().unwrap().iter();
    let members: Vec<_> = members
        .map(|one| {
            let violated = one["violated"].as_array().unwrap().len();
            (one["repository"].as_str().unwrap(), &one["tags"], violated)
        })
        .collect();
    assert_eq!(
        members,
        [
            ("shop/api", &json!(["2.1"]), 1),
            ("shop/web", &json!(["1.1"]), 0),
            ("shop/worker", &json!(["0.9"]), 2),
        ]
    );
    assert_eq!(streams[0]["policies"], latest["policies"]);
    let table = scout.scout(&["stream", "latest-indexed", "--format", "table"]);
    table.expect_code(0).says("default-non-root-user");
}

/// Before anything is judged there are no numbers, and that is not zero.
#[test]
fn a_stream_that_is_not_judged_has_no_numbers() {
    let scout = Scout::new();
    let dir = scout.dir().to_str().unwrap();
    let enroll = ["enroll", "acme", "--data-dir", dir];
    crate::support::program::run("scout", std::path::Path::new("/"), enroll).expect_code(0);
    let table = scout.scout(&["stream", "list"]).expect_code(0);
    table.says("latest-indexed").says("not judged");
    let streams = scout.json(&["stream", "list"]);
    assert_eq!(streams[0]["vulnerabilities"], json!(null));
}

/// Findings tell whether the package they are in was seen loaded, where somebody looked.
#[test]
fn findings_tell_whether_they_are_in_use() {
    let scout = indexed();
    let unknown = scout.cves("shop/web:1.0");
    let finding = &unknown["findings"][0];
    assert!(finding.get("in_use").is_none(), "nobody looked: {finding}");
    let table = scout.scout(&["cves", "shop/web:1.0"]).expect_code(0);
    assert!(!table.stdout.contains("IN USE"), "{table}");

    let manifest = scout.image("shop/web:1.0").text("digest").parse().unwrap();
    let image = RunningImageRecord {
        manifest: Some(manifest),
        packages_in_use: Some(vec![RunningPackage {
            name: "libwebp7".to_owned(),
            version: "1.2.4-0.2".to_owned(),
            purl: None,
        }]),
        ..RunningImageRecord::default()
    };
    replace(&scout, image);
    let cves = scout.cves("shop/web:1.0");
    let findings = cves["findings"].as_array().unwrap().iter();
    let in_use: Vec<&str> = findings
        .clone()
        .filter(|one| one["in_use"] == true)
        .map(|one| one["vulnerability"].as_str().unwrap())
        .collect();
    assert_eq!(in_use, ["CVE-2023-4863"]);
    assert_eq!(findings.filter(|one| one["in_use"] == false).count(), 5);
    let table = scout.scout(&["cves", "shop/web:1.0"]).expect_code(0);
    table.says("IN USE");
    let says = |cve: &str, word: &str| {
        let line = table.stdout.lines().find(|line| line.contains(cve));
        let mut words = line.unwrap().split_whitespace();
        words.any(|own| own == word)
    };
    assert!(
        says("CVE-2023-4863", "yes") && !says("CVE-2023-4863", "no"),
        "{table}"
    );
    assert!(says("CVE-2023-5363", "no"), "{table}");
}

/// Says what runs as a runtime does, which also tells packages.
fn replace(scout: &Scout, image: RunningImageRecord) {
    let store = SqliteStore::open(scout.dir(), Access::ReadWrite).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let org = store.org(&ORG.parse().unwrap()).await.unwrap().unwrap();
        let environment = "prod".parse().unwrap();
        let now = jiff::Timestamp::now();
        store
            .replace_share(org, &environment, "sysdig:prod", vec![image], now)
            .await
            .unwrap();
    });
}
