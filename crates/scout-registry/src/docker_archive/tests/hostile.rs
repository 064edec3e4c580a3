//! Archives that nobody should write.

use std::io::Write;

use super::*;

#[tokio::test]
async fn what_is_no_archive_is_said_to_be_none_and_why() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.tar");
    let whole = classic(r#"["a:1"]"#).finish();
    let at = |needle: &[u8]| {
        whole
            .windows(needle.len())
            .position(|part| part == needle)
            .unwrap()
    };
    let mut damaged = whole.clone();
    damaged[at(b"aa/json") + 3] = b'J';
    let manifest = |json: &str| Tar::new().file("manifest.json", json.as_bytes()).finish();
    let long = "n".repeat(5_000);
    for (bytes, reason) in [
        (Vec::new(), "it has no manifest.json"),
        (vec![0; 10_240], "it has no manifest.json"),
        (
            b"\x1f\x8b\x08\0".to_vec(),
            "it is compressed with gzip; unpack it first (gzip -d)",
        ),
        (b"\x28\xb5\x2f\xfd".to_vec(), "compressed with zstd"),
        (b"\xfd7zXZ\0".to_vec(), "compressed with xz"),
        (b"BZh91AY".to_vec(), "compressed with bzip2"),
        (b"PK\x03\x04".to_vec(), "it is cut off in a header"),
        (vec![b'x'; 2_000], "it is not a tar archive"),
        (whole[..700].to_vec(), "it is cut off in a header"),
        (
            whole[..at(b"0123abcd.json") - 2_000].to_vec(),
            "goes on behind its end",
        ),
        (damaged, "a header in it is damaged"),
        (
            Tar::new().file_of_size("x", u64::MAX / 2, b"").finish(),
            "goes on behind its end",
        ),
        (
            Tar::new().gnu_long_name(&long).file("x", b"").finish(),
            "more than 4097 bytes",
        ),
        (
            Tar::new()
                .pax(&[("path", &"p".repeat(70_000))])
                .file("x", b"")
                .finish(),
            "more than 65536 bytes",
        ),
        (
            Tar::new().pax(&[("path", &long)]).file("x", b"").finish(),
            "a name of more than 4096 bytes",
        ),
        (
            Tar::new().pax(&[("size", "-1")]).file("x", b"").finish(),
            "states no size",
        ),
        (
            Tar::new().raw_pax(b"99 path=x\n").file("x", b"").finish(),
            "extended header in it is damaged",
        ),
        (
            Tar::new().raw_pax(b"path=x\n").file("x", b"").finish(),
            "extended header in it is damaged",
        ),
        (
            Tar::new().file("index.json", b"{}").finish(),
            "it has no manifest.json",
        ),
        (
            Tar::new().file("../manifest.json", b"[]").finish(),
            "it has no manifest.json",
        ),
        (
            Tar::new().symlink("manifest.json", "/etc/passwd").finish(),
            "it has no manifest.json",
        ),
        (
            Tar::new()
                .symlink("manifest.json", "manifest.json")
                .finish(),
            "it has no manifest.json",
        ),
        (
            Tar::new().directory("manifest.json").finish(),
            "it has no manifest.json",
        ),
        (manifest("{"), "its manifest.json cannot be used"),
        (manifest("{}"), "its manifest.json cannot be used"),
        (
            Tar::new()
                .file("oci-layout", b"{}")
                .file("index.json", b"[]")
                .finish(),
            "index.json cannot be used",
        ),
    ] {
        fs::write(&path, bytes).unwrap();
        let archive = open(&path);
        let error = archive.check().await.unwrap_err();
        assert!(
            matches!(error, Error::NotAnArchive { .. }),
            "{reason}: {error:?}"
        );
        assert!(error.to_string().contains(reason), "{reason}: {error}");
        assert!(error.concerns_whole_source() && !error.is_retryable());
    }
    let error = open(directory.path())
        .check()
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("it is not a file"), "{error}");
}

