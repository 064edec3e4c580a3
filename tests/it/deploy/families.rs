//! Dashboards and alerts use the metrics that there are, and no others.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use scout_metrics::DOCUMENTED_FAMILIES;
use scout_web::{EXPORTER_FAMILIES, HOSTED_FAMILIES, RECORD_FAMILIES, WATCHER_FAMILIES};
use serde_json::Value;
use tempfile::TempDir;

use super::{dashboards, text};
use crate::examples::{ADVISORIES, REGISTRY, indexed};
use crate::support::guard::Guarded;
use crate::support::hosted::HostedEndpoint;
use crate::support::http;
use crate::support::program;
use crate::support::registry::free_port;
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
    /// Where a watcher on the same record tells how it is.
    pub(crate) watcher_url: String,
    _watcher: Guarded,
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
        let (watcher_url, watcher) = watch(&scout, folder.path());
        let both = Self {
            exporter: Serving::exporting(command),
            token,
            watcher_url,
            _watcher: watcher,
            _scout: scout,
            _folder: folder,
        };
        program::until("both organizations", Duration::from_secs(60), || {
            let read = both
                .own_page()
                .contains("scout_exporter_hosted_up{org=\"other\"} 1");
            let production = both.exporter.ask(&both.token);
            let swept = "scout_watch_last_complete_sweep_age_seconds{";
            let read = read && both.watcher_page().contains(swept);
            (read && production.body.contains("streamName=\"production\"")).then_some(())
        });
        both
    }

    /// Returns the page of a watcher that has made a round.
    pub(crate) fn watcher_page(&self) -> String {
        http::get(&format!("{}/metrics", self.watcher_url), &[])
            .unwrap()
            .body
    }

    /// Returns the exporter's own page.
    pub(crate) fn own_page(&self) -> String {
        let answer = http::get(&format!("{}/metrics", self.exporter.url), &[]);
        answer.unwrap().body
    }
}

/// Starts a watcher that tells how it is, and nothing else; returns where.
fn watch(scout: &Scout, folder: &Path) -> (String, Guarded) {
    let address = format!("127.0.0.1:{}", free_port());
    let more = [&ADVISORIES[..], &["--health-address", &address]].concat();
    let command = scout.watch_command(REGISTRY, &more);
    let guard = Guarded::start(&command, &folder.join("watcher"));
    let url = format!("http://{address}");
    program::until("the watcher's health", Duration::from_secs(60), || {
        assert!(guard.is_running(), "{}", guard.stderr());
        http::get(&format!("{url}/healthz"), &[])
    });
    (url, guard)
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
    let pages = [
        both.own_page(),
        both.watcher_page(),
        both.exporter.ask(&both.token).body,
    ];
    let all = [
        DOCUMENTED_FAMILIES,
        EXPORTER_FAMILIES,
        HOSTED_FAMILIES,
        RECORD_FAMILIES,
        WATCHER_FAMILIES,
    ];
    let known: BTreeSet<_> = all
        .iter()
        .flat_map(|own| own.iter().map(|one| one.name))
        .collect();
    let shown = pages.iter().flat_map(|page| page.lines());
    let shown = shown.filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let undescribed: Vec<_> = shown.filter(|name| !known.contains(name)).collect();
    assert!(undescribed.is_empty(), "{undescribed:?} are in no list");
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
