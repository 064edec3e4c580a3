//! Reports: what is recorded and judged, for people and for the metrics endpoint.

mod comparison;
mod cves;
mod environment;
mod sbom;
mod stream;
mod summary;
mod text;

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use scout_envs::{ImageReference, OrgName, Platform, Snapshot, Tag, Upkeep};
use scout_store::{
    ArtifactRecord, ArtifactState, ImageRecord, RecordHealth, Store, TokenGrant, TokenUse,
};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::lookup::{Organization, find_artifact, shown, why_not_analyzed};
pub use comparison::{
    Change, PolicyChange, RepositoryChange, StreamComparison, VulnerabilityChanges,
    VulnerabilityLine,
};
pub use cves::{AffectedPackage, CoverageReport, CveFinding, CveReport};
pub use environment::{
    EnvironmentLine, EnvironmentReport, ShareLine, TagLine, TagState, WaitingLine, WorkloadLine,
};
pub use stream::{PolicyLine, SeverityLine, StreamImage, StreamLine, StreamReport};
pub use summary::{ImageReport, MissingFeed, Summary, UnknownLine};

/// Reads what is known. It computes reports, and writes nothing but when tokens were used.
#[derive(Clone)]
pub struct Reader {
    store: Arc<dyn Store>,
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}

/// One artifact as `scout images` lists it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ImageLine {
    /// The registry's display name.
    pub registry: String,
    /// The repository.
    pub repository: String,
    /// How people write the repository, where that is not registry, slash, repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Tags that point to it.
    pub tags: Vec<String>,
    /// Its digest.
    pub digest: String,
    /// How far its indexing is.
    pub state: &'static str,
    /// Why it is not indexed.
    pub reason: Option<String>,
    /// How often indexing was tried.
    pub attempts: u32,
    /// The images in it.
    pub images: Vec<PlatformLine>,
}

/// One platform's image of an artifact.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PlatformLine {
    /// The digest of its manifest.
    pub digest: String,
    /// The platform.
    pub platform: Platform,
}

