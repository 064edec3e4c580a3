//! An environment: what runs there, for whom, and what waits to be analyzed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use scout_envs::EnvironmentName;
use scout_store::{
    ImageId, RepositoryId, RunningImageRecord, RunningImageStatus, RunningStatus, RunningWorkload,
    ShareRecord,
};
use serde::Serialize;

use super::Reader;
use crate::environment::line;
use crate::error::Result;
use crate::lookup::{Organization, shown};

/// What is known of an environment.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct EnvironmentReport {
    /// The analyzed images in it, by name.
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
    /// Who says that it runs; nobody if it was only recorded by hand.
    pub sources: BTreeSet<String>,
    /// What runs it.
    pub workloads: BTreeSet<WorkloadLine>,
    /// How many packages were seen loaded; absent if nobody looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packages_in_use: Option<u64>,
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
    /// `failed` or `skipped`.
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
        let running = self.store.running_images(org.id, environment).await?;
        let artifacts = self.store.artifacts(org.id, None).await?;
        let places: BTreeMap<RepositoryId, &str> = artifacts
            .iter()
            .map(|one| (one.repository_id, shown(&one.reference, &one.registry)))
            .collect();
        let mut lines: Vec<EnvironmentLine> = Vec::new();
        for image in &images {
            let runs = |id: RepositoryId, joined: &[ImageId]| {
                id == image.repository_id && joined.contains(&image.image)
            };
            let runs: Vec<&RunningImageStatus> = running
                .iter()
                .filter(|one| match &one.status {
                    RunningStatus::Joined(joined) => runs(joined.repository_id, &joined.images),
                    RunningStatus::Waiting { .. } => false,
                })
                .collect();
            lines.push(EnvironmentLine {
                image: line(image, &places),
                sources: runs.iter().map(|one| one.source.clone()).collect(),
                workloads: runs.iter().flat_map(|one| workloads(&one.image)).collect(),
                packages_in_use: packages_in_use(&runs),
            });
        }
        lines.sort_by(|a, b| a.image.cmp(&b.image));
        let mut waiting: Vec<WaitingLine> = running.iter().filter_map(waiting_line).collect();
        waiting.sort_by(|a, b| (a.reason, &a.image).cmp(&(b.reason, &b.image)));
        let mut shares = self.shares(org).await?;
        shares.retain(|share| share.environment == environment.as_str());
        Ok(EnvironmentReport {
            images: lines,
            waiting,
            shares,
        })
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

fn waiting_line(running: &RunningImageStatus) -> Option<WaitingLine> {
    let RunningStatus::Waiting { reason, detail } = &running.status else {
        return None;
    };
    Some(WaitingLine {
        image: name(&running.image),
        source: running.source.clone(),
        reason: reason.as_str(),
        detail: detail.clone(),
        since: running.since,
        workloads: workloads(&running.image).collect(),
    })
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
