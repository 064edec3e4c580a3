//! A strict imitation of the two APIs of Sysdig Secure that tell what runs, for programs.
//!
//! Source: the client in snyk/kubernetes-monitor, `src/data-scraper` (Risk Spotlight: path,
//! parameters, the limit of 1 to 500, the shape of an answer); a public script (`runtimeclusters`);
//! Sysdig's description of its public API through sysdiglabs/sysdig-mcp-server (`runtime-results`,
//! `results`; limits of cursor, filter and page). What neither says is refused. The imitation in
//! `crates/scout-registry/src/sysdig/tests` looks at what goes over the wire more closely; this one
//! changes while programs ask it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};
use url::Url;

use super::fake::{Answer, Asked, FakeRegistry};

/// The token of the Risk Spotlight integration, which opens nothing else.
pub(crate) const SPOTLIGHT_TOKEN: &str = "spotlight-t0ken-canary";
/// A token of the public API, which opens nothing else.
pub(crate) const API_TOKEN: &str = "api-t0ken-canary";

/// One container that runs.
#[derive(Clone, Debug)]
pub(crate) struct Container {
    pub(crate) image_id: String,
    /// The manifest and the pull reference, which only the public API tells.
    pub(crate) manifest: String,
    pub(crate) reference: String,
    pub(crate) kind: &'static str,
    pub(crate) namespace: &'static str,
    pub(crate) name: &'static str,
    /// Name and version of what was loaded; nothing if there is no profile.
    pub(crate) packages: Option<Vec<(&'static str, &'static str)>>,
}

/// What goes wrong, until it is mended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Trouble {
    /// Everything is refused with this status and these headers.
    Status(u16, &'static str),
    /// The second page leads to itself.
    CursorLoop,
    /// What comes is no page of a list.
    NoPage,
}

/// What this Sysdig is like now.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) clusters: BTreeMap<String, Vec<Container>>,
    pub(crate) trouble: Option<Trouble>,
    /// The most rows of a page, whatever is asked for.
    pub(crate) page_rows: usize,
    /// Whether each page but the last is followed by an empty one.
    pub(crate) has_empty_pages: bool,
    /// Whether the public API is all there is.
    pub(crate) is_v1_only: bool,
    issued: BTreeSet<String>,
}

/// The server. Its threads end with the process.
#[derive(Debug)]
pub(crate) struct Sysdig {
    server: FakeRegistry,
    state: Arc<Mutex<State>>,
}

impl Sysdig {
    /// Starts one that knows no cluster.
    pub(crate) fn start() -> Self {
        let state = Arc::new(Mutex::new(State {
            clusters: BTreeMap::new(),
            trouble: None,
            page_rows: usize::MAX,
            has_empty_pages: false,
            is_v1_only: false,
            issued: BTreeSet::new(),
        }));
        let own = Arc::clone(&state);
        let answer = move |asked: &Asked| Some(own.lock().unwrap().answer(asked));
        Self {
            server: FakeRegistry::start(Path::new("."), Box::new(answer)),
            state,
        }
    }

    /// Returns the value of `url=`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.server.host())
    }

    /// Returns `HOST:PORT`.
    pub(crate) fn host(&self) -> String {
        self.server.host()
    }

    /// Returns what it is like, to change it.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Makes these containers be all that runs in a cluster.
    pub(crate) fn run(&self, cluster: &str, containers: &[Container]) {
        let clusters = &mut self.state().clusters;
        clusters.insert(cluster.to_owned(), containers.to_vec());
    }

    /// Returns how often it was asked so far.
    pub(crate) fn asked(&self) -> usize {
        self.server.asked().len()
    }
}

