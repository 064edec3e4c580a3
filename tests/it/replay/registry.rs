//! A registry in memory, which is also the truth: what each tag points to, and since when.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;
use jiff::Timestamp;
use scout_envs::{Digest, RepositoryName, Tag};
use scout_http::RedactedUrl;
use scout_registry::{
    BlobStream, Capabilities, Descriptor, Error, Identity, ListedTag, ManifestDocument,
    RegistryIntegration, Resolved, Result, Stats,
};
use url::Url;

use super::images::Image;

/// What stands before a repository.
pub(crate) const HOST: &str = "registry.test";

/// What a tag points to.
#[derive(Clone, Debug)]
pub(crate) struct Tagged {
    pub(crate) image: u64,
    pub(crate) pushed_at: Timestamp,
}

/// Repositories with their tags.
pub(crate) type Repositories = BTreeMap<RepositoryName, BTreeMap<Tag, Tagged>>;

/// What is in the registry.
#[derive(Debug, Default)]
pub(crate) struct Content {
    pub(crate) repositories: Repositories,
    /// Every image that was ever pushed, by number.
    pub(crate) images: HashMap<u64, Image>,
    blobs: HashMap<Digest, Bytes>,
    /// Whether it answers nothing but 503.
    pub(crate) is_down: bool,
}

/// The registry.
#[derive(Debug)]
pub(crate) struct MemoryRegistry {
    identity: Identity,
    content: Mutex<Content>,
}

impl MemoryRegistry {
    pub(crate) fn new() -> Self {
        let capabilities = Capabilities::default();
        Self {
            identity: Identity::new("memory", HOST, HOST, capabilities),
            content: Mutex::default(),
        }
    }

    pub(crate) fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap()
    }

    fn answering(&self) -> Result<MutexGuard<'_, Content>> {
        let content = self.content();
        match content.is_down {
            true => Err(Error::Unavailable {
                url: RedactedUrl::from(&Url::parse("https://registry.test/v2/").unwrap()),
                status: 503,
                retry_after: None,
                detail: None,
            }),
            false => Ok(content),
        }
    }
}

impl Content {
    /// Points a tag to an image, which need not have been there before.
    pub(crate) fn push(
        &mut self,
        repository: &RepositoryName,
        tag: &Tag,
        number: u64,
        image: impl FnOnce(u64) -> Image,
        now: Timestamp,
    ) -> Digest {
        let made = self.images.entry(number).or_insert_with(|| image(number));
        if !made.blobs.is_empty() {
            self.blobs.extend(made.blobs.drain(..));
        }
        let digest = made.manifest.clone();
        let tags = self.repositories.entry(repository.clone()).or_default();
        let tagged = Tagged {
            image: number,
            pushed_at: now,
        };
        tags.insert(tag.clone(), tagged);
        digest
    }

    fn bytes(&self, digest: &Digest) -> Result<Bytes> {
        let found = self.blobs.get(digest).cloned();
        found.ok_or_else(|| not_found(digest))
    }

    fn resolved(&self, tagged: &Tagged) -> Resolved {
        let digest = self.images[&tagged.image].manifest.clone();
        Resolved::new(digest).with_pushed_at(Some(tagged.pushed_at))
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

    fn lists_all(&self) -> bool {
        true
    }

    fn selects(&self, _: &RepositoryName) -> bool {
        true
    }

    async fn check(&self) -> Result<()> {
        self.answering().map(drop)
    }

    async fn repositories(&self) -> Result<Vec<RepositoryName>> {
        let content = self.answering()?;
        Ok(content.repositories.keys().cloned().collect())
    }

    async fn tags(&self, repository: &RepositoryName) -> Result<Vec<ListedTag>> {
        let content = self.answering()?;
        let tags = content.repositories.get(repository);
        let tags = tags.ok_or_else(|| Error::UnknownRepository {
            what: repository.to_string(),
            detail: None,
        })?;
        let listed = tags.iter().map(|(tag, tagged)| {
            ListedTag::new(tag.clone()).with_resolved(content.resolved(tagged))
        });
        Ok(listed.collect())
    }

    async fn resolve(&self, repository: &RepositoryName, tag: &Tag) -> Result<Resolved> {
        let content = self.answering()?;
        let tags = content.repositories.get(repository);
        let tagged = tags.and_then(|tags| tags.get(tag));
        Ok(content.resolved(tagged.ok_or_else(|| not_found(tag))?))
    }

    async fn manifest(&self, _: &RepositoryName, digest: &Digest) -> Result<ManifestDocument> {
        let bytes = self.answering()?.bytes(digest)?;
        Ok(ManifestDocument::new(digest.clone(), None, bytes))
    }

    async fn blob(&self, _: &RepositoryName, descriptor: &Descriptor) -> Result<BlobStream> {
        let bytes = self.answering()?.bytes(&descriptor.digest)?;
        Ok(Box::pin(stream::iter([Ok(bytes)])))
    }
}
