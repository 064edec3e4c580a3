//! `type=docker-archive`: a tar file that `docker save` wrote, read as if it were a registry.
//!
//! Nothing is unpacked: layers are streamed from where they lie in the file. Images that have no
//! manifest get one, made of the digests of their parts, each of which is read once for that
//! while the file does not change.

mod archive;
mod part;
mod spec;
mod tar;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use scout_envs::{Digest, RepositoryName, Tag};

use crate::descriptor::Descriptor;
use crate::docker_archive::archive::{Archive, SavedImage, Table, Target};
use crate::docker_archive::part::Opened;
pub(crate) use crate::docker_archive::spec::PRODUCT;
use crate::docker_archive::tar::{InvalidTar, Member, Members};
use crate::error::{Error, Result};
use crate::integration::{
    BlobStream, Capabilities, Identity, ListedTag, ManifestDocument, RegistryIntegration, Resolved,
};
use crate::manifest::Manifest;
use crate::oci_dir::layout::LayoutVersion;
use crate::oci_dir::{HOST, MAX_INDEX, unreadable};
use crate::selection::Selection;
use crate::stats::{Counters, RequestKind, Stats};
use crate::verify::{VerifiedStream, check_digest};

/// Longest `manifest.json`, in bytes: some hundred images with all their layers.
const MAX_SAVED: u64 = 4 * 1024 * 1024;

/// A tar file that `docker save` wrote.
#[derive(Debug)]
struct DockerArchive {
    path: PathBuf,
    identity: Identity,
    selection: Selection,
    counters: Arc<Counters>,
    known: Mutex<Option<(LayoutVersion, Arc<Archive>)>>,
}

impl DockerArchive {
    /// Makes the integration; the file need not exist yet.
    ///
    /// # Errors
    ///
    /// When the path is relative and there is no current directory.
    fn new(path: &Path, selection: Selection) -> Result<Self> {
        let path = std::path::absolute(path).map_err(|source| unreadable(path, source))?;
        // One file has one identity, whichever link leads to it.
        let path = std::fs::canonicalize(&path).unwrap_or(path);
        Ok(Self {
            identity: Identity::new(PRODUCT.kind, path.display(), HOST, Capabilities::OF_FILES),
            path,
            selection,
            counters: Arc::default(),
            known: Mutex::default(),
        })
    }

    fn not_an_archive(&self, reason: impl Into<String>) -> Error {
        Error::NotAnArchive {
            path: self.path.clone(),
            reason: reason.into(),
        }
    }

    /// Opens the file, and reads what is in it unless that is known.
    async fn open(&self) -> Result<(Opened, Arc<Archive>)> {
        let opened = match Opened::open(&self.path).await {
            Ok(Some(opened)) => opened,
            Ok(None) => return Err(self.not_an_archive("it is not a file")),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(self.not_an_archive("it does not exist"));
            }
            Err(source) => return Err(unreadable(&self.path, source)),
        };
        let known = {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.clone()
        };
        if let Some((version, archive)) = known
            && version == opened.version
        {
            return Ok((opened, archive));
        }
        let archive = Arc::new(self.index(&opened).await?);
        (0..archive.unusable).for_each(|_| self.counters.count_invalid_name());
        let known = (opened.version.clone(), Arc::clone(&archive));
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
        Ok((opened, archive))
    }

    async fn index(&self, opened: &Opened) -> Result<Archive> {
        let unreadable = |source| unreadable(&self.path, source);
        let file = opened.duplicate().await.map_err(unreadable)?;
        let length = opened.length;
        let walk = tokio::task::spawn_blocking(move || Members::read(file, length));
        let members = match walk.await {
            Ok(Ok(members)) => members,
            Ok(Err(InvalidTar::Malformed(reason))) => return Err(self.not_an_archive(reason)),
            Ok(Err(InvalidTar::Io(source))) => return Err(unreadable(source)),
            Err(stopped) => return Err(unreadable(std::io::Error::other(stopped))),
        };
        let is_layout = members.find("oci-layout").is_some();
        let table = match (members.find("index.json"), members.find("manifest.json")) {
            (Some(index), _) if is_layout => {
                Table::Layout(self.small(opened, index, "index.json", MAX_INDEX).await?)
            }
            (_, Some(saved)) => {
                let bytes = self.small(opened, saved, "manifest.json", MAX_SAVED);
                Table::Saved(bytes.await?)
            }
            _ => return Err(self.not_an_archive("it has no manifest.json")),
        };
        Archive::new(members, &table, &self.path).map_err(|reason| self.not_an_archive(reason))
    }

    async fn small(
        &self,
        opened: &Opened,
        member: Member,
        name: &str,
        limit: u64,
    ) -> Result<Vec<u8>> {
        if member.size > limit {
            return Err(self.not_an_archive(format!("its {name} has more than {limit} bytes")));
        }
        let read = opened.read(member).await;
        read.map(Vec::from)
            .map_err(|source| unreadable(&self.path, source))
    }

    fn name(&self, repository: &RepositoryName, digest: &Digest) -> String {
        format!("{repository}@{digest} in {}", self.path.display())
    }

    fn knows(&self, archive: &Archive, repository: &RepositoryName) -> Result<()> {
        if archive.has(repository) {
            return Ok(());
        }
        Err(Error::NotFound {
            what: format!("repository {repository} in {}", self.path.display()),
            detail: None,
        })
    }

    /// Returns the manifest of an image that has none.
    async fn made<'a>(
        &self,
        opened: &Opened,
        archive: &Archive,
        image: &'a SavedImage,
        what: &str,
    ) -> Result<&'a archive::MadeManifest> {
        let make = || async {
            let made = opened.make_manifest(archive, image).await;
            made.map_err(|error| error.into_error(&self.path, what))
        };
        image.made.get_or_try_init(make).await
    }

    /// Finds what has this digest among the parts of images that have no manifest.
    async fn find_made(
        &self,
        opened: &Opened,
        archive: &Archive,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<Found>> {
        let mut failed = None;
        for (tag, image) in archive.saved_in(repository) {
            let what = format!("{repository}:{tag} in {}", self.path.display());
            let made = match self.made(opened, archive, image, &what).await {
                Ok(made) => made,
                // What another image of the repository lacks is of no concern here.
                Err(error) => {
                    failed = Some(error);
                    continue;
                }
            };
            if made.document.digest == *digest {
                return Ok(Some(Found::Manifest(made.document.clone())));
            }
            if let Some(member) = made.parts.get(digest) {
                return Ok(Some(Found::Part(*member)));
            }
        }
        failed.map_or(Ok(None), Err)
    }
}

