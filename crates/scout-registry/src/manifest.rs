//! Reads image manifests and indexes, OCI's and Docker's, as leniently as is safe.
//!
//! Written by many tools, they lack members, hold nulls, and mix types. What is damaged without
//! changing the meaning is tolerated; what could mean two things is refused.

use std::collections::BTreeMap;

use scout_envs::{InvalidDigest, Platform};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::descriptor::{self, Descriptor, RawDescriptor};
use crate::media_type::{self, LayerKind};

/// A manifest that a registry holds.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Manifest {
    /// One image, or an artifact that is stored like one.
    Image(ImageManifest),
    /// A list of manifests, one a platform.
    Index(Index),
}

/// One image, or an artifact that is stored like one.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ImageManifest {
    /// The manifest's own media type.
    pub media_type: String,
    /// The configuration; its digest is the image's id.
    pub config: Descriptor,
    /// The layers, base first.
    pub layers: Vec<Descriptor>,
    /// What kind of artifact it is, if it says so.
    pub artifact_type: Option<String>,
    /// The manifest that this one speaks about.
    pub subject: Option<Descriptor>,
    /// The annotations that are text.
    pub annotations: BTreeMap<String, String>,
}

/// A list of manifests.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Index {
    /// The index's own media type.
    pub media_type: String,
    /// The entries that can be understood, in their order.
    pub entries: Vec<IndexEntry>,
    /// Why each other entry cannot be.
    pub unreadable: Vec<String>,
    /// What kind of artifact it is, if it says so.
    pub artifact_type: Option<String>,
    /// The manifest that this one speaks about.
    pub subject: Option<Descriptor>,
    /// The annotations that are text.
    pub annotations: BTreeMap<String, String>,
}

/// One manifest in an index.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct IndexEntry {
    /// Where it is.
    pub descriptor: Descriptor,
}

impl IndexEntry {
    /// Returns the platform, if the entry states one that can be understood.
    #[must_use]
    pub fn platform(&self) -> Option<&Platform> {
        self.descriptor.platform.as_ref()
    }

    /// Returns whether the entry holds statements about another one, not an image.
    #[must_use]
    pub fn is_attestation(&self) -> bool {
        let annotations = &self.descriptor.annotations;
        annotations.contains_key("vnd.docker.reference.type")
            || self.platform().is_some_and(|platform| {
                platform.os() == "unknown" || platform.architecture() == "unknown"
            })
    }
}

impl Manifest {
    /// Longest manifest read, in bytes: what the distribution specification asks registries to
    /// accept.
    pub const MAX_LEN: u64 = 4 * 1024 * 1024;
    /// Most layers in an image. Docker allows 127, the OCI sets no bound; a list this long is an
    /// attack.
    pub const MAX_LAYERS: usize = 4096;
    /// Most entries in an index: a hundred times what the largest known ones have.
    pub const MAX_ENTRIES: usize = 4096;
    /// Most entries in the `index.json` of a layout: as many images as we are made for.
    const MAX_LAYOUT_ENTRIES: usize = 100_000;

    /// Reads a manifest. `stated` is its media type by the answer's header or by the descriptor
    /// that led to it; it decides where the manifest itself has none.
    ///
    /// # Errors
    ///
    /// [`InvalidManifest`] names what is wrong with it.
    pub fn parse(stated: Option<&str>, bytes: &[u8]) -> Result<Self, InvalidManifest> {
        Self::parse_with(stated, bytes, Self::MAX_ENTRIES)
    }

    /// Reads the `index.json` of an image layout, which lists whole repositories.
    pub(crate) fn parse_layout(bytes: &[u8]) -> Result<Index, InvalidManifest> {
        match Self::parse_with(Some(media_type::OCI_INDEX), bytes, Self::MAX_LAYOUT_ENTRIES)? {
            Self::Index(index) => Ok(index),
            Self::Image(_) => Err(InvalidManifest::Ambiguous),
        }
    }

    fn parse_with(
        stated: Option<&str>,
        bytes: &[u8],
        max_entries: usize,
    ) -> Result<Self, InvalidManifest> {
        if !bytes.trim_ascii_start().starts_with(b"{") {
            return Err(InvalidManifest::NotAnObject);
        }
        let raw: RawManifest<'_> =
            serde_json::from_slice(bytes).map_err(|source| InvalidManifest::Json {
                source: source.into(),
            })?;
        let media_type = raw.decide_type(stated.map(media_type::essence))?;
        if media_type::is_index(&media_type) {
            raw.into_index(media_type, max_entries).map(Self::Index)
        } else {
            raw.into_image(media_type).map(Self::Image)
        }
    }

