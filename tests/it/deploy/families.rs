//! Dashboards and alerts use the metrics that there are, and no others.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::{dashboards, text};
use crate::examples::indexed;
use crate::support::hosted::HostedEndpoint;
use crate::support::http;
use crate::support::program;
use crate::support::scout::Scout;
use crate::support::serving::Serving;

/// The datasource of published dashboards.
const DATASOURCE: &str = "PBFA97CFB590B2093";
/// The token of the hosted organization.
pub(crate) const TOKEN: &str = "dckr_pat_0123456789";

/// An exporter with an organization of its own, and with the hosted organization `other`.
pub(crate) struct Both {
    pub(crate) exporter: Serving,
    /// A token for `acme`.
    pub(crate) token: String,
    _scout: Scout,
    _folder: TempDir,
}

impl Both {
    pub(crate) fn start() -> Self {
        let (scout, _) = indexed();
        let record = ["environment", "production", "shop/web:1.0"];
        scout.scout(&record).expect_code(0);
        let token = scout.token(&[]);
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("token");
        fs::write(&file, TOKEN).unwrap();
        let endpoint = HostedEndpoint::start("other", TOKEN);
        let mut command = program::ours("scout-exporter");
        command
            .args([
                "--source",
                "hosted",
                "--org",
                "other",
                "--api",
                &endpoint.url(),
            ])
            .arg("--token-file")
            .arg(&file)
            .arg("--data-dir")
            .arg(scout.dir());
        let both = Self {
            exporter: Serving::exporting(command),
            token,
            _scout: scout,
            _folder: folder,
        };
        program::until("both organizations", Duration::from_secs(60), || {
            let read = both
                .own_page()
                .contains("scout_exporter_hosted_up{org=\"other\"} 1");
            let production = both.exporter.ask(&both.token);
            (read && production.body.contains("streamName=\"production\"")).then_some(())
        });
        both
    }

    /// Returns the exporter's own page.
    pub(crate) fn own_page(&self) -> String {
        let answer = http::get(&format!("{}/metrics", self.exporter.url), &[]);
        answer.unwrap().body
    }
}

/// Returns the words that are names of our metrics.
fn names(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|word| word.starts_with("scout_"))
        .collect()
}

/// Returns every text below a key of this name.
pub(crate) fn below<'v>(value: &'v Value, key: &str) -> Vec<&'v str> {
    match value {
        Value::Array(values) => values.iter().flat_map(|value| below(value, key)).collect(),
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, value)| match value {
                Value::String(text) if name == key => vec![text.as_str()],
                value => below(value, key),
            })
            .collect(),
        _ => Vec::new(),
    }
}

#[test]
fn dashboards_and_alerts_use_metrics_that_there_are() {
    let both = Both::start();
    let page = format!("{}{}", both.own_page(), both.exporter.ask(&both.token).body);
    let known: BTreeSet<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .collect();
    let rules = text("alerts/scout.rules.yml");
    let mut used = BTreeSet::from_iter(names(&rules).into_iter().map(str::to_owned));
    for file in dashboards() {
        let dashboard: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        let texts = [below(&dashboard, "expr"), below(&dashboard, "query")].concat();
        let own: BTreeSet<_> = texts.into_iter().flat_map(names).collect();
        assert!(!own.is_empty(), "{}", file.display());
        used.extend(own.into_iter().map(str::to_owned));
    }
    let unknown: Vec<_> = used
        .iter()
        .filter(|name| !known.contains(name.as_str()))
        .collect();
    assert!(unknown.is_empty(), "{unknown:?} not among {known:?}");
    // What there is should be shown somewhere.
    let unused: Vec<_> = known.iter().filter(|name| !used.contains(**name)).collect();
    assert!(unused.is_empty(), "{unused:?} are on no dashboard");
}

#[test]
fn dashboards_are_told_apart_and_use_the_published_datasource() {
    let mut uids = BTreeSet::new();
    for file in dashboards() {
        let dashboard: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        let uid = dashboard["uid"].as_str().unwrap();
        let name = file.file_stem().unwrap().to_str().unwrap();
        assert_eq!(uid, format!("scout-{name}"));
        assert!(uids.insert(dashboard["title"].to_string()), "{name}");
        let mut ids = BTreeSet::new();
        for panel in dashboard["panels"].as_array().unwrap() {
            let title = &panel["title"];
            assert!(ids.insert(panel["id"].to_string()), "{name}: {title}");
            if panel["type"] == "row" {
                continue;
            }
            assert_eq!(panel["datasource"]["uid"], DATASOURCE, "{name}: {title}");
            for target in panel["targets"].as_array().unwrap() {
                assert_eq!(target["datasource"]["uid"], DATASOURCE, "{name}: {title}");
            }
        }
        for variable in dashboard["templating"]["list"].as_array().unwrap() {
            assert_eq!(variable["datasource"]["uid"], DATASOURCE, "{name}");
        }
    }
    assert_eq!(uids.len(), 5);
}
