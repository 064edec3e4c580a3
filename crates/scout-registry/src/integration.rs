//! The one interface to everything that holds images.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, TryStreamExt};
use jiff::Timestamp;
use scout_envs::{Digest, RepositoryName, Tag};

use crate::descriptor::Descriptor;
use crate::error::{Error, Result};
use crate::events::EventSource;
use crate::manifest::Manifest;
use crate::stats::Stats;

/// The bytes of a blob as they arrive. The last item is an error unless length and digest were
/// those of the descriptor: nothing made of the bytes counts before the stream ended well.
pub type BlobStream = Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>;

/// A source of images.
///
/// # Contract
///
/// - Methods may be called from several tasks at once; what they share (tokens, connections) is
///   asked for once.
/// - Dropping a returned future or stream stops the work and leaves nothing half done.
/// - Every body is bounded, every repeat is bounded. What failed for a passing reason was tried
///   again, except for a blob that broke off half-way: its stream ends with an error that
///   [is retryable](Error::is_retryable), and the caller starts over.
/// - Content asked for by digest has that digest, or there is an error.
/// - Credentials go to the registry and its token service only, and appear in no error, `Debug`
///   output or address.
/// - No clock and no environment is read.
#[async_trait]
pub trait RegistryIntegration: fmt::Debug + Send + Sync + 'static {
    /// Returns what this integration is.
    fn identity(&self) -> &Identity;

    /// Returns the kind of this integration, as in `type=`.
    fn kind(&self) -> &'static str {
        self.identity().kind
    }

    /// Returns the identity under which results are stored: equal for equal sources, stable over
    /// restarts, for instance `oci:registry.example.com:5000`.
    fn key(&self) -> &str {
        &self.identity().key
    }

    /// Returns what stands before the repository where people read a reference.
    fn host(&self) -> &str {
        &self.identity().host
    }

    /// Returns what this integration can do.
    fn capabilities(&self) -> Capabilities {
        self.identity().capabilities
    }

    /// Returns what was asked for so far.
    fn stats(&self) -> Stats;

    /// Returns how people write a repository, without tag: what stands in a pull command.
    fn reference(&self, repository: &RepositoryName) -> String {
        format!("{}/{repository}", self.host())
    }

    /// Returns whether [`repositories`](Self::repositories) lists all that the registry has and
    /// the configuration selects, not a list of names that somebody gave.
    fn lists_all(&self) -> bool;

    /// Returns whether a repository is watched only once somebody enabled it, and none is at
    /// first.
    fn requires_activation(&self) -> bool {
        false
    }

    /// Returns whether the configuration selects a repository of this name, which need not exist.
    fn selects(&self, repository: &RepositoryName) -> bool;

    /// Returns what reads its webhooks, if it receives any: it has secrets for them.
    fn events(&self) -> Option<&dyn EventSource> {
        None
    }

    /// Checks the addresses and the credentials, the product's own API included, without listing
    /// images. See [`test_connection`](crate::test_connection) for a test of everything.
    async fn check(&self) -> Result<()>;

    /// Lists the repositories that the configuration selects, sorted: the explicit ones, else
    /// those of the catalog; of these, what `include` and `exclude` leave.
    async fn repositories(&self) -> Result<Vec<RepositoryName>>;

    /// Lists the tags of a repository, sorted, with what is known of each at no further cost. A
    /// repository without tags has an empty list or is [not found](Error::is_not_found), as the
    /// registry pleases.
    async fn tags(&self, repository: &RepositoryName) -> Result<Vec<ListedTag>>;

    /// Returns what a tag points to now, at the least cost the registry allows.
    async fn resolve(&self, repository: &RepositoryName, tag: &Tag) -> Result<Resolved>;

    /// Returns the manifest with this digest.
    async fn manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<ManifestDocument>;

    /// Streams a blob. No more bytes come than the descriptor states.
    async fn blob(
        &self,
        repository: &RepositoryName,
        descriptor: &Descriptor,
    ) -> Result<BlobStream>;

    /// Returns a whole blob of at most `limit` bytes: a configuration, not a layer.
    async fn blob_bytes(
        &self,
        repository: &RepositoryName,
        descriptor: &Descriptor,
        limit: u64,
    ) -> Result<Bytes> {
        if descriptor.size > limit {
            return Err(Error::TooLarge {
                what: format!("blob {}@{}", repository, descriptor.digest),
                limit,
            });
        }
        let mut stream = self.blob(repository, descriptor).await?;
        let mut body = BytesMut::new();
        while let Some(chunk) = stream.try_next().await? {
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }
}

