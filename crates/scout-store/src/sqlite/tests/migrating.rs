//! Databases of earlier releases.

use std::fs;
use std::thread;

use rusqlite::Connection;
use tempfile::TempDir;

use super::super::migration::KNOWN;
use super::{at, open};
use crate::error::Error;
use crate::id::{ImageId, OrgId, RegistryId, RepositoryId};
use crate::model::work::WorkClass;
use crate::sqlite::column::nanos;
use crate::sqlite::{Access, DATABASE, SqliteStore};
use crate::store::Store;

/// A database as the first release left it: one organization, a registry with two repositories,
/// an indexed image in one of them and work for another.
fn first_release(directory: &TempDir) {
    let database = Connection::open(directory.path().join(DATABASE)).unwrap();
    database.pragma_update(None, "journal_mode", "wal").unwrap();
    database
        .execute_batch(include_str!("../migrations/0001_initial.sql"))
        .unwrap();
    database.pragma_update(None, "user_version", 1).unwrap();
    let digest = |letter: &str| format!("sha256:{}", letter.repeat(64));
    let (image, waiting, config) = (digest("a"), digest("b"), digest("c"));
    let time = nanos(at(0));
    database
        .execute_batch(&format!(
            "INSERT INTO organizations (name, created_at) VALUES ('acme', {time});
             INSERT INTO tokens (org_id, hash, hint, role, created_at)
             VALUES (1, zeroblob(32), 'x', 'owner', {time});
             INSERT INTO registries (org_id, key, display, created_at, cataloged_at)
             VALUES (1, 'oci:r', 'r:5000', {time}, {time});
             INSERT INTO repositories (org_id, registry_id, name, baseline_at, listed_at)
             VALUES (1, 1, 'team/app', {time}, {time}), (1, 1, 'new', NULL, NULL);
             INSERT INTO artifacts (org_id, repository_id, digest, state, updated_at)
             VALUES (1, 1, '{image}', 'indexed', {time}), (1, 1, '{waiting}', 'waiting', {time});
             INSERT INTO tags (org_id, repository_id, tag, artifact_id)
             VALUES (1, 1, '1', 1), (1, 1, '2', 2);
             INSERT INTO tag_history
                 (org_id, repository_id, tag, artifact_id, sequence, first_seen)
             VALUES (1, 1, '1', 1, 1, {time}), (1, 1, '2', 2, 1, {time});
             INSERT INTO work (org_id, class, artifact_id, registry_id, run_at)
             VALUES (1, 'index', 2, 1, {time});
             INSERT INTO images
             VALUES (1, '{image}', '{config}', 'linux', 'amd64', NULL, '{{}}', NULL, '[]', 1,
                     '[]', 1, 1, 0, {time}, x'3a30000000000000', x'3a30000000000000');
             INSERT INTO artifact_images VALUES (1, 1, 1);"
        ))
        .unwrap();
}

fn version(directory: &TempDir) -> u32 {
    Connection::open(directory.path().join(DATABASE))
        .unwrap()
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap()
}

#[tokio::test]
async fn what_an_earlier_release_knew_is_known() {
    let directory = TempDir::new().unwrap();
    first_release(&directory);
    let store = open(&directory);
    assert_eq!(version(&directory), KNOWN);
    let (org, registry) = (OrgId(1), RegistryId(1));
    let input = store.judge_input(org).await.unwrap();
    assert_eq!(input.tags[0].images, [ImageId(1)]);
    assert_eq!((input.images.len(), input.listed), (1, true));
    let backlog = store.index_backlog(org, registry).await.unwrap();
    assert_eq!(backlog, (1, Some(at(0))));
    let due = store.due_index_work(org, &[registry], at(0)).await.unwrap();
    assert_eq!(due, [Some(WorkClass::NewTag)]);

    // Everything was watched, and is; references are those of a plain host.
    let listed = store.repositories(org, None).await.unwrap();
    let shown: Vec<_> = listed
        .iter()
        .map(|r| (r.reference.as_str(), r.enabled, r.activation_due, r.tags))
        .collect();
    assert_eq!(
        shown,
        [
            ("r:5000/new", true, false, 0),
            ("r:5000/team/app", true, false, 2)
        ]
    );
    let artifacts = store.artifacts(org, None).await.unwrap();
    assert!(artifacts.iter().all(|a| a.reference == "r:5000/team/app"));
    assert_eq!(artifacts.len(), 2);
    let record = store.registry(org, "oci:r", "r:5000", at(9)).await.unwrap();
    assert_eq!((record.created_at, record.removed_at), (at(0), None));
    assert_eq!(store.integrations(org).await.unwrap(), []);
    let tokens = store.tokens(org).await.unwrap();
    assert_eq!((tokens[0].expires_at, tokens[0].last_used_at), (None, None));
    assert!(store.token_grant([0; 32]).await.unwrap().is_some());
    let known = store.known_tags(org, RepositoryId(1)).await.unwrap();
    assert_eq!(known.len(), 2);
}

#[test]
fn many_may_migrate_at_once() {
    let directory = TempDir::new().unwrap();
    first_release(&directory);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| open(&directory));
        }
    });
    assert_eq!(version(&directory), KNOWN);
}

#[test]
fn who_only_reads_does_not_migrate() {
    let directory = TempDir::new().unwrap();
    first_release(&directory);
    let error = SqliteStore::open(directory.path(), Access::ReadOnly).unwrap_err();
    let Error::Open { source, .. } = &error else {
        panic!("{error:?}");
    };
    assert!(source.to_string().contains("schema version 1"), "{source}");
    assert_eq!(version(&directory), 1);
    assert!(!fs::exists(directory.path().join("holders")).unwrap());
}
