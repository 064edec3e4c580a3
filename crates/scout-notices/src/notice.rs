//! Notices: what happened to the newest image of a repository.

use jiff::Timestamp;
use scout_envs::{Digest, OrgName, PolicyId, Severity, Tag, VulnerabilityId};
use serde::{Deserialize, Serialize};

/// Most packages that one notice names. The Linux kernel is split into dozens of packages that
/// all have the same vulnerabilities; nobody reads their names.
pub const MAX_PACKAGES: usize = 10;
/// Most reasons of a failed policy that one notice names, for the same reason.
pub const MAX_REASONS: usize = 10;

/// One thing that happened to the newest image of a repository.
///
/// Its serialized form is kept by stores and sent by the JSON webhook; fields may be added.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    /// What tells it from every other notice. The same notice sent twice has the same one.
    pub id: String,
    /// When it was found.
    pub at: Timestamp,
    /// The repository as people write it, with its registry.
    pub repository: String,
    /// The tags of the image, the newest first.
    pub tags: Vec<Tag>,
    /// The digest of the image's manifest.
    pub digest: Digest,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What can happen.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Event {
    /// A critical or high vulnerability that was not there before.
    Vulnerability(NewVulnerability),
    /// A policy that is violated and was not before.
    Policy(FailedPolicy),
}

/// A vulnerability that affects the image now.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewVulnerability {
    /// Which one.
    pub vulnerability: VulnerabilityId,
    /// How bad it is, at its worst package.
    pub severity: Severity,
    /// Whether CISA's catalog lists it as exploited.
    pub known_exploited: bool,
    /// Whether an affected package was seen loaded at run time; absent if nobody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_use: Option<bool>,
    /// The packages it affects, by name, at most [`MAX_PACKAGES`].
    pub packages: Vec<AffectedPackage>,
    /// How many more packages it affects.
    pub more_packages: u64,
}

/// A package that a vulnerability affects.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AffectedPackage {
    /// Its name.
    pub name: String,
    /// Its version, as installed.
    pub version: String,
    /// The versions that fix it; empty: no fix is known.
    pub fixed_versions: Vec<String>,
}

/// A policy that the image violates now.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FailedPolicy {
    /// Which one.
    pub policy: PolicyId,
    /// Its name, for people.
    pub display_name: String,
    /// Why, one line each, at most [`MAX_REASONS`].
    pub reasons: Vec<String>,
    /// How many more reasons there are.
    pub more_reasons: u64,
}

impl Notice {
    /// Returns how bad it is: of a vulnerability its severity. A failed policy is as bad as a
    /// critical vulnerability where somebody wants to hear of those only.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match &self.event {
            Event::Vulnerability(vulnerability) => vulnerability.severity,
            Event::Policy(_) => Severity::Critical,
        }
    }

    /// Returns its place among others, the worst first: what is exploited, then by severity,
    /// then failed policies.
    pub(crate) fn rank(&self) -> u8 {
        match &self.event {
            Event::Vulnerability(one) if one.known_exploited => 0,
            Event::Vulnerability(one) if one.severity == Severity::Critical => 1,
            Event::Policy(_) => 2,
            Event::Vulnerability(_) => 3,
        }
    }
}

/// What one message tells.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Batch {
    /// The organization.
    pub org: OrgName,
    /// What happened, in the order it was found; of each repository and subject once.
    pub notices: Vec<Notice>,
    /// How many older notices were dropped, because too many waited.
    pub dropped: u64,
}