impl State {
    fn answer(&mut self, asked: &Asked) -> Answer {
        if asked.method != "GET" {
            return refused(405, "");
        }
        if let Some(Trouble::Status(status, headers)) = self.trouble {
            return refused(status, headers);
        }
        let token = asked.header("authorization");
        let token = token.and_then(|value| value.strip_prefix("Bearer "));
        let token = token.unwrap_or_default();
        if ![SPOTLIGHT_TOKEN, API_TOKEN].contains(&token) {
            return refused(401, "");
        }
        if asked.header("accept") != Some("application/json") {
            return refused(406, "");
        }
        let (path, query) = split(&asked.path);
        if let Some(path) = path.strip_prefix("/api/scanning/eveintegration/v2/") {
            return match path {
                _ if self.is_v1_only => refused(404, ""),
                _ if token != SPOTLIGHT_TOKEN => refused(403, ""),
                "runtimeimages" => self.images(&query),
                "runtimeclusters" if query.is_empty() => {
                    let names: Vec<_> = self.clusters.keys().collect();
                    page(&json!({"data": names}))
                }
                "runtimeclusters" => refused(400, ""),
                _ => refused(404, ""),
            };
        }
        let Some(path) = path.strip_prefix("/secure/vulnerability/v1/") else {
            return refused(404, "");
        };
        if token != API_TOKEN {
            return refused(403, "");
        }
        match path.split_once('/') {
            None if path == "runtime-results" => self.results(&query),
            Some(("results", id)) if query.is_empty() => self.result(id),
            _ => refused(404, ""),
        }
    }

    fn images(&mut self, query: &BTreeMap<String, String>) -> Answer {
        let Some(cluster) = query.get("clusterName") else {
            return refused(400, "");
        };
        let containers = self.clusters.get(cluster).cloned().unwrap_or_default();
        let rows: Vec<_> = containers.iter().map(image_row).collect();
        self.rows(query, &["clusterName"], 250, 500, &rows)
    }

    fn results(&mut self, query: &BTreeMap<String, String>) -> Answer {
        let is_long =
            |key: &str, limit| query.get(key).is_some_and(|it| it.chars().count() > limit);
        if is_long("filter", 1024) || is_long("cursor", 300) {
            return refused(400, "");
        }
        let wanted = match query.get("filter").map(|filter| cluster_of(filter)) {
            Some(None) => return refused(400, ""),
            Some(wanted) => wanted,
            None => None,
        };
        let mut rows = Vec::new();
        for (cluster, containers) in &self.clusters {
            if wanted.as_ref().is_none_or(|wanted| wanted == cluster) {
                rows.extend(containers.iter().map(|one| result_row(cluster, one)));
                rows.push(json!({
                    "resourceId": "1489835514684399099", "mainAssetName": "node-1",
                    "scope": {"asset.type": "host", "kubernetes.cluster.name": cluster},
                }));
            }
        }
        self.rows(query, &["filter", "sort", "order"], 1000, 1000, &rows)
    }

    fn result(&self, id: &str) -> Answer {
        let all: Vec<_> = self.clusters.values().flatten().collect();
        let own = all.into_iter().filter(|one| result_id(one) == id);
        let own: Vec<_> = own.collect();
        let Some(container) = own.first() else {
            return refused(404, "");
        };
        let running = own.iter().flat_map(|one| one.packages.iter().flatten());
        let running: BTreeSet<_> = running.collect();
        let mut packages = serde_json::Map::new();
        for (number, (name, version)) in running.into_iter().enumerate() {
            let package = json!({"name": name, "version": version, "type": "os", "isRunning": true,
                "isRemoved": false, "path": "", "vulnerabilitiesRefs": null});
            packages.insert(format!("{number:08}-f27f-4ad7"), package);
        }
        let idle = json!({"name": "bash", "version": "5", "type": "os", "isRunning": false});
        packages.insert("idle".to_owned(), idle);
        page(&json!({
            "assetType": "containerImage", "stage": "runtime",
            "metadata": {"imageId": container.image_id, "digest": container.manifest,
                "os": "linux", "pullString": container.reference, "architecture": "amd64"},
            "packages": packages, "vulnerabilities": {}, "layers": {}, "policies": null,
        }))
    }

