//! Packages found in images, and the key under which they are matched with advisories.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The kind of a package, in the spelling of package URLs.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum PackageType {
    /// Alpine and its relatives.
    Apk,
    /// Debian and its relatives.
    Deb,
    /// Red Hat, SUSE and their relatives.
    Rpm,
    /// JavaScript.
    Npm,
    /// Python.
    Pypi,
}

impl PackageType {
    /// All kinds that a reader can find today.
    pub const ALL: [Self; 5] = [Self::Apk, Self::Deb, Self::Rpm, Self::Npm, Self::Pypi];

    /// Returns the type of a package URL.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Apk => "apk",
            Self::Deb => "deb",
            Self::Rpm => "rpm",
            Self::Npm => "npm",
            Self::Pypi => "pypi",
        }
    }

    /// Returns whether packages of this kind come from the operating system's distribution.
    #[must_use]
    pub fn is_distribution(self) -> bool {
        matches!(self, Self::Apk | Self::Deb | Self::Rpm)
    }
}

impl fmt::Display for PackageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for PackageType {
    type Err = UnknownPackageType;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| UnknownPackageType(text.to_owned()))
    }
}

/// A text that names no kind of package.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} is not a package type we read: apk, deb, rpm, npm or pypi")]
pub struct UnknownPackageType(pub String);

/// One installed package, as its own database states it.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Package {
    /// The kind of package.
    #[serde(rename = "type")]
    pub package_type: PackageType,
    /// The name as the database writes it (not normalized).
    pub name: String,
    /// The version as the tool prints it: `[epoch:]version[-release]`, an epoch of 0 left out.
    pub version: String,
    /// The processor architecture, where the database states one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// The source package it was built from, where that differs in name or version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourcePackage>,
    /// The modularity label of an rpm, `name:stream:version:context`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
}

impl Package {
    /// Returns a package with nothing but kind, name and version.
    #[must_use]
    pub fn new(
        package_type: PackageType,
        name: impl Into<String>,
        version: impl Into<String>,
    ) -> Self {
        Self {
            package_type,
            name: name.into(),
            version: version.into(),
            architecture: None,
            source: None,
            module: None,
        }
    }
}

/// The source package of a binary package.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct SourcePackage {
    /// The source package's name.
    pub name: String,
    /// The source package's version.
    pub version: String,
}

/// An advisory ecosystem with its release, as OSV spells it: `Debian:12`, `npm`.
///
/// A distribution that OSV does not know keeps the name `<ID>:<VERSION_ID>` of its os-release
/// file, in lower case, so that its packages are counted as unmatched instead of lost.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Ecosystem(String);

impl Ecosystem {
    /// Returns the ecosystem that has this name.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// Returns the whole name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name before the first colon, which is also the folder of the OSV dump.
    #[must_use]
    pub fn base(&self) -> &str {
        self.0.split_once(':').map_or(&self.0, |(base, _)| base)
    }

    /// Returns what stands behind the first colon, the release.
    #[must_use]
    pub fn release(&self) -> Option<&str> {
        self.0.split_once(':').map(|(_, release)| release)
    }
}

impl fmt::Display for Ecosystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What decides which advisories concern a package. Packages with equal keys have equal
/// findings, whichever image they are in, so matching is done once per key.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct MatchKey {
    /// The kind of package.
    pub package_type: PackageType,
    /// The ecosystem and release whose advisories speak of the package.
    pub ecosystem: Ecosystem,
    /// The name as installed, normalized as the ecosystem demands.
    pub name: String,
    /// The version as installed.
    pub version: String,
    /// The source package's name; the same as `name` where there is none.
    pub source_name: String,
    /// The source package's version; the same as `version` where there is none.
    pub source_version: String,
    /// The rpm module, `name:stream`, if the package is part of one.
    pub module: Option<String>,
}
