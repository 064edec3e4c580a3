//! `high-profile-vulnerabilities`: none of those that everybody knows.

use super::{Evaluation, Subject, Verdict, verdict_on_vulnerabilities};

/// The documented list of the CLI (2026).
const DEFAULT_CVES: [&str; 8] = [
    "CVE-2014-0160",
    "CVE-2014-6271",
    "CVE-2021-44228",
    "CVE-2021-45046",
    "CVE-2022-22965",
    "CVE-2023-38545",
    "CVE-2023-44487",
    "CVE-2024-3094",
];

/// Configuration of the policy, with the documented keys and defaults.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct HighProfile {
    /// `cves`: the vulnerabilities that must not be there.
    pub cves: Vec<String>,
    /// `ignored_cves`: vulnerabilities that never count.
    pub ignored_cves: Vec<String>,
    /// `include_cisa_kev`: whether all of CISA's catalog of known exploited ones count too; true.
    pub include_cisa_kev: bool,
}

impl Default for HighProfile {
    fn default() -> Self {
        Self {
            cves: DEFAULT_CVES.map(str::to_owned).to_vec(),
            ignored_cves: Vec::new(),
            include_cisa_kev: true,
        }
    }
}

impl HighProfile {
    pub(super) fn evaluate(&self, subject: &Subject<'_>) -> Evaluation {
        let listed = |list: &[String], id: &str| list.iter().any(|cve| cve == id);
        let mut violations: Vec<String> = subject
            .findings
            .iter()
            .filter(|found| {
                let id = found.finding.vulnerability.as_str();
                let counts =
                    listed(&self.cves, id) || (self.include_cisa_kev && found.known_exploited);
                counts && !listed(&self.ignored_cves, id)
            })
            .map(|found| found.finding.vulnerability.to_string())
            .collect();
        violations.sort_unstable();
        violations.dedup();
        if violations.is_empty() && self.include_cisa_kev && !subject.kev_loaded {
            let reason = "the catalog of known exploited vulnerabilities is not loaded";
            return Verdict::NoData(reason.to_owned()).into();
        }
        verdict_on_vulnerabilities(violations, subject.coverage).into()
    }
}
