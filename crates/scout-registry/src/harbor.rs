//! `type=harbor`: listed by Harbor's own API, which knows push times; pulled as any registry.

mod api;
mod events;
mod spec;

use std::sync::Arc;

use async_trait::async_trait;
use scout_envs::{Digest, RepositoryName, Tag};
use url::Url;

use crate::client::Setup;
use crate::descriptor::Descriptor;
use crate::distribution::Distribution;
use crate::error::{Error, Result};
use crate::events::{EventSource, WebhookSecrets};
use crate::harbor::api::HarborApi;
use crate::harbor::events::HarborEvents;
pub(crate) use crate::harbor::spec::PRODUCT;
use crate::integration::{
    BlobStream, Capabilities, Identity, ListedTag, ManifestDocument, RegistryIntegration, Resolved,
};
use crate::selection::Selection;
use crate::stats::{Counters, Stats};

/// A Harbor.
#[derive(Debug)]
struct Harbor {
    identity: Identity,
    selection: Selection,
    api: HarborApi,
    distribution: Distribution,
    events: Option<HarborEvents>,
    counters: Arc<Counters>,
}

impl Harbor {
    fn new(setup: &Setup, api: Url, selection: Selection, secrets: Option<WebhookSecrets>) -> Self {
        let host = setup.connection.host().to_owned();
        Self {
            identity: Identity::new(PRODUCT.kind, &host, &host, Capabilities::OF_PRODUCT),
            api: HarborApi::new(setup, api),
            distribution: Distribution::new(setup, setup.connection.v2_root(), &host),
            events: secrets.map(|secrets| HarborEvents::new(secrets, selection.clone())),
            selection,
            counters: Arc::clone(&setup.counters),
        }
    }

    /// Tells what does not exist from what may not be read: Harbor refuses both the same way if
    /// the whole project is missing.
    async fn explained(&self, repository: &RepositoryName, error: Error) -> Error {
        match error {
            Error::Denied { what, detail, .. } if self.api.lacks_project(repository).await => {
                Error::NotFound { what, detail }
            }
            error => error,
        }
    }
}

#[async_trait]
impl RegistryIntegration for Harbor {
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
        self.api.check().await?;
        self.distribution.ping().await
    }

    async fn repositories(&self) -> Result<Vec<RepositoryName>> {
        let names = match self.selection.named() {
            Some(names) => names,
            None => self.api.repositories().await?,
        };
        Ok(self.selection.keep(names))
    }

    async fn tags(&self, repository: &RepositoryName) -> Result<Vec<ListedTag>> {
        match self.api.tags(repository).await {
            // An account that may only pull can still list by the registry's own API.
            Err(error @ Error::Denied { .. }) => match self.explained(repository, error).await {
                Error::Denied { .. } => self.distribution.tags(repository).await,
                error => Err(error),
            },
            result => result,
        }
    }

    async fn resolve(&self, repository: &RepositoryName, tag: &Tag) -> Result<Resolved> {
        match self.distribution.resolve(repository, tag).await {
            Ok(resolved) => Ok(resolved),
            Err(error) => Err(self.explained(repository, error).await),
        }
    }

    async fn manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<ManifestDocument> {
        match self.distribution.manifest(repository, digest).await {
            Ok(document) => Ok(document),
            Err(error) => Err(self.explained(repository, error).await),
        }
    }

    async fn blob(
        &self,
        repository: &RepositoryName,
        descriptor: &Descriptor,
    ) -> Result<BlobStream> {
        self.distribution.blob(repository, descriptor).await
    }
}

#[cfg(test)]
mod tests;
