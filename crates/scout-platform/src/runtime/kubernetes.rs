//! Pods, as `kubectl get pods -o json` prints them.
//!
//! The fields are those of the Kubernetes API, core/v1 `PodList`
//! (<https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/>): of each
//! `ContainerStatus` the `imageID`, which is `REPOSITORY@DIGEST`, a bare digest, or either behind
//! `docker-pullable://` or `docker://`, as the container runtime has it.

use std::collections::BTreeMap;
use std::io::Read;

use scout_envs::{Digest, ImageReference};
use scout_store::{RunningImageRecord, RunningWorkload};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::list::{InvalidRunningList, RunningList};

/// Longest reference that is one, in bytes, with room: names have 255, hosts 253, tags 128.
const MAX_REFERENCE_BYTES: usize = 1024;
/// Longest name kept, in characters. Kubernetes allows 253.
const MAX_NAME_CHARS: usize = 253;

/// What kubectl prints: a list, or one pod.
#[derive(Deserialize)]
struct Printed {
    kind: Option<String>,
    items: Option<Vec<Pod>>,
    metadata: Option<Metadata>,
    status: Option<PodStatus>,
}

#[derive(Deserialize)]
struct Pod {
    kind: Option<String>,
    metadata: Option<Metadata>,
    status: Option<PodStatus>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Metadata {
    name: Option<String>,
    namespace: Option<String>,
    labels: Option<BTreeMap<String, String>>,
    owner_references: Option<Vec<Owner>>,
}

#[derive(Deserialize)]
struct Owner {
    kind: String,
    name: String,
    #[serde(default)]
    controller: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodStatus {
    container_statuses: Option<Vec<Container>>,
    init_container_statuses: Option<Vec<Container>>,
    ephemeral_container_statuses: Option<Vec<Container>>,
}

#[derive(Deserialize)]
struct Container {
    #[serde(default)]
    name: String,
    #[serde(default)]
    image: String,
    #[serde(default, rename = "imageID")]
    image_id: String,
    state: Option<State>,
}

#[derive(Deserialize)]
struct State {
    running: Option<IgnoredAny>,
}

/// The pods of a list, as they are read.
pub(super) struct Pods;

impl Pods {
    /// Reads what kubectl printed: a list of pods, or one.
    pub(super) fn document(list: impl Read) -> Result<RunningList, InvalidRunningList> {
        let printed: Printed = serde_json::from_reader(list).map_err(InvalidRunningList::Json)?;
        let Printed {
            kind,
            items,
            metadata,
            status,
        } = printed;
        match (items, kind.as_deref()) {
            (Some(pods), None | Some("List" | "PodList")) => all(pods),
            (Some(_), Some(kind)) => Err(not_pods(kind)),
            (None, _) => all(vec![Pod {
                kind,
                metadata,
                status,
            }]),
        }
    }

