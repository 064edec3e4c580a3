//! The bill of materials of an image, composed again from what its layers hold.

use scout_envs::ImageReference;
use scout_sbom::{
    ANALYSIS_VERSION, Composition, Document, DocumentPackage, LayerAnalysis, compose, purl,
};
use scout_store::ImageRecord;

use super::{Reader, artifact_name};
use crate::error::{Error, Result};
use crate::lookup::Organization;

impl Reader {
    /// Returns what is installed in the images that the reference fits.
    ///
    /// # Errors
    ///
    /// If no image, or more than one, fits, if it is not analyzed, or if the store fails.
    pub async fn sbom(&self, org: &Organization, image: &ImageReference) -> Result<Vec<Document>> {
        let (artifact, records) = self.find(org, image).await?;
        let mut documents = Vec::with_capacity(records.len());
        for record in records {
            documents.push(self.compose(artifact_name(&artifact), record).await?);
        }
        Ok(documents)
    }

    async fn compose(&self, image: String, record: ImageRecord) -> Result<Document> {
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
            Ok(document(image, record, compose(&layers)))
        })
        .await
        .map_err(|_interrupted| Error::Interrupted {
            what: "composing an image",
        })?
    }
}

fn document(image: String, record: ImageRecord, composition: Composition) -> Document {
    let facts = record.facts;
    let packages = composition
        .packages
        .into_iter()
        .map(|installed| {
            let url = purl(&installed.package, composition.distribution.as_ref());
            let mut found = DocumentPackage::new(installed.package, url);
            found.paths = installed.paths;
            found.layer = Some(installed.layer);
            found.owner = installed.owner;
            found.certainty = installed.certainty;
            found
        })
        .collect();
    let mut document = Document::new(image, facts.manifest_digest.to_string())
        .with_created(facts.config.created)
        .with_packages(packages);
    // A configuration need not say which platform it is for.
    document.platform = Some(facts.platform).filter(|platform| !platform.os().is_empty());
    document.distribution = composition.distribution;
    document.gaps = facts.gaps;
    document
}