#[tokio::test]
async fn a_table_that_is_too_long_is_not_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.tar");
    // A hole: the file claims more than it takes.
    let header = Tar::new()
        .file_of_size("manifest.json", MAX_SAVED + 1, b"")
        .unfinished();
    let mut file = fs::File::create(&path).unwrap();
    file.write_all(&header).unwrap();
    file.set_len(MAX_SAVED + 10_000).unwrap();
    let error = open(&path).check().await.unwrap_err().to_string();
    assert!(
        error.contains("its manifest.json has more than 4194304 bytes"),
        "{error}"
    );
}

#[tokio::test]
async fn an_image_that_lacks_a_part_does_not_spoil_the_others() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.tar");
    for part in [
        "missing",
        "../../etc/passwd",
        "/etc/passwd",
        "loop",
        "dir",
        "",
    ] {
        let manifest = format!(
            r#"[{{"Config":"c","RepoTags":["bad:1"],"Layers":["l","{part}"]}},
            {{"Config":"c","RepoTags":["good:1"],"Layers":["l"]}}]"#
        );
        let tar = Tar::new()
            .file("c", CONFIG)
            .file("l", &layer(1))
            .symlink("loop", "loop")
            .directory("dir/")
            .file("manifest.json", manifest.as_bytes());
        fs::write(&path, tar.finish()).unwrap();
        let archive = open(&path);
        let error = archive
            .resolve(&name("bad"), &"1".parse().unwrap())
            .await
            .unwrap_err();
        assert!(
            matches!(error, Error::InvalidManifest { .. }),
            "{part}: {error:?}"
        );
        assert!(!error.concerns_whole_source() && !error.is_not_found());
        assert_eq!(layer_types(&*archive, "good").await.len(), 1);
    }
}

#[tokio::test]
async fn of_two_members_with_one_name_the_later_counts() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.tar");
    let manifest = br#"[{"Config":"c","RepoTags":["a:1"],"Layers":["l"]}]"#;
    let tar = Tar::new()
        .file("manifest.json", b"[]")
        .file("l", &layer(1))
        .symlink("c", "l")
        .file("c", CONFIG)
        .file("l", &layer(2))
        .file("manifest.json", manifest);
    fs::write(&path, tar.finish()).unwrap();
    let archive = open(&path);
    assert_eq!(names(&*archive).await, ["a:1"]);
    let blob = Descriptor::new("", sha256(&layer(2)), layer(2).len() as u64);
    assert!(archive.blob_bytes(&name("a"), &blob, 1 << 20).await.is_ok());
    let old = Descriptor::new("", sha256(&layer(1)), layer(1).len() as u64);
    assert!(archive.blob(&name("a"), &old).await.is_err());
}

#[tokio::test]
async fn a_blob_without_its_digest_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.tar");
    let (tar, digest) = modern();
    let mut bytes = tar.finish();
    let start = bytes
        .windows(13)
        .position(|part| part == b"schemaVersion")
        .unwrap();
    bytes[start] = b'S';
    let data = bytes
        .windows(3_001)
        .position(|part| part == layer(1))
        .unwrap();
    bytes[data] = 9;
    fs::write(&path, bytes).unwrap();
    let archive = open(&path);
    let alpine = name("alpine");
    let error = archive.manifest(&alpine, &digest).await.unwrap_err();
    assert!(matches!(error, Error::DigestMismatch { .. }), "{error:?}");
    let blob = Descriptor::new("", sha256(&layer(1)), 3_001);
    let error = archive
        .blob_bytes(&alpine, &blob, 1 << 20)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::DigestMismatch { .. }), "{error:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn pipes_and_devices_are_not_opened() {
    let error = open(Path::new("/dev/zero")).check().await.unwrap_err();
    assert!(error.to_string().contains("it is not a file"), "{error}");
}
