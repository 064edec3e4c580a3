//! Two streams beside each other: what changes from the one to the other.

use std::collections::{BTreeMap, BTreeSet};

use scout_envs::{Policy, Severity, StreamName, VulnerabilityId};
use serde::Serialize;

use super::Reader;
use super::stream::{PolicyLine, SeverityLine, StreamImage, StreamLine, StreamReport};
use crate::error::Result;
use crate::judge::Judged;
use crate::lookup::Organization;

/// What changes from one stream to another: what `scout environment compare --format json`
/// prints.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct StreamComparison {
    /// The stream that is left.
    pub from: StreamLine,
    /// The stream that is come to.
    pub to: StreamLine,
    /// Repositories with other images in the one than in the other, by name.
    pub repositories: Vec<RepositoryChange>,
    /// How many repositories have the same images in both.
    pub same_repositories: u64,
    /// Vulnerabilities; `null` if one of the streams was not judged, so that nothing is known.
    pub vulnerabilities: Option<VulnerabilityChanges>,
    /// Policies whose numbers differ, by id.
    pub policies: Vec<PolicyChange>,
}

/// A repository with other images in one stream than in the other.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RepositoryChange {
    /// The display name of its registry.
    pub registry: String,
    /// The repository, as people write it.
    pub repository: String,
    /// How it differs.
    pub change: Change,
    /// Its images in the stream that is left.
    pub from: Vec<StreamImage>,
    /// Its images in the stream that is come to.
    pub to: Vec<StreamImage>,
}

/// How a repository differs. The set is closed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It is in the stream that is left alone.
    OnlyFrom,
    /// It is in the stream that is come to alone.
    OnlyTo,
    /// It is in both, with other images.
    Versions,
}

/// Which vulnerabilities differ.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct VulnerabilityChanges {
    /// Those that come, worst first.
    pub new: Vec<VulnerabilityLine>,
    /// Those that go, worst first.
    pub fixed: Vec<VulnerabilityLine>,
    /// Those in both that are worse in the stream that is come to, worst first.
    pub worse: Vec<VulnerabilityLine>,
}

/// A vulnerability of one stream.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct VulnerabilityLine {
    /// The vulnerability.
    pub vulnerability: VulnerabilityId,
    /// The highest severity it has there.
    pub severity: Severity,
    /// The images that have it, as [`StreamImage::name`] tells them.
    pub images: BTreeSet<String>,
    /// The packages that it affects, name and version.
    pub packages: BTreeSet<String>,
}

/// A policy whose numbers differ.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PolicyChange {
    /// The policy's stable id.
    pub id: String,
    /// The policy's name for people.
    pub display_name: String,
    /// Its results in the stream that is left; absent if it had none.
    pub from: Option<PolicyLine>,
    /// Its results in the stream that is come to; absent if it had none.
    pub to: Option<PolicyLine>,
    /// Whether more images violate it than before.
    pub is_worse: bool,
}

impl StreamComparison {
    /// Returns whether vulnerabilities come or get worse; nothing if that is not known.
    #[must_use]
    pub fn has_new_vulnerabilities(&self) -> Option<bool> {
        let changes = self.vulnerabilities.as_ref()?;
        Some(!(changes.new.is_empty() && changes.worse.is_empty()))
    }

    /// Returns whether more images violate a policy than before.
    #[must_use]
    pub fn has_worse_policies(&self) -> bool {
        self.policies.iter().any(|policy| policy.is_worse)
    }
}

impl VulnerabilityChanges {
    /// Returns how many of these there are of each severity.
    #[must_use]
    pub fn counts(lines: &[VulnerabilityLine]) -> SeverityLine {
        let counts: scout_envs::SeverityCounts = lines.iter().map(|line| line.severity).collect();
        counts.into()
    }
}

impl Reader {
    /// Tells what changes from one stream to another, judged as of now.
    ///
    /// # Errors
    ///
    /// [`UnknownEnvironment`](crate::Error::UnknownEnvironment) or
    /// [`EmptyEnvironment`](crate::Error::EmptyEnvironment) if there is no such stream, or if the
    /// store fails.
    pub async fn compare(
        &self,
        org: &Organization,
        from: &StreamName,
        to: &StreamName,
    ) -> Result<StreamComparison> {
        let judged = Judged::load(self.store.as_ref(), org.id, &Policy::defaults()).await?;
        let left = self.stream_of(&judged, org, from).await?;
        let right = self.stream_of(&judged, org, to).await?;
        let (repositories, same_repositories) = repositories(&left, &right);
        let is_judged =
            left.numbers.vulnerabilities.is_some() && right.numbers.vulnerabilities.is_some();
        let vulnerabilities = is_judged.then(|| {
            changes(
                &vulnerabilities(&judged, &left),
                &vulnerabilities(&judged, &right),
            )
        });
        Ok(StreamComparison {
            policies: policies(&left.numbers, &right.numbers),
            from: left.numbers,
            to: right.numbers,
            repositories,
            same_repositories,
            vulnerabilities,
        })
    }
}