    /// Cuts a page. Only cursors that were given out lead on.
    fn rows(
        &mut self,
        query: &BTreeMap<String, String>,
        allowed: &[&str],
        default: usize,
        most: usize,
        rows: &[Value],
    ) -> Answer {
        let is_known = |key: &str| ["limit", "cursor"].contains(&key) || allowed.contains(&key);
        if !query.keys().all(|key| is_known(key)) {
            return refused(400, "");
        }
        let limit = match query.get("limit").map(|text| text.parse()) {
            None => default,
            Some(Ok(limit)) if (1..=most).contains(&limit) => limit,
            Some(_) => return refused(400, ""),
        };
        let cursor = query.get("cursor");
        let (start, is_empty) = match cursor {
            None => (0, false),
            Some(cursor) if self.issued.contains(cursor) => {
                let (start, kind) = cursor.trim_end_matches('=').split_once('/').unwrap();
                (start.parse().unwrap(), kind == "empty")
            }
            Some(_) => return refused(400, ""),
        };
        match self.trouble {
            Some(Trouble::NoPage) => return page(&json!({"message": "see you later"})),
            Some(Trouble::CursorLoop) => {
                self.issued.insert("0/rows==".to_owned());
                let rows = &rows[..rows.len().min(1)];
                return page(&json!({"data": rows, "page": {"next": "0/rows=="}}));
            }
            Some(Trouble::Status(..)) | None => {}
        }
        let end = match is_empty {
            true => start,
            false => rows.len().min(start + limit.min(self.page_rows)),
        };
        let next = match rows.len() > end {
            // Characters that must be encoded in an address.
            true if self.has_empty_pages && !is_empty => format!("{end}/empty=="),
            true => format!("{end}/rows=="),
            false => String::new(),
        };
        self.issued.insert(next.clone());
        let rows = &rows[start..end];
        page(&json!({
            "data": rows,
            "page": {"returned": rows.len(), "next": next, "total": 0},
            "unheardOf": [{"a": null}],
        }))
    }
}

fn image_row(container: &Container) -> Value {
    let package = |(name, version): &(&str, &str)| {
        json!({"name": name, "version": version, "installedViaPackageManager": true,
            "osFamily": "debian", "osVersion": "12", "arch": "amd64", "unheardOf": 1})
    };
    let packages = container.packages.as_ref();
    json!({
        "imageID": container.image_id, "namespace": container.namespace,
        "workloadName": container.name, "workloadKind": container.kind, "container": "main",
        "packages": packages.map(|all| all.iter().map(package).collect::<Vec<_>>()),
        "unheardOf": {"deep": [1, 2]},
    })
}

fn result_row(cluster: &str, container: &Container) -> Value {
    json!({
        "isRiskSpotlightEnabled": container.packages.is_some(),
        "mainAssetName": container.reference, "policyEvaluationResult": "passed",
        "resourceId": container.image_id, "resultId": result_id(container), "sbomId": null,
        "runningVulnTotalBySeverity": {"critical": 0, "high": 0},
        "scope": {
            "asset.type": "workload", "kubernetes.cluster.name": cluster,
            "kubernetes.namespace.name": container.namespace,
            "kubernetes.workload.name": container.name,
            "kubernetes.workload.type": container.kind.to_lowercase(),
            "kubernetes.pod.container.name": "main", "workload.orchestrator": "kubernetes",
        },
        "vulnTotalBySeverity": {"critical": 0, "high": 1},
    })
}

fn result_id(container: &Container) -> String {
    let (_, hex) = container.image_id.split_once(':').unwrap();
    hex[..32].to_owned()
}

/// Reads the one filter that is used; a quote in a value must be escaped.
fn cluster_of(filter: &str) -> Option<String> {
    let quoted = filter.strip_prefix("kubernetes.cluster.name=\"")?;
    let quoted = quoted.strip_suffix('"')?;
    let mut name = String::new();
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => name.push(characters.next()?),
            '"' => return None,
            character => name.push(character),
        }
    }
    Some(name)
}

/// Splits an address into its path and its parameters.
fn split(address: &str) -> (String, BTreeMap<String, String>) {
    let url = Url::parse("http://sysdig").unwrap().join(address).unwrap();
    let pairs = url.query_pairs().into_owned().collect();
    (url.path().to_owned(), pairs)
}

fn page(value: &Value) -> Answer {
    let head = "200 OK\r\nContent-Type: application/json";
    (head.to_owned(), value.to_string().into_bytes())
}

fn refused(status: u16, headers: &str) -> Answer {
    let head = format!("{status} No\r\nContent-Type: application/json{headers}");
    (head, br#"{"message":"in words"}"#.to_vec())
}
