//! Integrations as objects: what is wrong is told with what to do next, and nothing is saved then.

mod slips;
mod watching;

use std::fs;
use std::path::Path;

use serde_json::json;
use tempfile::TempDir;

use crate::support::fake::{Answer, FakeRegistry};
use crate::support::program::{self, Outcome};
use crate::support::scout::{ORG, Scout};
use crate::support::workspace;

/// Usage faults end with this status.
const USAGE: i32 = 64;

/// The types that are asked over the network, each with the path of its own API.
const REMOTE: [(&str, Option<&str>); 5] = [
    ("oci", None),
    ("artifactory", Some("/artifactory")),
    ("acr", None),
    ("harbor", Some("")),
    ("nexus", Some("")),
];

fn examples() -> FakeRegistry {
    FakeRegistry::start(
        &workspace::root().join("examples/registry"),
        Box::new(|_| None),
    )
}

/// Answers everything alike.
fn stubborn(status: &'static str, body: &'static str) -> FakeRegistry {
    let answer = move |_: &_| -> Option<Answer> {
        let head = format!("{status}\r\nContent-Type: text/html");
        Some((head, body.as_bytes().to_vec()))
    };
    FakeRegistry::start(Path::new("."), Box::new(answer))
}

/// Adds an integration named `it` of this registry.
fn add(scout: &Scout, kind: &str, registry: &str, more: &[&str]) -> Outcome {
    let registry = format!("registry={registry}");
    let mut arguments = vec!["integration", "add", kind, "--name", "it", "--parameter"];
    arguments.push(&registry);
    for parameter in more {
        arguments.extend(["--parameter", parameter]);
    }
    let mut command = scout.command(&arguments);
    command.env("TEST_PASSWORD", "s3cret-canary");
    program::wait(command, program::DEADLINE)
}

#[track_caller]
fn check_refused(scout: &Scout, outcome: Outcome, code: i32, words: &[&str]) {
    let outcome = outcome.expect_code(code);
    for word in words {
        outcome.says(word);
    }
    assert!(!outcome.stderr.contains("canary"), "{outcome}");
    if scout.dir().exists() {
        let listed = scout.scout(&["integration", "list"]);
        assert!(!listed.stdout.contains("it "), "{listed}");
    }
}

/// Parameters that every remote type of integration needs, for a server at this address.
fn parameters(kind: &str, address: &str, api: Option<&str>) -> Vec<String> {
    let mut all = vec![
        "user=reader".to_owned(),
        "password=env:TEST_PASSWORD".to_owned(),
    ];
    if let Some(path) = api {
        all.push(format!("api={address}{path}"));
    }
    if kind == "nexus" {
        all.push("repository=docker-test1".to_owned());
    }
    all
}

fn add_at(scout: &Scout, kind: &str, registry: &str, api: Option<&str>) -> Outcome {
    let scheme = if registry.contains("://") {
        ""
    } else {
        "http://"
    };
    let scheme = if registry.ends_with(".invalid") {
        "https://"
    } else {
        scheme
    };
    let all = parameters(kind, &format!("{scheme}{registry}"), api);
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    add(scout, kind, registry, &all)
}

#[test]
fn every_type_tells_an_unknown_host_a_closed_port_and_a_server_without_tls() {
    let plain = stubborn("400 Bad Request", "no");
    let tls = format!("https://{}", plain.host());
    for (kind, api) in REMOTE {
        for (registry, words) in [
            (
                "registry.invalid",
                &["cannot be resolved", "name service"][..],
            ),
            ("127.0.0.1:1", &["cannot be reached", "port"]),
            (tls.as_str(), &["TLS", "check the port"]),
        ] {
            let scout = Scout::new();
            let outcome = add_at(&scout, kind, registry, api);
            check_refused(&scout, outcome, 1, words);
        }
    }
}

