//! Policies: what an image must hold to, and the verdict on one image.
//!
//! A verdict is three-valued. A violation that was found is a violation even if not everything
//! could be read; without one, anything unknown that could hide one makes it *no data*.

mod copyleft;
mod high_profile;
mod non_root;
mod vulnerability;

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::coverage::Coverage;
use crate::finding::Finding;
use crate::image::ImageConfig;
use crate::package::PackageType;

pub use copyleft::{CopyleftLicense, SubjectLicense};
pub use high_profile::HighProfile;
pub use non_root::DefaultNonRootUser;
pub use vulnerability::FixableVulnerabilities;

/// The stable id of a policy, the value of the `id` label.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum PolicyId {
    /// No image may be built on a base image that is not approved. Not evaluated yet.
    ApprovedBaseImages,
    /// No package may have a copyleft licence.
    CopyleftLicense,
    /// The image must not run as root.
    DefaultNonRootUser,
    /// No critical or high vulnerability may stay although there is a fix.
    FixableVulnerabilities,
    /// None of the vulnerabilities everybody knows.
    HighProfileVulnerabilities,
    /// The base image must be the current one. Not evaluated yet.
    NoStaleBaseImages,
    /// The image must carry an SBOM and provenance. Not evaluated yet.
    SupplyChainAttestations,
}

impl PolicyId {
    /// Returns the id as documented (CLI reference of 2026).
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ApprovedBaseImages => "approved-base-images",
            Self::CopyleftLicense => "copyleft-license",
            Self::DefaultNonRootUser => "default-non-root-user",
            Self::FixableVulnerabilities => "fixable-vulnerabilities",
            Self::HighProfileVulnerabilities => "high-profile-vulnerabilities",
            Self::NoStaleBaseImages => "no-stale-base-images",
            Self::SupplyChainAttestations => "supply-chain-attestations",
        }
    }

    /// Returns the documented name, the value of the `displayName` label.
    #[must_use]
    pub fn display_name(self) -> &'static str {
        match self {
            Self::ApprovedBaseImages => "No unapproved base images",
            Self::CopyleftLicense => "No copyleft licenses",
            Self::DefaultNonRootUser => "Default non-root user",
            Self::FixableVulnerabilities => "No fixable critical or high vulnerabilities",
            Self::HighProfileVulnerabilities => "No high-profile vulnerabilities",
            Self::NoStaleBaseImages => "Up-to-Date Base Images",
            Self::SupplyChainAttestations => "Supply chain attestations",
        }
    }
}

impl fmt::Display for PolicyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A policy with its configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Policy {
    /// `fixable-vulnerabilities`.
    FixableVulnerabilities(FixableVulnerabilities),
    /// `high-profile-vulnerabilities`.
    HighProfile(HighProfile),
    /// `default-non-root-user`.
    DefaultNonRootUser(DefaultNonRootUser),
    /// `copyleft-license`.
    CopyleftLicense(CopyleftLicense),
}

impl Policy {
    /// Returns the policies that can be evaluated today, with their documented defaults.
    #[must_use]
    pub fn defaults() -> Vec<Self> {
        vec![
            Self::DefaultNonRootUser(DefaultNonRootUser),
            Self::FixableVulnerabilities(FixableVulnerabilities::default()),
            Self::HighProfile(HighProfile::default()),
        ]
    }

    /// Returns the policy's stable id.
    #[must_use]
    pub fn id(&self) -> PolicyId {
        match self {
            Self::FixableVulnerabilities(_) => PolicyId::FixableVulnerabilities,
            Self::HighProfile(_) => PolicyId::HighProfileVulnerabilities,
            Self::DefaultNonRootUser(_) => PolicyId::DefaultNonRootUser,
            Self::CopyleftLicense(_) => PolicyId::CopyleftLicense,
        }
    }

    /// Judges one image.
    #[must_use]
    pub fn evaluate(&self, subject: &Subject<'_>) -> Evaluation {
        match self {
            Self::FixableVulnerabilities(policy) => policy.evaluate(subject),
            Self::HighProfile(policy) => policy.evaluate(subject),
            Self::DefaultNonRootUser(policy) => policy.evaluate(subject),
            Self::CopyleftLicense(policy) => policy.evaluate(subject),
        }
    }
}

/// What is known of the image that is judged.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Its configuration.
    pub config: &'a ImageConfig,
    /// Its findings, each with the kind of the package it affects.
    pub findings: &'a [SubjectFinding<'a>],
    /// The licences of its packages, those that a distribution package owns left out; `None` if
    /// they are not known.
    pub licenses: Option<&'a [SubjectLicense<'a>]>,
    /// How much of it could be judged.
    pub coverage: &'a Coverage,
    /// Whether the catalog of known exploited vulnerabilities is loaded.
    pub kev_loaded: bool,
}

/// One finding of the image that is judged.
#[derive(Clone, Copy, Debug)]
pub struct SubjectFinding<'a> {
    /// The finding.
    pub finding: &'a Finding,
    /// The kind of the package it affects.
    pub package_type: PackageType,
    /// Whether CISA's catalog lists the vulnerability as exploited.
    pub known_exploited: bool,
}

/// The result of a policy for one image. The set is closed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// It holds to the policy.
    Compliant,
    /// It breaks the policy; each reason is one line for people.
    NonCompliant(Vec<String>),
    /// It cannot be said, for this reason.
    NoData(String),
}

/// A verdict, and until when it holds if nothing but time changes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Evaluation {
    /// The verdict.
    pub verdict: Verdict,
    /// The first moment at which time alone may change it.
    pub valid_until: Option<Timestamp>,
}

impl From<Verdict> for Evaluation {
    fn from(verdict: Verdict) -> Self {
        Self {
            verdict,
            valid_until: None,
        }
    }
}

/// The verdict of a vulnerability policy that found these violations.
fn verdict_on_vulnerabilities(violations: Vec<String>, coverage: &Coverage) -> Verdict {
    if !violations.is_empty() {
        return Verdict::NonCompliant(violations);
    }
    match coverage.unknown.first() {
        Some(unknown) => Verdict::NoData(unknown.to_string()),
        None if !coverage.judged => Verdict::NoData("no advisories loaded".to_owned()),
        None => Verdict::Compliant,
    }
}

#[cfg(test)]
mod tests;
