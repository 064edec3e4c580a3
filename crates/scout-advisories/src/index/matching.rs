//! From a package's key to its findings.

use std::collections::{BTreeMap, BTreeSet};

use scout_envs::{Finding, MatchKey, PackageType, VulnerabilityId};

use super::feed::{Affected, Feed};
use super::module;
use super::range::{Answer, Installed, ask, nearest_fix};
use crate::ecosystem::release_of;
use crate::profile::{Naming, profile_of};
use crate::rating::Rating;
use crate::version::Order;

/// A finding while records are still added to it.
#[derive(Debug)]
struct Draft<'a> {
    records: BTreeSet<&'a str>,
    fixed: Vec<&'a str>,
    rating: Rating,
}

/// A name under which records may speak of a package, with the version they mean.
struct Candidate<'a> {
    name: &'a str,
    version: &'a str,
    ignores_epoch: bool,
}

impl Feed {
    /// Returns whether some record has one of the names of a package.
    pub(super) fn names(&self, key: &MatchKey) -> bool {
        candidates(key, self.order)
            .into_iter()
            .flatten()
            .any(|candidate| !self.named(candidate.name).is_empty())
    }

    /// Finds the vulnerabilities of a package, sorted by id.
    pub(super) fn find(&self, key: &MatchKey) -> Vec<Finding> {
        let release = release_of(key.ecosystem.as_str());
        let mut drafts = BTreeMap::new();
        for candidate in candidates(key, self.order).into_iter().flatten() {
            let installed = Installed {
                version: candidate.version,
                order: self.order,
                ignores_epoch: candidate.ignores_epoch,
            };
            let canonical = self.order.canonical(candidate.version);
            for affected in self.named(candidate.name) {
                let is_of_release = affected
                    .release
                    .is_none_or(|named| self.strings.get(named) == release);
                if is_of_release
                    && self.is_of_module(affected, key)
                    && let Some(fixed) = self.fixes(affected, &installed, &canonical)
                {
                    self.add(affected, &fixed, &mut drafts);
                }
            }
        }
        drafts
            .into_iter()
            .map(|(vulnerability, draft)| draft.finish(vulnerability))
            .collect()
    }

    fn is_of_module(&self, affected: &Affected, key: &MatchKey) -> bool {
        if self.order != Order::Rpm {
            return true;
        }
        let streams = self
            .records
            .get(affected.record as usize)
            .map(|record| &record.streams[..])
            .unwrap_or_default();
        module::concerns(
            &key.version,
            key.module.as_deref(),
            affected.is_modular,
            streams.iter().map(|stream| self.strings.get(*stream)),
        )
    }

    /// Returns the versions that fix an affected package; nothing if it is not affected.
    fn fixes(
        &self,
        affected: &Affected,
        installed: &Installed<'_>,
        canonical: &str,
    ) -> Option<Vec<&str>> {
        let answers: Vec<Answer<'_>> = affected
            .ranges
            .iter()
            .map(|range| ask(range, &self.strings, installed))
            .filter(|answer| *answer != Answer::NotAffected)
            .collect();
        if !answers.is_empty() {
            let fixed = answers.into_iter().filter_map(|answer| match answer {
                Answer::Affected { fixed } => fixed,
                Answer::NotAffected => None,
            });
            return Some(fixed.collect());
        }
        let is_listed = affected
            .versions
            .iter()
            .any(|version| self.strings.get(*version) == canonical);
        is_listed.then(|| {
            affected
                .ranges
                .iter()
                .filter_map(|range| nearest_fix(range, &self.strings, installed))
                .collect()
        })
    }

    fn add<'a>(
        &'a self,
        affected: &Affected,
        fixed: &[&'a str],
        drafts: &mut BTreeMap<&'a str, Draft<'a>>,
    ) {
        let Some(record) = self.records.get(affected.record as usize) else {
            return;
        };
        for vulnerability in &record.vulnerabilities {
            let draft = drafts
                .entry(self.strings.get(*vulnerability))
                .or_insert_with(|| Draft {
                    records: BTreeSet::new(),
                    fixed: Vec::new(),
                    rating: Rating::NONE,
                });
            draft.records.insert(self.strings.get(record.id));
            draft.rating = draft.rating.or(affected.rating);
            for version in fixed {
                insert_sorted(&mut draft.fixed, version, self.order);
            }
        }
    }
}

impl Draft<'_> {
    fn finish(self, vulnerability: &str) -> Finding {
        let owned = |text: &str| text.to_owned();
        Finding {
            vulnerability: VulnerabilityId::new(vulnerability),
            severity: self.rating.severity,
            severity_source: self.rating.source,
            records: self.records.into_iter().map(owned).collect(),
            fixed_versions: self.fixed.into_iter().map(owned).collect(),
        }
    }
}

/// Not `sort_by`: it may panic where broken versions make the order inconsistent.
fn insert_sorted<'a>(versions: &mut Vec<&'a str>, version: &'a str, order: Order) {
    if versions.contains(&version) {
        return;
    }
    let position = versions
        .iter()
        .position(|other| order.compare(version, other).is_lt())
        .unwrap_or(versions.len());
    versions.insert(position, version);
}

fn candidates(key: &MatchKey, order: Order) -> [Option<Candidate<'_>>; 2] {
    let naming = profile_of(key.ecosystem.base()).map_or_else(
        || match key.package_type {
            PackageType::Apk | PackageType::Deb => Naming::Source,
            _ => Naming::Binary,
        },
        |profile| profile.naming,
    );
    let binary = Candidate {
        name: &key.name,
        version: &key.version,
        ignores_epoch: false,
    };
    let source = Candidate {
        name: &key.source_name,
        version: &key.source_version,
        ignores_epoch: order == Order::Rpm && !key.source_version.contains(':'),
    };
    match naming {
        Naming::Binary => [Some(binary), None],
        Naming::Source => [Some(source), None],
        // The binary package's own version is the more exact one.
        Naming::BinaryOrSource if key.name == key.source_name => [Some(binary), None],
        Naming::BinaryOrSource => [Some(binary), Some(source)],
    }
}
