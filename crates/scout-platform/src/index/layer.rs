//! One layer: known already, or streamed through the readers once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use scout_envs::{Digest, RepositoryName};
use scout_registry::Descriptor;
use scout_sbom::{ANALYSIS_VERSION, AnalyzedLayer, LayerAnalysis};
use scout_store::NewLayer;
use tokio::sync::Mutex as AsyncMutex;

use super::failure::Failure;
use super::{Indexer, KnownLayer};
use crate::error::Error;
use crate::pipe::pipe;

/// Layers being fetched, so that two images that share one fetch it once.
#[derive(Debug, Default)]
pub(super) struct LayerFlights(Mutex<HashMap<Digest, Arc<AsyncMutex<()>>>>);

impl LayerFlights {
    fn flight(&self, blob: &Digest) -> Arc<AsyncMutex<()>> {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Flights that nobody is on any more are cleared on the way.
        flights.retain(|_, flight| Arc::strong_count(flight) > 1);
        Arc::clone(flights.entry(blob.clone()).or_default())
    }
}

impl Indexer {
    pub(super) async fn layer(
        &self,
        repository: &RepositoryName,
        descriptor: &Descriptor,
    ) -> Result<KnownLayer, Failure> {
        let flight = self.flights.flight(&descriptor.digest);
        let _turn = flight.lock().await;
        let counters = &self.watched.counters;
        if let Some(known) = self.known_layer(&descriptor.digest).await? {
            counters.count_reused_layer(descriptor.size);
            return Ok(known);
        }
        let stream = self.watched.registry.blob(repository, descriptor).await?;
        let (writer, reader) = pipe();
        let reading = tokio::task::spawn_blocking({
            let (limits, budget) = (self.options.limits.clone(), self.budget.clone());
            move || scout_sbom::analyze_layer(reader, &limits, &budget)
        });
        writer.send_all(stream).await;
        let analyzed = reading
            .await
            .map_err(|_interrupted| Error::Interrupted {
                what: "reading a layer",
            })?
            .map_err(|error| layer_failure(&descriptor.digest, error))?;
        counters.count_fetched_layer(analyzed.compressed_bytes);
        self.record(&descriptor.digest, analyzed).await
    }

    async fn known_layer(&self, blob: &Digest) -> Result<Option<KnownLayer>, Failure> {
        let Some(diff_id) = self
            .watched
            .store
            .layer_of_blob(blob, ANALYSIS_VERSION)
            .await?
        else {
            return Ok(None);
        };
        let Some(encoded) = self
            .watched
            .store
            .layer_analysis(&diff_id, ANALYSIS_VERSION)
            .await?
        else {
            return Ok(None);
        };
        let analysis = LayerAnalysis::decode(&encoded).map_err(|source| Error::Analysis {
            layer: diff_id.to_string(),
            source,
        })?;
        Ok(Some(KnownLayer { diff_id, analysis }))
    }

    async fn record(&self, blob: &Digest, layer: AnalyzedLayer) -> Result<KnownLayer, Failure> {
        let AnalyzedLayer {
            diff_id,
            compressed_bytes,
            uncompressed_bytes,
            analysis,
            ..
        } = layer;
        let (encoded, analysis) =
            tokio::task::spawn_blocking(move || (analysis.encode(), analysis))
                .await
                .map_err(|_interrupted| Error::Interrupted {
                    what: "encoding a layer's analysis",
                })?;
        let new = NewLayer {
            diff_id: diff_id.clone(),
            blob_digest: blob.clone(),
            analysis_version: ANALYSIS_VERSION,
            compressed_bytes,
            uncompressed_bytes,
            analysis: encoded,
        };
        self.watched
            .store
            .record_layer(new, self.watched.clock.now())
            .await?;
        Ok(KnownLayer { diff_id, analysis })
    }
}

/// An input error that began in the registry client is the registry's, not the layer's.
fn layer_failure(digest: &Digest, error: scout_sbom::Error) -> Failure {
    let source = match error {
        scout_sbom::Error::Input(source) => source,
        other => {
            return Failure::Layer {
                digest: digest.short().to_owned(),
                source: other,
            };
        }
    };
    match source.downcast::<scout_registry::Error>() {
        Ok(error) => Failure::Registry(error),
        Err(source) => Failure::Layer {
            digest: digest.short().to_owned(),
            source: scout_sbom::Error::Input(source),
        },
    }
}
