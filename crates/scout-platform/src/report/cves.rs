//! The findings of an image, by vulnerability.

use std::collections::{BTreeMap, BTreeSet};

use scout_envs::{
    Coverage, ImageReference, PackageType, Policy, Severity, SeverityCounts, SeveritySource,
    VulnerabilityId,
};
use serde::Serialize;

use super::{Reader, artifact_name};
use crate::error::Result;
use crate::judge::Judged;
use crate::lookup::Organization;

/// Which vulnerabilities an image has, and what is not known.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CveReport {
    /// The image's name.
    pub image: String,
    /// The digest of its manifest.
    pub digest: String,
    /// How much of it could be judged.
    pub coverage: CoverageReport,
    /// Its vulnerabilities, worst first, then by id.
    pub findings: Vec<CveFinding>,
}

/// How much of an image could be judged.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CoverageReport {
    /// Whether at least one feed that could speak of the image was asked.
    pub judged: bool,
    /// What is not known, for people.
    pub unknown: Vec<String>,
}

/// One vulnerability of an image.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CveFinding {
    /// The vulnerability.
    pub vulnerability: VulnerabilityId,
    /// The highest severity it has for one of the packages.
    pub severity: Severity,
    /// Who says so.
    pub severity_source: SeveritySource,
    /// The advisory records that matched.
    pub records: BTreeSet<String>,
    /// Versions that fix it, of any of the packages.
    pub fixed_versions: BTreeSet<String>,
    /// Whether CISA lists it as exploited; absent while the catalog is not loaded.
    pub known_exploited: Option<bool>,
    /// Whether a package that it affects was seen loaded at run time, in any environment; absent
    /// where nobody looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_use: Option<bool>,
    /// The packages it affects.
    pub packages: Vec<AffectedPackage>,
}

/// A package that a vulnerability affects.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[non_exhaustive]
pub struct AffectedPackage {
    /// The kind of package.
    #[serde(rename = "type")]
    pub package_type: PackageType,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its source package's name.
    pub source_name: String,
    /// Its source package's version.
    pub source_version: String,
    /// The ecosystem whose advisories speak of it.
    pub ecosystem: String,
}

impl CveReport {
    /// Returns how many vulnerabilities there are; nothing if the image was not judged.
    #[must_use]
    pub fn counts(&self) -> Option<SeverityCounts> {
        self.coverage.judged.then(|| {
            self.findings
                .iter()
                .map(|finding| finding.severity)
                .collect()
        })
    }
}

impl Reader {
    /// Returns the vulnerabilities of the images that the reference fits.
    ///
    /// # Errors
    ///
    /// If no image, or more than one, fits, if it is not analyzed, or if the store fails.
    pub async fn cves(&self, org: &Organization, image: &ImageReference) -> Result<Vec<CveReport>> {
        let (artifact, records) = self.find(org, image).await?;
        let judged = Judged::load(self.store.as_ref(), org.id, &Policy::defaults()).await?;
        let reports = records.iter().filter_map(|record| {
            let known = judged.images.get(&record.id)?;
            Some(CveReport {
                image: artifact_name(&artifact),
                digest: record.facts.manifest_digest.to_string(),
                coverage: CoverageReport::from(&known.coverage),
                findings: findings(&judged, record),
            })
        });
        Ok(reports.collect())
    }
}

impl From<&Coverage> for CoverageReport {
    fn from(coverage: &Coverage) -> Self {
        Self {
            judged: coverage.judged,
            unknown: coverage.unknown.iter().map(ToString::to_string).collect(),
        }
    }
}

/// Joins an image's findings by vulnerability, as the streams count them.
fn findings(judged: &Judged, image: &scout_store::ImageRecord) -> Vec<CveFinding> {
    let in_use = judged.in_use_anywhere(image.id);
    let loaded: Option<BTreeSet<&VulnerabilityId>> = in_use.as_ref().map(|packages| {
        let findings = judged.findings_in(packages);
        findings.map(|(_, found)| &found.vulnerability).collect()
    });
    let mut found: BTreeMap<&VulnerabilityId, CveFinding> = BTreeMap::new();
    for (key, finding) in judged.findings_of(image) {
        let id = &finding.vulnerability;
        let joined = found.entry(id).or_insert_with(|| CveFinding {
            vulnerability: id.clone(),
            severity: finding.severity,
            severity_source: finding.severity_source,
            records: BTreeSet::new(),
            fixed_versions: BTreeSet::new(),
            known_exploited: judged.kev.as_ref().map(|kev| kev.contains(id)),
            in_use: loaded.as_ref().map(|loaded| loaded.contains(id)),
            packages: Vec::new(),
        });
        if finding.severity > joined.severity {
            joined.severity = finding.severity;
            joined.severity_source = finding.severity_source;
        }
        joined.records.extend(finding.records.iter().cloned());
        joined
            .fixed_versions
            .extend(finding.fixed_versions.iter().cloned());
        joined.packages.push(AffectedPackage {
            package_type: key.package_type,
            name: key.name.clone(),
            version: key.version.clone(),
            source_name: key.source_name.clone(),
            source_version: key.source_version.clone(),
            ecosystem: key.ecosystem.to_string(),
        });
    }
    let mut found: Vec<CveFinding> = found.into_values().collect();
    found.iter_mut().for_each(|finding| finding.packages.sort());
    found.sort_by(|a, b| {
        b.severity
            .cmp(&a.severity)
            .then_with(|| a.vulnerability.cmp(&b.vulnerability))
    });
    found
}
