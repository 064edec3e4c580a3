//! Indexing: from a digest in a repository to recorded facts.
//!
//! Everything that can be wrong with one image ends in an [`ArtifactOutcome`] that says so; only
//! a store that fails is an error here.

mod facts;
mod failure;
mod layer;

use std::time::Duration;

use jiff::SignedDuration;
use scout_envs::{Digest, Gap, GapKind, Platform, PlatformChoice, RepositoryName};
use scout_registry::{ConfigFile, Descriptor, ImageManifest, IndexEntry, LayerKind, Manifest};
use scout_sbom::{ANALYSIS_VERSION, Budget, LayerAnalysis, Limits};
use scout_store::{ArtifactOutcome, FoundImage, IndexWork};

use crate::error::{Error, Result};
use crate::watched::Watched;
pub(crate) use facts::UNKNOWN_DISTRIBUTION;
use facts::{Origin, check_diff_id, check_is_image, new_image, unknown_manifest, unstated};
use failure::Failure;
pub use failure::chain;
use layer::LayerFlights;

/// Most layers an image may have. Docker stops at 127; the rest is room for other builders.
const MAX_LAYERS: usize = 512;
/// Waits before the next attempt, in seconds; when they are used up the artifact has failed. The
/// registry client has repeated each request by itself before.
const RETRY_SECONDS: [i64; 2] = [2, 10];

/// How images are indexed.
#[derive(Clone, Debug, Default)]
pub struct IndexerOptions {
    /// Which platforms of an index are looked at.
    pub platforms: PlatformChoice,
    /// Limits of the readers.
    pub limits: Limits,
}

/// Indexes the images of one registry.
#[derive(Debug)]
pub struct Indexer {
    watched: Watched,
    options: IndexerOptions,
    budget: Budget,
    flights: LayerFlights,
}

/// How an attempt ended.
pub(crate) struct Attempt {
    /// What it is for the artifact, if the artifact is to blame.
    pub(crate) outcome: ArtifactOutcome,
    /// That the registry could not answer at all.
    pub(crate) out_of_reach: Option<OutOfReach>,
}

/// A registry that could not answer at all.
pub(crate) struct OutOfReach {
    /// What happened, for people.
    pub(crate) reason: String,
    /// How long it asked to be left alone.
    pub(crate) retry_after: Option<Duration>,
    /// Whether it answers, but wants fewer questions: no image is to blame for that.
    pub(crate) is_busy: bool,
}

/// A layer that is known now.
struct KnownLayer {
    diff_id: Digest,
    analysis: LayerAnalysis,
}

impl Indexer {
    /// Returns an indexer of what is watched.
    #[must_use]
    pub fn new(watched: Watched, options: IndexerOptions, budget: Budget) -> Self {
        Self {
            watched,
            options,
            budget,
            flights: LayerFlights::default(),
        }
    }

    /// Returns which platforms are looked at.
    #[must_use]
    pub fn platforms_wanted(&self) -> &PlatformChoice {
        &self.options.platforms
    }

    /// Makes one attempt on an artifact and returns how it ended; nothing but layers is recorded.
    ///
    /// # Errors
    ///
    /// Only if the store fails.
    pub async fn attempt(&self, work: &IndexWork) -> Result<ArtifactOutcome> {
        Ok(self.attempted(work).await?.outcome)
    }

    /// Makes one attempt, and tells whether it was the registry that failed.
    pub(crate) async fn attempted(&self, work: &IndexWork) -> Result<Attempt> {
        let outcome = match self.artifact(work).await {
            Ok(outcome) => outcome,
            Err(Failure::Store(error)) => return Err(*error),
            Err(Failure::Skipped(reason)) => ArtifactOutcome::Skipped { reason },
            Err(Failure::OtherPlatform(reason)) => ArtifactOutcome::Platforms {
                images: Vec::new(),
                wanted: self.options.platforms.to_string(),
                reason: Some(reason),
            },
            Err(failure) => {
                if let Some(kind) = failure.kind() {
                    self.watched.counters.count_error(kind);
                }
                return Ok(Attempt {
                    out_of_reach: failure.out_of_reach(),
                    outcome: self.failed(work, &failure),
                });
            }
        };
        Ok(Attempt {
            outcome,
            out_of_reach: None,
        })
    }

    fn failed(&self, work: &IndexWork, failure: &Failure) -> ArtifactOutcome {
        let reason = failure.reason();
        let transient = failure.is_transient();
        let attempt = usize::try_from(work.attempts).unwrap_or(usize::MAX);
        match RETRY_SECONDS.get(attempt) {
            Some(&seconds) if failure.is_worth_attempt(attempt + 1) => {
                let at = self.watched.clock.now() + SignedDuration::from_secs(seconds);
                ArtifactOutcome::Retry { reason, at }
            }
            _ => ArtifactOutcome::Failed { reason, transient },
        }
    }

    async fn artifact(&self, work: &IndexWork) -> Result<ArtifactOutcome, Failure> {
        let repository = &work.repository;
        let document = self
            .watched
            .registry
            .manifest(repository, &work.digest)
            .await?;
        match document.parse()? {
            Manifest::Image(manifest) => {
                let found = self.single(repository, &work.digest, &manifest).await?;
                Ok(ArtifactOutcome::Indexed(vec![found]))
            }
            Manifest::Index(index) => Ok(ArtifactOutcome::Platforms {
                images: self.platforms(repository, &index.entries).await?,
                wanted: self.options.platforms.to_string(),
                reason: None,
            }),
            _ => Err(unknown_manifest()),
        }
    }

