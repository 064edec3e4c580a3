//! What `docs/scraping.md` says of Prometheus, evaluated by Prometheus.

use std::fs;
use std::process::Command;

use tempfile::TempDir;

use crate::deploy::{folder, text, under};
use crate::documents::Page;
use crate::support::program::{self, DEADLINE};

/// An alert that waits, as `deploy/alerts` has them.
const RULES: &str = "groups:
  - name: scraping
    interval: 1m
    rules:
      - alert: Critical
        expr: scout_stream_vulnerabilities{severity=\"CRITICAL\"} > 0
        for: 15m
";

/// A series of the same value, scraped at two intervals; what is asked 4 and 30 minutes after the
/// start, and what alerts then.
const QUESTIONS: &str = "rule_files: [rules.yml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - series: 'scout_stream_vulnerabilities{severity=\"CRITICAL\"}'
        values: 'VALUES'
    promql_expr_test:
      - expr: count(scout_stream_vulnerabilities)
        eval_time: 4m
        exp_samples: [{value: 1}]
      - expr: count(scout_stream_vulnerabilities)
        eval_time: 30m
        exp_samples: LATER
    alert_rule_test:
      - eval_time: 59m
        alertname: Critical
        exp_alerts: ALERTS
";

#[test]
#[ignore = "needs real servers; run tests/run"]
fn scraped_every_minute_a_series_is_always_there_and_every_hour_it_is_not() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("rules.yml"), RULES).unwrap();
    let alert = "[{exp_labels: {severity: CRITICAL}}]";
    for (interval, values, later, alerts) in [
        ("60 seconds", "5x120", "[{value: 1}]", alert),
        // `_` is a minute without a sample.
        ("60 minutes", "5 _x59 5 _x59 5", "[]", "[]"),
    ] {
        let questions = QUESTIONS
            .replace("VALUES", values)
            .replace("LATER", later)
            .replace("ALERTS", alerts);
        fs::write(folder.path().join("test.yml"), questions).unwrap();
        let mut promtool = Command::new("promtool");
        promtool
            .args(["test", "rules", "test.yml"])
            .current_dir(folder.path());
        let outcome = program::wait(promtool, DEADLINE);
        assert_eq!(outcome.code, Some(0), "every {interval}: {outcome}");
    }
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn prometheus_accepts_every_configuration_that_is_shown() {
    let folder = TempDir::new().unwrap();
    let mut shown: Vec<_> = Page::read("docs/migration.md")
        .blocks("yaml")
        .into_iter()
        .chain(Page::read("docs/scraping.md").blocks("yaml"))
        .filter(|block| block.starts_with("global:"))
        .collect();
    assert_eq!(shown.len(), 2);
    for file in under(
        &self::folder().join("compose/prometheus/prometheus"),
        &["yml"],
    ) {
        let rules = self::folder().join("alerts/scout.rules.yml");
        let text = fs::read_to_string(file).unwrap();
        shown.push(text.replace(
            "/etc/prometheus-rules/scout.rules.yml",
            rules.to_str().unwrap(),
        ));
    }
    assert!(text("alerts/scout.rules.yml").contains("for: "));
    let token = folder.path().join("token");
    fs::write(&token, "scout_pat_x").unwrap();
    for config in shown {
        let config = config.replace("/etc/prometheus/token", token.to_str().unwrap());
        let file = folder.path().join("prometheus.yml");
        fs::write(&file, &config).unwrap();
        let mut promtool = Command::new("promtool");
        promtool.args(["check", "config"]).arg(&file);
        let outcome = program::wait(promtool, DEADLINE).expect_code(0);
        outcome.says("SUCCESS");
    }
}
