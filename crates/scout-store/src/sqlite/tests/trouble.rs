//! Trouble with the disk and with what is on it.

use std::fs::{self, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};

use jiff::Timestamp;
use scout_envs::{Digest, OrgName};
use tempfile::TempDir;

use super::super::column::{nanos, stored_time};
use super::{at, open};
use crate::error::Error;
use crate::model::image::NewLayer;
use crate::sqlite::fault::Fault;
use crate::sqlite::{Access, DATABASE, SqliteStore};
use crate::store::Store;

fn layer(number: u8, bytes: usize) -> NewLayer {
    NewLayer {
        diff_id: Digest::sha256(&[number; 32]),
        blob_digest: Digest::sha256(&[number; 32]),
        analysis_version: 1,
        compressed_bytes: 1,
        uncompressed_bytes: 1,
        analysis: vec![number; bytes],
    }
}

#[tokio::test]
async fn a_full_disk_is_told_and_nothing_is_lost() {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    let limit = |pages: u32| {
        let writer = store.shared.writer.as_ref().unwrap();
        let connection = writer.connection.try_lock().unwrap();
        connection
            .pragma_update_and_check(None, "max_page_count", pages, |row| row.get::<_, u32>(0))
            .unwrap();
    };
    store.record_layer(layer(1, 1_000), at(0)).await.unwrap();
    limit(1);
    let error = store
        .record_layer(layer(2, 1_000_000), at(0))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::DiskFull { .. }), "{error:?}");
    assert!(error.to_string().contains("no space is left"));
    let (first, second) = (layer(1, 1_000), layer(2, 1_000_000));
    let found = store.layer_analysis(&first.diff_id, 1).await.unwrap();
    assert_eq!(found, Some(first.analysis));
    assert_eq!(
        store.layer_of_blob(&second.blob_digest, 1).await.unwrap(),
        None
    );
    // Some was freed.
    limit(1_000_000);
    store.record_layer(second.clone(), at(0)).await.unwrap();
    let found = store.layer_analysis(&second.diff_id, 1).await.unwrap();
    assert_eq!(found, Some(second.analysis));
}

#[test]
fn trouble_is_told_by_its_name() {
    let check = |kind: io::ErrorKind, is_right: fn(&Error) -> bool| {
        let directory = TempDir::new().unwrap();
        let error = Fault::Io(kind.into()).into_error("write", directory.path());
        assert!(is_right(&error), "{kind:?}: {error:?}");
    };
    check(io::ErrorKind::StorageFull, |e| {
        matches!(e, Error::DiskFull { .. })
    });
    check(io::ErrorKind::QuotaExceeded, |e| {
        matches!(e, Error::DiskFull { .. })
    });
    check(io::ErrorKind::ReadOnlyFilesystem, |e| {
        matches!(e, Error::ReadOnly { .. })
    });
    check(io::ErrorKind::PermissionDenied, |e| {
        matches!(e, Error::ReadOnly { .. })
    });
    check(io::ErrorKind::NotFound, |e| {
        matches!(e, Error::Failed { .. })
    });

    let check = |code: i32, is_right: fn(&Error) -> bool| {
        let directory = TempDir::new().unwrap();
        let error = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
        let error = Fault::Sql(error).into_error("write", directory.path());
        assert!(is_right(&error), "{code}: {error:?}");
    };
    check(5, |e| matches!(e, Error::Busy { .. }) && e.is_retryable());
    check(6, |e| matches!(e, Error::Busy { .. }));
    check(8, |e| {
        matches!(e, Error::ReadOnly { .. }) && !e.is_retryable()
    });
    check(11, |e| matches!(e, Error::Damaged { .. }));
    check(13, |e| matches!(e, Error::DiskFull { .. }));
    check(14, |e| matches!(e, Error::Open { .. }));
    check(19, |e| matches!(e, Error::Failed { .. }));
    check(26, |e| matches!(e, Error::Damaged { .. }));
    check(4874, |e| matches!(e, Error::DiskFull { .. }));
}

#[test]
fn a_file_that_is_no_database_is_damaged() {
    for content in [
        &b"no database, but long enough to look like one"[..],
        &[0xff; 8192],
    ] {
        let directory = TempDir::new().unwrap();
        fs::write(directory.path().join(DATABASE), content).unwrap();
        for access in [Access::ReadWrite, Access::ReadOnly] {
            let error = SqliteStore::open(directory.path(), access).unwrap_err();
            assert!(matches!(error, Error::Damaged { .. }), "{error:?}");
        }
        let kept = fs::read(directory.path().join(DATABASE)).unwrap();
        assert_eq!(kept, content, "nothing is written over it");
    }
}

#[tokio::test]
async fn damaged_pages_are_told() {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    let acme: OrgName = "acme".parse().unwrap();
    store.enroll(&acme, at(0)).await.unwrap();
    store.record_layer(layer(1, 100_000), at(0)).await.unwrap();
    drop(store);
    let path = directory.path().join(DATABASE);
    let mut file = OpenOptions::new().write(true).open(&path).unwrap();
    let bytes = usize::try_from(file.metadata().unwrap().len()).unwrap();
    // All but the first page, which holds the schema's root.
    file.seek(SeekFrom::Start(4096)).unwrap();
    file.write_all(&vec![0xff; bytes - 4096]).unwrap();
    drop(file);
    let error = match SqliteStore::open(directory.path(), Access::ReadWrite) {
        Ok(store) => store.org(&acme).await.unwrap_err(),
        Err(error) => error,
    };
    assert!(matches!(error, Error::Damaged { .. }), "{error:?}");
}

#[tokio::test]
async fn a_value_that_we_did_not_write_is_damage() {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    store.enroll(&"acme".parse().unwrap(), at(0)).await.unwrap();
    rusqlite::Connection::open(directory.path().join(DATABASE))
        .unwrap()
        .execute("UPDATE organizations SET name = 'NOT A NAME'", [])
        .unwrap();
    let error = store.organizations().await.unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error:?}");
}

#[test]
fn times_beyond_the_range_are_moved_to_its_ends() {
    for (time, expected) in [
        (Timestamp::MAX, i64::MAX),
        (Timestamp::MIN, i64::MIN),
        (Timestamp::UNIX_EPOCH, 0),
    ] {
        assert_eq!(nanos(time), expected);
        assert_eq!(nanos(stored_time(time)), expected);
    }
    assert_eq!(stored_time(at(1)), at(1));
}
