//! Which vulnerabilities a record speaks of.
//!
//! The CVEs in its id, aliases and upstream; for a distribution's security advisory with none
//! there, those in `related`. Else the CVEs of records it aliases (one hop, both directions),
//! else the smallest id among them. Never transitive: a wrong alias must not melt two
//! vulnerabilities into one.

use std::collections::{BTreeSet, HashMap};

use scout_envs::VulnerabilityId;

use crate::osv;

/// How the ids of distributions' security advisories begin.
const SECURITY_ADVISORIES: [&str; 16] = [
    "ALAS",
    "ALSA-",
    "DLA-",
    "DSA-",
    "DTSA-",
    "ELSA-",
    "LSN-",
    "MGASA-",
    "OESA-",
    "PHSA-",
    "RHSA-",
    "RLSA-",
    "RXSA-",
    "SUSE-SU-",
    "USN-",
    "openSUSE-SU-",
];

/// How the ids of announcements begin that are no vulnerabilities: bug fixes, enhancements,
/// recommended and optional updates.
const OTHER_ANNOUNCEMENTS: [&str; 15] = [
    "ALBA-",
    "ALEA-",
    "ELBA-",
    "ELEA-",
    "MGAA-",
    "RHBA-",
    "RHEA-",
    "RLBA-",
    "RLEA-",
    "SUSE-FU-",
    "SUSE-OU-",
    "SUSE-RU-",
    "openSUSE-FU-",
    "openSUSE-OU-",
    "openSUSE-RU-",
];

/// Returns whether the id is that of a distribution's security advisory.
pub(crate) fn is_security_advisory(id: &str) -> bool {
    starts_with_any(id, &SECURITY_ADVISORIES)
}

/// Returns whether the record, by its id, announces a vulnerability.
pub(crate) fn announces_vulnerability(id: &str) -> bool {
    !starts_with_any(id, &OTHER_ANNOUNCEMENTS)
}

/// Returns whether an informational note is of a kind that is no vulnerability. RustSec's third
/// kind, `unsound`, is one.
pub(crate) fn is_mere_notice(informational: Option<&str>) -> bool {
    matches!(informational, Some("unmaintained" | "notice"))
}

/// Returns the CVEs that a record names itself, sorted; often none.
pub(crate) fn own_cves(record: &osv::Record) -> Vec<String> {
    let names = std::iter::once(&record.id)
        .chain(&record.aliases)
        .chain(&record.upstream);
    let cves = cves_of(names);
    if cves.is_empty() && is_security_advisory(&record.id) {
        return cves_of(&record.related);
    }
    cves
}

fn cves_of<'a>(names: impl IntoIterator<Item = &'a String>) -> Vec<String> {
    let cves: BTreeSet<&String> = names
        .into_iter()
        .filter(|name| VulnerabilityId::new(name.as_str()).is_cve())
        .collect();
    cves.into_iter().cloned().collect()
}

fn starts_with_any(id: &str, prefixes: &[&str]) -> bool {
    prefixes.iter().any(|prefix| id.starts_with(prefix))
}

/// Who aliases whom, among the records of all feeds loaded together.
#[derive(Debug, Default)]
pub(crate) struct AliasGraph {
    nodes: Vec<Node>,
    by_id: HashMap<String, Vec<usize>>,
    /// For each alias, the records that name it.
    named_by: HashMap<String, Vec<usize>>,
}

#[derive(Debug)]
struct Node {
    id: String,
    aliases: Vec<String>,
    cves: Vec<String>,
}

impl AliasGraph {
    /// Adds a record with the CVEs it names itself.
    pub(crate) fn add(&mut self, id: &str, aliases: &[String], cves: &[String]) {
        let index = self.nodes.len();
        self.by_id.entry(id.to_owned()).or_default().push(index);
        for alias in aliases {
            self.named_by.entry(alias.clone()).or_default().push(index);
        }
        self.nodes.push(Node {
            id: id.to_owned(),
            aliases: aliases.to_vec(),
            cves: cves.to_vec(),
        });
    }

    /// Returns the vulnerabilities of a record that names no CVE itself; never none.
    pub(crate) fn vulnerabilities(&self, id: &str, aliases: &[String]) -> Vec<String> {
        let neighbours = || {
            let forth = aliases.iter().filter_map(|alias| self.by_id.get(alias));
            let back = self.named_by.get(id);
            forth
                .chain(back)
                .flatten()
                .filter_map(|index| self.nodes.get(*index))
        };
        let cves: BTreeSet<&String> = neighbours().flat_map(|node| &node.cves).collect();
        if !cves.is_empty() {
            return cves.into_iter().cloned().collect();
        }
        let smallest = neighbours()
            .map(|node| node.id.as_str())
            .chain(aliases.iter().map(String::as_str))
            .fold(id, std::cmp::min);
        vec![smallest.to_owned()]
    }

