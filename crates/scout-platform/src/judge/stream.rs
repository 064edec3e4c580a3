//! Streams and policies of one organization, from what is recorded.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use roaring::RoaringBitmap;
use scout_envs::policy::{Evaluation, Subject, SubjectFinding};
use scout_envs::{
    Coverage, Finding, MatchKey, OrgName, Policy, PolicyCounts, Snapshot, StreamName,
    StreamSnapshot, Tag, Verdict, VulnerabilityId,
};
use scout_store::{
    ArtifactState, ImageId, ImageRecord, JudgeInput, OrgId, PackageId, RepositoryId, Store,
};

use super::extended::ExtendedBuilder;
use super::in_use::in_use;
use super::worst::Worst;
use super::{Feeds, coverage, newest};
use crate::error::Result;

/// Most names that are known of a newest tag; some registries have a tag for each build.
const MAX_TAGS: usize = 10;

/// A member of a stream: an image in a repository. Two repositories make two members.
pub(crate) type Member = (RepositoryId, ImageId);

/// Everything that is known and judged of one organization's images.
#[derive(Debug)]
pub(crate) struct Judged {
    /// The streams with their members, `latest-indexed` first, then by name.
    pub(crate) streams: Vec<(StreamName, BTreeSet<Member>)>,
    /// The newest tag of each repository that is watched.
    pub(super) newest: BTreeMap<RepositoryId, Newest>,
    /// The images by number.
    pub(crate) images: BTreeMap<ImageId, JudgedImage>,
    /// The match keys of all their packages.
    pub(crate) keys: BTreeMap<PackageId, MatchKey>,
    /// The packages that were seen loaded, of images in streams where somebody looked.
    pub(crate) in_use: BTreeMap<(StreamName, ImageId), RoaringBitmap>,
    /// The findings of their packages.
    pub(crate) findings: BTreeMap<PackageId, Vec<Finding>>,
    /// Known exploited vulnerabilities, if the catalog is loaded.
    pub(crate) kev: Option<BTreeSet<VulnerabilityId>>,
    /// When the newest feed was loaded.
    pub(crate) advisories_loaded_at: Option<Timestamp>,
    /// Whether an empty `latest-indexed` is known to be empty.
    known_to_be_empty: bool,
}

/// One image and what is said of it.
#[derive(Debug)]
pub(crate) struct JudgedImage {
    pub(crate) record: ImageRecord,
    pub(crate) coverage: Coverage,
    /// Whether a loaded feed has yet to speak of some of its packages.
    pub(super) awaits_matching: bool,
    /// The result of each policy, in the order of the policies.
    pub(crate) evaluations: Vec<(Policy, Evaluation)>,
}

impl Judged {
    /// Loads the organization's facts and findings, and evaluates the policies.
    pub(crate) async fn load(store: &dyn Store, org: OrgId, policies: &[Policy]) -> Result<Self> {
        let input = store.judge_input(org).await?;
        let packages = input
            .images
            .iter()
            .fold(RoaringBitmap::new(), |all, image| all | &image.packages);
        let keys: BTreeMap<_, _> = store.packages(&packages).await?.into_iter().collect();
        let findings: BTreeMap<PackageId, Vec<Finding>> = store
            .findings(&packages)
            .await?
            .into_iter()
            .map(|(package, found)| (package, found.findings))
            .collect();
        let feeds = store.feeds().await?;
        let advisories_loaded_at = feeds.iter().map(|feed| feed.loaded_at).max();
        let kev = store.kev().await?.map(|kev| kev.cves);
        let known_to_be_empty = input.listed && input.tags.is_empty() && {
            let artifacts = store.artifacts(org, None).await?;
            artifacts
                .iter()
                .all(|artifact| artifact.state == ArtifactState::Skipped)
        };
        let newest = newest_tags(&input);
        let streams = streams(&input, &newest);
        let in_use = in_use(&input, &keys);
        let feeds = Feeds::new(feeds, input.unmatched);
        let mut judged = Self {
            streams,
            newest,
            images: BTreeMap::new(),
            in_use,
            keys,
            findings,
            kev,
            advisories_loaded_at,
            known_to_be_empty,
        };
        for record in input.images {
            let coverage = coverage(&record.facts, &record.packages, &judged.keys, &feeds);
            let evaluations = judged.evaluate(&record, &coverage, policies);
            let awaits_matching = feeds.awaits(&record.packages, &judged.keys);
            judged.images.insert(
                record.id,
                JudgedImage {
                    record,
                    coverage,
                    awaits_matching,
                    evaluations,
                },
            );
        }
        Ok(judged)
    }

