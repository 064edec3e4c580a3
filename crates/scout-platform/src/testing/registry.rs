//! A registry in memory, which does what a test wants of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;
use jiff::Timestamp;
use scout_envs::{Digest, RepositoryName, Tag};
use scout_http::RedactedUrl;
use scout_registry::{
    BlobStream, Capabilities, Descriptor, Error, Identity, ListedTag, ManifestDocument,
    RegistryIntegration, Resolved, Result, Stats, media_type,
};
use serde_json::json;
use tokio::sync::Semaphore;
use url::Url;

use super::digest;

/// How often a registry was asked for what.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Asked {
    pub(crate) repositories: u64,
    pub(crate) tags: u64,
    pub(crate) resolved: u64,
    pub(crate) manifests: u64,
    /// The repositories whose manifests were asked for, in that order.
    pub(crate) order: Vec<RepositoryName>,
    pub(crate) blobs: BTreeMap<Digest, u64>,
}

/// The hosts whose manifests were asked for, in that order, over several registries.
pub(crate) type Log = Arc<Mutex<Vec<String>>>;

/// What a listing tells of a tag.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Tells {
    #[default]
    Names,
    Digests,
    PushTimes,
}

/// What is wrong with a registry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Trouble {
    /// It answers with status 503.
    Down,
    /// It answers with status 429, and wants so many seconds.
    Busy(u64),
    /// It answers no question about a tag.
    Silent,
}

#[derive(Debug, Default)]
struct State {
    tags: BTreeMap<RepositoryName, BTreeMap<Tag, Digest>>,
    pushed_at: BTreeMap<(RepositoryName, Tag), Timestamp>,
    blobs: BTreeMap<Digest, Bytes>,
    asked: Asked,
    tells: Tells,
    trouble: Option<Trouble>,
    requires_activation: bool,
    unselected: BTreeSet<RepositoryName>,
    /// Repositories that are named in lists, though there are none.
    kept_names: BTreeSet<RepositoryName>,
    /// What listings of tags wait for once they are made.
    gate: Option<Arc<Semaphore>>,
    /// What manifests wait for once they are asked for.
    manifest_gate: Option<Arc<Semaphore>>,
    /// Manifests that the registry cannot give, though it answers for others.
    poisoned: BTreeSet<Digest>,
}

/// A registry in memory.
#[derive(Debug)]
pub(crate) struct MemoryRegistry {
    identity: Identity,
    /// The host in pull commands, where it is another.
    written: Option<String>,
    log: Log,
    state: Mutex<State>,
}

impl Default for MemoryRegistry {
    fn default() -> Self {
        Self::new("registry.test", &Log::default())
    }
}

impl MemoryRegistry {
    pub(crate) fn new(host: &str, log: &Log) -> Self {
        Self {
            identity: Identity::new("memory", host, host, Capabilities::default()),
            written: None,
            log: Arc::clone(log),
            state: Mutex::default(),
        }
    }

    /// A registry whose repositories are pulled from another host than its own.
    pub(crate) fn written_as(host: &str, written: &str) -> Self {
        Self {
            written: Some(written.to_owned()),
            ..Self::new(host, &Log::default())
        }
    }

    /// A registry that watches only what somebody enabled, and tells this in its listings.
    pub(crate) fn to_be_activated(tells: Tells) -> Self {
        let registry = Self::default();
        registry.state().requires_activation = true;
        registry.state().tells = tells;
        registry
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn tell(&self, tells: Tells) {
        self.state().tells = tells;
    }

    /// Begins or ends trouble.
    pub(crate) fn trouble(&self, trouble: Option<Trouble>) {
        self.state().trouble = trouble;
    }

    /// Takes a repository out of what the configuration selects.
    pub(crate) fn unselect(&self, repository: &str) {
        self.state().unselected.insert(repository.parse().unwrap());
    }

    /// Makes listings of tags wait, with what they hold, until the gate is given a permit.
    pub(crate) fn hold_listings(&self) -> Arc<Semaphore> {
        let gate = Arc::new(Semaphore::new(0));
        self.state().gate = Some(Arc::clone(&gate));
        gate
    }

    /// Makes manifests wait, once they are asked for, until the gate is given a permit for each.
    pub(crate) fn hold_manifests(&self) -> Arc<Semaphore> {
        let gate = Arc::new(Semaphore::new(0));
        self.state().manifest_gate = Some(Arc::clone(&gate));
        gate
    }

    /// Answers with status 503 when this manifest is asked for.
    pub(crate) fn poison(&self, digest: &Digest) {
        self.state().poisoned.insert(digest.clone());
    }

    /// Returns the repositories whose manifests were asked for, without forgetting them.
    pub(crate) fn order(&self) -> Vec<String> {
        let state = self.state();
        state.asked.order.iter().map(ToString::to_string).collect()
    }

    fn put(&self, bytes: Vec<u8>) -> Digest {
        let digest = digest(&bytes);
        self.state().blobs.insert(digest.clone(), bytes.into());
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
        self.point(repository, tag, digest.clone());
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
        self.point(repository, tag, digest);
    }

    /// Makes a tag point to something that was pushed.
    pub(crate) fn point(&self, repository: &str, tag: &str, digest: Digest) {
        let mut state = self.state();
        let tags = state.tags.entry(repository.parse().unwrap()).or_default();
        tags.insert(tag.parse().unwrap(), digest);
    }

    /// Says when a tag was pushed.
    pub(crate) fn pushed_at(&self, repository: &str, tag: &str, second: i64) {
        let place = (repository.parse().unwrap(), tag.parse().unwrap());
        let at = Timestamp::from_second(second).unwrap();
        self.state().pushed_at.insert(place, at);
    }

    /// Removes a tag.
    pub(crate) fn remove(&self, repository: &str, tag: &str) {
        self.state()
            .tags
            .get_mut(&repository.parse().unwrap())
            .unwrap()
            .remove(&tag.parse().unwrap());
    }

    /// Removes a repository.
    pub(crate) fn remove_repository(&self, repository: &str) {
        self.state().tags.remove(&repository.parse().unwrap());
    }

    /// Deletes a repository that the list of repositories goes on naming.
    pub(crate) fn keep_only_the_name(&self, repository: &str) {
        let mut state = self.state();
        let name: RepositoryName = repository.parse().unwrap();
        state.tags.remove(&name);
        state.kept_names.insert(name);
    }

    /// Returns how often it was asked since the last time.
    pub(crate) fn asked(&self) -> Asked {
        std::mem::take(&mut self.state().asked)
    }

    fn blob_bytes_of(&self, digest: &Digest) -> Result<Bytes> {
        self.state()
            .blobs
            .get(digest)
            .cloned()
            .ok_or_else(|| not_found(digest))
    }

    fn list(&self, repository: &RepositoryName) -> Result<Vec<ListedTag>> {
        let mut state = self.state();
        state.asked.tags += 1;
        state.answers()?;
        let tags = state
            .tags
            .get(repository)
            .ok_or_else(|| Error::UnknownRepository {
                what: repository.to_string(),
                detail: None,
            })?;
        let listed = tags.iter().map(|(tag, digest)| {
            let listed = ListedTag::new(tag.clone());
            match state.tells {
                Tells::Names => listed,
                _ => listed.with_resolved(state.resolved(repository, tag, digest)),
            }
        });
        Ok(listed.collect())
    }
}

fn url() -> RedactedUrl {
    RedactedUrl::from(&Url::parse("https://registry.test/v2/").unwrap())
}

impl State {
    fn down() -> Error {
        Error::Unavailable {
            url: url(),
            status: 503,
            retry_after: None,
            detail: None,
        }
    }