    /// Returns each record without a CVE of its own, as (position of adding, vulnerabilities).
    pub(crate) fn resolved(&self) -> impl Iterator<Item = (usize, Vec<String>)> {
        self.nodes
            .iter()
            .enumerate()
            .filter(|(_, node)| node.cves.is_empty())
            .map(|(index, node)| (index, self.vulnerabilities(&node.id, &node.aliases)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(json: &str) -> osv::Record {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_record_names_its_cves_in_id_aliases_and_upstream() {
        for (json, expected) in [
            (r#"{"id": "CVE-2024-0001"}"#, vec!["CVE-2024-0001"]),
            (
                r#"{"id": "GHSA-1", "aliases": ["CVE-2024-0002", "CVE-2024-0001"]}"#,
                vec!["CVE-2024-0001", "CVE-2024-0002"],
            ),
            (
                r#"{"id": "DEBIAN-CVE-2024-0001", "upstream": ["CVE-2024-0001"]}"#,
                vec!["CVE-2024-0001"],
            ),
            (r#"{"id": "DEBIAN-CVE-2024-0001"}"#, vec![]),
            (r#"{"id": "GHSA-1", "aliases": ["CVE-2024-1"]}"#, vec![]),
            // `related` means "see also", unless a distribution has nothing else.
            (
                r#"{"id": "RUSTSEC-1", "related": ["CVE-2024-0001"]}"#,
                vec![],
            ),
            (
                r#"{"id": "ALSA-2024:1", "related": ["CVE-2024-0001", "ALSA-2024:2"]}"#,
                vec!["CVE-2024-0001"],
            ),
            (
                r#"{"id": "USN-1-1", "related": ["CVE-2024-0009"], "upstream": ["CVE-2024-0001"]}"#,
                vec!["CVE-2024-0001"],
            ),
        ] {
            assert_eq!(own_cves(&record(json)), expected, "{json}");
        }
    }

    #[test]
    fn aliases_are_followed_one_hop_in_both_directions() {
        let records: &[(&str, &[&str], &[&str])] = &[
            (
                "GHSA-a",
                &["CVE-2024-0001", "RUSTSEC-a"],
                &["CVE-2024-0001"],
            ),
            ("RUSTSEC-a", &[], &[]),
            ("PYSEC-b", &["GHSA-b"], &[]),
            ("GHSA-b", &["CVE-2024-0002"], &["CVE-2024-0002"]),
            // Two hops from a CVE.
            ("RUSTSEC-c", &["PYSEC-b"], &[]),
            ("RUSTSEC-d", &["GHSA-d"], &[]),
            ("GHSA-e", &[], &[]),
            ("AAA-e", &["GHSA-e"], &[]),
        ];
        let owned = |list: &[&str]| {
            list.iter()
                .map(|text| (*text).to_owned())
                .collect::<Vec<_>>()
        };
        let mut graph = AliasGraph::default();
        for (id, aliases, cves) in records {
            graph.add(id, &owned(aliases), &owned(cves));
        }
        let resolved: Vec<(&str, Vec<String>)> = graph
            .resolved()
            .map(|(index, vulnerabilities)| (records[index].0, vulnerabilities))
            .collect();
        let expected: Vec<(&str, Vec<String>)> = [
            ("RUSTSEC-a", "CVE-2024-0001"),
            ("PYSEC-b", "CVE-2024-0002"),
            ("RUSTSEC-c", "PYSEC-b"),
            ("RUSTSEC-d", "GHSA-d"),
            ("GHSA-e", "AAA-e"),
            ("AAA-e", "AAA-e"),
        ]
        .map(|(id, vulnerability)| (id, vec![vulnerability.to_owned()]))
        .to_vec();
        assert_eq!(resolved, expected);
    }

    #[test]
    fn bug_fixes_and_notices_are_no_vulnerabilities() {
        for (id, expected) in [
            ("ALSA-2024:1", true),
            ("ALBA-2024:1", false),
            ("ALEA-2024:1", false),
            ("RHBA-2024:1", false),
            ("SUSE-RU-2024:1", false),
            ("SUSE-SU-2024:1", true),
            ("GHSA-alba", true),
        ] {
            assert_eq!(announces_vulnerability(id), expected, "{id}");
        }
        for (kind, expected) in [
            (Some("unmaintained"), true),
            (Some("notice"), true),
            (Some("unsound"), false),
            (None, false),
        ] {
            assert_eq!(is_mere_notice(kind), expected, "{kind:?}");
        }
    }
}
