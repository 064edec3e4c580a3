//! Datadog's own check with the documented configuration: every series, whatever its labels hold,
//! in both formats, of our own record and in hosted mode.

use std::collections::BTreeMap;
use std::fs;

use scout_metrics::{Format, parse};
use serde_json::Value;
use tempfile::TempDir;

use super::parsers::{Datadog, NAMES};
use crate::examples::indexed;
use crate::support::hosted::{Behavior, HostedEndpoint};
use crate::support::program::{self, DEADLINE};
use crate::support::scout::{ORG, Scout};
use crate::support::serving::Serving;

/// The configuration of Docker Docs, "Docker Scout metrics exporter", Datadog.
const CONFIGURATION: &str = "instances:
  - openmetrics_endpoint: \"https://api.scout.docker.com/v1/exporter/org/dockerscoutpolicy/metrics\"
    namespace: \"scout-metrics-exporter\"
    metrics:
      - scout_*
    auth_token:
      reader:
        type: file
        path: /var/run/secrets/scout-metrics-exporter/token
      writer:
        type: header
        name: Authorization
        value: Bearer <TOKEN>
";
/// The token of the hosted organization's owner.
const SECRET: &str = "dckr_pat_0123456789";
/// The check stops at so many series unless told otherwise.
const USUAL_LIMIT: usize = 2_000;

/// Names with their tags, and the values.
type Series = BTreeMap<(String, Vec<String>), f64>;

