//! CISA's catalog of known exploited vulnerabilities.

use std::collections::HashSet;

use jiff::Timestamp;
use scout_envs::VulnerabilityId;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::error::BoxError;

/// The vulnerabilities that CISA knows to be exploited.
#[derive(Clone, Debug)]
pub struct KevCatalog {
    vulnerabilities: HashSet<VulnerabilityId>,
    version: String,
    date: Option<Timestamp>,
    fingerprint: String,
}

impl KevCatalog {
    /// Largest file read, in bytes; the genuine one has about 1.5 MB.
    pub(crate) const MAX_BYTES: u64 = 64 << 20;

    /// Reads the JSON form of the catalog. Entries that name no CVE are left out.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, BoxError> {
        let catalog: RawCatalog = serde_json::from_slice(json)?;
        let vulnerabilities = catalog
            .vulnerabilities
            .into_iter()
            .map(|entry| VulnerabilityId::new(entry.cve_id.trim()))
            .filter(VulnerabilityId::is_cve)
            .collect();
        Ok(Self {
            vulnerabilities,
            version: catalog.catalog_version.unwrap_or_default(),
            date: catalog
                .date_released
                .as_deref()
                .and_then(|date| date.parse().ok()),
            fingerprint: hex::encode(Sha256::digest(json)),
        })
    }

    /// Returns whether the vulnerability is known to be exploited.
    #[must_use]
    pub fn contains(&self, vulnerability: &VulnerabilityId) -> bool {
        self.vulnerabilities.contains(vulnerability)
    }

    /// Returns how many vulnerabilities the catalog names.
    #[must_use]
    pub fn len(&self) -> usize {
        self.vulnerabilities.len()
    }

    /// Returns whether the catalog names none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.vulnerabilities.is_empty()
    }

    /// Lists the vulnerabilities in it.
    pub fn vulnerabilities(&self) -> impl Iterator<Item = &VulnerabilityId> {
        self.vulnerabilities.iter()
    }

    /// Returns the version that CISA gave it, for instance `2025.08.25`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Returns when it was released, if it says so.
    #[must_use]
    pub fn date(&self) -> Option<Timestamp> {
        self.date
    }

    /// Returns a text that changes whenever the file's content does.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawCatalog {
    #[serde(default)]
    catalog_version: Option<String>,
    #[serde(default)]
    date_released: Option<String>,
    vulnerabilities: Vec<RawEntry>,
}

#[derive(Deserialize)]
struct RawEntry {
    #[serde(rename = "cveID")]
    cve_id: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_cisa_publishes() {
        let catalog = KevCatalog::parse(
            br#"{"title": "CISA Catalog", "catalogVersion": "2025.08.25",
                 "dateReleased": "2025-08-25T17:01:39.9917Z", "count": 2, "vulnerabilities": [
                 {"cveID": "CVE-2021-44228", "vendorProject": "Apache", "cwes": []},
                 {"cveID": "CVE-2023-44487"}, {"cveID": "soon"}]}"#,
        )
        .unwrap();
        assert_eq!(catalog.len(), 2);
        assert!(catalog.contains(&VulnerabilityId::new("CVE-2021-44228")));
        assert!(!catalog.contains(&VulnerabilityId::new("CVE-2021-44229")));
        assert_eq!(catalog.version(), "2025.08.25");
        let date = catalog.date().unwrap().to_string();
        assert!(date.starts_with("2025-08-25T17:01:39"), "{date}");
    }

    #[test]
    fn refuses_other_json() {
        for json in [
            "",
            "{}",
            "[]",
            r#"{"vulnerabilities": 5}"#,
            r#"{"vulnerabilities": [{}]}"#,
        ] {
            assert!(KevCatalog::parse(json.as_bytes()).is_err(), "{json}");
        }
    }
}
