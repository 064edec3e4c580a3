//! An environment: what is there and who says so, and what waits to be analyzed.

mod known;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use scout_envs::{EnvironmentName, ImageReference};
use scout_store::{
    RepositoryListing, RunningImageRecord, RunningImageStatus, RunningStatus, RunningWorkload,
    ShareRecord, WaitingReason,
};
use serde::Serialize;

use super::{PlatformLine, Reader};
use crate::environment::{line, unknown};
use crate::error::Result;
use crate::judge::Member;
use crate::lookup::{Organization, is_at};
use known::Known;

/// What is known of an environment: what `scout environment NAME --format json` prints.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct EnvironmentReport {
    /// Its name.
    pub environment: String,
    /// The analyzed images in it, by name; each once, also where it is told by several.
    pub images: Vec<EnvironmentLine>,
    /// What runs and is not analyzed, by reason and name. It counts in no number until it is.
    pub waiting: Vec<WaitingLine>,
    /// Who says what runs in it.
    pub shares: Vec<ShareLine>,
}

/// An analyzed image in an environment.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct EnvironmentLine {
    /// The image, `repository:tag@digest`.
    pub image: String,
    /// Its repository, as people write it.
    pub repository: String,
    /// The tag it was recorded or pulled by. If that was its digest alone, a tag that points to it
    /// now; absent if none does.
    pub tag: Option<TagLine>,
    /// The digest it was recorded or found by: of the manifest, or of an index.
    pub digest: String,
    /// The image of each platform, by digest.
    pub platforms: Vec<PlatformLine>,
    /// Who put it there: `manual` is people; `list`, integrations and others say that it runs.
    pub sources: BTreeSet<String>,
    /// Since when it is there, as far as is known.
    pub since: Timestamp,
    /// What runs it.
    pub workloads: BTreeSet<WorkloadLine>,
    /// How many packages were seen loaded; absent if nobody looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packages_in_use: Option<u64>,
}

/// The tag of an image in an environment, and where it points to now.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TagLine {
    /// The tag.
    pub name: String,
    /// What became of it.
    pub state: TagState,
    /// Where it points to now, if it moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub points_to: Option<String>,
}

/// What became of a tag since an image was recorded or pulled by it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum TagState {
    /// It points to the image.
    Current,
    /// It points to something else.
    Moved,
    /// The repository has it no more.
    Gone,
    /// The repository is not watched.
    Unknown,
}

/// An image that runs and is not analyzed.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct WaitingLine {
    /// What is known of its name and its digests.
    pub image: String,
    /// Who says that it runs.
    pub source: String,
    /// Why it is not analyzed: `never-seen`, `below-baseline`, `waiting`, `other-platform`,
    /// `failed`, `skipped`, or `disabled` if its repository is.
    pub reason: &'static str,
    /// What there is to say about that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Since when it runs, as far as is known.
    pub since: Timestamp,
    /// What runs it.
    pub workloads: BTreeSet<WorkloadLine>,
}

/// What runs an image.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[non_exhaustive]
pub struct WorkloadLine {
    /// The kind in Kubernetes.
    pub kind: String,
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// The name of the container.
    pub container: String,
}

/// Who says what runs in an environment, and how old that is.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ShareLine {
    /// The environment.
    pub environment: String,
    /// Who says it: an integration, or `list`.
    pub source: String,
    /// How many images run.
    pub images: u64,
    /// How many of them are not analyzed.
    pub waiting: u64,
    /// When that was last found out; absent if it never was.
    pub synced_at: Option<Timestamp>,
    /// When it last could not be found out, if that was since.
    pub failed_at: Option<Timestamp>,
    /// Why not.
    pub failure: Option<String>,
}

