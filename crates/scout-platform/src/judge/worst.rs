//! Distinct vulnerabilities of several packages or images, each at its worst.

use std::collections::BTreeMap;

use scout_envs::{Finding, MatchKey, Severity, SeverityCounts, VulnerabilityId};

/// Distinct vulnerabilities, each at its highest severity.
#[derive(Default)]
pub(super) struct Worst<'a>(BTreeMap<&'a VulnerabilityId, Found>);

/// One vulnerability.
#[derive(Clone, Copy, Default)]
struct Found {
    severity: Severity,
    /// Whether some package of those that have it can be mended.
    is_fixable: bool,
}

impl<'a> Worst<'a> {
    pub(super) fn of(findings: impl Iterator<Item = (&'a MatchKey, &'a Finding)>) -> Self {
        let mut worst = Self::default();
        worst.extend(findings);
        worst
    }

    pub(super) fn extend(&mut self, findings: impl Iterator<Item = (&'a MatchKey, &'a Finding)>) {
        for (_, finding) in findings {
            let found = self.0.entry(&finding.vulnerability).or_default();
            found.severity = finding.severity.max(found.severity);
            found.is_fixable |= finding.is_fixable();
        }
    }

    pub(super) fn counts(&self) -> SeverityCounts {
        self.0.values().map(|found| found.severity).collect()
    }

    /// Those that can be mended somewhere.
    pub(super) fn fixable(&self) -> SeverityCounts {
        let fixable = self.0.values().filter(|found| found.is_fixable);
        fixable.map(|found| found.severity).collect()
    }

    /// Those of which this is true.
    pub(super) fn counts_of(&self, is_meant: impl Fn(&VulnerabilityId) -> bool) -> SeverityCounts {
        let meant = self.0.iter().filter(|(id, _)| is_meant(id));
        meant.map(|(_, found)| found.severity).collect()
    }
}
