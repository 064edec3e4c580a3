//! The open file: reads its parts, and makes manifests of them.

use std::collections::HashMap;
use std::io::{self, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, stream};
use scout_envs::DigestAlgorithm;
use serde::Serialize;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, Take};

use crate::docker_archive::archive::{Archive, Hashed, MadeManifest, SavedImage};
use crate::docker_archive::tar::Member;
use crate::error::Error;
use crate::integration::ManifestDocument;
use crate::manifest::Manifest;
use crate::media_type;
use crate::oci_dir::layout::LayoutVersion;
use crate::oci_dir::unreadable;
use crate::verify::{Hasher, digest_of};

/// How much is read at once, in bytes.
const CHUNK: usize = 128 * 1024;
/// By how many bytes compressed layers are known.
const MAGIC: usize = 4;

/// The open file, and which state of it.
#[derive(Debug)]
pub(super) struct Opened {
    file: File,
    pub(super) version: LayoutVersion,
    /// In bytes.
    pub(super) length: u64,
}

/// Why no manifest can be made for an image.
pub(super) enum Unmade {
    Io(io::Error),
    Invalid(InvalidImage),
}

/// What is wrong with an image in an archive.
#[derive(Debug, thiserror::Error)]
pub(super) enum InvalidImage {
    /// A part that is not there.
    #[error("the archive has no member {name:?}")]
    MissingMember {
        /// The member, cut at a bound.
        name: String,
    },
    /// A part that cannot be described.
    #[error("its manifest would be longer than {} bytes", Manifest::MAX_LEN)]
    TooLong,
}

impl From<io::Error> for Unmade {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Unmade {
    /// Names the file or the image.
    pub(super) fn into_error(self, path: &Path, what: &str) -> Error {
        match self {
            Self::Io(source) => unreadable(path, source),
            Self::Invalid(reason) => Error::InvalidManifest {
                what: what.to_owned(),
                source: Arc::new(reason),
            },
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WrittenManifest {
    schema_version: u32,
    media_type: &'static str,
    config: WrittenDescriptor,
    layers: Vec<WrittenDescriptor>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WrittenDescriptor {
    media_type: &'static str,
    digest: String,
    size: u64,
}

impl Opened {
    /// Opens a regular file; nothing if it is something else. A pipe or device is never opened.
    pub(super) async fn open(path: &Path) -> io::Result<Option<Self>> {
        if !tokio::fs::metadata(path).await?.is_file() {
            return Ok(None);
        }
        let file = File::open(path).await?;
        let metadata = file.metadata().await?;
        Ok(metadata.is_file().then(|| Self {
            version: LayoutVersion::of(&metadata),
            length: metadata.len(),
            file,
        }))
    }

    /// Returns another handle of the file, which shares its position.
    pub(super) async fn duplicate(&self) -> io::Result<std::fs::File> {
        let mut file = self.file.try_clone().await?;
        file.rewind().await?;
        Ok(file.into_std().await)
    }

    async fn at(&self, member: Member) -> io::Result<Take<File>> {
        let mut file = self.file.try_clone().await?;
        file.seek(SeekFrom::Start(member.offset)).await?;
        Ok(file.take(member.size))
    }

    /// Reads a member whole; the caller has looked at its size.
    pub(super) async fn read(&self, member: Member) -> io::Result<Bytes> {
        let mut bytes = Vec::new();
        self.at(member).await?.read_to_end(&mut bytes).await?;
        Ok(bytes.into())
    }

    /// Streams a member. It takes the file over: handles share their position.
    pub(super) async fn chunks(
        self,
        member: Member,
    ) -> io::Result<impl Stream<Item = io::Result<Bytes>> + Send + 'static> {
        let part = self.at(member).await?;
        Ok(stream::try_unfold(part, |mut part| async move {
            let mut chunk = BytesMut::with_capacity(CHUNK);
            let read = part.read_buf(&mut chunk).await?;
            Ok((read > 0).then(|| (chunk.freeze(), part)))
        }))
    }

    /// Hashes a member, unless that was done before.
    async fn hash(&self, archive: &Archive, member: Member) -> io::Result<Hashed> {
        let mut known = archive.hashes.lock().await;
        if let Some(hashed) = known.get(&member) {
            return Ok(hashed.clone());
        }
        let mut hasher = Hasher::new(DigestAlgorithm::Sha256);
        let mut part = self.at(member).await?;
        let mut start = Vec::new();
        let mut chunk = BytesMut::with_capacity(CHUNK);
        while part.read_buf(&mut chunk).await? > 0 {
            start.extend(chunk.iter().take(MAGIC - start.len().min(MAGIC)));
            hasher.update(&chunk);
            chunk.clear();
        }
        let hashed = Hashed {
            digest: hasher.finish(),
            layer_type: layer_type(&start),
        };
        known.insert(member, hashed.clone());
        Ok(hashed)
    }

    /// Makes the manifest of an image of `manifest.json`: the same for the same content, whatever
    /// its name.
    pub(super) async fn make_manifest(
        &self,
        archive: &Archive,
        image: &SavedImage,
    ) -> Result<MadeManifest, Unmade> {
        let find = |name: &str| {
            let missing = || InvalidImage::MissingMember {
                name: name.chars().take(100).collect(),
            };
            archive
                .members
                .find(name)
                .ok_or_else(|| Unmade::Invalid(missing()))
        };
        let config = find(&image.config)?;
        let layers = image.layers.iter().map(|name| find(name));
        let layers = layers.collect::<Result<Vec<_>, _>>()?;
        let config_digest = self.hash(archive, config).await?.digest;
        let mut parts = HashMap::from([(config_digest.clone(), config)]);
        let mut described = Vec::new();
        for member in layers {
            let hashed = self.hash(archive, member).await?;
            described.push(WrittenDescriptor {
                media_type: hashed.layer_type,
                digest: hashed.digest.to_string(),
                size: member.size,
            });
            parts.insert(hashed.digest, member);
        }
        let manifest = WrittenManifest {
            schema_version: 2,
            media_type: media_type::OCI_MANIFEST,
            config: WrittenDescriptor {
                media_type: media_type::OCI_CONFIG,
                digest: config_digest.to_string(),
                size: config.size,
            },
            layers: described,
        };
        let bytes = serde_json::to_vec(&manifest).map_err(io::Error::from)?;
        if bytes.len() as u64 > Manifest::MAX_LEN {
            return Err(Unmade::Invalid(InvalidImage::TooLong));
        }
        let digest = digest_of(&bytes, DigestAlgorithm::Sha256);
        let media_type = Some(media_type::OCI_MANIFEST.to_owned());
        Ok(MadeManifest {
            document: ManifestDocument::new(digest, media_type, bytes.into()),
            parts,
        })
    }
}

/// Docker writes layers as they are; other programs that write this form compress them.
fn layer_type(start: &[u8]) -> &'static str {
    match start {
        [0x1f, 0x8b, ..] => "application/vnd.oci.image.layer.v1.tar+gzip",
        [0x28, 0xb5, 0x2f, 0xfd] => "application/vnd.oci.image.layer.v1.tar+zstd",
        _ => "application/vnd.oci.image.layer.v1.tar",
    }
}
