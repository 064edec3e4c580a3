//! `scout environment sync`: what runs, as kubectl or a list of lines tells it.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::cluster::{Container, digests, list, pending, pod, running};
use super::indexed;
use crate::support::fake::FakeRegistry;
use crate::support::scout::{ORG, Scout};
use crate::support::workspace;

const NEVER: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// Every way in which container runtimes tell an image finds it.
#[test]
fn pods_join_by_whatever_their_runtime_tells() {
    let scout = indexed();
    let (web, _) = digests(&scout, "shop/web:1.0");
    let (newer, newer_config) = digests(&scout, "shop/web:1.1");
    let (api, api_config) = digests(&scout, "shop/api:2.1");
    let not_pulled = Container {
        image: "shop/late:1",
        id: "",
        runs: false,
    };
    let pods = [
        // Docker, from a registry with a port; two pods are one image.
        pod(
            "web",
            1,
            &[running(
                "registry.example.com:5000/shop/web:1.0",
                &format!("docker-pullable://registry.example.com:5000/shop/web@{web}"),
            )],
        ),
        pod(
            "web",
            2,
            &[running(
                "registry.example.com:5000/shop/web:1.0",
                &format!("docker-pullable://registry.example.com:5000/shop/web@{web}"),
            )],
        ),
        // containerd: the manifest, or the configuration of what was imported to the node.
        pod(
            "next",
            1,
            &[running(
                "registry.example.com:5000/shop/web:1.1",
                &newer_config,
            )],
        ),
        pod(
            "api",
            1,
            &[
                running("sha256:0123", &format!("shop/api@{api}")),
                running(
                    "docker.io/library/redis:7",
                    &format!("docker.io/library/redis@{NEVER}"),
                ),
                not_pulled,
            ],
        ),
        pod(
            "again",
            1,
            &[running("shop/api", &format!("docker://{api_config}"))],
        ),
        // Nothing but a name, as Docker Hub's are written.
        pod("db", 1, &[running("postgres:16", "")]),
        pending(),
    ];
    let outcome = scout.sync("cluster", &list(&pods));
    outcome
        .says("Environment cluster: 6 images from list, 4 analyzed, 2 not.")
        .says("Left out: 1 container is not running.")
        .says("docker.io/library/redis:7@sha256:aaaa")
        .says("postgres:16  never seen in a registry that is watched");
    let images = scout.lines(&["environment", "cluster"]);
    let expected = [
        // Its tag is not told, but one points to it.
        format!("shop/api:2.1@{api}"),
        format!("shop/web:1.0@{web}"),
        format!("shop/web:1.1@{newer}"),
    ];
    assert_eq!(images, expected);

    let report = scout.json(&["environment", "cluster"]);
    let images = report["images"].as_array().unwrap();
    let web = images.iter().find(|one| one["tag"]["name"] == "1.0");
    let web = web.unwrap();
    assert_eq!(web["sources"], json!(["list"]));
    let workload =
        json!({"kind": "Deployment", "namespace": "shop", "name": "web", "container": "app"});
    assert_eq!(
        web["workloads"],
        json!([workload]),
        "two pods, one workload"
    );
    let api = images.iter().find(|one| one["repository"] == "shop/api");
    assert_eq!(api.unwrap()["workloads"].as_array().unwrap().len(), 2);
    let waiting = report["waiting"].as_array().unwrap().iter();
    let waiting: Vec<_> = waiting.map(|one| one["reason"].as_str().unwrap()).collect();
    assert_eq!(waiting, ["never-seen", "never-seen"]);
    let share = &report["shares"][0];
    assert_eq!(
        (&share["source"], &share["images"], &share["waiting"]),
        (&json!("list"), &json!(6), &json!(2))
    );
    assert!(share["synced_at"].is_string() && share["failure"].is_null());
}

/// The summary is JSON too.
#[test]
fn what_came_of_a_list_is_told_as_json() {
    let scout = indexed();
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("pods.json");
    fs::write(&file, list(&[pod("db", 1, &[running("postgres:16", "")])])).unwrap();
    let path = file.to_str().unwrap();
    let synced = scout.json(&["environment", "sync", "prod", "--from", path]);
    let mut told: Value = synced;
    let waiting = told["waiting"].take();
    let expected = json!({
        "environment": "prod", "source": "list", "images": 1, "analyzed": 0, "entries": 1,
        "not_running": 0, "unidentified": 0, "waiting": null,
    });
    assert_eq!(told, expected);
    assert_eq!(waiting[0]["image"], "postgres:16");
    assert_eq!(waiting[0]["workloads"][0]["name"], "db");
}

