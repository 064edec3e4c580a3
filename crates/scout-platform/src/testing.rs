//! What the tests of this crate stand on: a registry in memory, images made on the spot, and a
//! clock that is set by hand.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;
use jiff::Timestamp;
use scout_envs::{Digest, RepositoryName, Tag};
use scout_registry::{
    BlobStream, Capabilities, Descriptor, Error, ManifestDocument, RegistryIntegration, Resolved,
    Result, Stats, media_type,
};
use serde_json::json;
use sha2::Digest as _;

use crate::clock::Clock;

/// A clock that is set by hand.
#[derive(Debug)]
pub(crate) struct HandClock(AtomicI64);

impl HandClock {
    pub(crate) fn new(second: i64) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(second)))
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::Relaxed)).unwrap()
    }
}

/// How often a registry was asked for what.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Asked {
    pub(crate) resolved: u64,
    pub(crate) manifests: u64,
    pub(crate) blobs: BTreeMap<Digest, u64>,
}

#[derive(Debug, Default)]
struct State {
    tags: BTreeMap<RepositoryName, BTreeMap<Tag, Digest>>,
    blobs: BTreeMap<Digest, Bytes>,
    asked: Asked,
}

/// A registry in memory.
#[derive(Debug, Default)]
pub(crate) struct MemoryRegistry(Mutex<State>);

pub(crate) fn digest(bytes: &[u8]) -> Digest {
    Digest::sha256(&sha2::Sha256::digest(bytes).into())
}

/// A layer of these files.
pub(crate) fn layer(files: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive
            .append_data(&mut header, path, content.as_bytes())
            .unwrap();
    }
    archive.into_inner().unwrap()
}

/// A layer of Debian 12 with these packages.
pub(crate) fn debian(packages: &[(&str, &str)]) -> Vec<u8> {
    let status: String = packages
        .iter()
        .map(|(name, version)| {
            format!(
                "Package: {name}\nStatus: install ok installed\nArchitecture: amd64\n\
                 Version: {version}\n\n"
            )
        })
        .collect();
    layer(&[
        ("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n"),
        ("var/lib/dpkg/status", &status),
    ])
}

impl MemoryRegistry {
    fn put(&self, bytes: Vec<u8>) -> Digest {
        let digest = digest(&bytes);
        self.0
            .lock()
            .unwrap()
            .blobs
            .insert(digest.clone(), bytes.into());
        digest
    }

    /// Pushes an image of these uncompressed layers and returns its digest.
    pub(crate) fn push(&self, repository: &str, tag: &str, layers: &[Vec<u8>]) -> Digest {
        let diff_ids: Vec<Digest> = layers.iter().map(|layer| digest(layer)).collect();
        self.push_claiming(repository, tag, layers, &diff_ids)
    }

    /// As [`push`](Self::push), with a configuration that claims these diff ids.
    pub(crate) fn push_claiming(
        &self,
        repository: &str,
        tag: &str,
        layers: &[Vec<u8>],
        diff_ids: &[Digest],
    ) -> Digest {
        let config = json!({
            "os": "linux", "architecture": "amd64", "config": {"User": "1000"},
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        })
        .to_string()
        .into_bytes();
        let config_size = config.len();
        let config = self.put(config);
        let layers: Vec<_> = layers
            .iter()
            .map(|layer| {
                json!({
                    "mediaType": "application/vnd.oci.image.layer.v1.tar",
                    "size": layer.len(), "digest": self.put(layer.clone()),
                })
            })
            .collect();
        let manifest = json!({
            "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "layers": layers,
            "config": {"mediaType": media_type::OCI_CONFIG, "size": config_size, "digest": config},
        });
        let digest = self.put(manifest.to_string().into_bytes());
        let mut state = self.0.lock().unwrap();
        let tags = state.tags.entry(repository.parse().unwrap()).or_default();
        tags.insert(tag.parse().unwrap(), digest.clone());
        digest
    }

    /// Pushes an index of images of one layer, each for a platform, under a tag.
    pub(crate) fn push_index(&self, repository: &str, tag: &str, images: &[(&str, Vec<u8>)]) {
        let entries: Vec<_> = images
            .iter()
            .map(|(architecture, layer)| {
                let digest = self.push(repository, tag, std::slice::from_ref(layer));
                let size = self.blob_bytes_of(&digest).unwrap().len();
                json!({
                    "mediaType": media_type::OCI_MANIFEST, "digest": digest, "size": size,
                    "platform": {"os": "linux", "architecture": architecture},
                })
            })
            .collect();
        let index = json!({
            "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": entries,
        });
        let digest = self.put(index.to_string().into_bytes());
        let mut state = self.0.lock().unwrap();
        let tags = state.tags.entry(repository.parse().unwrap()).or_default();
        tags.insert(tag.parse().unwrap(), digest);
    }