/// Collects with the documented configuration: other are the endpoint and where the token is, and
/// a setting may be added.
fn collect(datadog: &Datadog, exporter: &Serving, token: &str, setting: &str) -> Series {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("token");
    // As `echo` writes it.
    fs::write(&file, format!("{token}\n")).unwrap();
    let url = format!("{}/v1/exporter/org/{ORG}/metrics", exporter.url);
    let config = CONFIGURATION
        .replace(
            "https://api.scout.docker.com/v1/exporter/org/dockerscoutpolicy/metrics",
            &url,
        )
        .replace(
            "/var/run/secrets/scout-metrics-exporter/token",
            file.to_str().unwrap(),
        );
    let collected = datadog.collect(&url, &format!("{config}{setting}"));
    let mut series = Series::new();
    for metric in &collected {
        assert_eq!(metric["type"], "gauge", "{metric}");
        let tags = metric["tags"].as_array().unwrap().iter();
        let mut tags: Vec<String> = tags.map(text).collect();
        tags.retain(|tag| *tag != format!("endpoint:{url}"));
        tags.sort();
        let (name, value) = (text(&metric["name"]), metric["value"].as_f64().unwrap());
        let before = series.insert((name, tags), value);
        assert_eq!(before, None, "{metric} comes twice");
    }
    series
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Returns what the check is to collect of a body, as our strict parser reads it.
fn expected(body: &str) -> Series {
    let mut series = Series::new();
    for family in parse(body, Format::PrometheusText).unwrap().families() {
        for sample in family.samples() {
            let tags = sample
                .labels()
                .map(|(name, value)| format!("{name}:{value}"));
            let mut tags: Vec<String> = tags.collect();
            tags.sort();
            let name = format!("scout-metrics-exporter.{}", family.name());
            series.insert((name, tags), sample.value().as_f64());
        }
    }
    series
}

/// Checks that everything is collected by default and in OpenMetrics.
#[track_caller]
fn check_all(datadog: &Datadog, exporter: &Serving, token: &str, least: usize, setting: &str) {
    let expected = expected(&exporter.ask(token).body);
    assert!(expected.len() >= least, "{}", expected.len());
    for latest in ["", "    use_latest_spec: true\n"] {
        let collected = collect(datadog, exporter, token, &format!("{setting}{latest}"));
        let missing = expected
            .iter()
            .filter(|(key, _)| !collected.contains_key(key));
        let missing: Vec<_> = missing.take(5).collect();
        assert!(missing.is_empty(), "{latest}: {missing:?} in {collected:?}");
        assert_eq!(collected, expected, "{latest}");
    }
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn every_series_of_our_own_record_is_collected() {
    let Some(datadog) = Datadog::find() else {
        return;
    };
    let (scout, _) = indexed();
    for name in NAMES {
        let record = ["environment", name, "shop/web:1.0"];
        scout.scout(&record).expect_code(0);
    }
    let token = scout.token(&[]);
    let exporter = Serving::exporter(&scout);
    // Five severities, and two families of three policies.
    let count = (NAMES.len() + 1) * 11;
    program::until("all streams", DEADLINE, || {
        let body = exporter.ask(&token).body;
        let series = body.lines().filter(|line| !line.starts_with('#')).count();
        (series == count).then_some(())
    });
    check_all(&datadog, &exporter, &token, count, "");
}

/// Starts an exporter in hosted mode over an endpoint with this answer.
fn hosted(body: String, folder: &TempDir) -> (Serving, Scout) {
    let endpoint = HostedEndpoint::start(ORG, SECRET);
    endpoint.behave(Behavior::Body("text/plain; version=0.0.4", body.leak()));
    let token = folder.path().join("token");
    fs::write(&token, SECRET).unwrap();
    let scout = Scout::new();
    let mut command = program::ours("scout-exporter");
    command
        .args(["--source", "hosted", "--org", ORG, "--api", &endpoint.url()])
        .arg("--token-file")
        .arg(&token)
        .arg("--data-dir")
        .arg(scout.dir());
    let exporter = Serving::exporting(command);
    program::until("the hosted answer", DEADLINE, || {
        (exporter.ask(SECRET).status == 200).then_some(())
    });
    (exporter, scout)
}

/// Writes a hosted answer in which each stream has all families.
fn answer<'a>(streams: &(impl Iterator<Item = &'a str> + Clone)) -> String {
    let escaped = |name: &str| {
        let name = name.replace('\\', "\\\\").replace('"', "\\\"");
        name.replace('\n', "\\n")
    };
    let mut text = String::from("# TYPE scout_stream_vulnerabilities gauge\n");
    for (number, stream) in streams.clone().enumerate() {
        for severity in ["CRITICAL", "HIGH", "MEDIUM", "LOW", "UNSPECIFIED"] {
            text += &format!(
                "scout_stream_vulnerabilities{{streamName=\"{}\",severity=\"{severity}\"}} {number}\n",
                escaped(stream)
            );
        }
    }
    for family in ["compliant", "evaluated"] {
        text += &format!("# TYPE scout_policy_{family}_images gauge\n");
        for stream in streams.clone() {
            let name = escaped(stream);
            text += &format!(
                "scout_policy_{family}_images{{id=\"a, b\",displayName=\"{name}\",streamName=\"{name}\"}} 7\n"
            );
        }
    }
    text
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn every_series_of_hosted_mode_is_collected() {
    let Some(datadog) = Datadog::find() else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let (exporter, _scout) = hosted(answer(&NAMES.into_iter()), &folder);
    check_all(&datadog, &exporter, SECRET, NAMES.len() * 7, "");
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn more_series_than_the_check_takes_by_itself_need_its_limit_raised() {
    let Some(datadog) = Datadog::find() else {
        return;
    };
    let names: Vec<String> = (0..500).map(|number| format!("env-{number}")).collect();
    let folder = TempDir::new().unwrap();
    let (exporter, _scout) = hosted(answer(&names.iter().map(String::as_str)), &folder);
    let cut = collect(&datadog, &exporter, SECRET, "");
    assert_eq!(
        cut.len(),
        USUAL_LIMIT,
        "the check's own limit is another now"
    );
    let setting = "    max_returned_metrics: 100000\n";
    check_all(&datadog, &exporter, SECRET, 3_500, setting);
}
