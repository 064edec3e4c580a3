//! Builds OCI image layouts: good ones, and ones that lie.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// A layout in a temporary directory.
#[derive(Debug)]
pub(crate) struct Layout {
    parent: TempDir,
    manifests: Vec<Value>,
}

impl Layout {
    /// Starts an empty layout.
    pub(crate) fn new() -> Self {
        let parent = TempDir::new().unwrap();
        fs::create_dir_all(parent.path().join("blobs/sha256")).unwrap();
        let version = "{\"imageLayoutVersion\":\"1.0.0\"}";
        fs::write(parent.path().join("oci-layout"), version).unwrap();
        let mut layout = Self {
            parent,
            manifests: Vec::new(),
        };
        layout.write_index();
        layout
    }

    /// Returns the folder.
    pub(crate) fn path(&self) -> &Path {
        self.parent.path()
    }

    /// Returns the value of `--registry`.
    pub(crate) fn registry(&self) -> String {
        format!("type=oci-dir,path={}", self.path().display())
    }

    /// Returns where a blob is.
    pub(crate) fn blob(&self, digest: &str) -> PathBuf {
        let hex = digest.strip_prefix("sha256:").unwrap();
        self.path().join("blobs/sha256").join(hex)
    }

    /// Stores a blob and returns its descriptor.
    pub(crate) fn put(&self, media_type: &str, bytes: &[u8]) -> Value {
        let digest = digest(bytes);
        fs::write(self.blob(&digest), bytes).unwrap();
        json!({"mediaType": media_type, "digest": digest, "size": bytes.len()})
    }

    /// Stores a layer, compressed, and returns its descriptor.
    pub(crate) fn layer(&self, tar: &[u8]) -> Value {
        self.put(LAYER, &gzip(tar))
    }

    /// Adds an image of these layers under a name; diff ids are those of the tars given.
    pub(crate) fn image(&mut self, name: &str, tars: &[Vec<u8>]) -> Value {
        let layers: Vec<_> = tars.iter().map(|tar| self.layer(tar)).collect();
        let diff_ids: Vec<_> = tars.iter().map(|tar| digest(tar)).collect();
        self.image_of(name, &layers, &diff_ids)
    }

    /// Adds an image of layers that are stored already, whatever they hold.
    pub(crate) fn image_of(&mut self, name: &str, layers: &[Value], diff_ids: &[String]) -> Value {
        let config = json!({
            "architecture": "amd64", "os": "linux", "created": "2024-01-01T00:00:00Z",
            "config": {"User": "1000", "Entrypoint": [name]},
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        });
        let config = self.put(CONFIG, config.to_string().as_bytes());
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers,
        });
        self.manifest(name, MANIFEST, manifest.to_string().as_bytes())
    }

    /// Adds any manifest under a name.
    pub(crate) fn manifest(&mut self, name: &str, media_type: &str, bytes: &[u8]) -> Value {
        let mut descriptor = self.put(media_type, bytes);
        descriptor["annotations"] = json!({"org.opencontainers.image.ref.name": name});
        self.manifests.push(descriptor.clone());
        self.write_index();
        descriptor
    }

    fn write_index(&mut self) {
        let index = json!({"schemaVersion": 2, "manifests": self.manifests});
        fs::write(self.path().join("index.json"), index.to_string()).unwrap();
    }
}

/// Returns the digest of bytes.
pub(crate) fn digest(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

/// Compresses bytes.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Returns a tar archive of files.
pub(crate) fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        // Set byte by byte: `set_path` refuses what a hostile archive would hold.
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        builder.append(&header, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

/// Returns the tar archive of a small Debian system with one package.
pub(crate) fn debian(package: &str, version: &str) -> Vec<u8> {
    tar(&[
        (
            "etc/os-release",
            b"ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n".as_slice(),
        ),
        ("var/lib/dpkg/status", stanza(package, version).as_bytes()),
    ])
}

/// Returns one entry of dpkg's status file.
pub(crate) fn stanza(package: &str, version: &str) -> String {
    format!(
        "Package: {package}\nStatus: install ok installed\nArchitecture: amd64\n\
         Version: {version}\nDescription: {package}\n\n"
    )
}