    /// Removes a tag.
    pub(crate) fn remove(&self, repository: &str, tag: &str) {
        let mut state = self.0.lock().unwrap();
        state
            .tags
            .get_mut(&repository.parse().unwrap())
            .unwrap()
            .remove(&tag.parse().unwrap());
    }

    /// Returns how often it was asked since the last time.
    pub(crate) fn asked(&self) -> Asked {
        std::mem::take(&mut self.0.lock().unwrap().asked)
    }

    fn blob_bytes_of(&self, digest: &Digest) -> Result<Bytes> {
        let state = self.0.lock().unwrap();
        state
            .blobs
            .get(digest)
            .cloned()
            .ok_or_else(|| not_found(digest))
    }
}

fn not_found(what: &impl ToString) -> Error {
    Error::NotFound {
        what: what.to_string(),
        detail: None,
    }
}

#[async_trait]
impl RegistryIntegration for MemoryRegistry {
    fn kind(&self) -> &'static str {
        "memory"
    }

    fn key(&self) -> &'static str {
        "memory:test"
    }

    fn host(&self) -> &'static str {
        "registry.test"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    fn stats(&self) -> Stats {
        Stats::default()
    }

    async fn test_connection(&self) -> Result<()> {
        Ok(())
    }

    async fn repositories(&self) -> Result<Vec<RepositoryName>> {
        Ok(self.0.lock().unwrap().tags.keys().cloned().collect())
    }

    async fn tags(&self, repository: &RepositoryName) -> Result<Vec<Tag>> {
        let state = self.0.lock().unwrap();
        let tags = state
            .tags
            .get(repository)
            .ok_or_else(|| not_found(repository))?;
        Ok(tags.keys().cloned().collect())
    }

    async fn resolve(&self, repository: &RepositoryName, tag: &Tag) -> Result<Resolved> {
        let mut state = self.0.lock().unwrap();
        state.asked.resolved += 1;
        let digest = state.tags.get(repository).and_then(|tags| tags.get(tag));
        digest
            .cloned()
            .map(Resolved::new)
            .ok_or_else(|| not_found(tag))
    }

    async fn manifest(&self, _: &RepositoryName, digest: &Digest) -> Result<ManifestDocument> {
        self.0.lock().unwrap().asked.manifests += 1;
        Ok(ManifestDocument::new(
            digest.clone(),
            None,
            self.blob_bytes_of(digest)?,
        ))
    }

    async fn blob(&self, _: &RepositoryName, descriptor: &Descriptor) -> Result<BlobStream> {
        {
            let asked = &mut self.0.lock().unwrap().asked.blobs;
            *asked.entry(descriptor.digest.clone()).or_default() += 1;
        }
        let bytes = self.blob_bytes_of(&descriptor.digest)?;
        // In small pieces, as from a network.
        let chunks: Vec<_> = bytes
            .chunks(1000)
            .map(|chunk| Ok(bytes.slice_ref(chunk)))
            .collect();
        Ok(Box::pin(stream::iter(chunks)))
    }
}

/// Writes a dump of these OSV records below a directory, as OSV lays them out.
pub(crate) fn write_dump(dir: &Path, ecosystem: &str, records: &[serde_json::Value]) {
    let folder = dir.join(ecosystem);
    fs::create_dir_all(&folder).unwrap();
    let mut dump = zip::ZipWriter::new(fs::File::create(folder.join("all.zip")).unwrap());
    for record in records {
        let name = format!("{}.json", record["id"].as_str().unwrap());
        let options = zip::write::SimpleFileOptions::default();
        dump.start_file(name, options).unwrap();
        dump.write_all(record.to_string().as_bytes()).unwrap();
    }
    dump.finish().unwrap();
}

/// A record of a critical vulnerability in all versions of a Debian 12 package before 2.
pub(crate) fn critical(cve: &str, package: &str) -> serde_json::Value {
    json!({
        "id": format!("DEBIAN-{cve}"), "upstream": [cve],
        "modified": "2024-01-01T00:00:00Z",
        "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
        "affected": [{
            "package": {"ecosystem": "Debian:12", "name": package},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2"}]}],
        }],
    })
}
