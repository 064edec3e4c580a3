//! Streams: `latest-indexed` and the environments, with their images and numbers.

use std::collections::{BTreeMap, BTreeSet};

use scout_envs::{
    EnvironmentName, Platform, Policy, PolicyCounts, Severity, SeverityCounts, StreamName,
    StreamSnapshot, Verdict,
};
use serde::Serialize;

use super::{Reader, summary};
use crate::environment::unknown;
use crate::error::{Error, Result};
use crate::judge::{Judged, JudgedImage, Member};
use crate::lookup::{Organization, shown};

/// A stream in numbers: one of what `scout stream list --format json` prints.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct StreamLine {
    /// Its name, the value of the label `streamName`.
    pub stream: String,
    /// How many images it holds, counted in each repository.
    pub images: u64,
    /// How many of them could be judged at all.
    pub judged: u64,
    /// Of how many of them something is unknown.
    pub partial: u64,
    /// Distinct vulnerabilities; `null` while nothing was judged, which is not zero.
    pub vulnerabilities: Option<SeverityLine>,
    /// Those of them in packages that were seen loaded; absent if nobody looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_use: Option<SeverityLine>,
    /// The results of each policy, by id.
    pub policies: Vec<PolicyLine>,
}

/// A stream and its images: what `scout stream NAME --format json` prints.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct StreamReport {
    /// Its numbers.
    #[serde(flatten)]
    pub numbers: StreamLine,
    /// Its images, by name.
    pub members: Vec<StreamImage>,
}

/// An image of a stream.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[non_exhaustive]
pub struct StreamImage {
    /// The display name of its registry.
    pub registry: String,
    /// Its repository, as people write it.
    pub repository: String,
    /// The tags by which it is there: those that point to it now, or the one that it was
    /// recorded or pulled by in an environment.
    pub tags: BTreeSet<String>,
    /// The digest of its manifest.
    pub digest: String,
    /// Its platform.
    pub platform: Platform,
    /// Its vulnerabilities; `null` if it was not judged, which is not zero.
    pub vulnerabilities: Option<SeverityLine>,
    /// The ids of the policies it violates.
    pub violated: BTreeSet<String>,
}

/// How many vulnerabilities there are of each severity.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[non_exhaustive]
pub struct SeverityLine {
    /// Critical ones.
    pub critical: u64,
    /// High ones.
    pub high: u64,
    /// Medium ones.
    pub medium: u64,
    /// Low ones.
    pub low: u64,
    /// Those that nobody rated.
    pub unspecified: u64,
}

/// The results of a policy in a stream.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PolicyLine {
    /// The policy's stable id.
    pub id: String,
    /// The policy's name for people.
    pub display_name: String,
    /// Images for which it had data.
    pub evaluated: u64,
    /// Images among them that hold to it.
    pub compliant: u64,
    /// Images for which it had none.
    pub no_data: u64,
}

impl Reader {
    /// Lists the names of the streams, `latest-indexed` first.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn stream_names(&self, org: &Organization) -> Result<Vec<StreamName>> {
        let environments = self.store.environments(org.id).await?.into_iter();
        let names = environments.map(|environment| environment.name.to_stream());
        Ok(std::iter::once(StreamName::latest_indexed())
            .chain(names)
            .collect())
    }

    /// Lists the streams with their numbers, `latest-indexed` first, as the judge last found
    /// them: as the metrics endpoint serves them.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn streams(&self, org: &Organization) -> Result<Vec<StreamLine>> {
        let snapshot = self.store.snapshot(org.id).await?;
        let judged = snapshot.map(|snapshot| snapshot.streams);
        let mut judged: BTreeMap<StreamName, StreamSnapshot> = judged
            .unwrap_or_default()
            .into_iter()
            .map(|stream| (stream.name.clone(), stream))
            .collect();
        let lines = self.stream_names(org).await?.into_iter();
        Ok(lines
            .map(|name| match judged.remove(&name) {
                Some(numbers) => StreamLine::from(numbers),
                None => StreamLine::not_judged(&name),
            })
            .collect())
    }

    /// Returns a stream with its images, judged as of now.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownEnvironment`] or [`Error::EmptyEnvironment`] if there is no such stream,
    /// or if the store fails.
    pub async fn stream(&self, org: &Organization, name: &StreamName) -> Result<StreamReport> {
        let judged = Judged::load(self.store.as_ref(), org.id, &Policy::defaults()).await?;
        self.stream_of(&judged, org, name).await
    }

    pub(super) async fn stream_of(
        &self,
        judged: &Judged,
        org: &Organization,
        name: &StreamName,
    ) -> Result<StreamReport> {
        let Some(numbers) = judged.stream(name) else {
            return Err(self.no_stream(org, name).await);
        };
        let found = judged.streams.iter().find(|(own, _)| own == name);
        let members = found.map(|(_, members)| members.iter().copied());
        let members: BTreeSet<Member> = members.into_iter().flatten().collect();
        let names = self.names(org, name).await?;
        let members = members.iter().filter_map(|member| {
            let image = judged.images.get(&member.1)?;
            let Named {
                registry,
                repository,
                tags,
            } = names.get(member).cloned().unwrap_or_default();
            Some(StreamImage {
                registry,
                repository,
                tags,
                digest: image.record.facts.manifest_digest.to_string(),
                platform: image.record.facts.platform.clone(),
                vulnerabilities: summary::counts(judged, image).map(SeverityLine::from),
                violated: violated(image),
            })
        });
        let mut members: Vec<StreamImage> = members.collect();
        members.sort();
        Ok(StreamReport {
            numbers: numbers.into(),
            members,
        })
    }

    async fn no_stream(&self, org: &Organization, name: &StreamName) -> Error {
        let Ok(environment) = name.as_str().parse::<EnvironmentName>() else {
            return unknown(self.store.as_ref(), org, name.as_str()).await;
        };
        match self.known_environment(org, &environment).await {
            Ok(_) => Error::EmptyEnvironment {
                environment: environment.to_string(),
            },
            Err(error) => error,
        }
    }

    /// Returns how each image of the organization is known in a stream.
    async fn names(
        &self,
        org: &Organization,
        name: &StreamName,
    ) -> Result<BTreeMap<Member, Named>> {
        let artifacts = self.store.artifacts(org.id, None).await?;
        let mut names: BTreeMap<Member, Named> = BTreeMap::new();
        for artifact in &artifacts {
            for (image, ..) in &artifact.images {
                let member = (artifact.repository_id, *image);
                let named = names.entry(member).or_insert_with(|| Named {
                    registry: artifact.registry.clone(),
                    repository: shown(&artifact.reference, &artifact.registry).to_owned(),
                    tags: BTreeSet::new(),
                });
                named
                    .tags
                    .extend(artifact.tags.iter().map(ToString::to_string));
            }
        }
        if let Ok(environment) = name.as_str().parse::<EnvironmentName>() {
            for image in self.store.environment_images(org.id, &environment).await? {
                let member = (image.repository_id, image.image);
                let named = names.entry(member).or_insert_with(|| Named {
                    repository: image.repository.to_string(),
                    ..Named::default()
                });
                named.tags = image.tag.iter().map(ToString::to_string).collect();
            }
        }
        Ok(names)
    }
}