    /// A manifest that a tag points to directly: its platform is in its configuration.
    async fn single(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        manifest: &ImageManifest,
    ) -> Result<FoundImage, Failure> {
        if let Some(known) = self.known(digest).await? {
            return Ok(known);
        }
        check_is_image(manifest)?;
        let config = self.config(repository, &manifest.config).await?;
        if let Some(platform) = &config.platform
            && self
                .options
                .platforms
                .pick(std::slice::from_ref(platform))
                .is_empty()
        {
            return Err(Failure::OtherPlatform(format!(
                "it is for {platform}, and {} is wanted",
                self.options.platforms
            )));
        }
        self.image(repository, digest, manifest, config).await
    }

    /// The wanted platforms of an index.
    async fn platforms(
        &self,
        repository: &RepositoryName,
        entries: &[IndexEntry],
    ) -> Result<Vec<FoundImage>, Failure> {
        let entries: Vec<&IndexEntry> = entries
            .iter()
            .filter(|entry| !entry.is_attestation())
            .collect();
        let platforms: Vec<Platform> = entries
            .iter()
            .map(|entry| entry.platform().cloned().unwrap_or_else(unstated))
            .collect();
        let picked = match (self.options.platforms.pick(&platforms), entries.as_slice()) {
            // An index of one entry that names no platform: its configuration decides.
            (picked, [only]) if picked.is_empty() && only.platform().is_none() => vec![0],
            (picked, _) => picked,
        };
        if platforms.is_empty() {
            return Err(Failure::Skipped("an index without an image".to_owned()));
        }
        if picked.is_empty() {
            let names: Vec<String> = platforms.iter().map(ToString::to_string).collect();
            return Err(Failure::OtherPlatform(format!(
                "it is for {}, and {} is wanted",
                names.join(", "),
                self.options.platforms
            )));
        }
        let mut found = Vec::with_capacity(picked.len());
        for entry in picked
            .into_iter()
            .filter_map(|position| entries.get(position))
        {
            found.push(self.entry(repository, &entry.descriptor).await?);
        }
        Ok(found)
    }

    async fn entry(
        &self,
        repository: &RepositoryName,
        descriptor: &Descriptor,
    ) -> Result<FoundImage, Failure> {
        if let Some(known) = self.known(&descriptor.digest).await? {
            return Ok(known);
        }
        let document = self
            .watched
            .registry
            .manifest(repository, &descriptor.digest)
            .await?;
        match document.parse()? {
            Manifest::Image(manifest) => {
                check_is_image(&manifest)?;
                let config = self.config(repository, &manifest.config).await?;
                self.image(repository, &descriptor.digest, &manifest, config)
                    .await
            }
            Manifest::Index(_) => Err(Failure::Skipped(
                "an index within an index is not looked into".to_owned(),
            )),
            _ => Err(unknown_manifest()),
        }
    }

    async fn known(&self, manifest: &Digest) -> Result<Option<FoundImage>, Failure> {
        let known = self
            .watched
            .store
            .image_by_manifest(manifest, ANALYSIS_VERSION)
            .await?;
        if known.is_some() {
            self.watched.counters.count_reused_image();
        }
        Ok(known.map(FoundImage::Known))
    }

    async fn config(
        &self,
        repository: &RepositoryName,
        descriptor: &Descriptor,
    ) -> Result<ConfigFile, Failure> {
        let bytes = self
            .watched
            .registry
            .blob_bytes(repository, descriptor, ConfigFile::MAX_LEN)
            .await?;
        ConfigFile::parse(&bytes).map_err(|reason| {
            Failure::Refused(format!(
                "its configuration cannot be read: {}",
                chain(&reason)
            ))
        })
    }

    async fn image(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        manifest: &ImageManifest,
        config: ConfigFile,
    ) -> Result<FoundImage, Failure> {
        if manifest.layers.len() > MAX_LAYERS {
            return Err(Failure::Refused(format!(
                "it has {} layers, {MAX_LAYERS} at most are read",
                manifest.layers.len()
            )));
        }
        let mut layers = Vec::with_capacity(manifest.layers.len());
        let mut gaps = Vec::new();
        for (position, descriptor) in manifest.layers.iter().enumerate() {
            match LayerKind::of(&descriptor.media_type) {
                LayerKind::Foreign => gaps.push(Gap {
                    kind: GapKind::Layer,
                    path: descriptor.digest.to_string(),
                    reason: "a foreign layer, which the registry does not hold".to_owned(),
                }),
                LayerKind::Unknown => {
                    return Err(Failure::Skipped(format!(
                        "a layer of type {:?} is not part of a container image",
                        descriptor.media_type
                    )));
                }
                _ => {
                    let layer = self.layer(repository, descriptor).await?;
                    check_diff_id(&config, manifest, position, &layer.diff_id)?;
                    layers.push(layer);
                }
            }
        }
        let (layers, analyses): (Vec<_>, Vec<_>) = layers
            .into_iter()
            .map(|layer| (layer.diff_id, layer.analysis))
            .unzip();
        let origin = Origin {
            manifest: digest.clone(),
            config: manifest.config.digest.clone(),
            layers,
            compressed_bytes: manifest.layers.iter().map(|layer| layer.size).sum(),
        };
        let image = tokio::task::spawn_blocking(move || {
            let mut composition = scout_sbom::compose(&analyses);
            composition.gaps.append(&mut gaps);
            new_image(origin, config, composition)
        })
        .await
        .map_err(|_interrupted| Error::Interrupted {
            what: "composing an image",
        })?;
        Ok(FoundImage::New(Box::new(image)))
    }
}
