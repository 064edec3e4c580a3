//! Bills of materials as documents: our own JSON, CycloneDX and SPDX, out and in.
//!
//! What is written depends on the content alone: the time is the image's own, identifiers are
//! made of a digest. So the same image gives the same bytes, and two documents can be compared.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use scout_envs::{Certainty, Distribution, Gap, GapKind, Package, Platform};
use serde::{Deserialize, Serialize};

mod cyclonedx;
mod extra;
mod identity;
mod locator;
mod own;
mod spdx;

use crate::error::{Error, Result};

/// Largest document that is read, in bytes: 128 MiB; the largest known (an image with a whole
/// distribution, every file listed) have 60.
const MAX_BYTES: usize = 128 << 20;
/// Most packages of a document: 250,000, as of a layer.
const MAX_PACKAGES: usize = 250_000;

/// The bill of materials of one image.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Document {
    /// The image's name.
    pub image: String,
    /// The digest of its manifest; empty in a document that does not tell it.
    pub digest: String,
    /// Its platform, where that is told.
    pub platform: Option<Platform>,
    /// When the image says it was created, in whole seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// The operating system, where it says so.
    pub distribution: Option<Distribution>,
    /// The packages, by type, name and version.
    pub packages: Vec<DocumentPackage>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
}

/// A package, where it is, and in which layer it came.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DocumentPackage {
    /// The package as its database states it.
    #[serde(flatten)]
    pub package: Package,
    /// Its package URL.
    pub purl: String,
    /// The files that told of it.
    #[serde(default)]
    pub paths: Vec<String>,
    /// The layer it came with, counted from 0, the lowest; `None` where that is not told.
    #[serde(default)]
    pub layer: Option<usize>,
    /// The distribution package that owns its files, if one does.
    #[serde(default)]
    pub owner: Option<String>,
    /// How sure it is that the package is this one; left out where it is stated.
    #[serde(default, skip_serializing_if = "Certainty::is_stated")]
    pub certainty: Certainty,
}

/// The form of a document.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum DocumentFormat {
    /// Our own JSON.
    Json,
    /// CycloneDX 1.6, JSON.
    CycloneDx,
    /// SPDX 2.3, JSON.
    Spdx,
}

impl Document {
    /// Returns an empty document about an image.
    #[must_use]
    pub fn new(image: impl Into<String>, digest: impl Into<String>) -> Self {
        Self {
            image: image.into(),
            digest: digest.into(),
            platform: None,
            created: None,
            distribution: None,
            packages: Vec::new(),
            gaps: Vec::new(),
        }
    }

    /// Sets the time of creation; fractions of a second are left out, since SPDX has none.
    #[must_use]
    pub fn with_created(mut self, created: Option<Timestamp>) -> Self {
        self.created = created.and_then(|time| Timestamp::from_second(time.as_second()).ok());
        self
    }

    /// Writes the document, with a line end behind it.
    ///
    /// # Errors
    /// If a value has no JSON form, which no document read or composed here has.
    pub fn write(&self, format: DocumentFormat) -> Result<String> {
        let written = match format {
            DocumentFormat::Json => serde_json::to_string_pretty(self),
            DocumentFormat::CycloneDx => serde_json::to_string_pretty(&cyclonedx::write(self)),
            DocumentFormat::Spdx => serde_json::to_string_pretty(&spdx::write(self)),
        };
        let mut text = written.map_err(|error| unreadable(&error))?;
        text.push('\n');
        Ok(text)
    }

    /// Reads a document of any of the forms: ours, CycloneDX 1.4 to 1.7, SPDX 2.2 and 2.3, all as
    /// JSON.
    ///
    /// What a document says of things that are no packages with a package URL of a known type is
    /// not kept; how many those were is told as a gap.
    ///
    /// # Errors
    /// If it is over 128 MiB or 250,000 packages, no JSON, or of another form or version.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        if bytes.len() > MAX_BYTES {
            return Err(refused(format!("it has more than {MAX_BYTES} bytes")));
        }
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let kind: Kind = serde_json::from_slice(bytes).map_err(|error| unreadable(&error))?;
        let mut document = match kind {
            Kind {
                bom_format: Some(_),
                spec_version,
                ..
            } => cyclonedx::read(bytes, spec_version.as_deref()),
            Kind {
                spdx_version: Some(version),
                ..
            } => spdx::read(bytes, &version),
            Kind { context: true, .. } => Err(refused(
                "SPDX 3 is not read; SPDX 2.3 and CycloneDX 1.4 to 1.7 are",
            )),
            Kind { packages: true, .. } => own::read(bytes),
            _ => Err(refused(
                "it is none of CycloneDX JSON, SPDX JSON and Scout's own JSON",
            )),
        }?;
        if document.packages.len() > MAX_PACKAGES {
            return Err(refused(format!("it has more than {MAX_PACKAGES} packages")));
        }
        document.sort();
        Ok(document)
    }

    /// Sets the packages and puts them in order.
    #[must_use]
    pub fn with_packages(mut self, packages: Vec<DocumentPackage>) -> Self {
        self.packages = packages;
        self.sort();
        self
    }

    fn sort(&mut self) {
        self.packages.sort_by(|a, b| {
            (&a.package, &a.paths, &a.owner, &a.purl)
                .cmp(&(&b.package, &b.paths, &b.owner, &b.purl))
        });
    }

    /// Notes how many parts of a document are no packages we know.
    fn note_unknown(&mut self, unknown: usize) {
        if unknown > 0 {
            self.gaps.push(Gap {
                kind: GapKind::PackageRecord,
                path: self.image.clone(),
                reason: format!(
                    "{unknown} parts of the document have no package URL of a known type"
                ),
            });
        }
    }
}

impl DocumentPackage {
    /// Returns a package of which nothing more is told.
    #[must_use]
    pub fn new(package: Package, purl: impl Into<String>) -> Self {
        Self {
            package,
            purl: purl.into(),
            paths: Vec::new(),
            layer: None,
            owner: None,
            certainty: Certainty::default(),
        }
    }
}

impl fmt::Display for DocumentFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "json",
            Self::CycloneDx => "cyclonedx",
            Self::Spdx => "spdx",
        })
    }
}

impl FromStr for DocumentFormat {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "json" => Ok(Self::Json),
            "cyclonedx" => Ok(Self::CycloneDx),
            "spdx" => Ok(Self::Spdx),
            _ => Err(refused(format!(
                "{text:?} is no form of a document: json, cyclonedx or spdx"
            ))),
        }
    }
}

/// What tells the form of a document.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Kind {
    #[serde(rename = "bomFormat")]
    bom_format: Option<String>,
    #[serde(rename = "specVersion")]
    spec_version: Option<String>,
    #[serde(rename = "spdxVersion")]
    spdx_version: Option<String>,
    #[serde(rename = "@context", deserialize_with = "is_there")]
    context: bool,
    #[serde(deserialize_with = "is_there")]
    packages: bool,
}

fn is_there<'de, D: serde::Deserializer<'de>>(input: D) -> std::result::Result<bool, D::Error> {
    serde::de::IgnoredAny::deserialize(input).map(|_| true)
}

/// Reads `null` as nothing, as some writers put it where a list or text is missing.
fn or_default<'de, D, T>(input: D) -> std::result::Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(input)?.unwrap_or_default())
}

fn refused(reason: impl Into<String>) -> Error {
    Error::Document {
        reason: reason.into(),
    }
}

fn unreadable(error: &serde_json::Error) -> Error {
    refused(error.to_string())
}

#[cfg(test)]
mod tests;
