//! The bill of materials of an image, composed again from what its layers hold.

use scout_envs::{Distribution, Gap, ImageReference, Package, Platform};
use scout_sbom::{ANALYSIS_VERSION, LayerAnalysis, compose, purl};
use scout_store::ImageRecord;
use serde::Serialize;

use super::{Reader, artifact_name};
use crate::error::{Error, Result};
use crate::lookup::Organization;

/// What is installed in an image.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SbomReport {
    /// The image's name.
    pub image: String,
    /// The digest of its manifest.
    pub digest: String,
    /// Its platform.
    pub platform: Platform,
    /// The operating system, where it says so.
    pub distribution: Option<Distribution>,
    /// The packages, by type, name and version.
    pub packages: Vec<SbomPackage>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
}

/// A package, where it is, and in which layer it came.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SbomPackage {
    /// The package as its database states it.
    #[serde(flatten)]
    pub package: Package,
    /// Its package URL.
    pub purl: String,
    /// The files that told of it.
    pub paths: Vec<String>,
    /// The layer it came with, counted from 0, the lowest.
    pub layer: usize,
    /// The distribution package that owns its files, if one does.
    pub owner: Option<String>,
}

impl Reader {
    /// Returns what is installed in the images that the reference fits.
    ///
    /// # Errors
    ///
    /// If no image, or more than one, fits, if it is not analyzed, or if the store fails.
    pub async fn sbom(
        &self,
        org: &Organization,
        image: &ImageReference,
    ) -> Result<Vec<SbomReport>> {
        let (artifact, records) = self.find(org, image).await?;
        let mut reports = Vec::with_capacity(records.len());
        for record in records {
            reports.push(self.compose(artifact_name(&artifact), record).await?);
        }
        Ok(reports)
    }

    async fn compose(&self, image: String, record: ImageRecord) -> Result<SbomReport> {
        if record.facts.analysis_version != ANALYSIS_VERSION {
            let reason =
                "another version of Scout analyzed it; the next scout-watch reads it again";
            return Err(Error::NotAnalyzed {
                image,
                reason: reason.to_owned(),
            });
        }
        let mut encoded = Vec::with_capacity(record.facts.layers.len());
        for diff_id in &record.facts.layers {
            let analysis = self
                .store
                .layer_analysis(diff_id, record.facts.analysis_version)
                .await?;
            encoded.extend(analysis.map(|analysis| (diff_id.to_string(), analysis)));
        }
        tokio::task::spawn_blocking(move || {
            let layers = encoded
                .into_iter()
                .map(|(layer, bytes)| {
                    LayerAnalysis::decode(&bytes)
                        .map_err(|source| Error::Analysis { layer, source })
                })
                .collect::<Result<Vec<_>>>()?;
            let composition = compose(&layers);
            let mut packages: Vec<SbomPackage> = composition
                .packages
                .into_iter()
                .map(|installed| SbomPackage {
                    purl: purl(&installed.package, composition.distribution.as_ref()),
                    package: installed.package,
                    paths: installed.paths,
                    layer: installed.layer,
                    owner: installed.owner,
                })
                .collect();
            packages.sort_by(|a, b| (&a.package, &a.paths).cmp(&(&b.package, &b.paths)));
            Ok(SbomReport {
                image,
                digest: record.facts.manifest_digest.to_string(),
                platform: record.facts.platform,
                distribution: composition.distribution,
                packages,
                gaps: record.facts.gaps,
            })
        })
        .await
        .map_err(|_interrupted| Error::Interrupted {
            what: "composing an image",
        })?
    }
}
