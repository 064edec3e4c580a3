//! A real Prometheus that scrapes an exporter with a token file.

use std::fs;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::guard::Guarded;
use super::http;
use super::metrics::Samples;
use super::program;
use super::registry::free_port;
use super::scout::ORG;

/// Prometheus looks at a new target some five seconds after its start.
const FIRST_SCRAPE: Duration = Duration::from_secs(60);

/// A running Prometheus with one target.
#[derive(Debug)]
pub(crate) struct Prometheus {
    guard: Guarded,
    url: String,
    _folder: TempDir,
}

impl Prometheus {
    /// Starts a Prometheus that scrapes an exporter (`http://HOST:PORT`) every second.
    pub(crate) fn start(exporter: &str, token: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let token_file = folder.path().join("token");
        fs::write(&token_file, token).unwrap();
        let target = exporter.strip_prefix("http://").unwrap();
        let config = format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\n\
             scrape_configs:\n\
             - job_name: scout\n  \
               metrics_path: /v1/exporter/org/{ORG}/metrics\n  \
               authorization: {{type: Bearer, credentials_file: \"{}\"}}\n  \
               static_configs: [{{targets: [\"{target}\"]}}]\n",
            token_file.display()
        );
        Self::configured_in(folder, &config)
    }

    /// Starts a Prometheus with this configuration.
    pub(crate) fn configured(config: &str) -> Self {
        Self::configured_in(TempDir::new().unwrap(), config)
    }

    fn configured_in(folder: TempDir, config: &str) -> Self {
        let file = folder.path().join("prometheus.yml");
        fs::write(&file, config).unwrap();
        let port = free_port();
        let mut command = Command::new("prometheus");
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.path().join("tsdb").display()
            ))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--log.level=warn");
        Self {
            guard: Guarded::start(&command, &folder.path().join("log")),
            url: format!("http://127.0.0.1:{port}"),
            _folder: folder,
        }
    }

    /// Waits until the target's health is this, and returns the target.
    #[track_caller]
    pub(crate) fn wait_for_health(&self, health: &str) -> Value {
        program::until(&format!("target {health}"), FIRST_SCRAPE, || {
            assert!(self.guard.is_running(), "{}", self.guard.stderr());
            let answer = self.api("targets?state=active")?;
            let target = answer["data"]["activeTargets"][0].clone();
            (target["health"] == health).then_some(target)
        })
    }

    /// Returns what Prometheus stored of our families, in the form of a page.
    pub(crate) fn samples(&self) -> Samples {
        // {job="scout",__name__=~"scout_.*"}
        let query = "query?query=%7Bjob%3D%22scout%22%2C__name__%3D~%22scout_.*%22%7D";
        let answer = program::until("samples", FIRST_SCRAPE, || {
            let answer = self.api(query)?;
            let found = !answer["data"]["result"].as_array()?.is_empty();
            found.then_some(answer)
        });
        let mut page = String::new();
        for sample in answer["data"]["result"].as_array().unwrap() {
            let metric = sample["metric"].as_object().unwrap();
            let labels: Vec<_> = metric
                .iter()
                .filter(|(key, _)| !["__name__", "instance", "job"].contains(&key.as_str()))
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            let name = metric["__name__"].as_str().unwrap();
            let value = sample["value"][1].as_str().unwrap();
            page.push_str(&format!("{name}{{{}}} {value}\n", labels.join(",")));
        }
        Samples::parse(&page)
    }

    /// Evaluates an expression now; nothing if Prometheus does not understand it.
    pub(crate) fn query(&self, expression: &str) -> Option<Vec<Value>> {
        let encoded: String = url::form_urlencoded::byte_serialize(expression.as_bytes()).collect();
        let answer = self.api(&format!("query?query={encoded}"))?;
        answer["data"]["result"].as_array().cloned()
    }

    /// Returns what Prometheus says at a path of its interface.
    pub(crate) fn api(&self, path: &str) -> Option<Value> {
        let answer = http::get(&format!("{}/api/v1/{path}", self.url), &[])?;
        serde_json::from_str(&answer.body).ok()
    }
}
