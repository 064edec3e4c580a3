//! A strict imitation of the two APIs of Sysdig Secure that tell what runs.
//!
//! Source: snyk/kubernetes-monitor `src/data-scraper` (Risk Spotlight: path, parameters, limits,
//! shape); Sysdig's description of the vulnerability API through sysdiglabs/sysdig-mcp-server
//! (limits of cursor, filter and page). What neither says is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::runtime::Workload;
use crate::testing::{Asked, Fake, Reply};

/// The token of the Risk Spotlight integration, which opens nothing else.
pub(super) const SPOTLIGHT_TOKEN: &str = "spotlight-0ken";
/// A token for the public API, which opens nothing else.
pub(super) const API_TOKEN: &str = "api-0ken";

/// One container that runs.
#[derive(Clone)]
pub(super) struct Container {
    /// Which image.
    pub(super) image: u8,
    pub(super) workload: Workload,
    /// Names of packages that were loaded; nothing if there is no profile.
    pub(super) packages: Option<Vec<&'static str>>,
}

pub(super) fn container(image: u8, name: &str, packages: Option<&[&'static str]>) -> Container {
    Container {
        image,
        workload: Workload::new("Deployment", "shop", name, "main"),
        packages: packages.map(<[_]>::to_vec),
    }
}

pub(super) fn image_id(image: u8) -> String {
    format!("sha256:{}", format!("{image:02x}").repeat(32))
}

pub(super) fn manifest(image: u8) -> String {
    image_id(image ^ 0xf0)
}

fn pulled(image: u8) -> String {
    format!("registry.example.com/shop/app-{image}:1.0")
}

fn result_id(image: u8) -> String {
    format!("{image:032x}")
}

type Fault = Arc<dyn Fn(&Asked) -> Option<Reply> + Send + Sync>;

/// What this Sysdig is like.
#[derive(Clone)]
pub(super) struct Imitation {
    pub(super) clusters: BTreeMap<String, Vec<Container>>,
    /// The most rows of a page, whatever is asked for.
    pub(super) page_rows: usize,
    /// Whether each page but the last is followed by an empty one.
    pub(super) has_empty_pages: bool,
    /// The status of Risk Spotlight where it is not offered.
    pub(super) spotlight_status: Option<u16>,
    /// The same of its list of clusters.
    pub(super) clusters_status: Option<u16>,
    /// Answers in place of the imitation, if it does.
    pub(super) fault: Option<Fault>,
    /// How many running vulnerabilities the public API tells of.
    pub(super) running: Arc<Mutex<u32>>,
    pub(super) issued: Arc<Mutex<BTreeSet<String>>>,
}

impl Imitation {
    /// Returns one with the cluster `prod`, and others.
    pub(super) fn new(containers: Vec<Container>) -> Self {
        let other = container(0xee, "other", None);
        Self {
            clusters: [
                ("prod".to_owned(), containers),
                ("staging".to_owned(), vec![other]),
            ]
            .into(),
            page_rows: usize::MAX,
            has_empty_pages: false,
            spotlight_status: None,
            clusters_status: None,
            fault: None,
            running: Arc::default(),
            issued: Arc::default(),
        }
    }

    pub(super) fn with_fault(
        mut self,
        fault: impl Fn(&Asked) -> Option<Reply> + Send + Sync + 'static,
    ) -> Self {
        self.fault = Some(Arc::new(fault));
        self
    }

    pub(super) async fn start(self) -> Fake {
        Fake::start(move |asked, _| self.answer(asked)).await
    }

    fn answer(&self, asked: &Asked) -> Reply {
        if asked.method != "GET" || !asked.body.is_empty() {
            return refused(405);
        }
        if let Some(reply) = self.fault.as_ref().and_then(|fault| fault(asked)) {
            return reply;
        }
        let (path, query) = asked.path_and_query();
        let authorization = asked.authorization.as_deref().unwrap_or_default();
        let token = authorization.strip_prefix("Bearer ").unwrap_or_default();
        if ![SPOTLIGHT_TOKEN, API_TOKEN].contains(&token) {
            return refused(401);
        }
        if let Some(path) = path.strip_prefix("/api/scanning/eveintegration/v2/") {
            if let Some(status) = self.spotlight_status {
                return refused(status);
            }
            if token != SPOTLIGHT_TOKEN {
                return refused(403);
            }
            return match path {
                "runtimeimages" => self.spotlight_images(&query),
                "runtimeclusters" if query.is_empty() => self.spotlight_clusters(),
                "runtimeclusters" => refused(400),
                _ => refused(404),
            };
        }
        let Some(path) = path.strip_prefix("/secure/vulnerability/v1/") else {
            return refused(404);
        };
        if token != API_TOKEN {
            return refused(403);
        }
        match path.split_once('/') {
            None if path == "runtime-results" => self.v1_results(&query),
            Some(("results", id)) if query.is_empty() => self.v1_result(id),
            _ => refused(404),
        }
    }

    fn spotlight_images(&self, query: &BTreeMap<String, String>) -> Reply {
        let Some(cluster) = query.get("clusterName") else {
            return refused(400);
        };
        let containers = self.clusters.get(cluster).cloned().unwrap_or_default();
        let rows: Vec<_> = containers.iter().map(spotlight_row).collect();
        self.page(query, &["clusterName"], 250, 500, &rows)
    }

    fn spotlight_clusters(&self) -> Reply {
        match self.clusters_status {
            Some(status) => refused(status),
            None => json_reply(&json!({"data": self.clusters.keys().collect::<Vec<_>>()})),
        }
    }

    fn v1_results(&self, query: &BTreeMap<String, String>) -> Reply {
        let filter = query.get("filter");
        let is_long =
            |key: &str, limit| query.get(key).is_some_and(|it| it.chars().count() > limit);
        if is_long("filter", 1024) || is_long("cursor", 300) {
            return refused(400);
        }
        let wanted = match filter.map(|filter| cluster_of(filter)) {
            Some(None) => return refused(400),
            Some(Some(name)) => Some(name),
            None => None,
        };
        let mut rows = Vec::new();
        for (cluster, containers) in &self.clusters {
            if wanted.as_ref().is_none_or(|wanted| wanted == cluster) {
                let row = |container| self.v1_row(cluster, container);
                rows.extend(containers.iter().map(row));
                rows.push(json!({
                    "resourceId": "1489835514684399099", "mainAssetName": "node-1",
                    "scope": {"asset.type": "host", "kubernetes.cluster.name": cluster},
                }));
            }
        }
        self.page(query, &["filter", "sort", "order"], 1000, 1000, &rows)
    }

    fn v1_row(&self, cluster: &str, container: &Container) -> Value {
        let workload = &container.workload;
        json!({
            "isRiskSpotlightEnabled": container.packages.is_some(),
            "mainAssetName": pulled(container.image),
            "policyEvaluationResult": "passed",
            "resourceId": image_id(container.image),
            "resultId": result_id(container.image),
            "sbomId": null,
            "runningVulnTotalBySeverity": {"critical": *self.running.lock().unwrap(), "high": 0},
            "scope": {
                "asset.type": "workload",
                "kubernetes.cluster.name": cluster,
                "kubernetes.namespace.name": workload.namespace,
                "kubernetes.workload.name": workload.name,
                "kubernetes.workload.type": workload.kind.to_lowercase(),
                "kubernetes.pod.container.name": workload.container,
                "workload.orchestrator": "kubernetes",
            },
            "vulnTotalBySeverity": {"critical": 0, "high": 1},
        })
    }

    fn v1_result(&self, id: &str) -> Reply {
        let all: Vec<_> = self
            .clusters
            .values()
            .flatten()
            .filter(|container| result_id(container.image) == id)
            .collect();
        let Some(container) = all.first() else {
            return refused(404);
        };
        let image = container.image;
        let running = all.iter().flat_map(|it| it.packages.iter().flatten());
        let names: BTreeSet<_> = running.collect();
        let mut packages = serde_json::Map::new();
        for (index, name) in names.into_iter().enumerate() {
            packages.insert(
                format!("{index:08}-f27f-4ad7"),
                json!({"name": name, "version": "1", "type": "os", "isRunning": true,
                    "isRemoved": false, "path": "", "vulnerabilitiesRefs": null}),
            );
        }
        packages.insert(
            "idle".to_owned(),
            json!({"name": "bash", "version": "5", "type": "os", "isRunning": false}),
        );
        json_reply(&json!({
            "assetType": "containerImage", "stage": "runtime",
            "metadata": {"imageId": image_id(image), "digest": manifest(image), "os": "linux",
                "pullString": pulled(image), "architecture": "amd64", "labels": {"a": "b"}},
            "packages": packages, "vulnerabilities": {}, "layers": {}, "policies": null,
        }))
    }

    /// Cuts a page. Only cursors that were given out lead on.
    fn page(
        &self,
        query: &BTreeMap<String, String>,
        allowed: &[&str],
        default: usize,
        max: usize,
        rows: &[Value],
    ) -> Reply {
        let is_known = |key: &str| ["limit", "cursor"].contains(&key) || allowed.contains(&key);
        if !query.keys().all(|key| is_known(key)) {
            return refused(400);
        }
        let limit = match query.get("limit").map(|text| text.parse()) {
            None => default,
            Some(Ok(limit)) if (1..=max).contains(&limit) => limit,
            Some(_) => return refused(400),
        };
        let mut issued = self.issued.lock().unwrap();
        let (start, is_empty_page) = match query.get("cursor") {
            None => (0, false),
            Some(cursor) if issued.contains(cursor) => {
                let (start, kind) = cursor.trim_end_matches('=').split_once('/').unwrap();
                (start.parse().unwrap(), kind == "empty")
            }
            Some(_) => return refused(400),
        };
        let limit = limit.min(self.page_rows);
        let end = if is_empty_page {
            start
        } else {
            rows.len().min(start + limit)
        };
        let next = match rows.len() > end {
            // Characters that must be encoded in an address.
            true if self.has_empty_pages && !is_empty_page => format!("{end}/empty=="),
            true => format!("{end}/rows=="),
            false => String::new(),
        };
        issued.insert(next.clone());
        let rows = &rows[start..end];
        json_reply(&json!({
            "data": rows,
            "page": {"returned": rows.len(), "next": next, "total": 0},
            "unheardOf": [{"a": null}],
        }))
    }
}

fn spotlight_row(container: &Container) -> Value {
    let package = |name: &&str| {
        json!({"name": name, "version": "1", "installedViaPackageManager": true,
            "osFamily": "debian", "osVersion": "11", "arch": "amd64", "unheardOf": 1})
    };
    let packages = container.packages.as_ref();
    json!({
        "imageID": image_id(container.image),
        "namespace": container.workload.namespace,
        "workloadName": container.workload.name,
        "workloadKind": container.workload.kind,
        "container": container.workload.container,
        "packages": packages.map(|names| names.iter().map(package).collect::<Vec<_>>()),
        "unheardOf": {"deep": [1, 2]},
    })
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

pub(super) fn json_reply(value: &Value) -> Reply {
    Reply::new(200, value.to_string()).header("content-type", "application/json")
}

pub(super) fn refused(status: u16) -> Reply {
    Reply::new(status, r#"{"message":"in words"}"#).header("content-type", "application/json")
}