#[test]
fn every_type_tells_wrong_credentials_and_something_else_at_the_address() {
    let locked = stubborn(
        "401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"",
        "no",
    );
    let page = stubborn("200 OK", "<html>Welcome</html>");
    let nothing = stubborn("404 Not Found", "<html>nothing here</html>");
    for (kind, api) in REMOTE {
        for (server, words) in [
            (&locked, &["check the user and the password"][..]),
            (&page, &["registry="]),
            (&nothing, &["check"]),
        ] {
            let scout = Scout::new();
            let outcome = add_at(&scout, kind, &server.host(), api);
            check_refused(
                &scout,
                outcome,
                1,
                &[&["nothing was saved"], words].concat(),
            );
        }
    }
}

#[test]
fn a_registry_without_a_selected_repository_is_refused() {
    let registry = examples();
    let scout = Scout::new();
    let outcome = add(&scout, "oci", &registry.host(), &["include=nobody/*"]);
    check_refused(
        &scout,
        outcome,
        1,
        &["no repository that is selected", "include="],
    );
}

#[test]
fn slips_in_parameters_are_usage_faults_and_name_what_is_allowed() {
    let cases: [(&str, &[&str], &[&str]); 9] = [
        (
            "oci",
            &["colour=red"],
            &["\"colour\"", "registry", "include"],
        ),
        ("artifactory", &[], &["type=artifactory needs api="]),
        ("artifactory", &["api=ftp://x"], &["api=ftp://x", "address"]),
        ("acr", &["port=0"], &["port=0", "65535"]),
        (
            "acr",
            &["port=9000"],
            &["9000", "DOCKER_SCOUT_ACR_WEBHOOK_SECRET"],
        ),
        (
            "artifactory",
            &["api=https://x/artifactory", "subdomain-mode=perhaps"],
            &["subdomain-mode=perhaps", "true nor false"],
        ),
        (
            "oci",
            &["user=reader", "password=hunter2-canary"],
            &["password=", "env:NAME", "file:PATH"],
        ),
        ("oci", &["user=reader"], &["user", "password"]),
        (
            "oci",
            &["user=a", "password=env:UNSET_BY_ALL"],
            &["UNSET_BY_ALL"],
        ),
    ];
    for (kind, more, words) in cases {
        let scout = Scout::new();
        let outcome = add(&scout, kind, "registry.invalid", more);
        check_refused(&scout, outcome, USAGE, words);
    }
    let scout = Scout::new();
    let outcome = add(&scout, "quay", "registry.invalid", &[]);
    check_refused(
        &scout,
        outcome,
        USAGE,
        &["quay", "artifactory", "acr", "harbor"],
    );
}

#[test]
fn an_integration_is_added_listed_tested_updated_watched_and_removed() {
    let (registry, scout) = (examples(), Scout::new());
    let added = add(&scout, "oci", &registry.host(), &[]).expect_code(0);
    added.says("3 repositories").says("saved");
    let again = add(&scout, "oci", &registry.host(), &[]).expect_code(1);
    again.says("has an integration it already");
    let twin = ["integration", "add", "oci", "--name", "twin", "--parameter"];
    let parameter = format!("registry={}", registry.host());
    let twin = scout.scout(&[&twin[..], &[&parameter]].concat());
    twin.expect_code(1)
        .says("it watches")
        .says("nothing was saved");

    let listed = scout.json(&["integration", "list"]);
    assert_eq!(listed[0]["name"], "it");
    assert_eq!(listed[0]["type"], "oci");
    assert_eq!(
        listed[0]["parameters"],
        json!({"registry": registry.host()})
    );
    let tested = scout.scout(&["integration", "test", "oci", "--name", "it"]);
    tested.expect_code(0).says("can be read");
    let wrong = scout.scout(&["integration", "test", "acr", "--name", "it"]);
    wrong.expect_code(1).says("of type oci, not acr");

    let update = ["integration", "update", "--name", "it", "--parameter"];
    let refused = scout.scout(&[&update[..], &["include=nobody/*"]].concat());
    refused
        .expect_code(1)
        .says("no repository that is selected");
    assert_eq!(
        scout.json(&["integration", "list"])[0]["parameters"],
        listed[0]["parameters"]
    );
    scout
        .scout(&[&update[..], &["include=shop/w*"]].concat())
        .expect_code(0);

    let swept = watch(&scout, &["--all-images", "--once"]).expect_code(0);
    swept.says("in 2 repositories");
    assert!(
        scout
            .images()
            .iter()
            .all(|image| image.text("repository") != "shop/api")
    );

    let removed = scout.scout(&["integration", "remove", "--name", "it"]);
    removed.expect_code(0).says("not watched any more");
    assert_eq!(scout.json(&["integration", "list"]), json!([]));
    assert!(scout.images().is_empty(), "{:?}", scout.images());
    watch(&scout, &["--once"])
        .expect_code(USAGE)
        .says("nothing to watch");
}

