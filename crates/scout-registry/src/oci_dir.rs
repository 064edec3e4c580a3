//! `type=oci-dir`: an OCI image layout in a directory, read as if it were a registry.

pub(crate) mod layout;
mod spec;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use scout_envs::{Digest, RepositoryName, Tag};
use tokio::fs::File;
use tokio::io::AsyncReadExt;

use crate::descriptor::Descriptor;
use crate::error::{Error, Result};
use crate::integration::{
    BlobStream, Capabilities, Identity, ListedTag, ManifestDocument, RegistryIntegration, Resolved,
};
use crate::manifest::Manifest;
use crate::oci_dir::layout::{Layout, LayoutVersion};
pub(crate) use crate::oci_dir::spec::PRODUCT;
use crate::selection::Selection;
use crate::stats::{Counters, RequestKind, Stats};
use crate::verify::{VerifiedStream, check_digest};

/// What stands before the repository in a reference to an image in a directory: where Docker's
/// reference grammar has a host, `localhost` means this machine.
pub(crate) const HOST: &str = "localhost";
/// How much of a blob is read at once, in bytes.
const CHUNK: usize = 128 * 1024;
/// Longest `index.json`, in bytes: some fifty thousand images.
pub(crate) const MAX_INDEX: u64 = 16 * 1024 * 1024;

/// An OCI image layout in a directory.
///
/// A tag is an entry of `index.json` with the annotation `org.opencontainers.image.ref.name`;
/// the file is read again when it has changed. Only files below the directory are opened.
#[derive(Debug)]
struct OciDirectory {
    root: PathBuf,
    identity: Identity,
    selection: Selection,
    counters: Arc<Counters>,
    known: Mutex<Option<(LayoutVersion, Arc<Layout>)>>,
}

impl OciDirectory {
    /// Makes the integration; the directory need not exist yet.
    ///
    /// # Errors
    ///
    /// When the path is relative and there is no current directory.
    fn new(path: &Path, selection: Selection) -> Result<Self> {
        let root = std::path::absolute(path).map_err(|source| unreadable(path, source))?;
        // One layout has one identity, whichever link leads to it.
        let root = std::fs::canonicalize(&root).unwrap_or(root);
        Ok(Self {
            identity: Identity::new(PRODUCT.kind, root.display(), HOST, Capabilities::OF_FILES),
            root,
            selection,
            counters: Arc::new(Counters::default()),
            known: Mutex::new(None),
        })
    }

    async fn layout(&self) -> Result<Arc<Layout>> {
        let path = self.root.join("index.json");
        let metadata = match tokio::fs::metadata(&path).await {
            Ok(metadata) => metadata,
            Err(error) => return Err(self.explain_missing_index(&path, error).await),
        };
        let version = LayoutVersion::of(&metadata);
        let known = {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.clone()
        };
        if let Some((known_version, layout)) = known
            && known_version == version
        {
            return Ok(layout);
        }
        let not_a_layout = |reason| Error::NotALayout {
            path: self.root.clone(),
            reason,
        };
        let bytes = self.read(&path, MAX_INDEX, "index.json").await?;
        let layout = Layout::parse(&bytes, &self.root).map_err(not_a_layout)?;
        (0..layout.unusable()).for_each(|_| self.counters.count_invalid_name());
        let layout = Arc::new(layout);
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((version, Arc::clone(&layout)));
        Ok(layout)
    }

    async fn explain_missing_index(&self, path: &Path, error: std::io::Error) -> Error {
        if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) {
            return unreadable(path, error);
        }
        let reason = match tokio::fs::metadata(&self.root).await {
            Ok(root) if root.is_dir() => "it has no index.json",
            Ok(_) => "it is not a directory",
            Err(_) => "it does not exist",
        };
        Error::NotALayout {
            path: self.root.clone(),
            reason: reason.to_owned(),
        }
    }

    /// Opens a regular file below the directory, and returns its length, too. Links are followed
    /// as long as they stay inside; pipes and devices are never opened.
    async fn open(&self, path: &Path, what: &str) -> Result<(u64, File)> {
        let failed = |source: std::io::Error| match source.kind() {
            ErrorKind::NotFound => Error::NotFound {
                what: what.to_owned(),
                detail: None,
            },
            _ => unreadable(path, source),
        };
        let real = tokio::fs::canonicalize(path).await.map_err(failed)?;
        let metadata = tokio::fs::metadata(&real).await.map_err(failed)?;
        if !real.starts_with(&self.root) || !metadata.is_file() {
            let reason = "it is not a file below the image layout";
            return Err(unreadable(path, std::io::Error::other(reason)));
        }
        let file = File::open(&real).await.map_err(failed)?;
        Ok((metadata.len(), file))
    }

    /// Reads a file whole if it has up to `limit` bytes.
    async fn read(&self, path: &Path, limit: u64, what: &str) -> Result<Bytes> {
        let (_, file) = self.open(path, what).await?;
        let mut bytes = Vec::new();
        let read = file.take(limit + 1).read_to_end(&mut bytes).await;
        read.map_err(|source| unreadable(path, source))?;
        if bytes.len() as u64 > limit {
            return Err(Error::TooLarge {
                what: what.to_owned(),
                limit,
            });
        }
        Ok(bytes.into())
    }

    /// The digest's grammar lets no path leave `blobs`.
    fn blob_path(&self, digest: &Digest) -> PathBuf {
        let algorithm = digest.as_str().split(':').next().unwrap_or_default();
        self.root.join("blobs").join(algorithm).join(digest.hex())
    }

    fn name(&self, repository: &RepositoryName, digest: &Digest) -> String {
        format!("{repository}@{digest} in {}", self.root.display())
    }

    fn knows(&self, layout: &Layout, repository: &RepositoryName) -> Result<()> {
        if layout.repositories().any(|known| known == repository) {
            return Ok(());
        }
        Err(Error::NotFound {
            what: format!("repository {repository} in {}", self.root.display()),
            detail: None,
        })
    }
}

