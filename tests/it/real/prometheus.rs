//! A real Prometheus reads the exporter.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::fixture::{Indexed, one_at_a_time};
use crate::support::metrics::Samples;
use crate::support::program;
use crate::support::prometheus::Prometheus;
use crate::support::serving::Serving;

#[test]
#[ignore = "needs real servers; run tests/run"]
fn prometheus_stores_the_summarys_values_and_sees_a_revoked_token() {
    let _turn = one_at_a_time();
    let Some(indexed) = Indexed::get() else {
        return;
    };
    let scout = indexed.scout.copy();
    let token = scout.token(&[]);
    let exporter = Serving::exporter(&scout);
    let prometheus = Prometheus::start(&exporter.url, &token);
    prometheus.wait_for_health("up");

    let samples = prometheus.samples();
    assert_eq!(
        samples,
        exporter.samples(&token),
        "stored and served differ"
    );
    check_values(&samples, &indexed.outcome.stdout);
    check_lint(&exporter.ask(&token).body);

    let list = scout.scout(&["token", "list"]).expect_code(0);
    for word in list.stdout.split_whitespace() {
        // Whichever column holds the id: the others are refused and change nothing.
        scout.scout(&["token", "revoke", word]);
    }
    assert_eq!(exporter.ask(&token).status, 401);
    let target = prometheus.wait_for_health("down");
    let error = target["lastError"].as_str().unwrap();
    assert!(error.contains("401"), "{error}");
}

/// Checks that there are numbers, that they are the summary's, and that they make sense.
fn check_values(samples: &Samples, summary: &str) {
    let severities = samples.severities("latest-indexed");
    assert!(
        summary.contains(&severities),
        "{severities} not in\n{summary}"
    );
    let stream = [("streamName", "latest-indexed")];
    let sum: f64 = samples
        .of("scout_stream_vulnerabilities", &stream)
        .map(|(_, value)| value)
        .sum();
    assert!(sum > 0.0, "{samples:?}");
    let mut policies = 0;
    for (series, evaluated) in samples.of("scout_policy_evaluated_images", &[]) {
        let labels = series.split_once('{').unwrap().1;
        let compliant = format!("scout_policy_compliant_images{{{labels}");
        let found = samples
            .of("scout_policy_compliant_images", &[])
            .find(|(own, _)| *own == compliant);
        let (_, compliant) = found.unwrap_or_else(|| panic!("no {compliant}"));
        assert!(
            compliant <= evaluated,
            "{series}: {compliant} of {evaluated}"
        );
        assert!(evaluated > 0.0, "{series}");
        policies += 1;
    }
    assert_eq!(policies, 3, "{samples:?}");
}

/// Checks that promtool has nothing to say but its remark on the label names we were given.
pub(super) fn check_lint(page: &str) {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = promtool.stdin.take().unwrap();
    stdin.write_all(page.as_bytes()).unwrap();
    drop(stdin);
    let outcome = program::finish(promtool, Duration::from_secs(60), "promtool");
    let said = format!("{}{}", outcome.stdout, outcome.stderr);
    let remark = "label names should be written in 'snake_case' not 'camelCase'";
    let other: Vec<_> = said
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.contains(remark))
        .collect();
    assert!(other.is_empty(), "{other:#?}");
    assert!(matches!(outcome.code, Some(0 | 3)), "{outcome}");
}