/// Returns the repositories that differ, and how many do not.
fn repositories(from: &StreamReport, to: &StreamReport) -> (Vec<RepositoryChange>, u64) {
    let (from, to) = (by_repository(from), by_repository(to));
    let names: BTreeSet<Place<'_>> = from.keys().chain(to.keys()).copied().collect();
    let mut same = 0;
    let mut changes = Vec::new();
    for name in names {
        let images = |side: &BTreeMap<Place<'_>, Vec<&StreamImage>>| {
            let images = side.get(&name).into_iter().flatten();
            images.map(|image| (*image).clone()).collect::<Vec<_>>()
        };
        let (from, to) = (images(&from), images(&to));
        let digests = |images: &[StreamImage]| {
            let digests = images.iter().map(|image| image.digest.clone());
            digests.collect::<BTreeSet<_>>()
        };
        if digests(&from) == digests(&to) {
            same += 1;
            continue;
        }
        let change = match (from.is_empty(), to.is_empty()) {
            (true, _) => Change::OnlyTo,
            (_, true) => Change::OnlyFrom,
            _ => Change::Versions,
        };
        changes.push(RepositoryChange {
            registry: name.1.to_owned(),
            repository: name.0.to_owned(),
            change,
            from,
            to,
        });
    }
    (changes, same)
}

/// Repository and registry.
type Place<'a> = (&'a str, &'a str);

fn by_repository(stream: &StreamReport) -> BTreeMap<Place<'_>, Vec<&StreamImage>> {
    let mut repositories: BTreeMap<Place<'_>, Vec<&StreamImage>> = BTreeMap::new();
    for image in &stream.members {
        let place = (image.repository.as_str(), image.registry.as_str());
        repositories.entry(place).or_default().push(image);
    }
    repositories
}

type Vulnerabilities<'a> = BTreeMap<&'a VulnerabilityId, VulnerabilityLine>;

fn vulnerabilities<'a>(judged: &'a Judged, stream: &StreamReport) -> Vulnerabilities<'a> {
    let mut found = Vulnerabilities::new();
    let mut members: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for image in &stream.members {
        let names = members.entry(&image.digest).or_default();
        names.insert(image.name());
    }
    for image in judged.images.values() {
        let digest = image.record.facts.manifest_digest.as_str();
        let Some(names) = members.get(digest) else {
            continue;
        };
        for (key, finding) in judged.findings_of(&image.record) {
            let line = found
                .entry(&finding.vulnerability)
                .or_insert_with(|| VulnerabilityLine {
                    vulnerability: finding.vulnerability.clone(),
                    severity: finding.severity,
                    images: BTreeSet::new(),
                    packages: BTreeSet::new(),
                });
            line.severity = line.severity.max(finding.severity);
            line.images.extend(names.iter().cloned());
            line.packages
                .insert(format!("{} {}", key.name, key.version));
        }
    }
    found
}

fn changes(from: &Vulnerabilities<'_>, to: &Vulnerabilities<'_>) -> VulnerabilityChanges {
    let only = |own: &Vulnerabilities<'_>, other: &Vulnerabilities<'_>| {
        let lines = own.iter().filter(|(id, _)| !other.contains_key(*id));
        sorted(lines.map(|(_, line)| line.clone()).collect())
    };
    let is_worse = |line: &VulnerabilityLine| {
        let before = from.get(&line.vulnerability);
        before.is_some_and(|before| before.severity < line.severity)
    };
    let worse = to.values().filter(|line| is_worse(line)).cloned();
    VulnerabilityChanges {
        new: only(to, from),
        fixed: only(from, to),
        worse: sorted(worse.collect()),
    }
}

fn sorted(mut lines: Vec<VulnerabilityLine>) -> Vec<VulnerabilityLine> {
    lines.sort_by(|a, b| {
        let severity = b.severity.cmp(&a.severity);
        severity.then_with(|| a.vulnerability.cmp(&b.vulnerability))
    });
    lines
}

fn policies(from: &StreamLine, to: &StreamLine) -> Vec<PolicyChange> {
    let by_id = |stream: &StreamLine| {
        let policies = stream.policies.iter();
        let policies = policies.map(|policy| (policy.id.clone(), policy.clone()));
        policies.collect::<BTreeMap<_, _>>()
    };
    let (mut from, mut to) = (by_id(from), by_id(to));
    let ids: BTreeSet<String> = from.keys().chain(to.keys()).cloned().collect();
    let changes = ids.into_iter().filter_map(|id| {
        let (from, to) = (from.remove(&id), to.remove(&id));
        if from == to {
            return None;
        }
        let named = to.as_ref().or(from.as_ref())?;
        let violations =
            |policy: &Option<PolicyLine>| policy.as_ref().map_or(0, PolicyLine::violations);
        Some(PolicyChange {
            display_name: named.display_name.clone(),
            is_worse: violations(&to) > violations(&from),
            id,
            from,
            to,
        })
    });
    changes.collect()
}
