//! Image layouts on disk, whole and broken.

use std::fs;
use std::path::Path;

use super::*;
use crate::conformance;
use crate::media_type;
use crate::spec::BuildOptions;
use crate::spec::RegistrySpec;
use crate::verify::digest_of;
use scout_envs::DigestAlgorithm;

fn open(path: &Path) -> Arc<dyn RegistryIntegration> {
    let spec = format!("type=oci-dir,path={}", path.display());
    let options = BuildOptions::new("test");
    RegistrySpec::parse(&spec).unwrap().build(options).unwrap()
}

fn put(root: &Path, bytes: &[u8]) -> String {
    let digest = digest_of(bytes, DigestAlgorithm::Sha256);
    let blobs = root.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    fs::write(blobs.join(digest.hex()), bytes).unwrap();
    format!(r#""digest":"{digest}","size":{}"#, bytes.len())
}

/// Writes a layout with one image under the tag `1.0`, and returns its manifest's digest.
fn write_layout(root: &Path) -> Digest {
    let config = put(root, br#"{"architecture":"amd64","os":"linux"}"#);
    let config_type = media_type::OCI_CONFIG;
    let manifest = format!(
        r#"{{"schemaVersion":2,"config":{{"mediaType":"{config_type}",{config}}},"layers":[]}}"#
    );
    let entry = put(root, manifest.as_bytes());
    let manifest_type = media_type::OCI_MANIFEST;
    let index = format!(
        r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"{manifest_type}",{entry},
        "annotations":{{"org.opencontainers.image.ref.name":"1.0"}}}}]}}"#
    );
    fs::write(root.join("index.json"), index).unwrap();
    digest_of(manifest.as_bytes(), DigestAlgorithm::Sha256)
}

#[tokio::test]
async fn conforms() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("My App");
    fs::create_dir(&root).unwrap();
    write_layout(&root);
    let layout = open(&root);
    conformance::check_all(&*layout).await.unwrap();
    assert_eq!(layout.repositories().await.unwrap()[0].as_str(), "my-app");
    assert_eq!(layout.host(), "localhost");
}

#[tokio::test]
async fn what_is_no_layout_is_said_to_be_none_and_why() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let says = async |path: &Path, expected: &str| {
        let error = open(path).check().await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    says(
        &root.join("missing"),
        "is not an OCI image layout: it does not exist",
    )
    .await;
    says(root, "it has no index.json").await;
    fs::write(root.join("file"), "").unwrap();
    says(&root.join("file"), "it is not a directory").await;
    fs::write(root.join("index.json"), "{").unwrap();
    says(
        root,
        "index.json cannot be used: it is not a JSON manifest: EOF",
    )
    .await;
    fs::remove_file(root.join("index.json")).unwrap();
    fs::create_dir(root.join("index.json")).unwrap();
    says(root, "cannot be read").await;
}

#[tokio::test]
async fn a_changed_index_is_seen() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    fs::write(root.join("index.json"), r#"{"manifests":[]}"#).unwrap();
    let layout = open(root);
    assert!(layout.repositories().await.unwrap().is_empty());
    write_layout(root);
    assert_eq!(layout.repositories().await.unwrap().len(), 1);
}

#[tokio::test]
async fn damaged_manifests_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let digest = write_layout(root);
    let layout = open(root);
    let repository = layout.repositories().await.unwrap().remove(0);
    let path = root.join("blobs/sha256").join(digest.hex());
    fs::write(&path, "{}").unwrap();
    let error = layout.manifest(&repository, &digest).await.unwrap_err();
    assert!(matches!(error, Error::DigestMismatch { .. }), "{error:?}");
    fs::write(&path, vec![b' '; 4 * 1024 * 1024 + 1]).unwrap();
    let error = layout.manifest(&repository, &digest).await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn no_link_leads_out_of_the_layout() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("layout");
    fs::create_dir(&root).unwrap();
    let digest = write_layout(&root);
    let outside = directory.path().join("outside");
    fs::write(&outside, "secret").unwrap();
    let path = root.join("blobs/sha256").join(digest.hex());
    fs::remove_file(&path).unwrap();
    let layout = open(&root);
    let repository = layout.repositories().await.unwrap().remove(0);
    for target in [&outside, Path::new("/dev/zero"), &root] {
        std::os::unix::fs::symlink(target, &path).unwrap();
        let error = layout.manifest(&repository, &digest).await.unwrap_err();
        assert!(matches!(error, Error::Unreadable { .. }), "{error:?}");
        let blob = Descriptor::new("", digest.clone(), 6);
        assert!(layout.blob(&repository, &blob).await.is_err());
        fs::remove_file(&path).unwrap();
    }
}