    /// Reads the items of such a list.
    pub(super) fn array(list: impl Read) -> Result<RunningList, InvalidRunningList> {
        all(serde_json::from_reader(list).map_err(InvalidRunningList::Json)?)
    }
}

fn all(pods: Vec<Pod>) -> Result<RunningList, InvalidRunningList> {
    let mut found = RunningList::default();
    for pod in pods {
        match (pod.kind.as_deref(), &pod.metadata) {
            // Kubernetes leaves the kind out of the items of a typed list.
            (Some("Pod"), _) | (None, Some(_)) => add(&mut found, pod),
            (Some(kind), _) => return Err(not_pods(kind)),
            (None, None) => return Err(not_pods("something without a kind")),
        }
    }
    Ok(found)
}

fn not_pods(kind: &str) -> InvalidRunningList {
    InvalidRunningList::NotPods {
        kind: bounded(kind),
    }
}

fn add(found: &mut RunningList, pod: Pod) {
    let owner = owner(&pod.metadata.unwrap_or_default());
    let Some(status) = pod.status else { return };
    let containers = [
        status.container_statuses,
        status.init_container_statuses,
        status.ephemeral_container_statuses,
    ];
    for container in containers.into_iter().flatten().flatten() {
        let is_running = container.state.is_some_and(|state| state.running.is_some());
        if !is_running {
            found.not_running += 1;
            continue;
        }
        found.entries += 1;
        let (image_id, manifest, reference) = names(&container.image, &container.image_id);
        if image_id.is_none() && manifest.is_none() && reference.is_none() {
            found.unidentified += 1;
            continue;
        }
        found.images.push(RunningImageRecord {
            image_id,
            manifest,
            reference,
            workloads: vec![RunningWorkload {
                container: bounded(&container.name),
                ..owner.clone()
            }],
            packages_in_use: None,
        });
    }
}

/// What a pod belongs to. A Deployment makes its pods through a `ReplicaSet`, whose name is its
/// own with the hash that the pods have as a label.
fn owner(metadata: &Metadata) -> RunningWorkload {
    let name = metadata.name.as_deref().unwrap_or_default();
    let owners = metadata.owner_references.as_deref().unwrap_or_default();
    let owner = owners
        .iter()
        .find(|owner| owner.controller)
        .or_else(|| owners.first());
    let labels = metadata.labels.as_ref();
    let hash = labels.and_then(|labels| labels.get("pod-template-hash"));
    let (kind, name) = match owner {
        None => ("Pod", name),
        Some(owner) => {
            let set = (owner.kind == "ReplicaSet").then_some(owner.name.as_str());
            let deployment = set
                .zip(hash)
                .and_then(|(set, hash)| set.strip_suffix(hash.as_str())?.strip_suffix('-'));
            match deployment {
                Some(deployment) => ("Deployment", deployment),
                None => (owner.kind.as_str(), owner.name.as_str()),
            }
        }
    };
    RunningWorkload {
        kind: bounded(kind),
        namespace: bounded(metadata.namespace.as_deref().unwrap_or_default()),
        name: bounded(name),
        container: String::new(),
    }
}

/// The digest of the configuration, that of the manifest, and what was pulled.
fn names(image: &str, image_id: &str) -> (Option<Digest>, Option<Digest>, Option<String>) {
    let id = image_id.split_once("://").map_or(image_id, |(_, id)| id);
    let (repository, digest) = match id.rsplit_once('@') {
        Some((repository, digest)) => (Some(repository), digest),
        None => (None, id),
    };
    // Some runtimes leave out which hash function it is.
    let digest: Option<Digest> = match digest.contains(':') {
        true => digest.parse().ok(),
        false => format!("sha256:{digest}").parse().ok(),
    };
    let pulled = |text: &str| {
        let reference: ImageReference = text.parse().ok()?;
        let is_id = text.starts_with("sha256:") || text.len() > MAX_REFERENCE_BYTES;
        (!is_id).then(|| (text.to_owned(), reference.digest().cloned()))
    };
    let (reference, pinned) = match pulled(image).or_else(|| pulled(repository?)) {
        Some((reference, pinned)) => (Some(reference), pinned),
        None => (None, None),
    };
    match repository {
        Some(_) => (None, digest.or(pinned), reference),
        None => (digest, pinned, reference),
    }
}

fn bounded(name: &str) -> String {
    let shown = name.chars().filter(|c| !c.is_control());
    shown.take(MAX_NAME_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn digest(letter: char) -> Digest {
        let hex: String = std::iter::repeat_n(letter, 64).collect();
        format!("sha256:{hex}").parse().unwrap()
    }

    fn read(value: &serde_json::Value) -> Result<RunningList, InvalidRunningList> {
        RunningList::read(value.to_string().as_bytes())
    }

    fn container(image: &str, image_id: &str) -> serde_json::Value {
        json!({"name": "app", "image": image, "imageID": image_id, "ready": true,
               "state": {"running": {"startedAt": "2026-11-21T10:00:00Z"}}})
    }

    fn check(image: &str, image_id: &str, expected: (Option<char>, Option<char>, Option<&str>)) {
        let pod =
            json!({"kind": "Pod", "status": {"containerStatuses": [container(image, image_id)]}});
        let list = read(&pod).unwrap();
        let found = list.images.first().map(|one| {
            let reference = one.reference.as_deref();
            (one.image_id.clone(), one.manifest.clone(), reference)
        });
        let (id, manifest, reference) = expected;
        let is_named = id.or(manifest).is_some() || reference.is_some();
        let expected = is_named.then(|| (id.map(digest), manifest.map(digest), reference));
        assert_eq!(found, expected, "{image} {image_id}");
        assert_eq!(list.unidentified, u64::from(!is_named));
    }

    #[test]
    fn image_ids_are_read_as_every_runtime_writes_them() {
        let (a, b) = (digest('a'), digest('b'));
        let app = Some("r.test/app:1");
        check(
            "r.test/app:1",
            &format!("r.test/app@{a}"),
            (None, Some('a'), app),
        );
        check(
            "r.test/app:1",
            &format!("docker-pullable://r.test/app@{a}"),
            (None, Some('a'), app),
        );
        check("r.test/app:1", a.as_str(), (Some('a'), None, app));
        check(
            "r.test/app:1",
            &format!("docker://{a}"),
            (Some('a'), None, app),
        );
        check("r.test/app:1", a.hex(), (Some('a'), None, app));
        // What was given by its digest keeps it.
        let pinned = format!("r.test/app@{b}");
        check(&pinned, a.as_str(), (Some('a'), Some('b'), Some(&pinned)));
        check(&pinned, "", (None, Some('b'), Some(&pinned)));
        // The name is gone from the node: what it was pulled as is in the id.
        check(
            a.as_str(),
            &format!("r.test/app@{b}"),
            (None, Some('b'), Some("r.test/app")),
        );
        check(a.as_str(), a.as_str(), (Some('a'), None, None));
        check("r.test/app:1", "", (None, None, app));
        check("r.test/app:1", "r.test/app@sha256:12", (None, None, app));
        check("", "", (None, None, None));
        check("WHAT?", "\u{1b}[31m", (None, None, None));
        check(&"x".repeat(9_999), "", (None, None, None));
    }

    #[test]
    fn only_what_runs_is_taken_with_what_it_belongs_to() {
        let id = format!("r.test/app@{}", digest('a'));
        let mut ended = container("r.test/init:1", &id);
        ended["state"] = json!({"terminated": {"exitCode": 0}});
        let mut waiting = container("r.test/late:1", "");
        waiting["state"] = json!({"waiting": {"reason": "ImagePullBackOff"}});
        let list = read(&json!({
            "apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""},
            "items": [
                {"kind": "Pod",
                 "metadata": {"name": "shop-5d9c-x1", "namespace": "shop",
                    "labels": {"pod-template-hash": "5d9c"},
                    "ownerReferences": [{"kind": "ReplicaSet", "name": "shop-5d9c", "controller": true}]},
                 "spec": {"containers": [{"name": "app", "image": "r.test/app:1"}]},
                 "status": {"phase": "Running",
                    "containerStatuses": [container("r.test/app:1", &id), waiting],
                    "initContainerStatuses": [ended, container("r.test/sidecar:1", &id)],
                    "ephemeralContainerStatuses": [container("r.test/debug:1", &id)]}},
                {"kind": "Pod",
                 "metadata": {"name": "db-0", "namespace": "shop",
                    "ownerReferences": [{"kind": "StatefulSet", "name": "db"}]},
                 "status": {"containerStatuses": [container("r.test/db:1", &id)]}},
                {"metadata": {"name": "alone", "namespace": "ops"},
                 "status": {"containerStatuses": [container("r.test/alone:1", &id)],
                            "initContainerStatuses": null}},
                {"kind": "Pod", "metadata": {"name": "pending"}, "status": {"phase": "Pending"}},
            ],
        }))
        .unwrap();
        let shown: Vec<_> = list
            .images
            .iter()
            .map(|image| {
                let one = &image.workloads[0];
                let what = format!("{} {}/{}", one.kind, one.namespace, one.name);
                (image.reference.as_deref().unwrap(), what)
            })
            .collect();
        let shop = "Deployment shop/shop".to_owned();
        assert_eq!(
            shown,
            [
                ("r.test/app:1", shop.clone()),
                ("r.test/sidecar:1", shop.clone()),
                ("r.test/debug:1", shop),
                ("r.test/db:1", "StatefulSet shop/db".to_owned()),
                ("r.test/alone:1", "Pod ops/alone".to_owned()),
            ]
        );
        assert_eq!(
            (list.entries, list.not_running, list.unidentified),
            (5, 2, 0)
        );
    }

    #[test]
    fn what_is_not_a_list_of_pods_is_told() {
        for (value, expected) in [
            (
                json!({"kind": "List", "items": [{"kind": "Service"}]}),
                "holds Service",
            ),
            (
                json!({"kind": "Deployment", "metadata": {}}),
                "holds Deployment",
            ),
            (json!({"items": 5}), "begins as JSON"),
            (
                json!({"kind": "Pod", "status": {"containerStatuses": "x"}}),
                "begins as JSON",
            ),
            (json!([5]), "begins as JSON"),
            (json!({}), "without a kind"),
            (json!({"error": "unauthorized"}), "without a kind"),
            (json!([{}]), "without a kind"),
            (
                json!({"kind": "ServiceList", "items": []}),
                "holds ServiceList",
            ),
            (
                json!({"kind": "Status", "status": "Failure"}),
                "begins as JSON",
            ),
        ] {
            let error = read(&value).unwrap_err().to_string();
            assert!(error.contains(expected), "{value}: {error}");
        }
        let cut = RunningList::read(&b"{\"items\": ["[..]).unwrap_err();
        assert!(matches!(cut, InvalidRunningList::Json(_)), "{cut}");
        let deep = "[".repeat(100_000);
        assert!(RunningList::read(deep.as_bytes()).is_err());
        // A cluster in which nothing runs is one.
        for nothing in [json!({"kind": "PodList", "items": []}), json!([])] {
            assert_eq!(read(&nothing).unwrap(), RunningList::default());
        }
    }
}
