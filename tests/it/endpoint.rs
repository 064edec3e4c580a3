//! The metrics endpoint over the wire: who may read, what comes, and how it ends.

mod extended;
mod https;
mod representations;

use std::time::Duration;

use crate::examples::{ADVISORIES, LATEST, REGISTRY, indexed};
use crate::support::http::{self, Answer};
use crate::support::metrics::Samples;
use crate::support::program::{self, Outcome};
use crate::support::scout::Scout;
use crate::support::serving::Serving;

#[test]
fn status_codes_tell_who_may_read() {
    let (scout, _) = indexed();
    let exporter = Serving::exporter(&scout);
    let owner = format!("Bearer {}", scout.token(&[]));
    let member = format!("Bearer {}", scout.token(&["--role", "member"]));
    let basic = format!("Basic {}", &owner["Bearer ".len()..]);
    for (path, authorization, expected) in [
        ("/v1/exporter/org/acme/metrics", Some(owner.as_str()), 200),
        ("/v1/exporter/org/acme", Some(&owner), 200),
        ("/v1/exporter/org/acme/metrics", None, 401),
        ("/v1/exporter/org/acme/metrics", Some("Bearer wrong"), 401),
        ("/v1/exporter/org/acme/metrics", Some("Bearer "), 401),
        ("/v1/exporter/org/acme/metrics", Some(&basic), 401),
        ("/v1/exporter/org/acme/metrics", Some(&member), 403),
        ("/v1/exporter/org/acme", Some(&member), 403),
        ("/v1/exporter/org/nobody/metrics", Some(&owner), 404),
        ("/v1/exporter/org/nobody/metrics", None, 401),
        ("/v1/exporter/org/acme/nothing", Some(&owner), 404),
        ("/healthz", None, 200),
        ("/metrics", None, 200),
    ] {
        let headers: Vec<_> = authorization
            .map(|value| ("Authorization", value))
            .into_iter()
            .collect();
        let answer = http::get(&format!("{}{path}", exporter.url), &headers).unwrap();
        assert_eq!(
            answer.status, expected,
            "{path} {authorization:?}: {answer:?}"
        );
        if expected == 401 {
            let challenge = answer.header("www-authenticate").unwrap_or_default();
            assert!(challenge.starts_with("Bearer"), "{answer:?}");
        }
    }
}

#[test]
fn the_page_is_prometheus_text_with_the_documented_families() {
    let (scout, _) = indexed();
    let exporter = Serving::exporter(&scout);
    let answer = exporter.ask(&scout.token(&[]));
    let content_type = answer.header("content-type").unwrap();
    assert!(
        content_type.starts_with("text/plain; version=0.0.4"),
        "{content_type}"
    );
    let families: Vec<_> = answer
        .body
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .collect();
    assert_eq!(
        families,
        [
            "scout_stream_vulnerabilities gauge",
            "scout_policy_compliant_images gauge",
            "scout_policy_evaluated_images gauge",
        ]
    );
    let samples = Samples::parse(&answer.body);
    assert_eq!(samples.severities("latest-indexed"), LATEST);
    for (id, compliant, evaluated) in [
        ("default-non-root-user", 2.0, 3.0),
        // The worker's jar is not read: whether it hides a fixable one is not known.
        ("fixable-vulnerabilities", 1.0, 2.0),
        ("high-profile-vulnerabilities", 2.0, 3.0),
    ] {
        let labels = [("streamName", "latest-indexed"), ("id", id)];
        let value = |family| samples.value(family, &labels);
        let found = (
            value("scout_policy_compliant_images"),
            value("scout_policy_evaluated_images"),
        );
        assert_eq!(found, (compliant, evaluated), "{id}");
    }
}

#[test]
fn the_exporter_ends_when_it_is_asked_to() {
    let (scout, _) = indexed();
    for signal in ["TERM", "INT"] {
        let exporter = Serving::exporter(&scout);
        exporter.guard.signal(signal);
        program::until("end", Duration::from_secs(20), || {
            (!exporter.guard.is_running()).then_some(())
        });
    }
}

#[test]
fn the_exporters_own_metrics_are_apart() {
    let (scout, _) = indexed();
    let exporter = Serving::exporter(&scout);
    let token = scout.token(&[]);
    exporter.ask(&token);
    let own = http::get(&format!("{}/metrics", exporter.url), &[]).unwrap();
    assert!(
        !own.body.contains("scout_stream_vulnerabilities"),
        "{}",
        own.body
    );
    assert!(own.body.contains("# TYPE "), "{}", own.body);
    assert!(!own.body.contains(&token), "a secret in the metrics");
}

/// Starts an exporter with more arguments.
fn exporter_with(scout: &Scout, more: &[&str]) -> Serving {
    let mut command = program::ours("scout-exporter");
    command.arg("--data-dir").arg(scout.dir()).args(more);
    Serving::exporting(command)
}

#[test]
fn new_numbers_come_at_once_or_when_the_cache_has_expired() {
    let scout = Scout::new();
    scout.sweep(REGISTRY, &[]).expect_code(0);
    let token = scout.token(&[]);
    let at_once = exporter_with(&scout, &[]);
    let cached = exporter_with(&scout, &["--cache-mode", "ttl"]);
    let body = |exporter: &Serving| exporter.ask(&token).body;
    let before = body(&cached);
    assert!(before.contains("scout_policy_evaluated_images"), "{before}");
    assert_eq!(body(&at_once), before);
    scout.sweep(REGISTRY, &ADVISORIES).expect_code(0);
    let deadline = Duration::from_secs(20);
    let after = program::until("new numbers", deadline, || {
        Some(body(&at_once)).filter(|body| *body != before)
    });
    assert_eq!(Samples::parse(&after).severities("latest-indexed"), LATEST);
    assert_eq!(body(&cached), before, "the same bytes for 60 minutes");
}

/// Runs the exporter, which cannot start.
fn refused(more: &[&str]) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    program::run("scout-exporter", folder.path(), more)
}

#[test]
fn what_the_cache_cannot_be_told_is_told() {
    for (arguments, expected) in [
        (&["--cache-ttl", "3600"][..], "3600s, 3600m or 3600h"),
        (&["--cache-ttl", "soon"], "such as 60m, 90s or 1h30m"),
        (&["--cache-ttl", "0s"], "from 1s to 7d"),
        (&["--cache-ttl", "8d"], "such as 60m, 90s or 1h30m"),
        (&["--cache-mode", "never"], "`snapshot`"),
    ] {
        let outcome = refused(arguments).expect_code(64);
        outcome.says(arguments[0]).says(expected);
    }
}

/// Asks for the metrics with more headers.
fn ask(exporter: &Serving, method: &str, token: &str, more: &[(&str, &str)]) -> Answer {
    let url = format!("{}/v1/exporter/org/acme/metrics", exporter.url);
    let bearer = format!("Bearer {token}");
    let headers = [&[("Authorization", bearer.as_str())], more].concat();
    http::send(method, &url, &headers, b"").unwrap()
}