/// What has a digest.
enum Found {
    Manifest(ManifestDocument),
    Part(Member),
}

#[async_trait]
impl RegistryIntegration for DockerArchive {
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
        self.open().await.map(drop)
    }

    async fn repositories(&self) -> Result<Vec<RepositoryName>> {
        self.counters.count(RequestKind::Catalog);
        let (_, archive) = self.open().await?;
        let names = match self.selection.named() {
            Some(names) => names,
            None => archive.repositories().cloned().collect(),
        };
        Ok(self.selection.keep(names))
    }

    async fn tags(&self, repository: &RepositoryName) -> Result<Vec<ListedTag>> {
        self.counters.count(RequestKind::Tags);
        let (_, archive) = self.open().await?;
        self.knows(&archive, repository)?;
        let tags = archive.tags(repository).cloned();
        Ok(tags.map(ListedTag::new).collect())
    }

    async fn resolve(&self, repository: &RepositoryName, tag: &Tag) -> Result<Resolved> {
        self.counters.count(RequestKind::Head);
        let (opened, archive) = self.open().await?;
        let what = format!("{repository}:{tag} in {}", self.path.display());
        let found = archive.find(repository, tag);
        let (digest, media_type) = match found {
            Some(Target::Described(descriptor)) => {
                let media_type = Some(&descriptor.media_type).filter(|name| !name.is_empty());
                (descriptor.digest.clone(), media_type.cloned())
            }
            Some(Target::Saved(position)) if let Some(image) = archive.saved(*position) => {
                let made = self.made(&opened, &archive, image, &what).await?;
                (
                    made.document.digest.clone(),
                    made.document.media_type.clone(),
                )
            }
            _ => return Err(Error::NotFound { what, detail: None }),
        };
        Ok(Resolved {
            media_type,
            ..Resolved::new(digest)
        })
    }

    async fn manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<ManifestDocument> {
        self.counters.count(RequestKind::Manifest);
        let (opened, archive) = self.open().await?;
        self.knows(&archive, repository)?;
        let what = self.name(repository, digest);
        if let Some(member) = archive.layout_blob(digest) {
            if member.size > Manifest::MAX_LEN {
                let limit = Manifest::MAX_LEN;
                return Err(Error::TooLarge { what, limit });
            }
            let read = opened.read(member).await;
            let bytes: Bytes = read.map_err(|source| unreadable(&self.path, source))?;
            check_digest(&what, &bytes, digest)?;
            let media_type = archive.media_type(digest).map(str::to_owned);
            return Ok(ManifestDocument::new(digest.clone(), media_type, bytes));
        }
        match self
            .find_made(&opened, &archive, repository, digest)
            .await?
        {
            Some(Found::Manifest(document)) => Ok(document),
            _ => Err(Error::NotFound { what, detail: None }),
        }
    }

    async fn blob(
        &self,
        repository: &RepositoryName,
        descriptor: &Descriptor,
    ) -> Result<BlobStream> {
        self.counters.count(RequestKind::Blob);
        let (opened, archive) = self.open().await?;
        self.knows(&archive, repository)?;
        let digest = &descriptor.digest;
        let what = format!("blob {}", self.name(repository, digest));
        let member = match archive.layout_blob(digest) {
            Some(member) => member,
            None => match self
                .find_made(&opened, &archive, repository, digest)
                .await?
            {
                Some(Found::Part(member)) => member,
                _ => return Err(Error::NotFound { what, detail: None }),
            },
        };
        if member.size != descriptor.size {
            return Err(Error::SizeMismatch {
                what,
                expected: descriptor.size,
                actual: Some(member.size),
            });
        }
        let (path, counters) = (self.path.clone(), Arc::clone(&self.counters));
        let chunks = opened
            .chunks(member)
            .await
            .map_err(|source| unreadable(&self.path, source))?
            .map_err(move |source| unreadable(&path, source))
            .inspect_ok(move |chunk| counters.count_blob_bytes(chunk.len()));
        Ok(VerifiedStream::new(chunks, what, digest.clone(), descriptor.size).boxed())
    }
}

#[cfg(test)]
mod tests;