    /// The findings of an image, each with its package.
    pub(crate) fn findings_of<'a>(
        &'a self,
        image: &'a ImageRecord,
    ) -> impl Iterator<Item = (&'a MatchKey, &'a Finding)> {
        self.findings_in(&image.packages)
    }

    /// The findings of these packages, each with its package.
    pub(crate) fn findings_in<'a>(
        &'a self,
        packages: &'a RoaringBitmap,
    ) -> impl Iterator<Item = (&'a MatchKey, &'a Finding)> {
        packages.iter().flat_map(move |id| {
            let package = PackageId(id);
            let key = self.keys.get(&package);
            let findings = self
                .findings
                .get(&package)
                .map(Vec::as_slice)
                .unwrap_or_default();
            key.into_iter()
                .flat_map(move |key| findings.iter().map(move |found| (key, found)))
        })
    }

    /// The packages of an image that were seen loaded in any environment; nothing if nobody
    /// looked.
    pub(crate) fn in_use_anywhere(&self, image: ImageId) -> Option<RoaringBitmap> {
        let seen = self.in_use.iter().filter(|((_, id), _)| *id == image);
        seen.map(|(_, packages)| packages.clone())
            .reduce(|all, packages| all | packages)
    }

    pub(crate) fn is_known_exploited(&self, vulnerability: &VulnerabilityId) -> bool {
        self.kev
            .as_ref()
            .is_some_and(|kev| kev.contains(vulnerability))
    }

    fn evaluate(
        &self,
        image: &ImageRecord,
        coverage: &Coverage,
        policies: &[Policy],
    ) -> Vec<(Policy, Evaluation)> {
        let findings: Vec<SubjectFinding<'_>> = self
            .findings_of(image)
            .map(|(key, finding)| SubjectFinding {
                finding,
                package_type: key.package_type,
                known_exploited: self.is_known_exploited(&finding.vulnerability),
            })
            .collect();
        let subject = Subject {
            config: &image.facts.config,
            findings: &findings,
            licenses: None,
            coverage,
            kev_loaded: self.kev.is_some(),
        };
        policies
            .iter()
            .map(|policy| (policy.clone(), policy.evaluate(&subject)))
            .collect()
    }

    /// The numbers of one stream, if it exists.
    pub(crate) fn stream(&self, name: &StreamName) -> Option<StreamSnapshot> {
        let (name, members) = self.streams.iter().find(|(own, _)| own == name)?;
        Some(judge_stream(self, name, members).0)
    }

    /// All numbers of the organization. `references` is how people write repositories.
    pub(super) fn snapshot(
        &self,
        org: OrgName,
        references: &BTreeMap<RepositoryId, String>,
        now: Timestamp,
    ) -> Snapshot {
        let mut extended = ExtendedBuilder::new(self, references);
        let streams = self.streams.iter().map(|(name, members)| {
            let (stream, found) = judge_stream(self, name, members);
            extended.add(&stream, members, &found);
            stream
        });
        let streams = streams.collect();
        let evaluations = self.images.values().flat_map(|image| &image.evaluations);
        Snapshot {
            org,
            generation: 0,
            judged_at: now,
            advisories_loaded_at: self.advisories_loaded_at,
            valid_until: evaluations
                .filter_map(|(_, evaluation)| evaluation.valid_until)
                .min(),
            streams,
            extended: Some(extended.build()),
        }
    }
}

/// The newest tag of a repository: its names, and what it points to.
#[derive(Debug)]
pub(super) struct Newest {
    /// The tag, and after it others that point to the same.
    pub(super) tags: Vec<Tag>,
    images: Vec<ImageId>,
}