impl Batch {
    /// Returns what happened in some words: `2 critical and 1 high vulnerability, 1 failed
    /// policy in 2 repositories`.
    #[must_use]
    pub fn summary(&self) -> String {
        let count = |rank: &dyn Fn(&Notice) -> bool| {
            self.notices.iter().filter(|one| rank(one)).count() as u64
        };
        let of = |severity| {
            count(&|one| matches!(&one.event, Event::Vulnerability(v) if v.severity == severity))
        };
        let critical = of(Severity::Critical);
        let policies = count(&|one| matches!(one.event, Event::Policy(_)));
        let high = self.notices.len() as u64 - critical - policies;
        let mut parts = Vec::new();
        match (critical, high) {
            (0, 0) => {}
            (critical, 0) => parts.push(plural(critical, "new critical vulnerability")),
            (0, high) => parts.push(plural(high, "new high vulnerability")),
            (critical, high) => parts.push(format!(
                "{critical} new critical and {}",
                plural(high, "high vulnerability")
            )),
        }
        if policies > 0 {
            parts.push(plural(policies, "failed policy"));
        }
        let repositories: std::collections::BTreeSet<_> =
            self.notices.iter().map(|one| &one.repository).collect();
        let place = match repositories.len() {
            1 => "1 repository".to_owned(),
            many => format!("{many} repositories"),
        };
        match (parts.is_empty(), self.dropped) {
            (true, 0) => "nothing new".to_owned(),
            (true, _) => "older notices were dropped".to_owned(),
            (false, _) => format!("{} in {place}", parts.join(", ")),
        }
    }
}

fn plural(count: u64, one: &str) -> String {
    match (count, one.strip_suffix('y')) {
        (1, _) | (_, None) => format!("{count} {one}"),
        (_, Some(stem)) => format!("{count} {stem}ies"),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A notice of a vulnerability in a repository.
    pub(crate) fn vulnerability(repository: &str, id: &str, severity: Severity) -> Notice {
        Notice {
            id: format!("{repository}/{id}"),
            at: "2026-11-21T10:00:00Z".parse().unwrap(),
            repository: repository.to_owned(),
            tags: vec!["1.2".parse().unwrap(), "latest".parse().unwrap()],
            digest: Digest::sha256(&[0xab; 32]),
            event: Event::Vulnerability(NewVulnerability {
                vulnerability: VulnerabilityId::new(id),
                severity,
                known_exploited: false,
                in_use: None,
                packages: vec![AffectedPackage {
                    name: "openssl".to_owned(),
                    version: "3.0.1".to_owned(),
                    fixed_versions: vec!["3.0.2".to_owned()],
                }],
                more_packages: 0,
            }),
        }
    }

    /// A notice of a failed policy in a repository.
    pub(crate) fn policy(repository: &str) -> Notice {
        Notice {
            event: Event::Policy(FailedPolicy {
                policy: PolicyId::DefaultNonRootUser,
                display_name: PolicyId::DefaultNonRootUser.display_name().to_owned(),
                reasons: vec!["it runs as root".to_owned()],
                more_reasons: 0,
            }),
            ..vulnerability(repository, "policy", Severity::High)
        }
    }

    pub(crate) fn batch(notices: Vec<Notice>) -> Batch {
        Batch {
            org: "acme".parse().unwrap(),
            notices,
            dropped: 0,
        }
    }

    #[test]
    fn what_is_kept_comes_back() {
        for notice in [
            vulnerability("r/a", "CVE-2026-1000", Severity::High),
            policy("r/a"),
        ] {
            let text = serde_json::to_string(&notice).unwrap();
            assert_eq!(serde_json::from_str::<Notice>(&text).unwrap(), notice);
        }
    }

    #[test]
    fn a_summary_counts_in_words() {
        let one = |severity| vulnerability("r/a", "CVE-2026-1000", severity);
        for (notices, expected) in [
            (vec![], "nothing new"),
            (
                vec![one(Severity::Critical)],
                "1 new critical vulnerability in 1 repository",
            ),
            (
                vec![one(Severity::High), one(Severity::High)],
                "2 new high vulnerabilities in 1 repository",
            ),
            (
                vec![one(Severity::High), one(Severity::Critical), policy("r/b")],
                "1 new critical and 1 high vulnerability, 1 failed policy in 2 repositories",
            ),
        ] {
            assert_eq!(batch(notices).summary(), expected);
        }
        let dropped = Batch {
            dropped: 1,
            ..batch(Vec::new())
        };
        assert_eq!(dropped.summary(), "older notices were dropped");
    }
}
