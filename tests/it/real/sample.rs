//! The published sample in front of us: its configuration with another target and the private
//! authority's certificate, its dashboards' queries as they are, our own record and hosted mode.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::examples::{LATEST, indexed};
use crate::support::guard::Guarded;
use crate::support::hosted::{Behavior, HostedEndpoint};
use crate::support::openssl::Certificates;
use crate::support::program;
use crate::support::prometheus::Prometheus;
use crate::support::scout::{ORG, Scout};

/// The configuration of Docker Docs, "Docker Scout metrics exporter", sample project, step 3.
const CONFIGURATION: &str = "global:
  scrape_interval: 60s
  scrape_timeout: 40s
scrape_configs:
  - job_name: Docker Scout policy
    metrics_path: /v1/exporter/org/<ORG>
    scheme: https
    static_configs:
      - targets:
          - api.scout.docker.com
    authorization:
      type: Bearer
      credentials_file: /etc/prometheus/token
";
/// What the dashboards call the organization: the name of the job.
const JOB: &str = "Docker Scout policy";
/// The queries of the dashboard "Overview", one for each severity (`dockersamples/
/// scout-metrics-exporter`, commit 04a4ce3, `grafana/dashboards/dashboard.json`).
const OVERVIEW: &str = "sum by(severity) (scout_stream_vulnerabilities{job=\"$org\", streamName=\"$streamName\", severity=\"SEVERITY\"})";
/// The query of the dashboard "Policies" (`policies.json` beside it).
const POLICIES: &str = "(scout_policy_compliant_images{job=\"$org\", streamName=\"$streamName\", id=\"$policy\"} * 100) / \
     scout_policy_evaluated_images{job=\"$org\", streamName=\"$streamName\", id=\"$policy\"}";
const SEVERITIES: [&str; 5] = ["CRITICAL", "HIGH", "MEDIUM", "LOW", "UNSPECIFIED"];

/// The token of the hosted organization's owner.
const TOKEN: &str = "dckr_pat_0123456789";
/// Longest until Prometheus has scraped: it spreads targets over the interval of a minute.
const FIRST: Duration = Duration::from_secs(180);

/// An exporter with a certificate of a private authority.
struct Exporter {
    _guard: Guarded,
    /// `localhost:PORT`.
    target: String,
    certificates: Certificates,
    folder: TempDir,
    /// The organization's record, or only tokens of ours beside the hosted endpoint.
    _scout: Scout,
    token: String,
}

impl Exporter {
    /// Serves the record of the examples.
    fn of_our_own() -> Self {
        let (scout, _) = indexed();
        let token = scout.token(&[]);
        let mut command = program::ours("scout-exporter");
        command.arg("--data-dir").arg(scout.dir());
        Self::start(command, scout, &token)
    }

    /// Serves what this endpoint says.
    fn hosted(endpoint: &HostedEndpoint, more: &[&str]) -> Self {
        let scout = Scout::new();
        let mut command = program::ours("scout-exporter");
        command
            .args(["--source", "hosted", "--org", ORG, "--api", &endpoint.url()])
            .args(more)
            .arg("--data-dir")
            .arg(scout.dir());
        Self::start(command, scout, TOKEN)
    }

    fn start(mut command: Command, scout: Scout, token: &str) -> Self {
        let (certificates, folder) = (Certificates::new(), TempDir::new().unwrap());
        // As `echo` writes it.
        fs::write(folder.path().join("token"), format!("{token}\n")).unwrap();
        let is_hosted = command.get_args().any(|argument| argument == "hosted");
        if is_hosted {
            command.arg("--token-file").arg(folder.path().join("token"));
        }
        command
            .args(["--listen", "127.0.0.1:0", "--tls-cert"])
            .arg(certificates.certificate())
            .arg("--tls-key")
            .arg(certificates.key());
        let guard = Guarded::start(&command, &folder.path().join("log"));
        let address = guard.wait_for("address", program::DEADLINE, |text| {
            let (_, rest) = text.split_once("listening on https://")?;
            Some(rest.split_whitespace().next()?.to_owned())
        });
        let (_, port) = address.trim_end_matches('.').rsplit_once(':').unwrap();
        Self {
            target: format!("localhost:{port}"),
            _guard: guard,
            certificates,
            folder,
            _scout: scout,
            token: token.to_owned(),
        }
    }

