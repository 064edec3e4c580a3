//! Clusters, as `kubectl get pods -A -o json` tells them.

use std::fs;

use serde_json::{Value, json};

use crate::support::scout::Scout;
use crate::support::workspace;

/// A container of a pod.
pub(super) struct Container<'a> {
    pub(super) image: &'a str,
    /// As the container runtime has it: `REPOSITORY@DIGEST`, a bare digest, or either behind
    /// `docker-pullable://`.
    pub(super) id: &'a str,
    pub(super) runs: bool,
}

pub(super) fn running<'a>(image: &'a str, id: &'a str) -> Container<'a> {
    Container {
        image,
        id,
        runs: true,
    }
}

/// A pod of a Deployment, with the fields that kubectl prints and we do not read.
pub(super) fn pod(deployment: &str, number: u32, containers: &[Container<'_>]) -> Value {
    let name = format!("{deployment}-7c5ddbdf54-{number:05}");
    let specs = containers.iter().map(|container| {
        json!({"name": "app", "image": container.image, "imagePullPolicy": "IfNotPresent",
               "ports": [{"containerPort": 8080, "protocol": "TCP"}],
               "resources": {"limits": {"memory": "64Mi"}}})
    });
    let statuses = containers.iter().map(|container| {
        let state = match container.runs {
            true => json!({"running": {"startedAt": "2026-11-20T10:00:00Z"}}),
            false => json!({"waiting": {"reason": "ImagePullBackOff",
                                        "message": "Back-off pulling image"}}),
        };
        json!({"name": "app", "image": container.image, "imageID": container.id,
               "containerID": "containerd://0b0f0c3a", "ready": container.runs,
               "restartCount": 0, "started": container.runs, "lastState": {}, "state": state})
    });
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "creationTimestamp": "2026-11-20T09:59:58Z", "generateName": "web-7c5ddbdf54-",
            "labels": {"app": deployment, "pod-template-hash": "7c5ddbdf54"},
            "name": name, "namespace": "shop", "resourceVersion": "12345",
            "ownerReferences": [{
                "apiVersion": "apps/v1", "blockOwnerDeletion": true, "controller": true,
                "kind": "ReplicaSet", "name": format!("{deployment}-7c5ddbdf54"),
                "uid": "5f4dcc3b-0000-4000-8000-000000000001",
            }],
        },
        "spec": {"containers": specs.collect::<Vec<_>>(), "nodeName": "node-1",
                 "restartPolicy": "Always"},
        "status": {
            "phase": "Running", "hostIP": "10.0.0.1", "podIP": "10.1.0.7", "qosClass": "Burstable",
            "conditions": [{"type": "Ready", "status": "True", "lastProbeTime": null}],
            "containerStatuses": statuses.collect::<Vec<_>>(),
        },
    })
}

/// A pod that no node has taken yet.
pub(super) fn pending() -> Value {
    json!({"apiVersion": "v1", "kind": "Pod",
           "metadata": {"name": "late", "namespace": "shop"},
           "spec": {"containers": [{"name": "app", "image": "shop/late:1"}]},
           "status": {"phase": "Pending", "conditions": [
               {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]}})
}

/// What kubectl prints for these pods.
pub(super) fn list(pods: &[Value]) -> String {
    let list = json!({"apiVersion": "v1", "items": pods, "kind": "List",
                      "metadata": {"resourceVersion": ""}});
    serde_json::to_string_pretty(&list).unwrap()
}

/// Returns the digests of the manifest and of the configuration of an image of the examples.
pub(super) fn digests(scout: &Scout, name: &str) -> (String, String) {
    let manifest = scout.image(name).text("digest").to_owned();
    let hex = manifest.strip_prefix("sha256:").unwrap();
    let blob = workspace::root()
        .join("examples/registry/blobs/sha256")
        .join(hex);
    let value: Value = serde_json::from_slice(&fs::read(blob).unwrap()).unwrap();
    let config = value["config"]["digest"].as_str().unwrap().to_owned();
    (manifest, config)
}
