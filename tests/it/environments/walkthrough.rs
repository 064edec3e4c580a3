//! `docs/environments.md`, command by command.

use std::fs;
use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::cluster::{digests, list, pod, running};
use super::indexed;
use crate::support::transcript::Transcript;
use crate::support::workspace;

#[test]
fn the_page_is_true() {
    let folder = TempDir::new().unwrap();
    let examples = workspace::root().join("examples");
    symlink(examples, folder.path().join("examples")).unwrap();
    let (web, _) = digests(&indexed(), "shop/web:1.0");
    let web_id = format!("registry.example.com/shop/web@{web}");
    let db_id = format!("docker.io/library/postgres@sha256:{}", "1".repeat(64));
    let mut db = pod("db", 0, &[running("docker.io/library/postgres:16", &db_id)]);
    db["metadata"]["ownerReferences"][0]["kind"] = "StatefulSet".into();
    db["metadata"]["ownerReferences"][0]["name"] = "db".into();
    let pods = [
        pod(
            "web",
            1,
            &[running("registry.example.com/shop/web:1.0", &web_id)],
        ),
        db,
    ];
    fs::write(folder.path().join("pods.json"), list(&pods)).unwrap();
    Transcript::read("docs/environments.md").replay(&[], &[], folder.path());
}
