//! How reads end, and what scrapers get then.

use std::thread;
use std::time::Duration;

use super::{SOON, TOKEN, Walk, own, reads, wait_for_critical, wait_for_reads};
use crate::support::hosted::{Behavior, Framing};
use crate::support::http;
use crate::support::program;
use crate::support::scout::ORG;
use crate::support::serving::Serving;

/// More than is ever read.
const HUGE: usize = 50 << 20;

/// Lets reads end so after a good one; checks the outcome, what each token gets, that ages rise,
/// that nothing is hammered, and that a good answer mends all.
#[track_caller]
fn check(behavior: Behavior, outcome: &str, configured: u16) {
    let walk = Walk::new();
    // A hanging endpoint is left after a second.
    let config = walk.folder.path().join("scout.toml");
    let text = format!(
        "[[hosted]]\norg = {ORG:?}\ntoken = \"file:{}\"\napi = {:?}\ntimeout = 1\n",
        walk.token_file().display(),
        walk.endpoint.url()
    );
    std::fs::write(&config, text).unwrap();
    let mut command = program::ours("scout-exporter");
    command
        .args(["--cache-ttl", "1s", "--data-dir"])
        .arg(walk.scout.dir())
        .arg("--config")
        .arg(&config)
        .env("SCOUT_LOG", "trace");
    let exporter = Serving::exporting(command);
    let ours = walk.scout.token(&[]);
    wait_for_critical(&exporter, TOKEN, 1.0);

    walk.endpoint.behave(behavior);
    wait_for_reads(&exporter, outcome, 2.0);
    let age = |exporter| {
        own(
            exporter,
            "scout_exporter_hosted_age_seconds",
            &[("org", ORG)],
        )
    };
    let before = age(&exporter).unwrap();
    assert_eq!(exporter.ask(TOKEN).status, configured, "{outcome}");
    assert_eq!(exporter.ask(&ours).status, 200, "{outcome}");
    let up = own(&exporter, "scout_exporter_hosted_up", &[("org", ORG)]);
    assert_eq!(up, Some(0.0), "{outcome}");
    program::until("a greater age", SOON, || {
        (age(&exporter)? > before).then_some(())
    });
    // At least a second between two questions.
    let times: Vec<_> = walk.endpoint.seen().iter().map(|seen| seen.at).collect();
    for pair in times.windows(2) {
        let pause = pair[1] - pair[0];
        assert!(pause >= Duration::from_millis(950), "{outcome}: {pause:?}");
    }

    walk.endpoint.behave(Behavior::Metrics(5));
    wait_for_critical(&exporter, TOKEN, 5.0);
    wait_for_critical(&exporter, &ours, 5.0);
    assert!(reads(&exporter, "ok") >= 2.0);
    walk.end(exporter);
}

/// Checks all at the same time: most of it is waiting.
fn check_all<const N: usize>(cases: [(Behavior, &str, u16); N]) {
    thread::scope(|scope| {
        for (behavior, outcome, configured) in cases {
            scope.spawn(move || check(behavior, outcome, configured));
        }
    });
}

#[test]
fn each_status_is_answered_as_it_is_due() {
    check_all([
        // Revoked: the token that was used is nobody's any more.
        (Behavior::Status(401, ""), "unauthorized", 401),
        (Behavior::Status(403, ""), "forbidden", 403),
        (Behavior::Status(404, ""), "not_found", 200),
        (Behavior::Status(429, ""), "too_many_requests", 200),
        (Behavior::Status(500, ""), "unavailable", 200),
        (Behavior::Hang, "timed_out", 200),
    ]);
}

#[test]
fn what_is_no_metrics_is_not_served() {
    check_all([
        (Behavior::Body("text/plain", "{\"a\":1}"), "malformed", 200),
        // Of a proxy or a sign-in service.
        (Behavior::Body("text/html", "<html>"), "malformed", 200),
        // Of another exporter.
        (Behavior::Body("text/plain", "up 1\n"), "malformed", 200),
        // It must not be quoted.
        (Behavior::Echo, "malformed", 200),
    ]);
}

#[test]
fn bodies_that_are_too_long_or_half_are_not_served() {
    check_all([
        (Behavior::Huge(HUGE, Framing::Length), "too_large", 200),
        (Behavior::Huge(HUGE, Framing::Chunked), "too_large", 200),
        (Behavior::Half(Framing::Length), "incomplete", 200),
        (Behavior::Half(Framing::Chunked), "incomplete", 200),
    ]);
}

#[test]
fn a_busy_endpoint_is_left_alone_for_as_long_as_it_says() {
    let walk = Walk::new();
    let wait = Behavior::Status(429, "Retry-After: 3600\r\n");
    let exporter = walk.start(&["--cache-ttl", "1s"]);
    wait_for_critical(&exporter, TOKEN, 1.0);
    walk.endpoint.behave(wait);
    wait_for_reads(&exporter, "too_many_requests", 1.0);
    let next = own(
        &exporter,
        "scout_exporter_hosted_next_read_timestamp_seconds",
        &[("org", ORG)],
    );
    let last = own(
        &exporter,
        "scout_exporter_hosted_last_success_timestamp_seconds",
        &[("org", ORG)],
    );
    let pause = next.unwrap() - last.unwrap();
    assert!((3600.0..4000.0).contains(&pause), "{pause}");
    assert_eq!(exporter.ask(TOKEN).status, 200);
    walk.end(exporter);
}

#[test]
fn without_any_answer_nobody_is_told_that_there_is_nothing() {
    let walk = Walk::new();
    walk.endpoint.behave(Behavior::Status(500, ""));
    let exporter = walk.start(&["--cache-ttl", "1s"]);
    wait_for_reads(&exporter, "unavailable", 1.0);
    let ours = walk.scout.token(&[]);
    for token in [TOKEN, &ours] {
        let answer = exporter.ask(token);
        assert_eq!(answer.status, 503, "{answer:?}");
        assert!(answer.header("retry-after").is_some(), "{answer:?}");
    }
    let age = own(
        &exporter,
        "scout_exporter_hosted_age_seconds",
        &[("org", ORG)],
    );
    assert_eq!(age, None, "no data is not zero");
    // The process itself is well: nobody shall start it again for this.
    let health = http::get(&format!("{}/healthz", exporter.url), &[]).unwrap();
    assert_eq!(health.status, 200);
    walk.endpoint.behave(Behavior::Metrics(3));
    wait_for_critical(&exporter, TOKEN, 3.0);
    walk.end(exporter);
}
