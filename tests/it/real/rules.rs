//! The alerts as the Prometheus operator takes them: those of `deploy/alerts`, and evaluated by a
//! Prometheus that scrapes an exporter and a watcher.

use std::fs;
use std::time::Duration;

use tempfile::TempDir;

use crate::deploy::text;
use crate::examples::{ADVISORIES, REGISTRY, indexed};
use crate::support::program;
use crate::support::prometheus::Prometheus;
use crate::support::scout::ORG;
use crate::support::serving::Serving;

/// Longest until everything was scraped and every rule evaluated.
const LONG: Duration = Duration::from_secs(120);

/// Returns what the operator hands to Prometheus.
fn rules() -> String {
    let manifest = text("kubernetes/monitoring/prometheus-rule.yaml");
    let (head, spec) = manifest.split_once("\nspec:\n").unwrap();
    for line in [
        "apiVersion: monitoring.coreos.com/v1",
        "kind: PrometheusRule",
    ] {
        assert!(head.lines().any(|own| own == line), "{head}");
    }
    let lines = spec
        .lines()
        .map(|line| line.strip_prefix("  ").unwrap_or(line));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn the_operators_rules_are_the_alerts() {
    assert!(
        rules() == text("alerts/scout.rules.yml"),
        "run deploy/kubernetes/monitoring/make-prometheus-rule"
    );
    let kustomization = text("kubernetes/monitoring/kustomization.yaml");
    for file in ["pod-monitor", "prometheus-rule", "service-monitor"] {
        assert!(kustomization.contains(&format!("  - {file}.yaml\n")));
    }
}

#[test]
fn the_jobs_that_alerts_ask_for_are_those_of_the_monitors() {
    let monitors = ["pod-monitor", "service-monitor"]
        .map(|file| text(&format!("kubernetes/monitoring/{file}.yaml")))
        .concat();
    let rules = rules();
    let jobs: Vec<&str> = rules
        .split("job=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert!(jobs.contains(&"scout-exporter"), "{jobs:?}");
    for job in jobs {
        let line = format!("          replacement: {job}\n");
        assert!(monitors.contains(&line), "{job} is no job of\n{monitors}");
    }
    // The port has the name that the watcher's container gives it.
    let watcher = text("kubernetes/base/stateful-set.yaml");
    assert!(watcher.contains("- {name: watch, containerPort: 9319}\n"));
    assert!(monitors.contains("- port: watch\n"));
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn the_operators_rules_are_evaluated_over_an_exporter_and_a_watcher() {
    let (scout, _) = indexed();
    let token = scout.token(&[]);
    let exporter = Serving::exporter(&scout);
    let watcher = Serving::watcher(
        &scout,
        REGISTRY,
        &[&["--all-images"], &ADVISORIES[..]].concat(),
    );
    let folder = TempDir::new().unwrap();
    let (token_file, rule_file) = (folder.path().join("token"), folder.path().join("rules.yml"));
    fs::write(&token_file, &token).unwrap();
    let rules = rules();
    fs::write(&rule_file, &rules).unwrap();
    let targets = [&exporter.url, &watcher.url].map(|url| url.strip_prefix("http://").unwrap());
    let config = format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}\n\
         rule_files: [{rule_file:?}]\n\
         scrape_configs:\n\
         - job_name: {ORG}\n  metrics_path: /v1/exporter/org/{ORG}/metrics\n  \
           authorization: {{type: Bearer, credentials_file: {token_file:?}}}\n  \
           static_configs: [{{targets: [{exporter:?}, {watcher:?}]}}]\n\
         - job_name: scout-exporter\n  static_configs: [{{targets: [{exporter:?}]}}]\n\
         - job_name: scout-watch\n  static_configs: [{{targets: [{watcher:?}]}}]\n",
        exporter = targets[0],
        watcher = targets[1],
    );
    let prometheus = Prometheus::configured(&config);
    program::until("all targets", LONG, || {
        (prometheus.query("up == 1")?.len() == 4).then_some(())
    });
    let groups = program::until("every rule evaluated", LONG, || {
        let groups = prometheus.api("rules")?["data"]["groups"].clone();
        (!groups.to_string().contains("\"health\":\"unknown\"")).then_some(groups)
    });
    let groups = groups.as_array().unwrap().iter();
    let evaluated: Vec<_> = groups
        .flat_map(|group| group["rules"].as_array().unwrap())
        .collect();
    for rule in &evaluated {
        assert_eq!(rule["health"], "ok", "{rule}");
    }
    let count = rules
        .lines()
        .filter(|line| line.contains("- alert: "))
        .count();
    assert_eq!(evaluated.len(), count);
    // Both programs are asked for themselves.
    for job in ["scout-exporter", "scout-watch"] {
        let own = prometheus.query(&format!("count({{job={job:?},__name__=~\"scout_.*\"}})"));
        let own = own.unwrap();
        assert_eq!(own.len(), 1, "{job} says nothing of itself");
    }
}