/// An environment whose images all wait is no stream, and tells what waits and why.
#[test]
fn an_environment_in_which_all_waits_says_so() {
    let scout = indexed();
    let lines = format!("# what runs\npostgres:16\n\nregistry.example.com/app@{NEVER}\n");
    scout.sync("prod", &lines);
    let names = scout.scout(&["environment"]).expect_code(0);
    assert_eq!(names.stdout, "");
    names.says("Without an analyzed image yet, so not listed: prod");
    let shown = scout.scout(&["environment", "prod"]).expect_code(0);
    assert_eq!(shown.stdout, "");
    shown
        .says("No image in environment prod is analyzed yet; 2 wait:")
        .says("postgres:16  never seen")
        .says("registry.example.com/app@sha256:aaaa");
    let table = scout.scout(&["environment", "prod", "--format", "table"]);
    table.expect_code(0).says("WAITING").says("never seen");
    let stream = scout.scout(&["stream", "prod"]).expect_code(1);
    stream.says("environment prod has no analyzed image yet");
}

/// The reason is what to do about it: each state of an image has its own.
#[test]
fn what_waits_tells_what_to_do() {
    let scout = Scout::new();
    let dir = scout.dir().to_str().unwrap();
    let layout = workspace::root().join("examples/registry");
    let registry = FakeRegistry::start(&layout, Box::new(|_| None));
    // A first sweep without --all-images: what is there is below the baseline.
    let watch = [
        "--org",
        ORG,
        "--registry",
        &registry.registry(),
        "--data-dir",
        dir,
        "--once",
    ];
    crate::support::program::run("scout-watch", workspace::root(), watch).expect_code(0);
    let host = registry.host();
    let lines = format!("{host}/shop/web:1.0\n{host}/shop/api:2.1\n");
    scout.sync("prod", &lines).says("0 analyzed, 2 not");
    let shown = scout.scout(&["environment", "prod"]).expect_code(0);
    shown
        .says(&format!("{host}/shop/web:1.0"))
        .says("`scout-watch --all-images` indexes it");
    scout.scout(&["repo", "disable", "shop/api"]).expect_code(0);
    let shown = scout.scout(&["environment", "prod"]).expect_code(0);
    shown
        .says("its repository is disabled: `scout repo enable")
        .says("shop/api`");
    scout.scout(&["repo", "enable", "shop/api"]).expect_code(0);

    scout.sweep(&registry.registry(), &[]).expect_code(0);
    let shown = scout.lines(&["environment", "prod"]);
    assert_eq!(
        shown.len(),
        2,
        "they join when they are analyzed: {shown:?}"
    );
}

