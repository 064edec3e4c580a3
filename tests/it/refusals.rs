//! A registry that refuses, is busy, or tries to lead us elsewhere.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::examples::ADVISORIES;
use crate::support::fake::{FakeRegistry, Twist};
use crate::support::layout::{Layout, debian};
use crate::support::program::{self, Outcome};
use crate::support::scout::Scout;

/// Two repositories with one image each.
fn two_images() -> Layout {
    let mut layout = Layout::new();
    layout.image("team/one:1", &[debian("openssl", "3.0.9-1")]);
    layout.image("team/two:1", &[debian("openssl", "3.0.9-2")]);
    layout
}

fn sweep(twist: Twist) -> (Scout, Outcome, FakeRegistry) {
    let layout = two_images();
    let registry = FakeRegistry::start(layout.path(), twist);
    let scout = Scout::new();
    let mut command = scout.watch_command(&registry.registry(), &["--all-images", "--once"]);
    command
        .args(ADVISORIES)
        .env("DOCKER_SCOUT_REGISTRY_USER", "scout")
        .env("DOCKER_SCOUT_REGISTRY_PASSWORD", SECRET);
    let outcome = program::wait(command, program::DEADLINE);
    for text in [&outcome.stdout, &outcome.stderr] {
        assert!(!text.contains(SECRET), "the password is shown\n{outcome}");
        // What Basic authentication would send.
        assert!(
            !text.contains("c2NvdXQ6"),
            "the password is shown\n{outcome}"
        );
    }
    (scout, outcome, registry)
}

/// No test may find this in any output.
const SECRET: &str = "hunter2-hunter2";

#[test]
fn a_registry_that_works_is_read() {
    let (scout, outcome, registry) = sweep(Box::new(|_| None));
    assert_eq!(outcome.code, Some(0), "{outcome}");
    assert_eq!(scout.images().len(), 2);
    let one = registry.asked().into_iter();
    let manifests = one.filter(|asked| asked.path.contains("/team/one/manifests/"));
    assert!(manifests.count() > 0);
}

#[test]
fn a_busy_registry_is_asked_again_when_it_says() {
    let first = AtomicUsize::new(0);
    let (_, outcome, registry) = sweep(Box::new(move |asked| {
        let busy = asked.path.contains("/blobs/") && first.fetch_add(1, Ordering::SeqCst) == 0;
        let head = "429 Too Many Requests\r\nRetry-After: 1".to_owned();
        busy.then(|| (head, b"{}".to_vec()))
    }));
    assert_eq!(outcome.code, Some(0), "{outcome}");
    assert!(registry.asked().len() > 8);
}

#[test]
fn what_stays_refused_is_said_once_and_the_rest_goes_on() {
    for (status, path) in [
        (
            "429 Too Many Requests\r\nRetry-After: 0",
            "/v2/team/one/tags/list",
        ),
        ("404 Not Found", "/v2/team/one/tags/list"),
        ("403 Forbidden", "/v2/team/one/tags/list"),
        ("500 Internal Server Error", "/v2/team/one/tags/list"),
    ] {
        let (scout, outcome, _) = sweep(Box::new(move |asked| {
            let refused = asked.path.starts_with(path);
            refused.then(|| (status.to_owned(), b"{}".to_vec()))
        }));
        assert_eq!(outcome.code, Some(1), "{status}\n{outcome}");
        let lines = outcome
            .stderr
            .lines()
            .filter(|line| line.contains("team/one"));
        assert_eq!(lines.count(), 1, "{status}\n{outcome}");
        assert_eq!(
            scout.image("team/two:1").text("state"),
            "indexed",
            "{status}"
        );
    }
}

#[test]
fn an_image_whose_layer_is_refused_fails_alone() {
    let (scout, outcome, _) = sweep(Box::new(|asked| {
        let refused = asked.path.starts_with("/v2/team/one/blobs/");
        refused.then(|| ("404 Not Found".to_owned(), b"{}".to_vec()))
    }));
    assert_eq!(outcome.code, Some(1), "{outcome}");
    let image = scout.image("team/one:1");
    assert_eq!(image.text("state"), "failed", "{image:?}");
    assert!(!image.text("reason").is_empty(), "{image:?}");
    assert_eq!(scout.image("team/two:1").text("state"), "indexed");
}

#[test]
fn credentials_follow_no_redirect() {
    let elsewhere_layout = Layout::new();
    let layout = elsewhere_layout.path();
    let elsewhere = FakeRegistry::start_at("127.0.0.2", layout, Box::new(|_| None));
    let target = elsewhere.host();
    // Every blob is said to be elsewhere.
    let (_, redirected, _) = sweep(Box::new(move |asked| {
        let location = format!(
            "307 Temporary Redirect\r\nLocation: http://{target}{}",
            asked.path
        );
        if asked.header("authorization").is_none() {
            let challenge = "401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"";
            return Some((challenge.to_owned(), b"{}".to_vec()));
        }
        asked
            .path
            .contains("/blobs/")
            .then(|| (location, Vec::new()))
    }));
    assert_eq!(redirected.code, Some(1), "{redirected}");
    for asked in elsewhere.asked() {
        assert_eq!(asked.header("authorization"), None, "{asked:?}");
    }
}

#[test]
fn a_token_realm_at_a_foreign_host_is_refused_and_named() {
    // Never asked: what a challenge names is not followed to a host nobody configured.
    for realm in ["https://token.example.net/token", "https://192.0.2.1/token"] {
        let (_, outcome, registry) = sweep(Box::new(move |_| {
            let challenge = format!(
                "401 Unauthorized\r\nWWW-Authenticate: Bearer realm=\"{realm}\",service=\"x\""
            );
            Some((challenge, b"{}".to_vec()))
        }));
        assert_eq!(outcome.code, Some(1), "{outcome}");
        let host = realm.split('/').nth(2).unwrap();
        outcome.says(host).says("allow-host");
        let sent = registry.asked().into_iter();
        assert_eq!(
            sent.filter(|asked| asked.header("authorization").is_some())
                .count(),
            0
        );
    }
}

#[test]
fn an_endless_list_of_pages_ends() {
    let (_, outcome, registry) = sweep(Box::new(|asked| {
        let next = "200 OK\r\nContent-Type: application/json\r\n\
                    Link: </v2/_catalog?last=team%2Fone&n=1>; rel=\"next\"";
        let page = b"{\"repositories\":[\"team/one\"]}".to_vec();
        asked
            .path
            .starts_with("/v2/_catalog")
            .then(|| (next.to_owned(), page))
    }));
    assert_eq!(outcome.code, Some(1), "{outcome}");
    assert!(registry.asked().len() < 100_000);
}