    /// Returns the sample's configuration: other than published are the target, the authority,
    /// and where the token is, which the sample mounts into its container.
    fn configuration(&self) -> String {
        let authority = self.certificates.authority();
        let token = self.folder.path().join("token");
        let changed = replaced(CONFIGURATION, "<ORG>", ORG);
        let changed = replaced(&changed, "api.scout.docker.com", &self.target);
        let changed = replaced(&changed, "/etc/prometheus/token", path(&token));
        format!(
            "{changed}    tls_config:\n      ca_file: {}\n",
            path(&authority)
        )
    }
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Replaces what must be there once.
#[track_caller]
fn replaced(text: &str, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "{from} in\n{text}");
    text.replace(from, to)
}

/// Evaluates a query of the dashboards as Grafana sends it.
#[track_caller]
fn ask(prometheus: &Prometheus, query: &str, stream: &str, policy: &str) -> Vec<Value> {
    let sent = query
        .replace("$org", JOB)
        .replace("$streamName", stream)
        .replace("$policy", policy);
    assert!(!sent.contains('$'), "{sent}");
    let answer = prometheus.query(&sent);
    answer.unwrap_or_else(|| panic!("Prometheus does not understand {sent}"))
}

/// Returns the one value of an answer.
#[track_caller]
fn value(answer: &[Value]) -> f64 {
    assert_eq!(answer.len(), 1, "{answer:?}");
    answer[0]["value"][1].as_str().unwrap().parse().unwrap()
}

/// Checks what the dashboard "Overview" shows of a stream, worst first.
#[track_caller]
fn check_overview(prometheus: &Prometheus, stream: &str, expected: [f64; 5]) {
    let counts = SEVERITIES.map(|severity| {
        let query = OVERVIEW.replace("SEVERITY", severity);
        value(&ask(prometheus, &query, stream, ""))
    });
    assert_eq!(counts, expected, "{stream}");
}

/// Checks what the dashboard "Policies" shows of a stream: the part of images, in percent.
#[track_caller]
fn check_policy(prometheus: &Prometheus, stream: &str, policy: &str, expected: f64) {
    let percent = value(&ask(prometheus, POLICIES, stream, policy));
    assert!((percent - expected).abs() < 1e-9, "{policy}: {percent}");
}

/// Returns what a variable of the dashboards can be.
#[track_caller]
fn variable(prometheus: &Prometheus, label: &str) -> Vec<String> {
    let answer = prometheus.api(&format!("label/{label}/values")).unwrap();
    let values = answer["data"].as_array().unwrap().iter();
    values
        .map(|value| value.as_str().unwrap().to_owned())
        .collect()
}