/// Each list replaces its own share; what was recorded by hand stays.
#[test]
fn a_list_replaces_its_own_share_alone() {
    let scout = indexed();
    let names = || {
        let lines = scout.lines(&["environment", "prod"]).into_iter();
        let names = lines.map(|line| line.split('@').next().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    scout
        .scout(&["environment", "prod", "shop/web:1.0"])
        .expect_code(0);
    scout.sync("prod", "shop/web:1.1\nshop/api:2.1\n");
    let east = [
        "environment",
        "sync",
        "prod",
        "--source",
        "east",
        "--from",
        "-",
    ];
    scout
        .scout_given(&east, b"shop/worker:0.9\nshop/api:2.1\n")
        .expect_code(0);
    let (web, api, worker) = ("shop/web:1.1", "shop/api:2.1", "shop/worker:0.9");
    assert_eq!(names(), [api, "shop/web:1.0", web, worker]);
    let report = scout.json(&["environment", "prod"]);
    assert_eq!(report["images"][0]["sources"], json!(["east", "list"]));
    scout.sync("prod", "shop/web:1.1\n");
    assert_eq!(names(), [api, "shop/web:1.0", web, worker]);
    scout.scout_given(&east, b"shop/web:1.0\n").expect_code(0);
    assert_eq!(names(), ["shop/web:1.0", web]);
    let report = scout.json(&["environment", "prod"]);
    assert_eq!(report["images"][0]["sources"], json!(["east", "manual"]));
}

/// What is no list changes nothing, and says what it is.
#[test]
fn what_is_no_list_changes_nothing() {
    let scout = indexed();
    scout.sync("prod", "shop/web:1.1\n");
    let before = scout.lines(&["environment", "prod"]);
    let pods = list(&[pod("web", 1, &[running("shop/web:1.1", "")])]);
    let cut = &pods[..pods.len() / 2];
    let stopped = Container {
        image: "shop/web:1.1",
        id: "",
        runs: false,
    };
    let stopped = list(&[pod("web", 1, &[stopped])]);
    let services = json!({"kind": "List", "items": [{"kind": "Service"}]}).to_string();
    for (input, expected) in [
        ("", "it is empty, perhaps because what makes it failed"),
        ("\n# nothing\n", "it is empty"),
        ("No resources found\n", "line 1 (\"No resources found\")"),
        ("shop/web:1.1\nshop/WEB:1\n", "line 2 (\"shop/WEB:1\")"),
        (cut, "is not what `kubectl get pods -o json` prints"),
        ("{\"error\": 401}", "not pods"),
        (&services, "it holds Service, not pods"),
        (
            &list(&[]),
            "nothing runs, as the list tells, and nothing was changed",
        ),
        (&list(&[pending()]), "--allow-empty"),
        (&stopped, "1 container is not running"),
    ] {
        let arguments = ["environment", "sync", "prod", "--from", "-"];
        let outcome = scout.scout_given(&arguments, input.as_bytes());
        outcome.expect_code(1).says(expected);
        assert_eq!(scout.lines(&["environment", "prod"]), before, "{input}");
    }
    let allowed = [
        "environment",
        "sync",
        "prod",
        "--allow-empty",
        "--from",
        "-",
    ];
    let failed_pipe = scout.scout_given(&allowed, b"").expect_code(1);
    failed_pipe.says("it is empty");
    assert_eq!(scout.lines(&["environment", "prod"]), before);
    let empty = scout.scout_given(&allowed, list(&[]).as_bytes());
    empty.expect_code(0).says("0 images from list");
    let shown = scout.scout(&["environment", "prod"]).expect_code(0);
    assert_eq!(shown.stdout, "");
    shown.says("Nothing runs in environment prod");
}

#[test]
fn a_list_that_cannot_be_read_is_named() {
    let scout = indexed();
    let sync = |from: &str| scout.scout(&["environment", "sync", "prod", "--from", from]);
    let missing = sync("/nonexistent/pods.json").expect_code(1);
    missing.says("cannot open the list /nonexistent/pods.json");
    let folder = Path::new("/").to_str().unwrap();
    sync(folder).expect_code(1).says("could not be read");
    let known = scout.scout(&["environment", "prod"]).expect_code(1);
    known.says("has no environment prod");
}

/// A list cannot take what is somebody else's.
#[test]
fn the_shares_of_others_are_refused() {
    let scout = indexed();
    let given = |source: &str| {
        let arguments = [
            "environment",
            "sync",
            "prod",
            "--source",
            source,
            "--from",
            "-",
        ];
        scout.scout_given(&arguments, b"shop/web:1.1\n")
    };
    given("manual")
        .expect_code(1)
        .says("it is what people record");
    for source in ["sysdig:prod-eu", "", "East", "a b"] {
        let refused = given(source).expect_code(super::USAGE);
        refused.says("the name of a list is");
    }
}

/// A tag in several repositories is not guessed.
#[test]
fn a_line_that_fits_several_images_is_refused() {
    let layout = workspace::root().join("examples/registry");
    let registry = FakeRegistry::start(&layout, Box::new(|_| None));
    let mut other = crate::support::layout::Layout::new();
    other.image("shop/web:1.0", &[crate::support::layout::debian("a", "1")]);
    let other = (FakeRegistry::start(other.path(), Box::new(|_| None)), other);
    let scout = Scout::new();
    scout.sweep(&registry.registry(), &[]).expect_code(0);
    scout.sweep(&other.0.registry(), &[]).expect_code(0);
    let arguments = ["environment", "sync", "prod", "--from", "-"];
    let refused = scout.scout_given(&arguments, b"shop/web:1.0\n");
    let refused = refused.expect_code(1);
    refused
        .says("shop/web:1.0 fits several images")
        .says(&registry.host())
        .says(&other.0.host());
    scout.sync("prod", &format!("{}/shop/web:1.0\n", registry.host()));
    assert_eq!(scout.lines(&["environment", "prod"]).len(), 1);
}
