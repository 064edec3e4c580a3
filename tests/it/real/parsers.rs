//! The strictest readers of the two formats, on names that are hard to write.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::prometheus::check_lint;
use crate::examples::indexed;
use crate::support::http;
use crate::support::program;
use crate::support::prometheus::Prometheus;
use crate::support::serving::Serving;
use crate::support::workspace;

/// Longest that one of the readers may take; the first time its packages are installed.
const DEADLINE: Duration = Duration::from_secs(300);

/// Names of environments; none of them is refused when it is recorded.
pub(super) const NAMES: [&str; 10] = [
    r#"eu "west""#,
    r"back\slash\n and \\ and \",
    r#"a"} 1"#,
    r#"{b="c",d="e"}"#,
    "# EOF",
    "# TYPE scout_stream_vulnerabilities counter",
    "a,b=c; d|e %20 <f> & 'g' `h`",
    "prüfung 生产 🚢 \u{a0}x \u{202e}y \u{feff}z",
    "NaN",
    "__name__",
];

/// Reads both formats with the Python reference parser, and prints what both mean.
const REFERENCE: &str = r#"
import json, sys
from prometheus_client.parser import text_string_to_metric_families as text
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
def samples(families):
    return [[s.name, sorted(s.labels.items()), s.value] for f in families for s in f.samples]
read = lambda name: open(name, encoding='utf-8', newline='').read()
first, second = samples(text(read(sys.argv[1]))), samples(openmetrics(read(sys.argv[2])))
assert first == second, 'the formats differ'
print(json.dumps(first))
"#;

/// Name, labels and value, as the reference parser reads them.
type Sample = (String, Vec<(String, String)>, f64);

/// Runs Datadog's check, which brings the reference parser with it. None without the shared folder.
pub(super) struct Datadog {
    script: PathBuf,
    venv: PathBuf,
}

impl Datadog {
    pub(super) fn find() -> Option<Self> {
        let script = workspace::shared("testbed/scrape-with-datadog.py")?;
        let venv = workspace::root().join("target/scrape-with-datadog-venv");
        Some(Self { script, venv })
    }

    /// Collects with this configuration; returns the series.
    pub(super) fn collect(&self, url: &str, config: &str) -> Vec<Value> {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("conf.yaml");
        fs::write(&file, config).unwrap();
        let mut command = Command::new("python3");
        command
            .arg(&self.script)
            .arg(url)
            .arg("--config")
            .arg(&file);
        command.arg("--venv").arg(&self.venv);
        let outcome = program::wait(command, DEADLINE).expect_code(0);
        let answer: Value = serde_json::from_str(&outcome.stdout).unwrap();
        answer["metrics"].as_array().unwrap().clone()
    }

    /// Reads both formats; returns how many series each stream has.
    fn reference(&self, text: &str, openmetrics: &str) -> BTreeMap<String, usize> {
        let folder = TempDir::new().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("text"), text).unwrap();
        fs::write(path("openmetrics"), openmetrics).unwrap();
        let mut command = Command::new(self.venv.join("bin/python3"));
        command.args(["-c", REFERENCE]);
        command.args([path("text"), path("openmetrics")]);
        let outcome = program::wait(command, DEADLINE).expect_code(0);
        let samples: Vec<Sample> = serde_json::from_str(&outcome.stdout).unwrap();
        let mut streams = BTreeMap::new();
        for (_, labels, _) in samples {
            let stream = labels.into_iter().find(|(name, _)| name == "streamName");
            *streams.entry(stream.unwrap().1).or_default() += 1;
        }
        streams
    }
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn names_that_are_hard_to_write_are_read_by_all() {
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
    let url = format!("{}/v1/exporter/org/acme/metrics", exporter.url);
    let bearer = format!("Bearer {token}");
    let read = |accept: &str| {
        let headers = [("Authorization", bearer.as_str()), ("Accept", accept)];
        http::get(&url, &headers).unwrap().body
    };
    // The judge may be whoever ran last; the exporter looks once a second.
    let text = program::until("all streams", Duration::from_secs(60), || {
        let text = read("text/plain");
        (text.matches("severity=\"LOW\"").count() == NAMES.len() + 1).then_some(text)
    });
    let openmetrics = read("application/openmetrics-text");
    check_lint(&text);

    // Datadog first: it brings the reference parser.
    let series = text.lines().filter(|line| !line.starts_with('#')).count();
    let folder = TempDir::new().unwrap();
    let token_file = folder.path().join("token");
    // As `echo` writes it.
    fs::write(&token_file, format!("{token}\n")).unwrap();
    for latest in [false, true] {
        let config = format!(
            "instances:\n  - openmetrics_endpoint: \"{url}\"\n    \
             namespace: \"scout-metrics-exporter\"\n    metrics:\n      - scout_*\n    \
             auth_token:\n      reader:\n        type: file\n        path: {}\n      \
             writer:\n        type: header\n        name: Authorization\n        \
             value: Bearer <TOKEN>\n    use_latest_spec: {latest}\n",
            token_file.display()
        );
        let collected = datadog.collect(&url, &config);
        assert_eq!(collected.len(), series, "use_latest_spec: {latest}");
        let name = collected[0]["name"].as_str().unwrap();
        assert!(name.starts_with("scout-metrics-exporter.scout_"), "{name}");
    }
    let streams = datadog.reference(&text, &openmetrics);
    let mut expected: Vec<_> = NAMES.iter().map(|name| (*name).to_owned()).collect();
    expected.push("latest-indexed".to_owned());
    expected.sort();
    assert_eq!(streams.keys().cloned().collect::<Vec<_>>(), expected);
    for (stream, count) in &streams {
        // Five severities, and two families of three policies.
        assert_eq!(*count, 11, "{stream}");
    }
    let prometheus = Prometheus::start(&exporter.url, &token);
    prometheus.wait_for_health("up");
}
