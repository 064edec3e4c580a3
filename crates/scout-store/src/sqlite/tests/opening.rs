//! Opening a directory: new, old, foreign, read-only.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::thread;

use rusqlite::Connection;
use tempfile::TempDir;

use super::super::migration::KNOWN;
use super::{at, open};
use crate::error::Error;
use crate::sqlite::{Access, DATABASE, SqliteStore};
use crate::store::Store;

fn open_as(directory: &TempDir, access: Access) -> crate::Result<SqliteStore> {
    SqliteStore::open(directory.path(), access)
}

fn database(directory: &TempDir) -> Connection {
    Connection::open(directory.path().join(DATABASE)).unwrap()
}

#[tokio::test]
async fn what_was_written_is_there_after_opening_again() {
    let directory = TempDir::new().unwrap();
    let acme = "acme".parse().unwrap();
    let org = open(&directory).enroll(&acme, at(0)).await.unwrap();
    for _ in 0..3 {
        let store = open(&directory);
        assert_eq!(store.org(&acme).await.unwrap(), Some(org));
        store.enqueue_judgement(org).await.unwrap();
    }
    assert_eq!(
        open(&directory).judge_work(at(0)).await.unwrap()[0].version,
        3
    );
}

#[test]
fn a_new_directory_is_private() {
    let parent = TempDir::new().unwrap();
    let directory = parent.path().join("a/b");
    SqliteStore::open(&directory, Access::ReadWrite).unwrap();
    let mode = fs::metadata(&directory).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn many_may_open_a_new_directory_at_once() {
    let directory = TempDir::new().unwrap();
    let stores: Vec<_> = thread::scope(|scope| {
        let opening: Vec<_> = (0..8).map(|_| scope.spawn(|| open(&directory))).collect();
        opening
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert_eq!(stores.len(), 8);
    let version: u32 = database(&directory)
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    assert_eq!(version, KNOWN);
}

#[test]
fn a_newer_schema_is_refused() {
    let directory = TempDir::new().unwrap();
    drop(open(&directory));
    database(&directory)
        .pragma_update(None, "user_version", KNOWN + 1)
        .unwrap();
    for access in [Access::ReadWrite, Access::ReadOnly] {
        let error = open_as(&directory, access).unwrap_err();
        let is_right = matches!(error, Error::NewerSchema { found, known, .. }
            if (found, known) == (KNOWN + 1, KNOWN));
        assert!(is_right, "{error:?}");
    }
}

#[test]
fn the_database_of_another_program_is_left_alone() {
    let directory = TempDir::new().unwrap();
    database(&directory)
        .execute_batch("CREATE TABLE theirs (x)")
        .unwrap();
    let error = open_as(&directory, Access::ReadWrite).unwrap_err();
    assert!(matches!(error, Error::Open { .. }), "{error:?}");
    let tables: u32 = database(&directory)
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .unwrap();
    assert_eq!(tables, 1);
}

#[test]
fn a_directory_that_is_a_file_cannot_be_opened() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    for access in [Access::ReadWrite, Access::ReadOnly] {
        let error = SqliteStore::open(&file, access).unwrap_err();
        assert!(matches!(error, Error::Open { .. }), "{error:?}");
    }
}

#[test]
fn reading_needs_a_database() {
    let directory = TempDir::new().unwrap();
    let error = open_as(&directory, Access::ReadOnly).unwrap_err();
    assert!(matches!(error, Error::Open { .. }), "{error:?}");
    assert_eq!(
        fs::read_dir(directory.path()).unwrap().count(),
        0,
        "nothing is created"
    );
    fs::write(directory.path().join(DATABASE), "").unwrap();
    let error = open_as(&directory, Access::ReadOnly).unwrap_err();
    assert!(matches!(error, Error::Open { .. }), "{error:?}");
}

#[tokio::test]
async fn a_reader_sees_what_is_written_and_writes_nothing() {
    let directory = TempDir::new().unwrap();
    let writer = open(&directory);
    let reader = open_as(&directory, Access::ReadOnly).unwrap();
    let acme = "acme".parse().unwrap();
    let org = writer.enroll(&acme, at(0)).await.unwrap();
    assert_eq!(reader.org(&acme).await.unwrap(), Some(org));
    drop(writer);
    let reader = open_as(&directory, Access::ReadOnly).unwrap();
    assert_eq!(reader.org(&acme).await.unwrap(), Some(org));
    for refused in [
        reader.enqueue_judgement(org).await,
        reader.release_dead_holders().await.map(drop),
        reader.lease("judge", at(0), at(1)).await.map(drop),
    ] {
        assert!(
            matches!(refused, Err(Error::ReadOnly { .. })),
            "{refused:?}"
        );
    }
    let holders = fs::read_dir(directory.path().join("holders")).unwrap();
    let left: Vec<_> = holders.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["opening"], "only the living are there");
}

#[tokio::test]
async fn a_directory_that_may_not_be_written_says_so() {
    let directory = TempDir::new().unwrap();
    let acme = "acme".parse().unwrap();
    let org = open(&directory).enroll(&acme, at(0)).await.unwrap();
    let holders = directory.path().join("holders");
    let set = |mode| {
        for path in [directory.path(), holders.as_path()] {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    set(0o500);
    let probe = fs::write(directory.path().join("probe"), "");
    if probe.is_ok() {
        println!("skipped: this user may write everywhere");
        return set(0o700);
    }
    let error = open_as(&directory, Access::ReadWrite).unwrap_err();
    assert!(matches!(error, Error::ReadOnly { .. }), "{error:?}");
    // No writer runs, but the log it left lets others read.
    let reader = open_as(&directory, Access::ReadOnly).unwrap();
    assert_eq!(reader.org(&acme).await.unwrap(), Some(org));
    set(0o700);
}