impl Reader {
    /// Returns what is known of an environment; of an unknown one that is nothing.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn environment(
        &self,
        org: &Organization,
        environment: &EnvironmentName,
    ) -> Result<EnvironmentReport> {
        let images = self.store.environment_images(org.id, environment).await?;
        let recorded = self.store.recorded_images(org.id, environment).await?;
        let running = self.store.running_images(org.id, environment).await?;
        let artifacts = self.store.artifacts(org.id, None).await?;
        let repositories = self.store.repositories(org.id, None).await?;
        let known = Known::new(&artifacts, &repositories);
        let mut sources: BTreeMap<Member, BTreeSet<String>> = BTreeMap::new();
        for one in recorded {
            let member = (one.image.repository_id, one.image.image);
            sources.entry(member).or_default().insert(one.source);
        }
        let mut runs: BTreeMap<Member, Vec<&RunningImageStatus>> = BTreeMap::new();
        for one in &running {
            if let RunningStatus::Joined(joined) = &one.status {
                for image in &joined.images {
                    let member = (joined.repository_id, *image);
                    runs.entry(member).or_default().push(one);
                }
            }
        }
        let mut lines: BTreeMap<String, EnvironmentLine> = BTreeMap::new();
        for image in &images {
            let member = (image.repository_id, image.image);
            let runs = runs.remove(&member).unwrap_or_default();
            let image = &known.named(image);
            let name = line(image, known.place(image));
            let found = lines
                .entry(name)
                .or_insert_with_key(|name| known.line(name, image));
            found.since = found.since.min(image.recorded_at);
            let platform = known.platform(image.image);
            found
                .platforms
                .extend(platform.filter(|one| !found.platforms.contains(one)));
            found
                .sources
                .extend(sources.remove(&member).unwrap_or_default());
            found
                .sources
                .extend(runs.iter().map(|one| one.source.clone()));
            let workloads = runs.iter().flat_map(|one| workloads(&one.image));
            found.workloads.extend(workloads);
            found.packages_in_use = found.packages_in_use.max(packages_in_use(&runs));
        }
        let mut waiting: Vec<WaitingLine> = running
            .iter()
            .filter_map(|one| waiting_line(one, &repositories))
            .collect();
        waiting.sort_by(|a, b| (a.reason, &a.image).cmp(&(b.reason, &b.image)));
        let mut shares = self.shares(org).await?;
        shares.retain(|share| share.environment == environment.as_str());
        Ok(EnvironmentReport {
            environment: environment.to_string(),
            images: lines.into_values().collect(),
            waiting,
            shares,
        })
    }

    /// Returns what is known of an environment of which something is.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownEnvironment`](crate::Error::UnknownEnvironment) if nothing is, with what
    /// may have been meant, or if the store fails.
    pub async fn known_environment(
        &self,
        org: &Organization,
        environment: &EnvironmentName,
    ) -> Result<EnvironmentReport> {
        let report = self.environment(org, environment).await?;
        match report.images.is_empty() && report.shares.is_empty() {
            true => Err(unknown(self.store.as_ref(), org, environment.as_str()).await),
            false => Ok(report),
        }
    }

    /// Lists who says what runs in which environment, with how old that is.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn shares(&self, org: &Organization) -> Result<Vec<ShareLine>> {
        let shares = self.store.shares(org.id).await?;
        Ok(shares.into_iter().map(ShareLine::from).collect())
    }
}

fn packages_in_use(runs: &[&RunningImageStatus]) -> Option<u64> {
    let seen = runs
        .iter()
        .filter_map(|one| one.image.packages_in_use.as_ref());
    let packages = seen.map(|packages| packages.iter().collect::<BTreeSet<_>>());
    let all = packages.reduce(|all, packages| &all | &packages)?;
    Some(all.len() as u64)
}

fn workloads(image: &RunningImageRecord) -> impl Iterator<Item = WorkloadLine> {
    image.workloads.iter().map(|workload| {
        let RunningWorkload {
            kind,
            namespace,
            name,
            container,
        } = workload.clone();
        WorkloadLine {
            kind,
            namespace,
            name,
            container,
        }
    })
}

fn waiting_line(
    running: &RunningImageStatus,
    repositories: &[RepositoryListing],
) -> Option<WaitingLine> {
    let RunningStatus::Waiting { reason, detail } = &running.status else {
        return None;
    };
    let would_be_analyzed = matches!(
        reason,
        WaitingReason::NeverSeen | WaitingReason::BelowBaseline | WaitingReason::Waiting
    );
    let disabled = disabled(&running.image, repositories).filter(|_| would_be_analyzed);
    let (reason, detail) = match disabled {
        Some(repository) => {
            let advice = format!("`scout repo enable {}`", repository.reference);
            ("disabled", Some(advice))
        }
        None => (reason.as_str(), detail.clone()),
    };
    Some(WaitingLine {
        image: name(&running.image),
        source: running.source.clone(),
        reason,
        detail,
        since: running.since,
        workloads: workloads(&running.image).collect(),
    })
}

/// Returns the repository that an image was pulled from, if it is known and disabled.
fn disabled<'a>(
    image: &RunningImageRecord,
    repositories: &'a [RepositoryListing],
) -> Option<&'a RepositoryListing> {
    let reference: ImageReference = image.reference.as_deref()?.parse().ok()?;
    let mut fitting = repositories
        .iter()
        .filter(|one| is_at(&one.registry, one.name.as_str(), &one.reference, &reference));
    let first = fitting.next()?;
    (!first.enabled && fitting.all(|one| !one.enabled)).then_some(first)
}

/// What a person can find the image by.
fn name(image: &RunningImageRecord) -> String {
    let digest = image.manifest.as_ref().or(image.image_id.as_ref());
    match (&image.reference, digest) {
        (Some(reference), Some(digest)) if !reference.contains('@') => {
            format!("{reference}@{digest}")
        }
        (Some(reference), _) => reference.clone(),
        (None, Some(digest)) => digest.to_string(),
        (None, None) => String::new(),
    }
}

impl From<ShareRecord> for ShareLine {
    fn from(share: ShareRecord) -> Self {
        Self {
            environment: share.environment.to_string(),
            source: share.source,
            images: share.images,
            waiting: share.waiting,
            synced_at: share.synced_at,
            failed_at: share.failed_at,
            failure: share.failure,
        }
    }
}
