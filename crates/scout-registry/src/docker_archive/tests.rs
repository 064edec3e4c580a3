//! Archives as Docker and others write them, and others that nobody should.

mod hostile;
pub(super) mod writer;

use std::fs;

use super::*;
use crate::conformance;
use crate::docker_archive::tests::writer::Tar;
use crate::media_type;
use crate::spec::{BuildOptions, RegistrySpec};
use crate::verify::digest_of;
use scout_envs::DigestAlgorithm;

const CONFIG: &[u8] = br#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers"}}"#;

fn open(path: &Path) -> Arc<dyn RegistryIntegration> {
    let spec = format!("type=docker-archive,path={}", path.display());
    let options = BuildOptions::new("test");
    RegistrySpec::parse(&spec).unwrap().build(options).unwrap()
}

fn sha256(bytes: &[u8]) -> Digest {
    digest_of(bytes, DigestAlgorithm::Sha256)
}

/// What a layer holds does not matter here.
fn layer(number: u8) -> Vec<u8> {
    vec![number; 3_000 + usize::from(number)]
}

/// As Docker before release 25 writes it.
fn classic(names: &str) -> Tar {
    let manifest = format!(
        r#"[{{"Config":"0123abcd.json","RepoTags":{names},"Layers":["aa/layer.tar","bb/layer.tar"]}}]"#
    );
    Tar::new()
        .directory("aa/")
        .file("aa/VERSION", b"1.0")
        .file("aa/json", b"{}")
        .file("aa/layer.tar", &layer(1))
        .symlink("bb/layer.tar", "../aa/layer.tar")
        .file("0123abcd.json", CONFIG)
        .file("manifest.json", manifest.as_bytes())
        .file("repositories", b"{}")
}

fn blob(bytes: &[u8]) -> (String, String) {
    let digest = sha256(bytes);
    let path = format!("blobs/sha256/{}", digest.hex());
    (
        path,
        format!(r#""digest":"{digest}","size":{}"#, bytes.len()),
    )
}

/// As Docker writes it since release 25: a layout, and `manifest.json` beside it.
fn modern() -> (Tar, Digest) {
    let (config_path, config) = blob(CONFIG);
    let (layer_path, layer_entry) = blob(&layer(1));
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","config":{{"mediaType":"{}",{config}}},
        "layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar",{layer_entry}}}]}}"#,
        media_type::OCI_MANIFEST,
        media_type::OCI_CONFIG,
    );
    let (manifest_path, entry) = blob(manifest.as_bytes());
    let index = format!(
        r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"{}",{entry},"annotations":{{
        "io.containerd.image.name":"docker.io/library/alpine:3.21",
        "org.opencontainers.image.ref.name":"3.21"}}}}]}}"#,
        media_type::OCI_MANIFEST,
    );
    let saved = format!(
        r#"[{{"Config":"{config_path}","RepoTags":["alpine:3.21"],"Layers":["{layer_path}"]}}]"#
    );
    let tar = Tar::new()
        .directory("blobs/")
        .file(&config_path, CONFIG)
        .file(&layer_path, &layer(1))
        .file(&manifest_path, manifest.as_bytes())
        .file("index.json", index.as_bytes())
        .file("manifest.json", saved.as_bytes())
        .file("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
    (tar, sha256(manifest.as_bytes()))
}

async fn names(archive: &dyn RegistryIntegration) -> Vec<String> {
    let mut found = Vec::new();
    for repository in archive.repositories().await.unwrap() {
        for listed in archive.tags(&repository).await.unwrap() {
            found.push(format!("{repository}:{}", listed.tag));
        }
    }
    found
}

fn name(text: &str) -> RepositoryName {
    text.parse().unwrap()
}

async fn layer_types(archive: &dyn RegistryIntegration, repository: &str) -> Vec<String> {
    let repository = name(repository);
    let tag = archive.tags(&repository).await.unwrap()[0].tag.clone();
    let resolved = archive.resolve(&repository, &tag).await.unwrap();
    let document = archive
        .manifest(&repository, &resolved.digest)
        .await
        .unwrap();
    let Manifest::Image(image) = document.parse().unwrap() else {
        panic!("not an image");
    };
    for layer in &image.layers {
        let bytes = archive
            .blob_bytes(&repository, layer, 1 << 20)
            .await
            .unwrap();
        assert_eq!(sha256(&bytes), layer.digest);
    }
    image
        .layers
        .into_iter()
        .map(|layer| layer.media_type)
        .collect()
}

