//! Reads an image's configuration file: what it runs as, and which layers it is made of.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use scout_envs::{Digest, ImageConfig, InvalidDigest, Platform};
use serde::de::{self, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// The configuration of one image.
///
/// Values of environment variables are dropped while it is read: they hold secrets.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct ConfigFile {
    /// The platform, if the file names an operating system and an architecture.
    pub platform: Option<Platform>,
    /// What the layers hash to when uncompressed, base first, as the file claims.
    pub diff_ids: Vec<Digest>,
    /// The recorded part.
    pub config: ImageConfig,
    /// How the image was made, base first.
    pub history: Vec<HistoryEntry>,
}

/// One step in the making of an image.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(default)]
#[non_exhaustive]
pub struct HistoryEntry {
    /// The command of the step.
    #[serde(deserialize_with = "or_default")]
    pub created_by: String,
    /// Whether the step made no layer.
    #[serde(deserialize_with = "or_default")]
    pub empty_layer: bool,
}

impl ConfigFile {
    /// Longest configuration read, in bytes: a thousand times the usual.
    pub const MAX_LEN: u64 = 8 * 1024 * 1024;

    /// Reads a configuration file. Nulls, missing members and an empty `created` are tolerated.
    ///
    /// # Errors
    ///
    /// When it is not a JSON object, or a member has a type that means nothing.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidConfig> {
        if !bytes.trim_ascii_start().starts_with(b"{") {
            return Err(InvalidConfig::NotAnObject);
        }
        let raw: RawFile = serde_json::from_slice(bytes).map_err(|source| InvalidConfig::Json {
            source: source.into(),
        })?;
        let diff_ids = raw.rootfs.diff_ids.into_iter();
        let named = |name: &String| !name.is_empty();
        let platform = raw.os.filter(named).zip(raw.architecture.filter(named));
        Ok(Self {
            platform: platform.map(|(os, cpu)| Platform::new(os, cpu, raw.variant)),
            diff_ids: diff_ids
                .map(|text| Digest::try_from(text).map_err(InvalidConfig::DiffId))
                .collect::<Result<_, _>>()?,
            config: ImageConfig {
                user: raw.config.user.filter(named),
                entrypoint: raw.config.entrypoint.0,
                command: raw.config.cmd.0,
                labels: raw.config.labels.0,
                created: raw.created.and_then(|text| text.parse::<Timestamp>().ok()),
                exposed_ports: raw.config.exposed_ports.0.into_keys().collect(),
                environment_names: raw.config.env.0,
            },
            history: raw.history,
        })
    }
}

/// Why bytes are not an image's configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidConfig {
    /// Something else than a JSON object.
    #[error("it is not a JSON image configuration")]
    NotAnObject,
    /// Not JSON, or JSON of another shape.
    #[error("it is not a JSON image configuration")]
    Json {
        /// What the parser says.
        source: scout_http::BoxError,
    },
    /// A layer's digest is not one.
    #[error("it names a layer by something that is no digest")]
    DiffId(#[source] InvalidDigest),
}

#[derive(Deserialize)]
struct RawFile {
    #[serde(default)]
    architecture: Option<String>,
    #[serde(default)]
    os: Option<String>,
    #[serde(default)]
    variant: Option<String>,
    #[serde(default)]
    created: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    config: RawConfig,
    #[serde(default, deserialize_with = "or_default")]
    rootfs: RawRootfs,
    #[serde(default, deserialize_with = "or_default")]
    history: Vec<HistoryEntry>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct RawConfig {
    user: Option<String>,
    entrypoint: Words,
    cmd: Words,
    env: EnvironmentNames,
    labels: TextMap,
    exposed_ports: TextMap,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawRootfs {
    #[serde(deserialize_with = "or_default")]
    diff_ids: Vec<String>,
}

/// Reads a value that may be null.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A command line: a list of words, or one string, as the oldest images have it.
#[derive(Default)]
struct Words(Vec<String>);

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WordsVisitor;
        impl<'de> Visitor<'de> for WordsVisitor {
            type Value = Words;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a command line")
            }
            fn visit_unit<E: de::Error>(self) -> Result<Words, E> {
                Ok(Words::default())
            }
            fn visit_str<E: de::Error>(self, word: &str) -> Result<Words, E> {
                Ok(Words(vec![word.to_owned()]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut words: A) -> Result<Words, A::Error> {
                let mut found = Vec::new();
                while let Some(word) = words.next_element::<Option<String>>()? {
                    found.extend(word);
                }
                Ok(Words(found))
            }
        }
        deserializer.deserialize_any(WordsVisitor)
    }
}

/// The names in `NAME=value` texts; a value is never kept.
#[derive(Default)]
struct EnvironmentNames(BTreeSet<String>);

impl<'de> Deserialize<'de> for EnvironmentNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Words(entries) = Words::deserialize(deserializer)?;
        let names = entries.iter().map(|entry| match entry.split_once('=') {
            Some((name, _)) => name.to_owned(),
            None => entry.clone(),
        });
        Ok(Self(names.filter(|name| !name.is_empty()).collect()))
    }
}

/// A map whose values are text; others count as empty. Ports have empty objects as values.
#[derive(Default)]
struct TextMap(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for TextMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MapVisitor;
        impl<'de> Visitor<'de> for MapVisitor {
            type Value = TextMap;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }
            fn visit_unit<E: de::Error>(self) -> Result<TextMap, E> {
                Ok(TextMap::default())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<TextMap, A::Error> {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                Ok(TextMap::default())
            }
            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<TextMap, A::Error> {
                let mut found = BTreeMap::new();
                while let Some((key, Text(value))) = entries.next_entry()? {
                    found.insert(key, value);
                }
                Ok(TextMap(found))
            }
        }
        deserializer.deserialize_any(MapVisitor)
    }
}

/// A text; anything else reads as an empty one.
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Box::<serde_json::value::RawValue>::deserialize(deserializer)?;
        Ok(Self(serde_json::from_str(json.get()).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests;
