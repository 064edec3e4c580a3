//! Packages found in images, and the key under which they are matched with advisories.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::license::License;

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
    /// Arch Linux and its relatives.
    Alpm,
    /// A Go module, or Go's standard library as `stdlib`.
    Golang,
    /// A Rust crate.
    Cargo,
    /// A Java archive; its name is `GROUP:ARTIFACT`, or `ARTIFACT` where no group is known.
    Maven,
    /// Ruby.
    Gem,
    /// PHP.
    Composer,
    /// .NET.
    Nuget,
    /// Conda, for any language.
    Conda,
    /// What Bitnami packs.
    Bitnami,
    /// Something that no package manager installed.
    Generic,
}

impl PackageType {
    /// All kinds that a reader can find today.
    pub const ALL: [Self; 15] = [
        Self::Apk,
        Self::Deb,
        Self::Rpm,
        Self::Npm,
        Self::Pypi,
        Self::Alpm,
        Self::Golang,
        Self::Cargo,
        Self::Maven,
        Self::Gem,
        Self::Composer,
        Self::Nuget,
        Self::Conda,
        Self::Bitnami,
        Self::Generic,
    ];

    /// Returns the type of a package URL.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Apk => "apk",
            Self::Deb => "deb",
            Self::Rpm => "rpm",
            Self::Npm => "npm",
            Self::Pypi => "pypi",
            Self::Alpm => "alpm",
            Self::Golang => "golang",
            Self::Cargo => "cargo",
            Self::Maven => "maven",
            Self::Gem => "gem",
            Self::Composer => "composer",
            Self::Nuget => "nuget",
            Self::Conda => "conda",
            Self::Bitnami => "bitnami",
            Self::Generic => "generic",
        }
    }

    /// Returns whether packages of this kind come from the operating system's distribution.
    #[must_use]
    pub fn is_distribution(self) -> bool {
        matches!(self, Self::Apk | Self::Deb | Self::Rpm | Self::Alpm)
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
#[error("{0:?} is not a package type we read: {known}", known = known_types())]
pub struct UnknownPackageType(pub String);

fn known_types() -> String {
    PackageType::ALL.map(PackageType::as_str).join(", ")
}

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
    /// The licence: an SPDX expression, or what the package states.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<License>,
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
            license: None,
        }
    }

    /// Returns whether the version is one. What was built from a working copy has none, and so no
    /// place among the versions that advisories speak of.
    #[must_use]
    pub fn has_version(&self) -> bool {
        is_version(&self.version)
    }
}

/// Returns whether a text is a version, and not a word for there being none: Go's `(devel)` and
/// `devel go1.23-abc`, or the branch `dev-main` of Composer.
fn is_version(text: &str) -> bool {
    let text = text.trim();
    !text.is_empty()
        && !["(", "devel", "dev-"]
            .iter()
            .any(|word| text.starts_with(word))
}

/// How sure it is that a package is what its name and version say.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Certainty {
    /// A record made by the tool that built or installed it states both.
    #[default]
    Stated,
    /// Put together from fields that are meant for something else.
    Derived,
    /// The name of the file is all there is.
    FileName,
    /// A lock file asks for it; nothing says that it is installed.
    Locked,
}

impl Certainty {
    /// Returns whether nothing had to be guessed.
    #[must_use]
    pub fn is_stated(&self) -> bool {
        *self == Self::Stated
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

impl MatchKey {
    /// Returns whether the package's version is one, as [`Package::has_version`] does.
    #[must_use]
    pub fn has_version(&self) -> bool {
        is_version(&self.version)
    }
}