#[tokio::test]
async fn conforms_in_both_forms() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("My Images.tar");
    fs::write(&path, classic(r#"["team/app:1.0","alpine:3"]"#).finish()).unwrap();
    let archive = open(&path);
    conformance::check_all(&*archive).await.unwrap();
    assert_eq!(names(&*archive).await, ["alpine:3", "team/app:1.0"]);
    assert_eq!(archive.host(), "localhost");
    assert!(archive.lists_all());
    let (tar, digest) = modern();
    fs::write(&path, tar.finish()).unwrap();
    conformance::check_all(&*archive).await.unwrap();
    assert_eq!(
        names(&*archive).await,
        ["alpine:3.21"],
        "as before release 25"
    );
    let resolved = archive
        .resolve(&name("alpine"), &"3.21".parse().unwrap())
        .await
        .unwrap();
    assert_eq!(
        resolved.digest, digest,
        "the manifest that is there, not one made"
    );
}

#[tokio::test]
async fn the_same_content_has_the_same_digest_whatever_its_name() {
    let directory = tempfile::tempdir().unwrap();
    let mut digests = Vec::new();
    for (file, tags) in [("a.tar", r#"["a:1"]"#), ("b.tar", "null")] {
        let path = directory.path().join(file);
        fs::write(&path, classic(tags).finish()).unwrap();
        let archive = open(&path);
        let repository = archive.repositories().await.unwrap().remove(0);
        let tag = archive.tags(&repository).await.unwrap().remove(0).tag;
        digests.push(archive.resolve(&repository, &tag).await.unwrap().digest);
    }
    assert_eq!(digests[0], digests[1]);
}

#[tokio::test]
async fn layers_are_what_they_start_like() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kaniko.tar");
    let manifest = br#"[{"Config":"c","RepoTags":["a:1"],"Layers":["x.tar.gz","y","z"]}]"#;
    let tar = Tar::new()
        .file("c", CONFIG)
        .file("x.tar.gz", b"\x1f\x8b\x08 more")
        .file("y", b"\x28\xb5\x2f\xfd more")
        .file("z", b"")
        .file("manifest.json", manifest);
    fs::write(&path, tar.finish()).unwrap();
    let found = layer_types(&*open(&path), "a").await;
    let kind = |tail: &str| format!("application/vnd.oci.image.layer.v1.tar{tail}");
    assert_eq!(found, [kind("+gzip"), kind("+zstd"), kind("")]);
}

#[tokio::test]
async fn members_are_found_however_their_names_are_written() {
    let long = format!("{}/layer.tar", "d".repeat(200));
    let manifest = format!(
        r#"[{{"Config":"./config.json","RepoTags":["a:1"],"Layers":["{long}","x/../l1","l2","l3"]}}]"#
    );
    let posix_prefix = format!("{}/{}", "d".repeat(120), "layer.tar");
    for tar in [
        Tar::new().gnu_long_name(&long).file("cut", &layer(1)),
        Tar::new()
            .pax(&[("comment", "x"), ("path", &long), ("size", "3001")])
            .file_of_size("cut", 0, &layer(1)),
        Tar::new()
            .pax_global(&[("path", "nothing")])
            .gnu_long_name(&long)
            .file("cut", &layer(1)),
        Tar::new()
            .prefixed_file(&posix_prefix, b"unused")
            .gnu_long_name(&long)
            .binary_size_file("cut", &layer(1)),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.tar");
        let tar = tar
            .file("./l1", &layer(2))
            .hard_link("l2", "l1")
            .symlink("l3", "l2")
            .file("config.json", CONFIG)
            .file("./manifest.json", manifest.as_bytes());
        fs::write(&path, tar.finish()).unwrap();
        assert_eq!(layer_types(&*open(&path), "a").await.len(), 4);
    }
}

#[tokio::test]
async fn a_changed_file_is_seen_and_an_unchanged_one_is_not_read_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.tar");
    let archive = open(&path);
    let error = archive.check().await.unwrap_err().to_string();
    assert!(error.contains("it does not exist"), "{error}");
    fs::write(&path, classic(r#"["a:1"]"#).finish()).unwrap();
    assert_eq!(names(&*archive).await, ["a:1"]);
    let (tar, _) = modern();
    fs::write(&path, tar.finish()).unwrap();
    assert_eq!(names(&*archive).await, ["alpine:3.21"]);
}

#[test]
fn the_string_and_its_slips() {
    RegistrySpec::parse("type=docker-archive,path=a.tar,include=team/*").unwrap();
    for (text, words) in [
        (
            "type=docker-archive",
            &["type=docker-archive needs path="][..],
        ),
        ("type=docker-archive,path=", &["path= has no value"]),
        (
            "type=docker-archive,path=a,path=b",
            &["path=", "more than once"],
        ),
        (
            "type=docker-archive,path=a,registry=b",
            &["\"registry\"", "type, path, repository"],
        ),
        ("type=docker-archive,path=a,port=9000", &["\"port\""]),
        (
            "type=docker-archive,path=a,repository=B",
            &["\"B\"", "repository name"],
        ),
    ] {
        let error = RegistrySpec::parse(text).unwrap_err().to_string();
        for word in words {
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}