/// How an image is known.
#[derive(Clone, Default)]
struct Named {
    registry: String,
    repository: String,
    tags: BTreeSet<String>,
}

/// The policies that an image violates.
fn violated(image: &JudgedImage) -> BTreeSet<String> {
    let evaluations = image.evaluations.iter();
    evaluations
        .filter(|(_, evaluation)| matches!(evaluation.verdict, Verdict::NonCompliant(_)))
        .map(|(policy, _)| policy.id().as_str().to_owned())
        .collect()
}

impl StreamImage {
    /// Returns the image as people read it: `repository:tag`, or with the beginning of its digest
    /// where it has no tag.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}{}", self.repository, self.version())
    }

    /// Returns what tells it from others of its repository: `:tag`, or the beginning of its
    /// digest.
    #[must_use]
    pub fn version(&self) -> String {
        if self.tags.is_empty() {
            let digest: String = self.digest.chars().take("sha256:".len() + 12).collect();
            return format!("@{digest}");
        }
        let tags: Vec<&str> = self.tags.iter().map(String::as_str).collect();
        format!(":{}", tags.join(","))
    }
}

impl StreamLine {
    fn not_judged(name: &StreamName) -> Self {
        Self {
            stream: name.to_string(),
            images: 0,
            judged: 0,
            partial: 0,
            vulnerabilities: None,
            in_use: None,
            policies: Vec::new(),
        }
    }
}

impl From<StreamSnapshot> for StreamLine {
    fn from(stream: StreamSnapshot) -> Self {
        Self {
            stream: stream.name.to_string(),
            images: stream.members,
            judged: stream.judged,
            partial: stream.partial,
            vulnerabilities: stream.vulnerabilities.map(SeverityLine::from),
            in_use: stream.in_use.map(SeverityLine::from),
            policies: stream.policies.into_iter().map(PolicyLine::from).collect(),
        }
    }
}

impl From<PolicyCounts> for PolicyLine {
    fn from(policy: PolicyCounts) -> Self {
        Self {
            id: policy.id.as_str().to_owned(),
            display_name: policy.display_name,
            evaluated: policy.evaluated,
            compliant: policy.compliant,
            no_data: policy.no_data,
        }
    }
}

impl PolicyLine {
    /// Returns how many images violate the policy.
    #[must_use]
    pub fn violations(&self) -> u64 {
        self.evaluated.saturating_sub(self.compliant)
    }
}

impl From<SeverityCounts> for SeverityLine {
    fn from(counts: SeverityCounts) -> Self {
        Self {
            critical: counts.of(Severity::Critical),
            high: counts.of(Severity::High),
            medium: counts.of(Severity::Medium),
            low: counts.of(Severity::Low),
            unspecified: counts.of(Severity::Unspecified),
        }
    }
}

/// Shows `1C 2H 3M 4L 5U`, as summaries do.
impl std::fmt::Display for SeverityLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            critical,
            high,
            medium,
            low,
            unspecified,
        } = self;
        write!(f, "{critical}C {high}H {medium}M {low}L {unspecified}U")
    }
}
