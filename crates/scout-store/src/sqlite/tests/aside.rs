//! Stores that read, but record when tokens are used; and the mark that tells of changes.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::thread;

use scout_envs::Role;
use tempfile::TempDir;

use super::{at, open};
use crate::error::Error;
use crate::id::OrgId;
use crate::model::token::{NewToken, TokenUse};
use crate::sqlite::{Access, DATABASE, SqliteStore};
use crate::store::Store;

const HASH: [u8; 32] = [7; 32];

/// Makes an organization with one token.
async fn world(directory: &TempDir) -> (SqliteStore, OrgId) {
    let store = open(directory);
    let org = store.enroll(&"acme".parse().unwrap(), at(0)).await.unwrap();
    let token = NewToken {
        hash: HASH,
        hint: "x…".to_owned(),
        role: Role::Owner,
        created_at: at(0),
        expires_at: None,
    };
    store.create_token(org, token).await.unwrap();
    (store, org)
}

fn open_as(directory: &TempDir, access: Access) -> SqliteStore {
    SqliteStore::open(directory.path(), access).unwrap()
}

fn used(second: i64) -> Vec<TokenUse> {
    vec![TokenUse {
        hash: HASH,
        used_at: at(second),
    }]
}

#[tokio::test]
async fn uses_are_written_by_a_store_that_writes_nothing_else() {
    let directory = TempDir::new().unwrap();
    let (writer, org) = world(&directory).await;
    let side = open_as(&directory, Access::ReadAndRecordUses);
    side.record_token_uses(used(10)).await.unwrap();
    let listed = writer.tokens(org).await.unwrap();
    assert_eq!(listed[0].last_used_at, Some(at(10)));
    let refused = side.enqueue_judgement(org).await;
    assert!(
        matches!(refused, Err(Error::ReadOnly { .. })),
        "{refused:?}"
    );
    // It holds nothing: the only mark in the directory is the writer's.
    let holders = fs::read_dir(directory.path().join("holders")).unwrap();
    assert_eq!(holders.count(), 2, "one holder, and the lock of opening");

    // The last to leave leaves the log to those who may only read.
    drop(writer);
    side.record_token_uses(used(100)).await.unwrap();
    drop(side);
    assert!(directory.path().join(format!("{DATABASE}-wal")).exists());
    let reader = open_as(&directory, Access::ReadOnly);
    let listed = reader.tokens(org).await.unwrap();
    assert_eq!(listed[0].last_used_at, Some(at(100)));
    let refused = reader.record_token_uses(used(1_000)).await;
    assert!(
        matches!(refused, Err(Error::ReadOnly { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn where_nothing_may_be_written_a_use_is_refused_and_grants_are_read() {
    let directory = TempDir::new().unwrap();
    drop(world(&directory).await);
    let database = directory.path().join(DATABASE);
    let set = |of_directory, of_files| {
        for entry in fs::read_dir(directory.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                fs::set_permissions(path, fs::Permissions::from_mode(of_files)).unwrap();
            }
        }
        let mode = fs::Permissions::from_mode(of_directory);
        fs::set_permissions(directory.path(), mode).unwrap();
    };
    set(0o500, 0o400);
    if fs::OpenOptions::new().write(true).open(&database).is_ok() {
        println!("skipped: this user may write everywhere");
        return set(0o700, 0o600);
    }
    let side = open_as(&directory, Access::ReadAndRecordUses);
    let refused = side.record_token_uses(used(10)).await;
    assert!(
        matches!(refused, Err(Error::ReadOnly { .. })),
        "{refused:?}"
    );
    assert!(side.token_grant(HASH).await.unwrap().is_some());
    set(0o700, 0o600);
    side.record_token_uses(used(10)).await.unwrap();
}

#[tokio::test]
async fn a_mark_is_told_by_every_kind_of_store() {
    let directory = TempDir::new().unwrap();
    let (writer, org) = world(&directory).await;
    let side = open_as(&directory, Access::ReadAndRecordUses);
    let reader = open_as(&directory, Access::ReadOnly);
    let marks = || [&writer, &side, &reader].map(|store| store.change_mark().unwrap());
    let mut before = marks();
    assert_eq!(marks(), before);
    for number in 0_i64..20 {
        match number % 2 {
            0 => writer.enqueue_judgement(org).await.unwrap(),
            _ => side.record_token_uses(used(number * 100)).await.unwrap(),
        }
        let after = marks();
        for (before, after) in before.iter().zip(after) {
            assert_ne!(*before, after, "{number}");
        }
        assert_eq!(marks(), after);
        before = after;
    }
    // What changes nothing is no commit, and what is rolled back neither.
    side.record_token_uses(used(1)).await.unwrap();
    assert_eq!(marks(), before);
    let refused = writer.create_token(
        OrgId(987),
        NewToken {
            hash: [8; 32],
            hint: String::new(),
            role: Role::Owner,
            created_at: at(0),
            expires_at: None,
        },
    );
    assert!(refused.await.is_err());
    assert_eq!(marks(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_between_two_equal_marks_is_the_answer_of_the_second() {
    let directory = TempDir::new().unwrap();
    let (writer, org) = world(&directory).await;
    let reader = open_as(&directory, Access::ReadOnly);
    let id = writer.tokens(org).await.unwrap()[0].id;
    // Others ask and write meanwhile.
    let write = tokio::spawn(async move {
        for number in 0..200 {
            writer.enqueue_judgement(org).await.unwrap();
            if number == 150 {
                assert!(writer.revoke_token(org, id, at(1)).await.unwrap());
            }
        }
    });
    let mut was_revoked = false;
    while !write.is_finished() {
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| reader.change_mark());
            }
        });
        let first = reader.change_mark();
        let is_good = reader.token_grant(HASH).await.unwrap().is_some();
        let second = reader.change_mark();
        if first.is_some() && first == second {
            assert!(!(was_revoked && is_good), "revoked tokens do not come back");
            was_revoked |= !is_good;
        }
    }
    write.await.unwrap();
    assert!(reader.token_grant(HASH).await.unwrap().is_none());
}
