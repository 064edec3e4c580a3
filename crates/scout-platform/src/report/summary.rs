//! The summary a run ends with: images, findings, policies, and what is not known and why.

use std::collections::{BTreeMap, BTreeSet};

use scout_advisories::{feed_url, has_published_feed};
use scout_envs::{Ecosystem, OrgName, Policy, Severity, SeverityCounts, StreamSnapshot, Unknown};
use scout_store::{ArtifactRecord, ArtifactState};

use super::{Reader, artifact_name, tagged_name};
use crate::error::Result;
use crate::judge::{Judged, JudgedImage};
use crate::lookup::Organization;

/// All that a person wants to read after a run.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Summary {
    /// The organization.
    pub org: OrgName,
    /// Analyzed images, by name.
    pub images: Vec<ImageReport>,
    /// Artifacts that are not indexed, with their names, by state.
    pub not_indexed: BTreeMap<ArtifactState, Vec<(String, Option<String>)>>,
    /// The streams as the metrics endpoint serves them.
    pub streams: Vec<StreamSnapshot>,
    /// What is not known, each with the images it concerns.
    pub unknown: Vec<UnknownLine>,
    /// Feeds that would make something known.
    pub missing_feeds: Vec<MissingFeed>,
    /// Whether the catalog of known exploited vulnerabilities is loaded.
    pub kev_loaded: bool,
}

/// One analyzed image.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ImageReport {
    /// Its name, `repository:tag`; with its registry where there are several.
    pub name: String,
    /// Its platform.
    pub platform: String,
    /// How many packages are installed.
    pub packages: u32,
    /// Its vulnerabilities; absent if no feed could speak of it.
    pub vulnerabilities: Option<SeverityCounts>,
    /// Whether something about it is unknown.
    pub partial: bool,
}

/// One thing that is not known.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct UnknownLine {
    /// What is not known.
    pub reason: String,
    /// The images it concerns, sorted.
    pub images: Vec<String>,
}

/// A feed that images need and that is not loaded.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct MissingFeed {
    /// The folder the dump belongs in, below the advisories.
    pub folder: String,
    /// Where the dump can be fetched.
    pub url: String,
    /// The releases that are needed.
    pub releases: BTreeSet<Ecosystem>,
}

impl Summary {
    /// Returns how many artifacts are in the state given.
    #[must_use]
    pub fn count(&self, state: ArtifactState) -> usize {
        self.not_indexed.get(&state).map_or(0, Vec::len)
    }
}

impl Reader {
    /// Returns the summary of the organization: its streams, and the images of one registry,
    /// named as people see it, or of all. Where these are of several registries, names begin with
    /// the registry.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn summary(&self, org: &Organization, registry: Option<&str>) -> Result<Summary> {
        let mut artifacts = self.store.artifacts(org.id, None).await?;
        artifacts.retain(|artifact| registry.is_none_or(|name| artifact.registry == name));
        let is_of_one = artifacts.windows(2).all(|pair| match pair {
            [one, other] => one.registry == other.registry,
            _ => true,
        });
        if !is_of_one {
            // Then names are told with their registry.
            for artifact in &mut artifacts {
                artifact.registry.clear();
            }
        }
        let judged = Judged::load(self.store.as_ref(), org.id, &Policy::defaults()).await?;
        let snapshot = self.store.snapshot(org.id).await?;
        let mut images = Vec::new();
        let mut not_indexed: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut unknown: BTreeMap<Unknown, BTreeSet<String>> = BTreeMap::new();
        for artifact in &artifacts {
            if artifact.state != ArtifactState::Indexed {
                let line = (artifact_name(artifact), artifact.reason.clone());
                not_indexed.entry(artifact.state).or_default().push(line);
            }
            for (id, _, platform) in &artifact.images {
                let Some(image) = judged.images.get(id) else {
                    continue;
                };
                for reason in &image.coverage.unknown {
                    unknown
                        .entry(reason.clone())
                        .or_default()
                        .insert(artifact_name(artifact));
                }
                let names = names(artifact);
                images.extend(names.into_iter().map(|name| ImageReport {
                    name,
                    platform: platform.to_string(),
                    packages: image.record.facts.package_count,
                    vulnerabilities: counts(&judged, image),
                    partial: !image.coverage.unknown.is_empty(),
                }));
            }
        }
        images.sort_by(|a, b| (&a.name, &a.platform).cmp(&(&b.name, &b.platform)));
        Ok(Summary {
            org: org.name.clone(),
            images,
            not_indexed,
            streams: snapshot
                .map(|snapshot| snapshot.streams)
                .unwrap_or_default(),
            missing_feeds: missing_feeds(unknown.keys()),
            unknown: unknown.into_iter().map(UnknownLine::from).collect(),
            kev_loaded: judged.kev.is_some(),
        })
    }
}

fn names(artifact: &ArtifactRecord) -> Vec<String> {
    if artifact.tags.is_empty() {
        return vec![artifact_name(artifact)];
    }
    artifact
        .tags
        .iter()
        .map(|tag| tagged_name(artifact, tag))
        .collect()
}

impl From<(Unknown, BTreeSet<String>)> for UnknownLine {
    fn from((unknown, images): (Unknown, BTreeSet<String>)) -> Self {
        Self {
            reason: unknown.to_string(),
            images: images.into_iter().collect(),
        }
    }
}

/// Distinct vulnerabilities of one image, each at its highest severity.
pub(super) fn counts(judged: &Judged, image: &JudgedImage) -> Option<SeverityCounts> {
    let mut worst: BTreeMap<_, Severity> = BTreeMap::new();
    for (_, finding) in judged.findings_of(&image.record) {
        let severity = worst.entry(&finding.vulnerability).or_default();
        *severity = finding.severity.max(*severity);
    }
    image.coverage.judged.then(|| worst.into_values().collect())
}

fn missing_feeds<'a>(unknown: impl Iterator<Item = &'a Unknown>) -> Vec<MissingFeed> {
    let mut missing: BTreeMap<&str, MissingFeed> = BTreeMap::new();
    for unknown in unknown {
        let Unknown::NoFeed(ecosystem) = unknown else {
            continue;
        };
        if !has_published_feed(ecosystem) {
            continue;
        }
        let feed = missing
            .entry(ecosystem.base())
            .or_insert_with(|| MissingFeed {
                folder: ecosystem.base().to_owned(),
                url: feed_url(ecosystem),
                releases: BTreeSet::new(),
            });
        feed.releases.insert(ecosystem.clone());
    }
    missing.into_values().collect()
}