fn wait_until_scraped(prometheus: &Prometheus) {
    program::until("a scrape", FIRST, || {
        let up = prometheus.query("up == 1")?;
        (!up.is_empty()).then_some(())
    });
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn the_sample_works_with_another_target_and_its_authority() {
    let own = Exporter::of_our_own();
    let endpoint = HostedEndpoint::start(ORG, TOKEN);
    let hosted = Exporter::hosted(&endpoint, &[]);
    // Both at once: most of it is waiting for the first scrape.
    let before = Prometheus::configured(&own.configuration());
    let behind = Prometheus::configured(&hosted.configuration());
    wait_until_scraped(&before);
    wait_until_scraped(&behind);

    // What the examples' README promises.
    let promised: Vec<f64> = LATEST
        .split(' ')
        .map(|count| count[..count.len() - 1].parse().unwrap())
        .collect();
    check_overview(&before, "latest-indexed", promised.try_into().unwrap());
    let policies = variable(&before, "id");
    assert!(
        policies.contains(&"default-non-root-user".to_owned()),
        "{policies:?}"
    );
    // `worker:0.9` alone runs as root. Of `web:1.1` and `api:2.1` one is free of fixable
    // vulnerabilities; a jar of the worker is not read, so nothing is known of it.
    check_policy(
        &before,
        "latest-indexed",
        "default-non-root-user",
        200.0 / 3.0,
    );
    check_policy(&before, "latest-indexed", "fixable-vulnerabilities", 50.0);
    assert_eq!(variable(&before, "job"), [JOB]);
    assert_eq!(variable(&before, "streamName"), ["latest-indexed"]);

    // What the imitation of the endpoint says.
    for stream in ["latest-indexed", "production"] {
        check_overview(&behind, stream, [1.0, 20.0, 30.0, 40.0, 0.0]);
    }
    for policy in variable(&behind, "id") {
        check_policy(&behind, "latest-indexed", &policy, 300.0 / 9.0);
    }
    assert_eq!(
        variable(&behind, "streamName"),
        ["latest-indexed", "production"]
    );
    assert_eq!(
        endpoint.seen().len(),
        1,
        "one read, however often we are scraped"
    );
    assert_ne!(own.token, hosted.token);
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn after_the_endpoint_fails_the_series_stay_and_their_age_rises() {
    let endpoint = HostedEndpoint::start(ORG, TOKEN);
    let exporter = Exporter::hosted(&endpoint, &["--cache-ttl", "1s"]);
    // Faster than the sample, and with the exporter's own metrics.
    let text = exporter.configuration();
    let text = replaced(&text, "scrape_interval: 60s", "scrape_interval: 1s");
    let text = replaced(&text, "scrape_timeout: 40s", "scrape_timeout: 1s");
    let text = format!(
        "{text}  - job_name: scout-exporter\n    scheme: https\n    static_configs:\n      \
         - targets: [\"{}\"]\n    tls_config:\n      ca_file: {}\n",
        exporter.target,
        path(&exporter.certificates.authority())
    );
    let prometheus = Prometheus::configured(&text);
    let wait_for = |what: &str, query: &str| {
        program::until(what, FIRST, || {
            prometheus.query(query).filter(|answer| !answer.is_empty())
        })
    };
    wait_for("both targets", "count(up == 1) == 2");
    wait_for("an answer", "scout_exporter_hosted_up{org=\"acme\"} == 1");
    check_overview(&prometheus, "production", [1.0, 20.0, 30.0, 40.0, 0.0]);

    endpoint.behave(Behavior::Status(500, ""));
    wait_for("the failure", "scout_exporter_hosted_up{org=\"acme\"} == 0");
    let age = "scout_exporter_hosted_age_seconds{org=\"acme\"}";
    let first = value(&wait_for("an age", age));
    // Well over what a scrape or two would hide.
    wait_for("a greater age", &format!("{age} > {}", first + 5.0));
    check_overview(&prometheus, "production", [1.0, 20.0, 30.0, 40.0, 0.0]);
    check_policy(
        &prometheus,
        "latest-indexed",
        "default-non-root-user",
        300.0 / 9.0,
    );
    let never_down = format!("min_over_time(up{{job=\"{JOB}\"}}[5s])");
    assert_eq!(value(&prometheus.query(&never_down).unwrap()), 1.0);
    let changes = format!("max(changes(scout_stream_vulnerabilities{{job=\"{JOB}\"}}[5s]))");
    assert_eq!(value(&prometheus.query(&changes).unwrap()), 0.0);

    endpoint.behave(Behavior::Metrics(5));
    wait_for(
        "the mended number",
        "scout_stream_vulnerabilities{severity=\"CRITICAL\"} == 5",
    );
    wait_for(
        "the age of a new answer",
        &format!("{age} < {}", first + 5.0),
    );
}