impl Reader {
    /// Returns a reader of the store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// Lists the organizations with the generation of their newest snapshot, 0 before the first.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn organizations(&self) -> Result<Vec<(OrgName, u64)>> {
        let organizations = self.store.organizations().await?;
        Ok(organizations
            .into_iter()
            .map(|org| (org.name, org.generation))
            .collect())
    }

    /// Returns an organization's newest snapshot; nothing if there is none, or no organization.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn snapshot(&self, org: &OrgName) -> Result<Option<Snapshot>> {
        match self.store.org(org).await? {
            Some(id) => Ok(self.store.snapshot(id).await?),
            None => Ok(None),
        }
    }

    /// Returns an organization's newest snapshot with its extended part, if it has one; nothing
    /// if there is no snapshot, or no organization.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn extended_snapshot(&self, org: &OrgName) -> Result<Option<Snapshot>> {
        match self.store.org(org).await? {
            Some(id) => Ok(self.store.extended_snapshot(id).await?),
            None => Ok(None),
        }
    }

    /// Returns what waits in an organization and how old its sources are; of an unknown one that
    /// is nothing. Not to be asked more than every few seconds.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn upkeep(&self, org: &OrgName) -> Result<Upkeep> {
        match self.store.org(org).await? {
            Some(id) => Ok(self.store.upkeep(id).await?),
            None => Ok(Upkeep::default()),
        }
    }

    /// Returns whether the organization was enrolled.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn is_enrolled(&self, org: &OrgName) -> Result<bool> {
        Ok(self.store.org(org).await?.is_some())
    }

    /// Returns what the token with this SHA-256 grants, unless it is unknown or revoked; its time
    /// may be over.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn token_grant(&self, hash: [u8; 32]) -> Result<Option<TokenGrant>> {
        Ok(self.store.token_grant(hash).await?)
    }

    /// Returns the SHA-256 of the tokens that were not revoked; of more than `limit` the newest.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn token_hashes(&self, limit: usize) -> Result<Vec<[u8; 32]>> {
        Ok(self.store.token_hashes(limit).await?)
    }

    /// Records that tokens were used, as [`Store::record_token_uses`] does: the one thing that is
    /// written here, and no more than a note.
    ///
    /// # Errors
    ///
    /// If the store fails, or may not be written.
    pub async fn record_token_uses(&self, uses: Vec<TokenUse>) -> Result<()> {
        Ok(self.store.record_token_uses(uses).await?)
    }

    /// Returns a mark that is another one after anything was committed, by whomever; see
    /// [`Store::change_mark`].
    #[must_use]
    pub fn change_mark(&self) -> Option<u64> {
        self.store.change_mark()
    }

    /// Returns how the record is doing, all organizations together.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn health(&self, now: Timestamp) -> Result<RecordHealth> {
        Ok(self.store.health(now).await?)
    }

    /// Lists artifacts in these states, or all if none is named. Those that are not indexed have
    /// a reason.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn images(
        &self,
        org: &Organization,
        states: &[ArtifactState],
    ) -> Result<Vec<ImageLine>> {
        let mut artifacts = self.store.artifacts(org.id, None).await?;
        artifacts.retain(|artifact| states.is_empty() || states.contains(&artifact.state));
        Ok(artifacts.into_iter().map(ImageLine::from).collect())
    }

    /// Returns the recorded images that a reference fits: one for each platform recorded, or the
    /// one that the reference's digest names.
    async fn find(
        &self,
        org: &Organization,
        image: &ImageReference,
    ) -> Result<(ArtifactRecord, Vec<ImageRecord>)> {
        let artifact = find_artifact(self.store.as_ref(), org, image).await?;
        let mut records = Vec::new();
        for (id, manifest, _) in &artifact.images {
            let is_wanted = image
                .digest()
                .is_none_or(|digest| *digest == artifact.digest || digest == manifest);
            if is_wanted && let Some(record) = self.store.image(*id).await? {
                records.push(record);
            }
        }
        if records.is_empty() {
            let reason = why_not_analyzed(&artifact);
            return Err(Error::NotAnalyzed {
                image: image.to_string(),
                reason,
            });
        }
        Ok((artifact, records))
    }
}

impl ImageLine {
    /// Returns the image as people write it: with its tags, if it has any.
    #[must_use]
    pub fn name(&self) -> String {
        let plain = || format!("{}/{}", self.registry, self.repository);
        let place = self.reference.clone().unwrap_or_else(plain);
        match self.tags.is_empty() {
            true => place,
            false => format!("{place}:{}", self.tags.join(",")),
        }
    }
}

impl From<ArtifactRecord> for ImageLine {
    fn from(artifact: ArtifactRecord) -> Self {
        let is_indexed = artifact.state == ArtifactState::Indexed;
        let is_plain = place(&artifact) == artifact.repository.as_str();
        Self {
            reference: (!is_plain).then(|| artifact.reference.clone()),
            reason: (!is_indexed).then(|| why_not_analyzed(&artifact)),
            registry: artifact.registry,
            repository: artifact.repository.to_string(),
            tags: artifact.tags.iter().map(ToString::to_string).collect(),
            digest: artifact.digest.to_string(),
            state: artifact.state.as_str(),
            attempts: artifact.attempts,
            images: artifact
                .images
                .into_iter()
                .map(|(_, digest, platform)| PlatformLine {
                    digest: digest.to_string(),
                    platform,
                })
                .collect(),
        }
    }
}

/// The name people know an artifact by: `repository:tag`, or its digest where no tag is left.
fn artifact_name(artifact: &ArtifactRecord) -> String {
    match artifact.tags.first() {
        Some(tag) => tagged_name(artifact, tag),
        None => format!("{}@{}", place(artifact), artifact.digest),
    }
}

/// The name people know an artifact by that has this tag.
fn tagged_name(artifact: &ArtifactRecord, tag: &Tag) -> String {
    format!("{}:{tag}", place(artifact))
}

fn place(artifact: &ArtifactRecord) -> &str {
    shown(&artifact.reference, &artifact.registry)
}
