//! A pointer to content by its digest, with its length and type.

use std::collections::BTreeMap;

use scout_envs::{Digest, Platform};
use serde::Deserialize;
use serde_json::value::RawValue;

/// What a manifest says about one thing it refers to.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Descriptor {
    /// The media type; empty when the manifest names none.
    pub media_type: String,
    /// The digest of the content.
    pub digest: Digest,
    /// The length of the content, in bytes.
    pub size: u64,
    /// The artifact type, for a descriptor of a manifest.
    pub artifact_type: Option<String>,
    /// The platform, for an index entry that states one that can be understood.
    pub platform: Option<Platform>,
    /// The annotations that are text.
    pub annotations: BTreeMap<String, String>,
}

impl Descriptor {
    /// Returns a descriptor without platform and annotations.
    #[must_use]
    pub fn new(media_type: impl Into<String>, digest: Digest, size: u64) -> Self {
        Self {
            media_type: media_type.into(),
            digest,
            size,
            artifact_type: None,
            platform: None,
            annotations: BTreeMap::new(),
        }
    }
}

/// A descriptor as manifests hold it. What may be damaged without harm is read apart.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RawDescriptor<'a> {
    #[serde(default)]
    media_type: Option<String>,
    digest: String,
    size: u64,
    #[serde(default)]
    artifact_type: Option<String>,
    #[serde(borrow, default)]
    platform: Option<&'a RawValue>,
    #[serde(borrow, default)]
    annotations: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct RawPlatform {
    os: String,
    architecture: String,
    #[serde(default)]
    variant: Option<String>,
}

impl TryFrom<RawDescriptor<'_>> for Descriptor {
    type Error = scout_envs::InvalidDigest;

    fn try_from(raw: RawDescriptor<'_>) -> Result<Self, Self::Error> {
        let media_type = raw.media_type.unwrap_or_default();
        let platform = raw
            .platform
            .and_then(|json| serde_json::from_str::<RawPlatform>(json.get()).ok());
        Ok(Self {
            media_type: crate::media_type::essence(&media_type).to_owned(),
            digest: raw.digest.parse()?,
            size: raw.size,
            artifact_type: raw.artifact_type.filter(|name| !name.is_empty()),
            platform: platform
                .filter(|platform| !platform.os.is_empty() && !platform.architecture.is_empty())
                .map(|raw| Platform::new(raw.os, raw.architecture, raw.variant)),
            annotations: annotations(raw.annotations),
        })
    }
}

/// Reads annotations; values that are not text are left out, and so is a whole that is no map.
pub(crate) fn annotations(json: Option<&RawValue>) -> BTreeMap<String, String> {
    let entries: BTreeMap<String, &RawValue> = json
        .and_then(|json| serde_json::from_str(json.get()).ok())
        .unwrap_or_default();
    entries
        .into_iter()
        .filter_map(|(key, value)| Some((key, serde_json::from_str(value.get()).ok()?)))
        .collect()
}