impl Newest {
    /// Its images that are analyzed.
    pub(super) fn images<'a>(&self, judged: &'a Judged) -> Vec<&'a JudgedImage> {
        let images = self.images.iter();
        images.filter_map(|id| judged.images.get(id)).collect()
    }
}

fn newest_tags(input: &JudgeInput) -> BTreeMap<RepositoryId, Newest> {
    let created: BTreeMap<ImageId, Option<Timestamp>> = input
        .images
        .iter()
        .map(|image| (image.id, image.facts.config.created))
        .collect();
    let newest = newest(&input.tags, |image| created.get(&image).copied().flatten());
    let mut found: BTreeMap<RepositoryId, Newest> = newest
        .into_iter()
        .map(|(repository, tag)| {
            let newest = Newest {
                tags: vec![tag.tag.clone()],
                images: tag.images.clone(),
            };
            (repository, newest)
        })
        .collect();
    for candidate in &input.tags {
        if let Some(newest) = found.get_mut(&candidate.repository)
            && newest.images == candidate.images
            && !newest.tags.contains(&candidate.tag)
            && newest.tags.len() < MAX_TAGS
        {
            newest.tags.push(candidate.tag.clone());
        }
    }
    found
}

fn streams(
    input: &JudgeInput,
    newest: &BTreeMap<RepositoryId, Newest>,
) -> Vec<(StreamName, BTreeSet<Member>)> {
    let latest = newest
        .iter()
        .flat_map(|(repository, tag)| tag.images.iter().map(move |image| (*repository, *image)))
        .collect();
    let mut environments: BTreeMap<StreamName, BTreeSet<Member>> = BTreeMap::new();
    for (name, repository, image) in &input.environments {
        environments
            .entry(name.to_stream())
            .or_default()
            .insert((*repository, *image));
    }
    let mut streams = vec![(StreamName::latest_indexed(), latest)];
    streams.extend(environments);
    streams
}

/// The numbers of one stream, and all that was found in it.
fn judge_stream<'a>(
    judged: &'a Judged,
    name: &StreamName,
    members: &BTreeSet<Member>,
) -> (StreamSnapshot, Worst<'a>) {
    let images: Vec<&JudgedImage> = members
        .iter()
        .filter_map(|(_, image)| judged.images.get(image))
        .collect();
    let count = |test: &dyn Fn(&JudgedImage) -> bool| {
        images.iter().filter(|image| test(image)).count() as u64
    };
    let judged_members = count(&|image| image.coverage.judged);
    let (mut all, mut in_use) = (Worst::default(), None::<Worst<'_>>);
    for image in &images {
        all.extend(judged.findings_of(&image.record));
        if image.coverage.judged
            && let Some(seen) = judged.in_use.get(&(name.clone(), image.record.id))
        {
            let in_use = in_use.get_or_insert_default();
            in_use.extend(judged.findings_in(seen));
        }
    }
    let is_known = judged_members > 0 || (members.is_empty() && judged.known_to_be_empty);
    let stream = StreamSnapshot {
        name: name.clone(),
        members: members.len() as u64,
        judged: judged_members,
        partial: count(&|image| !image.coverage.unknown.is_empty()),
        vulnerabilities: is_known.then(|| all.counts()),
        in_use: in_use.map(|in_use| in_use.counts()),
        policies: policies(&images),
    };
    (stream, all)
}

fn policies(images: &[&JudgedImage]) -> Vec<PolicyCounts> {
    let mut counts: BTreeMap<_, PolicyCounts> = BTreeMap::new();
    for (policy, evaluation) in images.iter().flat_map(|image| &image.evaluations) {
        let id = policy.id();
        let count = counts.entry(id).or_insert_with(|| PolicyCounts {
            id,
            display_name: id.display_name().to_owned(),
            evaluated: 0,
            compliant: 0,
            no_data: 0,
        });
        match evaluation.verdict {
            Verdict::Compliant => {
                count.evaluated += 1;
                count.compliant += 1;
            }
            Verdict::NonCompliant(_) => count.evaluated += 1,
            Verdict::NoData(_) => count.no_data += 1,
        }
    }
    counts.into_values().collect()
}
