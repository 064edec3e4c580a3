//! What stands in `deploy`, judged by Prometheus, by Datadog's check, and by those who define the
//! formats.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::fixture::one_at_a_time;
use super::parsers::Datadog;
use crate::deploy::families::{Both, TOKEN, below};
use crate::deploy::{dashboards, folder, text, under};
use crate::support::guard;
use crate::support::hosted::{Behavior, HostedEndpoint};
use crate::support::program::{self, DEADLINE};
use crate::support::prometheus::Prometheus;
use crate::support::serving::Serving;
use crate::support::workspace;

/// Longest that Prometheus may take to scrape everything twice, or a checker to be installed and run.
const LONG: Duration = Duration::from_secs(300);
/// The queries of the two published dashboards (`dockersamples/scout-metrics-exporter`, commit
/// 04a4ce3, `grafana/dashboards`).
const PUBLISHED: [&str; 3] = [
    "sum by(severity) (scout_stream_vulnerabilities{job=\"$org\", streamName=\"$streamName\", severity=\"CRITICAL\"})",
    "sum by(severity) (scout_stream_vulnerabilities{job=\"$org\", streamName=\"$streamName\", severity=\"UNSPECIFIED\"})",
    "(scout_policy_compliant_images{job=\"$org\", streamName=\"$streamName\", id=\"$policy\"} * 100) / \
     scout_policy_evaluated_images{job=\"$org\", streamName=\"$streamName\", id=\"$policy\"}",
];

/// What families begin with that have no series here: nothing runs anywhere, nobody is told, no
/// webhook is received, and the watcher finds everything judged.
const ELSEWHERE: [&str; 6] = [
    "scout_record_share_",
    "scout_record_notices_",
    "scout_record_channel_",
    "scout_watch_last_judgement_",
    "scout_watch_runtime_syncs_",
    "scout_watch_webhook_",
];