    fn answers(&self) -> Result<()> {
        match self.trouble {
            None | Some(Trouble::Silent) => Ok(()),
            Some(Trouble::Down) => Err(Self::down()),
            Some(Trouble::Busy(seconds)) => Err(Error::TooManyRequests {
                url: url(),
                retry_after: Some(Duration::from_secs(seconds)),
                detail: None,
            }),
        }
    }

    fn resolved(&self, repository: &RepositoryName, tag: &Tag, digest: &Digest) -> Resolved {
        let place = (repository.clone(), tag.clone());
        let pushed_at = self.pushed_at.get(&place).copied();
        Resolved::new(digest.clone())
            .with_pushed_at(pushed_at.filter(|_| self.tells == Tells::PushTimes))
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
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn stats(&self) -> Stats {
        Stats::default()
    }

    fn reference(&self, repository: &RepositoryName) -> String {
        let host = self.written.as_deref().unwrap_or_else(|| self.host());
        format!("{host}/{repository}")
    }

    fn lists_all(&self) -> bool {
        true
    }

    fn requires_activation(&self) -> bool {
        self.state().requires_activation
    }

    fn selects(&self, repository: &RepositoryName) -> bool {
        !self.state().unselected.contains(repository)
    }

    async fn check(&self) -> Result<()> {
        self.state().answers()
    }

    async fn repositories(&self) -> Result<Vec<RepositoryName>> {
        let mut state = self.state();
        state.asked.repositories += 1;
        state.answers()?;
        let names = state.tags.keys().chain(&state.kept_names).cloned();
        Ok(names
            .filter(|name| !state.unselected.contains(name))
            .collect())
    }

    async fn tags(&self, repository: &RepositoryName) -> Result<Vec<ListedTag>> {
        let listed = self.list(repository);
        let gate = self.state().gate.clone();
        if let Some(gate) = gate {
            gate.acquire().await.unwrap().forget();
        }
        listed
    }

    async fn resolve(&self, repository: &RepositoryName, tag: &Tag) -> Result<Resolved> {
        let mut state = self.state();
        state.asked.resolved += 1;
        state.answers()?;
        if state.trouble == Some(Trouble::Silent) {
            return Err(scout_http::Error::Timeout { url: url() }.into());
        }
        let digest = state.tags.get(repository).and_then(|tags| tags.get(tag));
        let digest = digest.ok_or_else(|| not_found(tag))?;
        Ok(state.resolved(repository, tag, digest))
    }

    async fn manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<ManifestDocument> {
        self.log.lock().unwrap().push(self.host().to_owned());
        let gate = {
            let mut state = self.state();
            state.asked.manifests += 1;
            state.asked.order.push(repository.clone());
            state.answers()?;
            if state.poisoned.contains(digest) {
                return Err(State::down());
            }
            state.manifest_gate.clone()
        };
        if let Some(gate) = gate {
            gate.acquire().await.unwrap().forget();
        }
        Ok(ManifestDocument::new(
            digest.clone(),
            None,
            self.blob_bytes_of(digest)?,
        ))
    }

    async fn blob(&self, _: &RepositoryName, descriptor: &Descriptor) -> Result<BlobStream> {
        {
            let mut state = self.state();
            let asked = &mut state.asked.blobs;
            *asked.entry(descriptor.digest.clone()).or_default() += 1;
            state.answers()?;
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