    /// Returns whether this is an image that containers are made from, and not a chart, a
    /// signature, an attestation or another artifact stored the same way. An index is one if it
    /// is no artifact itself and has an entry that may be an image.
    #[must_use]
    pub fn is_container_image(&self) -> bool {
        match self {
            Self::Image(image) => image.is_container_image(),
            Self::Index(index) => {
                index.artifact_type.is_none()
                    && index.entries.iter().any(|entry| !entry.is_attestation())
            }
        }
    }
}

impl ImageManifest {
    /// Returns whether containers can be made from it: its configuration is an image's, and at
    /// least one layer, if it has any, is part of a file system.
    #[must_use]
    pub fn is_container_image(&self) -> bool {
        let is_config = matches!(
            self.config.media_type.as_str(),
            media_type::OCI_CONFIG | media_type::DOCKER_CONFIG
        );
        // Older BuildKit attestations and cosign signatures have an image's configuration.
        let has_file_system = self.layers.is_empty()
            || self
                .layers
                .iter()
                .any(|layer| LayerKind::of(&layer.media_type) != LayerKind::Unknown);
        is_config && has_file_system && self.artifact_type.is_none()
    }

    /// Returns what it is, for people: the artifact type, else the media type that says most.
    #[must_use]
    pub fn kind(&self) -> &str {
        let strange_layer = || {
            self.layers
                .iter()
                .map(|layer| layer.media_type.as_str())
                .find(|kind| LayerKind::of(kind) == LayerKind::Unknown)
        };
        match &self.artifact_type {
            Some(kind) => kind,
            None if self.config.media_type == media_type::OCI_CONFIG => {
                strange_layer().unwrap_or(&self.config.media_type)
            }
            None => &self.config.media_type,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawManifest<'a> {
    #[serde(default)]
    schema_version: Option<u64>,
    #[serde(default)]
    media_type: Option<String>,
    #[serde(default)]
    artifact_type: Option<String>,
    #[serde(borrow, default)]
    config: Option<&'a RawValue>,
    #[serde(borrow, default)]
    layers: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    manifests: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    subject: Option<&'a RawValue>,
    #[serde(borrow, default)]
    annotations: Option<&'a RawValue>,
}

impl RawManifest<'_> {
    /// Header, body and shape must agree: content that means an image to one reader and an
    /// index to another hides things (CVE-2021-41190).
    fn decide_type(&self, stated: Option<&str>) -> Result<String, InvalidManifest> {
        let own = self.media_type.as_deref().map(media_type::essence);
        let own = own.filter(|own| !own.is_empty());
        let is_schema1 = |name: Option<&str>| name.is_some_and(media_type::is_schema1);
        if self.schema_version == Some(1) || is_schema1(own) || is_schema1(stated) {
            return Err(InvalidManifest::Schema1);
        }
        let is_known = |name: &str| media_type::is_index(name) || media_type::is_image(name);
        // Plain file servers call everything octet-stream or JSON.
        let stated = stated.filter(|name| is_known(name) || own.is_none_or(|own| !is_known(own)));
        let is_generic = |name: &str| {
            matches!(
                name,
                "" | "application/json" | "application/octet-stream" | "text/plain"
            )
        };
        let stated = stated.filter(|name| !is_generic(name));
        if let (Some(own), Some(stated)) = (own, stated)
            && own != stated
        {
            return Err(InvalidManifest::TypesDisagree {
                own: own.to_owned(),
                stated: stated.to_owned(),
            });
        }
        let is_index_shape = self.manifests.is_some();
        let is_image_shape = self.config.is_some() || self.layers.is_some();
        let media_type = match own.or(stated) {
            Some(name) if is_known(name) => name,
            Some(name) => return Err(InvalidManifest::UnknownType(name.to_owned())),
            None if is_index_shape => media_type::OCI_INDEX,
            None if is_image_shape => media_type::OCI_MANIFEST,
            None => return Err(InvalidManifest::UnknownType(String::new())),
        };
        let contradicts = if media_type::is_index(media_type) {
            is_image_shape
        } else {
            is_index_shape
        };
        if contradicts {
            return Err(InvalidManifest::Ambiguous);
        }
        Ok(media_type.to_owned())
    }

    fn into_image(self, media_type: String) -> Result<ImageManifest, InvalidManifest> {
        let config = self.config.ok_or(InvalidManifest::NoConfig)?;
        let layers = self.layers.unwrap_or_default();
        if layers.len() > Manifest::MAX_LAYERS {
            return Err(InvalidManifest::TooManyLayers);
        }
        Ok(ImageManifest {
            media_type,
            config: read_descriptor(config)?,
            layers: layers
                .into_iter()
                .map(read_descriptor)
                .collect::<Result<_, _>>()?,
            artifact_type: self.artifact_type.filter(|kind| !kind.is_empty()),
            subject: self.subject.and_then(|json| read_descriptor(json).ok()),
            annotations: descriptor::annotations(self.annotations),
        })
    }

    fn into_index(self, media_type: String, max_entries: usize) -> Result<Index, InvalidManifest> {
        let manifests = self.manifests.unwrap_or_default();
        if manifests.len() > max_entries {
            return Err(InvalidManifest::TooManyEntries { max: max_entries });
        }
        let (mut entries, mut unreadable) = (Vec::new(), Vec::new());
        for json in manifests {
            match read_descriptor(json) {
                Ok(descriptor) => entries.push(IndexEntry { descriptor }),
                Err(reason) => unreadable.push(reason.whole()),
            }
        }
        Ok(Index {
            media_type,
            entries,
            unreadable,
            artifact_type: self.artifact_type.filter(|kind| !kind.is_empty()),
            subject: self.subject.and_then(|json| read_descriptor(json).ok()),
            annotations: descriptor::annotations(self.annotations),
        })
    }
}

fn read_descriptor(json: &RawValue) -> Result<Descriptor, InvalidManifest> {
    let raw: RawDescriptor<'_> =
        serde_json::from_str(json.get()).map_err(|source| InvalidManifest::Descriptor {
            source: source.into(),
        })?;
    Descriptor::try_from(raw).map_err(|source| InvalidManifest::Digest { source })
}

/// Why bytes are not a manifest that we can use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidManifest {
    /// Something else than a JSON object.
    #[error("it is not a JSON manifest")]
    NotAnObject,
    /// Not JSON, or JSON of another shape.
    #[error("it is not a JSON manifest")]
    Json {
        /// What the parser says.
        source: scout_http::BoxError,
    },
    /// Docker's schema 1, which says too little and was retired in 2023.
    #[error("it is a Docker schema 1 manifest, a format that is no longer in use")]
    Schema1,
    /// It calls itself something that is no image.
    #[error("its media type {0:?} is neither an image nor an index")]
    UnknownType(String),
    /// The manifest and what led to it name different types.
    #[error("it calls itself {own:?}, but was announced as {stated:?}")]
    TypesDisagree {
        /// The type in the manifest.
        own: String,
        /// The type in the header or descriptor.
        stated: String,
    },
    /// Members of an image and of an index at once.
    #[error("it has members of an image and of an index at once")]
    Ambiguous,
    /// No configuration.
    #[error("it names no configuration")]
    NoConfig,
    /// More layers than [`Manifest::MAX_LAYERS`].
    #[error("it has more than {} layers", Manifest::MAX_LAYERS)]
    TooManyLayers,
    /// More entries than are read.
    #[error("it has more than {max} entries")]
    TooManyEntries {
        /// The most that are read.
        max: usize,
    },
    /// A descriptor lacks a member or has a wrong one.
    #[error("it has a damaged descriptor")]
    Descriptor {
        /// What the parser says.
        source: scout_http::BoxError,
    },
    /// A descriptor's digest is not one.
    #[error("it has a damaged descriptor")]
    Digest {
        /// What is wrong with the digest.
        source: InvalidDigest,
    },
}

impl InvalidManifest {
    /// The reason with its cause, in one line.
    pub(crate) fn whole(&self) -> String {
        match std::error::Error::source(self) {
            Some(source) => format!("{self}: {source}"),
            None => self.to_string(),
        }
    }
}

#[cfg(test)]
mod tests;
