//! What running servers do with tokens: remember, refuse, and note their use.

use std::path::Path;

use serde_json::Value;

use super::enrolled;
use super::making::listed;
use crate::examples::{ADVISORIES, REGISTRY};
use crate::support::http;
use crate::support::program::{self, DEADLINE};
use crate::support::scout::Scout;
use crate::support::serving::Serving;

/// Returns a series of the server's own metrics.
fn own_metric(server: &Serving, series: &str) -> f64 {
    let page = http::get(&format!("{}/metrics", server.url), &[]).unwrap();
    let mut lines = page.body.lines();
    let value = lines.find_map(|line| line.strip_prefix(series));
    let value = value.unwrap_or_else(|| panic!("no {series} in\n{}", page.body));
    value.trim().parse().unwrap()
}

#[test]
fn a_remembered_token_is_refused_as_soon_as_another_process_revoked_it() {
    let scout = enrolled();
    let exporter = Serving::exporter(&scout);
    for _ in 0..10 {
        let (token, other) = (scout.token(&[]), scout.token(&[]));
        for token in [&token, &other, &token, &other] {
            assert_eq!(exporter.ask(token).status, 200);
        }
        scout.scout(&["token", "revoke", &token]).expect_code(0);
        assert_eq!(exporter.ask(&token).status, 401);
        assert_eq!(exporter.ask(&other).status, 200);
    }
    let in_memory = r#"scout_exporter_token_checks_total{place="memory"}"#;
    assert!(own_metric(&exporter, in_memory) >= 1.0, "none was");
}

#[test]
fn who_guesses_is_slowed_down_and_good_tokens_are_served() {
    let scout = enrolled();
    let exporter = Serving::exporter(&scout);
    let (good, gone) = (scout.token(&[]), scout.token(&[]));
    scout.scout(&["token", "revoke", &gone]).expect_code(0);
    let refused = program::until("429", DEADLINE, || {
        let answer = exporter.ask(&gone);
        assert!([401, 429].contains(&answer.status), "{answer:?}");
        (answer.status == 429).then_some(answer)
    });
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert!(refused.body.contains("correct the token"), "{refused:?}");
    for _ in 0..20 {
        let statuses = [exporter.ask(&good).status, exporter.ask("nonsense").status];
        assert_eq!(statuses[0], 200);
        assert!([401, 429].contains(&statuses[1]), "{statuses:?}");
    }
    let invalid = r#"scout_exporter_refused_total{reason="invalid_token"}"#;
    assert!(own_metric(&exporter, invalid) >= 60.0);
    let too_many = r#"scout_exporter_refused_total{reason="too_many_failures"}"#;
    assert!(own_metric(&exporter, too_many) >= 1.0);
}

#[track_caller]
fn until_used(scout: &Scout, number: usize) -> Value {
    program::until("use of the token", DEADLINE, || {
        let used = listed(scout)[number]["last_used_at"].clone();
        used.is_string().then_some(used)
    })
}

#[test]
fn the_list_shows_when_a_token_was_last_used() {
    let scout = enrolled();
    let exporter = Serving::exporter(&scout);
    let (used, unused) = (scout.token(&[]), scout.token(&[]));
    assert_ne!(used, unused);
    assert_eq!(exporter.ask(&used).status, 200);
    let time = until_used(&scout, 0);
    assert_eq!(listed(&scout)[1]["last_used_at"], Value::Null);
    let list = scout.scout(&["token", "list"]).expect_code(0);
    list.says("LAST USED").says(time.as_str().unwrap());
    assert_eq!(exporter.guard.stderr().matches("WARN").count(), 0);
}

#[test]
fn a_use_just_before_the_end_of_a_server_is_recorded() {
    let scout = enrolled();
    let exporter = Serving::exporter(&scout);
    let token = scout.token(&[]);
    assert_eq!(exporter.ask(&token).status, 200);
    exporter.guard.terminate(DEADLINE);
    assert!(listed(&scout)[0]["last_used_at"].is_string());
}

#[test]
fn a_watcher_that_serves_notes_the_use_of_its_own_token() {
    let scout = Scout::new();
    let more = [&["--all-images"], &ADVISORIES[..]].concat();
    let watcher = Serving::watcher(&scout, REGISTRY, &more);
    let file: &Path = &scout.dir().join("token");
    let token = std::fs::read_to_string(file).unwrap();
    assert_eq!(watcher.ask(token.trim()).status, 200);
    until_used(&scout, 0);
}