/// What an integration is, which never changes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Identity {
    kind: &'static str,
    key: String,
    host: String,
    capabilities: Capabilities,
}

impl Identity {
    /// Returns the identity of the source that `id` tells from others of its kind. `host` is what
    /// stands before the repository where people read a reference.
    #[must_use]
    pub fn new(
        kind: &'static str,
        id: impl fmt::Display,
        host: impl Into<String>,
        capabilities: Capabilities,
    ) -> Self {
        Self {
            kind,
            key: format!("{kind}:{id}"),
            host: host.into(),
            capabilities,
        }
    }

    /// Returns the kind, as in `type=`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// Returns the key: the kind, a colon, and what tells it from others of its kind.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns the host where people look for it.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns what it can do.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        self.capabilities
    }
}

/// What an integration can do beyond reading images.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Capabilities {
    /// It lists repositories and tags.
    pub lists_images: bool,
    /// It knows when a tag was pushed.
    pub tells_push_times: bool,
    /// It can tell about pushes by itself.
    pub receives_events: bool,
    /// It knows which images run.
    pub lists_running_images: bool,
}

impl Capabilities {
    /// What a collection of files can do.
    pub(crate) const OF_FILES: Self = Self {
        lists_images: true,
        tells_push_times: false,
        receives_events: false,
        lists_running_images: false,
    };
    /// What something that watches a cluster can do.
    pub(crate) const OF_RUNTIME: Self = Self {
        lists_images: false,
        tells_push_times: false,
        receives_events: false,
        lists_running_images: true,
    };
    /// What a registry without an API of its own can do.
    pub(crate) const OF_REGISTRY: Self = Self {
        receives_events: true,
        ..Self::OF_FILES
    };
    /// What a product with an API of its own can do.
    pub(crate) const OF_PRODUCT: Self = Self {
        tells_push_times: true,
        ..Self::OF_REGISTRY
    };
}

/// A tag in a listing.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ListedTag {
    /// The tag.
    pub tag: Tag,
    /// What it points to, where the listing itself tells; else it must be
    /// [resolved](RegistryIntegration::resolve).
    pub resolved: Option<Resolved>,
}

impl ListedTag {
    /// Returns a tag of which the listing tells nothing more.
    #[must_use]
    pub fn new(tag: Tag) -> Self {
        Self {
            tag,
            resolved: None,
        }
    }

    /// Tells what it points to.
    #[must_use]
    pub fn with_resolved(mut self, resolved: Resolved) -> Self {
        self.resolved = Some(resolved);
        self
    }
}

/// What a tag points to.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Resolved {
    /// The manifest's digest.
    pub digest: Digest,
    /// The manifest's media type, if it was told.
    pub media_type: Option<String>,
    /// When the tag was pushed, where the registry tells.
    pub pushed_at: Option<Timestamp>,
}

impl Resolved {
    /// Returns the answer of an integration that knows nothing but the digest.
    #[must_use]
    pub fn new(digest: Digest) -> Self {
        Self {
            digest,
            media_type: None,
            pushed_at: None,
        }
    }

    /// Tells when it was pushed, where that is known.
    #[must_use]
    pub fn with_pushed_at(mut self, pushed_at: Option<Timestamp>) -> Self {
        self.pushed_at = pushed_at;
        self
    }
}

/// A manifest as it is stored, its digest checked.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ManifestDocument {
    /// The digest.
    pub digest: Digest,
    /// The media type that came with it, without parameters.
    pub media_type: Option<String>,
    /// The bytes, at most [`Manifest::MAX_LEN`].
    pub bytes: Bytes,
}

impl ManifestDocument {
    /// Returns the document; who makes it has checked that the bytes have the digest.
    #[must_use]
    pub fn new(digest: Digest, media_type: Option<String>, bytes: Bytes) -> Self {
        Self {
            digest,
            media_type,
            bytes,
        }
    }

    /// Reads the manifest.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidManifest`] with the reason.
    pub fn parse(&self) -> Result<Manifest> {
        Manifest::parse(self.media_type.as_deref(), &self.bytes).map_err(|reason| {
            Error::InvalidManifest {
                what: format!("manifest {}", self.digest),
                source: Arc::new(reason),
            }
        })
    }
}
