//! `type=oci`: any registry that speaks the OCI distribution protocol. We only pull.

mod events;
mod spec;

use std::sync::Arc;

use async_trait::async_trait;
use scout_envs::{Digest, RepositoryName, Tag};

use crate::client::Setup;
use crate::descriptor::Descriptor;
use crate::distribution::Distribution;
use crate::error::Result;
use crate::events::{EventSource, WebhookSecrets};
use crate::integration::{
    BlobStream, Capabilities, Identity, ListedTag, ManifestDocument, RegistryIntegration, Resolved,
};
use crate::oci::events::OciEvents;
pub(crate) use crate::oci::spec::PRODUCT;
use crate::selection::Selection;
use crate::stats::{Counters, Stats};

/// A registry that speaks the OCI distribution protocol.
#[derive(Debug)]
struct OciRegistry {
    identity: Identity,
    selection: Selection,
    distribution: Distribution,
    events: Option<OciEvents>,
    counters: Arc<Counters>,
}

impl OciRegistry {
    fn new(setup: &Setup, selection: Selection, secrets: Option<WebhookSecrets>) -> Self {
        let host = setup.connection.host().to_owned();
        let events = secrets.map(|secrets| OciEvents::new(secrets, &host, selection.clone()));
        Self {
            identity: Identity::new(PRODUCT.kind, &host, &host, Capabilities::OF_REGISTRY),
            selection,
            distribution: Distribution::new(setup, setup.connection.v2_root(), &host),
            events,
            counters: Arc::clone(&setup.counters),
        }
    }
}

#[async_trait]
impl RegistryIntegration for OciRegistry {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn stats(&self) -> Stats {
        self.counters.stats()
    }

    fn lists_all(&self) -> bool {
        self.selection.named().is_none()
    }

    fn selects(&self, repository: &RepositoryName) -> bool {
        self.selection.selects(repository)
    }

    fn events(&self) -> Option<&dyn EventSource> {
        let events = self.events.as_ref()?;
        Some(events)
    }

    async fn check(&self) -> Result<()> {
        self.distribution.ping().await
    }

    async fn repositories(&self) -> Result<Vec<RepositoryName>> {
        let names = match self.selection.named() {
            Some(names) => names,
            None => self.distribution.catalog().await?,
        };
        Ok(self.selection.keep(names))
    }

    async fn tags(&self, repository: &RepositoryName) -> Result<Vec<ListedTag>> {
        self.distribution.tags(repository).await
    }

    async fn resolve(&self, repository: &RepositoryName, tag: &Tag) -> Result<Resolved> {
        self.distribution.resolve(repository, tag).await
    }

    async fn manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<ManifestDocument> {
        self.distribution.manifest(repository, digest).await
    }

    async fn blob(
        &self,
        repository: &RepositoryName,
        descriptor: &Descriptor,
    ) -> Result<BlobStream> {
        self.distribution.blob(repository, descriptor).await
    }
}

/// Docker Hub keeps its official images below `library`, which people leave out.
fn official(host: &str, name: &RepositoryName) -> RepositoryName {
    if host != "docker.io" || name.as_str().contains('/') {
        return name.clone();
    }
    let official = format!("library/{name}").parse();
    official.unwrap_or_else(|_| name.clone())
}

#[cfg(test)]
mod tests;
