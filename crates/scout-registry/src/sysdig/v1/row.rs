//! Rows of the public API: what runs in one container, and which result tells more of it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::runtime::{RunningContainer, Workload};
use crate::sysdig::wire::{are_texts, digest, filled, texts_of};

/// The label that tells the cluster.
pub(super) const CLUSTER: &str = "kubernetes.cluster.name";

/// One scanned thing that runs: a container of a workload, or a host.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Row<'a> {
    #[serde(default)]
    resource_id: Option<String>,
    #[serde(default)]
    result_id: Option<String>,
    #[serde(default)]
    main_asset_name: Option<String>,
    #[serde(default)]
    is_risk_spotlight_enabled: Option<bool>,
    #[serde(borrow, default)]
    running_vuln_total_by_severity: Option<&'a RawValue>,
    #[serde(default)]
    scope: Option<BTreeMap<String, Value>>,
}

impl Row<'_> {
    pub(super) fn scope(&self, key: &str) -> Option<&str> {
        let text = self.scope.as_ref()?.get(key)?.as_str()?;
        (!text.is_empty()).then_some(text)
    }

    pub(super) fn is_host(&self) -> bool {
        self.scope("asset.type") == Some("host")
    }
}

/// A container whose packages are not known yet.
pub(super) struct Found {
    pub(super) container: RunningContainer,
    pub(super) result: Option<Wanted>,
}

/// A result that is wanted.
#[derive(Clone)]
pub(super) struct Wanted {
    pub(super) id: String,
    /// What changes when other packages come into use; nothing where that is not observed.
    pub(super) version: Option<String>,
}

impl Found {
    pub(super) fn new(row: &Row<'_>) -> Option<Self> {
        let text = |key| row.scope(key).unwrap_or_default().to_owned();
        let workload = Workload::new(
            kubernetes_kind(&text("kubernetes.workload.type")),
            text("kubernetes.namespace.name"),
            text("kubernetes.workload.name"),
            text("kubernetes.pod.container.name"),
        );
        let reference = filled(row.main_asset_name.clone());
        if !are_texts(texts_of(&workload).into_iter().chain(reference.as_deref())) {
            return None;
        }
        let mut container = RunningContainer::new(workload);
        container.image_id = digest(row.resource_id.as_deref().unwrap_or_default());
        container.reference = reference;
        let is_observed = row.is_risk_spotlight_enabled == Some(true);
        let running = row.running_vuln_total_by_severity.map(RawValue::get);
        let result = row.result_id.clone().filter(|id| is_id(id));
        Some(Self {
            container,
            result: result.map(|id| Wanted {
                id,
                version: is_observed.then(|| running.unwrap_or_default().to_owned()),
            }),
        })
    }
}

/// The id of a result becomes part of an address.
fn is_id(id: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=128).contains(&id.len()) && id.bytes().all(is_word)
}

/// Kinds of Kubernetes, which this API writes in lower case.
const KINDS: &[&str] = &[
    "CronJob",
    "DaemonSet",
    "Deployment",
    "Job",
    "Pod",
    "ReplicaSet",
    "ReplicationController",
    "StatefulSet",
];

fn kubernetes_kind(text: &str) -> String {
    let known = KINDS.iter().find(|kind| kind.eq_ignore_ascii_case(text));
    known.map_or(text, |kind| kind).to_owned()
}
