//! A vulnerability that affects a package.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::severity::Severity;
use crate::vulnerability::VulnerabilityId;

/// One vulnerability that affects one package, with why we think so.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Finding {
    /// The vulnerability.
    pub vulnerability: VulnerabilityId,
    /// How bad it is for this package.
    pub severity: Severity,
    /// Who says so.
    pub severity_source: SeveritySource,
    /// Ids of the advisory records that matched, sorted.
    pub records: Vec<String>,
    /// Versions that fix it, as the records state them, sorted; empty: no fix is known.
    pub fixed_versions: Vec<String>,
}

impl Finding {
    /// Returns whether some version fixes the vulnerability.
    #[must_use]
    pub fn is_fixable(&self) -> bool {
        !self.fixed_versions.is_empty()
    }
}

/// Where a finding's severity comes from, in falling order of preference.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SeveritySource {
    /// The distribution's own rating.
    Distribution,
    /// A CVSS 4 vector.
    CvssV4,
    /// A CVSS 3 vector.
    CvssV3,
    /// A CVSS 2 vector.
    CvssV2,
    /// A word in the record.
    Record,
    /// Nobody rated it.
    None,
}

impl fmt::Display for SeveritySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Distribution => "distribution",
            Self::CvssV4 => "CVSS 4",
            Self::CvssV3 => "CVSS 3",
            Self::CvssV2 => "CVSS 2",
            Self::Record => "record",
            Self::None => "nobody",
        })
    }
}