#[async_trait]
impl RegistryIntegration for OciDirectory {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn stats(&self) -> Stats {
        self.counters.stats()
    }

    fn lists_all(&self) -> bool {
        self.selection.named().is_none()
    }

    fn selects(&self, repository: &RepositoryName) -> bool {
        self.selection.selects(repository)
    }

    async fn check(&self) -> Result<()> {
        self.counters.count(RequestKind::Ping);
        self.layout().await.map(drop)
    }

    async fn repositories(&self) -> Result<Vec<RepositoryName>> {
        self.counters.count(RequestKind::Catalog);
        let layout = self.layout().await?;
        let names = match self.selection.named() {
            Some(names) => names,
            None => layout.repositories().cloned().collect(),
        };
        Ok(self.selection.keep(names))
    }

    async fn tags(&self, repository: &RepositoryName) -> Result<Vec<ListedTag>> {
        self.counters.count(RequestKind::Tags);
        let layout = self.layout().await?;
        self.knows(&layout, repository)?;
        let tags = layout.tags(repository).cloned();
        Ok(tags.map(ListedTag::new).collect())
    }

    async fn resolve(&self, repository: &RepositoryName, tag: &Tag) -> Result<Resolved> {
        self.counters.count(RequestKind::Head);
        let layout = self.layout().await?;
        let descriptor = layout
            .find(repository, tag)
            .ok_or_else(|| Error::NotFound {
                what: format!("{repository}:{tag} in {}", self.root.display()),
                detail: None,
            })?;
        Ok(Resolved {
            digest: descriptor.digest.clone(),
            media_type: Some(descriptor.media_type.clone()).filter(|name| !name.is_empty()),
            pushed_at: None,
        })
    }

    async fn manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<ManifestDocument> {
        self.counters.count(RequestKind::Manifest);
        let layout = self.layout().await?;
        self.knows(&layout, repository)?;
        let what = self.name(repository, digest);
        let path = self.blob_path(digest);
        let bytes = self.read(&path, Manifest::MAX_LEN, &what).await?;
        check_digest(&what, &bytes, digest)?;
        Ok(ManifestDocument {
            digest: digest.clone(),
            media_type: layout.media_type(digest).map(str::to_owned),
            bytes,
        })
    }

    async fn blob(
        &self,
        repository: &RepositoryName,
        descriptor: &Descriptor,
    ) -> Result<BlobStream> {
        self.counters.count(RequestKind::Blob);
        let what = format!("blob {}", self.name(repository, &descriptor.digest));
        let path = self.blob_path(&descriptor.digest);
        let (length, file) = self.open(&path, &what).await?;
        if length != descriptor.size {
            return Err(Error::SizeMismatch {
                what,
                expected: descriptor.size,
                actual: Some(length),
            });
        }
        let counters = Arc::clone(&self.counters);
        let chunks = chunks(file)
            .map_err(move |source| unreadable(&path, source))
            .inspect_ok(move |chunk| counters.count_blob_bytes(chunk.len()));
        let digest = descriptor.digest.clone();
        Ok(VerifiedStream::new(chunks, what, digest, descriptor.size).boxed())
    }
}

pub(crate) fn unreadable(path: &Path, source: std::io::Error) -> Error {
    Error::Unreadable {
        path: path.to_owned(),
        source: Arc::new(source),
    }
}

fn chunks(file: File) -> impl Stream<Item = std::io::Result<Bytes>> {
    stream::try_unfold(file, |mut file| async move {
        let mut chunk = bytes::BytesMut::with_capacity(CHUNK);
        let read = file.read_buf(&mut chunk).await?;
        Ok((read > 0).then(|| (chunk.freeze(), file)))
    })
}

#[cfg(test)]
mod tests;