#[test]
#[ignore = "needs real servers; run tests/run"]
fn every_expression_gives_an_answer_in_a_prometheus_configured_by_the_sample() {
    let _turn = one_at_a_time();
    let both = Both::start();
    let folder = TempDir::new().unwrap();
    let prometheus = sample_prometheus(&both, "acme", &both.token, folder.path());
    program::until("rates", LONG, || {
        let expression = "sum(rate(scout_exporter_scrapes_total[1m])) > 0";
        let watched = "increase(scout_watch_images_total[1h])";
        let has_both = !prometheus.query(watched)?.is_empty();
        (has_both && !prometheus.query(expression)?.is_empty()).then_some(())
    });
    let mut count = 0;
    for file in dashboards() {
        let dashboard: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        let variables = below(&dashboard["templating"], "query").into_iter();
        let selectors = variables.map(|query| {
            let inner = query.strip_prefix("label_values(").unwrap();
            inner.rsplit_once(',').unwrap().0
        });
        for expression in below(&dashboard["panels"], "expr")
            .into_iter()
            .chain(selectors)
        {
            check(&prometheus, expression, &file);
            count += 1;
        }
    }
    assert!(count > 60, "{count}");
    for expression in PUBLISHED {
        check(&prometheus, expression, Path::new("published"));
    }
    let rules = prometheus.api("rules").unwrap();
    let mut alerts = Vec::new();
    for group in rules["data"]["groups"].as_array().unwrap() {
        for rule in group["rules"].as_array().unwrap() {
            assert_eq!(rule["health"], "ok", "{rule}");
            alerts.push(rule["name"].as_str().unwrap().to_owned());
        }
    }
    assert!(
        alerts.contains(&"ScoutExporterDown".to_owned()),
        "{alerts:?}"
    );
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn published_queries_are_answered_over_the_hosted_endpoint() {
    let _turn = one_at_a_time();
    let both = Both::start();
    let folder = TempDir::new().unwrap();
    // Who scrapes shows the token that the endpoint is read with.
    let prometheus = sample_prometheus(&both, "other", TOKEN, folder.path());
    for expression in PUBLISHED {
        let expression = expression.replace("$org", "other");
        check(&prometheus, &expression, Path::new("published"));
    }
    let sum = "sum(scout_stream_vulnerabilities{streamName=\"latest-indexed\"})";
    let answer = prometheus.query(sum).unwrap();
    // One critical, and what the imitation says of the other severities.
    assert_eq!(answer[0]["value"][1], "91", "{answer:?}");
}

/// Starts Prometheus with the sample's configuration: only the target, the paths of files and the
/// times are changed. The token is in the folder, and is read at every scrape.
fn sample_prometheus(both: &Both, org: &str, secret: &str, folder: &Path) -> Prometheus {
    let token = folder.join("token");
    // As `echo` writes it.
    fs::write(&token, format!("{secret}\n")).unwrap();
    let rules = self::folder().join("alerts/scout.rules.yml");
    let target = both.exporter.url.strip_prefix("http://").unwrap();
    let config = text("compose/prometheus/prometheus/prometheus.yml")
        .replace("<ORG>", org)
        .replace("scout-exporter:9318", target)
        .replace("/etc/prometheus/token", token.to_str().unwrap())
        .replace(
            "/etc/prometheus-rules/scout.rules.yml",
            rules.to_str().unwrap(),
        )
        .replace(
            "scrape_interval: 60s",
            "scrape_interval: 1s\n  evaluation_interval: 1s",
        )
        .replace("scrape_timeout: 40s", "scrape_timeout: 1s");
    let watcher = both.watcher_url.strip_prefix("http://").unwrap();
    let watcher = format!("static_configs: [{{targets: [\"{watcher}\"]}}]");
    let job = format!("  - job_name: scout-watch\n    {watcher}\nrule_files:\n");
    let config = config.replace("rule_files:\n", &job);
    let prometheus = Prometheus::configured(&config);
    program::until("targets and rules", LONG, || {
        let up = prometheus.query("up == 1")?.len() == 3;
        let rules = prometheus.api("rules")?.to_string();
        (up && !rules.contains("\"health\":\"unknown\"")).then_some(())
    });
    prometheus
}

/// Evaluates an expression as Grafana would send it. Only what looks a day back may be empty.
#[track_caller]
fn check(prometheus: &Prometheus, expression: &str, file: &Path) {
    let stream = if file.ends_with("environments.json") {
        "production"
    } else {
        "latest-indexed"
    };
    let sent = expression
        .replace("=~\"$org\"", "=~\".*\"")
        .replace("$org", "acme")
        .replace("=~\"$streamName\"", "=~\".*\"")
        .replace("$streamName", stream)
        .replace("=~\"$policy\"", "=~\".*\"")
        .replace("$policy", "default-non-root-user")
        .replace("$instance", ".*")
        .replace("$__rate_interval", "1m");
    assert!(!sent.contains('$'), "{sent}");
    let answer = prometheus.query(&sent);
    let answer = answer.unwrap_or_else(|| panic!("{}: {sent}", file.display()));
    let mut elsewhere = ELSEWHERE.iter();
    let may_be_empty = sent.contains("offset 1d") || elsewhere.any(|name| sent.contains(name));
    assert!(
        may_be_empty || !answer.is_empty(),
        "{}: {sent}",
        file.display()
    );
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn alerts_fire_when_their_tests_say() {
    for arguments in [
        ["check", "rules", "scout.rules.yml"],
        ["test", "rules", "scout.rules.test.yml"],
    ] {
        let mut command = Command::new("promtool");
        command.args(arguments).current_dir(folder().join("alerts"));
        let outcome = program::wait(command, DEADLINE).expect_code(0);
        outcome.says("SUCCESS");
    }
    let rules = text("alerts/scout.rules.yml");
    let tests = text("alerts/scout.rules.test.yml");
    for name in rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
    {
        assert!(
            tests.contains(&format!("alertname: {name}\n")),
            "{name} has no test"
        );
    }
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn datadog_collects_every_series_with_the_samples_configuration() {
    let Some(datadog) = Datadog::find() else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let token = folder.path().join("token");
    let config = |org: &str| {
        text("compose/datadog/conf.yaml")
            .replace("<ORG>", org)
            .replace(
                "/var/run/secrets/scout-metrics-exporter/token",
                token.to_str().unwrap(),
            )
    };
    let both = Both::start();
    fs::write(&token, format!("{}\n", both.token)).unwrap();
    let url = format!("{}/v1/exporter/org/acme/metrics", both.exporter.url);
    let series = |body: &str| body.lines().filter(|line| !line.starts_with('#')).count();
    let expected = series(&both.exporter.ask(&both.token).body);
    let collected = datadog.collect(&url, &config("acme"));
    assert_eq!(gauges(&collected), expected, "{collected:#?}");

    // More than the 2,000 at which the check stops by itself.
    let secret = "dckr_pat_0123456789";
    fs::write(&token, secret).unwrap();
    let endpoint = HostedEndpoint::start("acme", secret);
    let many: String = (0..3_000)
        .map(|n| {
            format!("scout_stream_vulnerabilities{{streamName=\"env-{n}\",severity=\"LOW\"}} {n}\n")
        })
        .collect();
    let many = format!("# TYPE scout_stream_vulnerabilities gauge\n{many}");
    endpoint.behave(Behavior::Body("text/plain; version=0.0.4", many.leak()));
    let mut command = program::ours("scout-exporter");
    command
        .args([
            "--source",
            "hosted",
            "--org",
            "acme",
            "--api",
            &endpoint.url(),
        ])
        .arg("--token-file")
        .arg(&token)
        .arg("--data-dir")
        .arg(folder.path().join("data"));
    let exporter = Serving::exporting(command);
    let expected = program::until("the hosted answer", LONG, || {
        let answer = exporter.ask(secret);
        (answer.status == 200).then(|| series(&answer.body))
    });
    assert!(expected > 2_000, "{expected}");
    let url = format!("{}/v1/exporter/org/acme/metrics", exporter.url);
    let collected = datadog.collect(&url, &config("acme"));
    assert_eq!(gauges(&collected), expected);
}

/// Counts the series that are ours.
fn gauges(collected: &[Value]) -> usize {
    let prefix = "scout-metrics-exporter.scout_";
    let own = |metric: &&Value| metric["name"].as_str().unwrap().starts_with(prefix);
    collected.iter().filter(own).count()
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn compose_files_dashboards_and_manifests_are_valid() {
    let Some(testbed) = workspace::shared("testbed") else {
        return;
    };
    let cache = workspace::root().join("target/deploy-checkers");
    fs::create_dir_all(&cache).unwrap();
    let run = |script: &str, more: &[&str], files: &[PathBuf]| {
        let mut command = Command::new("bash");
        command.arg(testbed.join(script)).arg("--cache").arg(&cache);
        command.args(more).args(files);
        program::wait(command, LONG).expect_code(0);
    };
    let compose = under(&folder().join("compose"), &["yaml"]);
    let compose: Vec<_> = compose
        .into_iter()
        .filter(|file| is_compose(file))
        .collect();
    assert_eq!(compose.len(), 6);
    run("check-compose.sh", &[], &compose);
    run("check-grafana-dashboard.sh", &[], &dashboards());
    check_manifests(&cache);
}

fn is_compose(file: &Path) -> bool {
    file.file_name()
        .unwrap()
        .to_str()
        .unwrap()
        .starts_with("compose")
}

/// Holds the manifests, and what kustomize makes of them, against the schemas of Kubernetes.
fn check_manifests(cache: &Path) {
    let venv = cache.join("kubernetes-validate");
    if !venv.join("bin/kubernetes-validate").exists() {
        let mut make = Command::new("python3");
        make.args(["-m", "venv"]).arg(&venv);
        program::wait(make, LONG).expect_code(0);
        let mut install = Command::new(venv.join("bin/python3"));
        install.args(["-m", "pip", "install", "-q", "--disable-pip-version-check"]);
        install.arg("kubernetes-validate==1.37.0");
        program::wait(install, LONG).expect_code(0);
    }
    let validate = |files: &[PathBuf]| {
        let mut command = Command::new(venv.join("bin/kubernetes-validate"));
        command.arg("--strict").args(files);
        program::wait(command, LONG).expect_code(0);
    };
    let manifests = folder().join("kubernetes");
    for name in ["base", "hosted"] {
        let mut files = under(&manifests.join(name), &["yaml"]);
        files.retain(|file| !file.ends_with("kustomization.yaml"));
        assert!(files.len() >= 4, "{files:?}");
        validate(&files);
    }
    if !guard::exists("kubectl") {
        println!("skipped: kubectl not found, so nothing is made by kustomize");
        return;
    }
    let build = |name: &str| {
        let mut command = Command::new("kubectl");
        command.arg("kustomize").arg(manifests.join(name));
        program::wait(command, DEADLINE).expect_code(0).stdout
    };
    for name in ["base", "hosted"] {
        let made = TempDir::new().unwrap();
        let file = made.path().join("made.yaml");
        fs::write(&file, build(name)).unwrap();
        validate(&[file]);
    }
    // There is no schema of the operator's kinds.
    assert!(build("monitoring").contains("kind: ServiceMonitor\n"));
}