/// Watches the integrations of the data directory.
fn watch(scout: &Scout, more: &[&str]) -> Outcome {
    let mut command = program::ours("scout-watch");
    command.args(["--org", ORG, "--data-dir"]).arg(scout.dir());
    command.args(more);
    program::wait(command, program::DEADLINE)
}

#[test]
fn a_configuration_file_does_the_same() {
    let (registry, scout) = (examples(), Scout::new());
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("scout.toml");
    let write = |text: &str| fs::write(&file, text).unwrap();
    write(&format!(
        "all-images = true\n\n[[integration]]\nname = \"shop\"\ntype = \"oci\"\n\
         registry = \"{}\"\nrepository = [\"shop/web\", \"shop/api\"]\n",
        registry.host()
    ));
    let config = ["--once", "--config", file.to_str().unwrap()];
    watch(&scout, &config)
        .expect_code(0)
        .says("in 2 repositories")
        .says("indexed 3");
    for (text, words) in [
        ("intervall = 5\n", &["intervall", "interval"][..]),
        ("interval = \"soon\"\n", &["interval"]),
        (
            "[[integration]]\nname = \"a\"\ntype = \"oci\"\n",
            &["a", "registry="],
        ),
        (
            "[[integration]]\nname = \"a\"\ntype = \"oci\"\nregistry = \"r\"\nuser = \"u\"\n\
             password = \"hunter2-canary\"\n",
            &["a", "password=", "env:NAME", "file:PATH"],
        ),
        ("[[integration]\n", &["line 1"]),
    ] {
        write(text);
        let refused = watch(&Scout::new(), &config).expect_code(USAGE);
        for word in words {
            refused.says(word);
        }
        assert!(!refused.stderr.contains("canary"), "{refused}");
    }
}

#[test]
fn repositories_are_disabled_and_enabled_by_name_and_by_pattern() {
    let (registry, scout) = (examples(), Scout::new());
    add(&scout, "oci", &registry.host(), &[]).expect_code(0);
    watch(&scout, &["--all-images", "--once"]).expect_code(0);
    let enabled = |filter: &[&str]| {
        let listed = scout.json(&[&["repo", "list"], filter].concat());
        let listed = listed.as_array().unwrap().clone();
        let names = listed
            .iter()
            .map(|one| one["name"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    assert_eq!(
        enabled(&["--only-enabled"]),
        ["shop/api", "shop/web", "shop/worker"]
    );
    scout
        .scout(&["repo", "disable", "shop/web"])
        .expect_code(0)
        .says("1 repository");
    assert_eq!(enabled(&["--only-disabled"]), ["shop/web"]);
    scout
        .scout(&["repo", "disable", "--filter", "^shop/w"])
        .expect_code(0)
        .says("2 repositories");
    assert_eq!(enabled(&["--only-enabled"]), ["shop/api"]);
    assert_eq!(enabled(&["--filter", "wor"]), ["shop/worker"]);
    scout
        .scout(&["repo", "enable", "--all", "--integration", "it"])
        .expect_code(0);
    assert_eq!(enabled(&["--only-disabled"]), Vec::<String>::new());
    scout
        .scout(&["repo", "enable", "nobody/here"])
        .expect_code(1)
        .says("no such repository");
    scout
        .scout(&["repo", "enable"])
        .expect_code(USAGE)
        .says("--all");
}
