//! `type=nexus`: Docker repositories of a Sonatype Nexus Repository 3.
//!
//! A Nexus holds many repositories, and the Docker protocol knows only hosts. So an image can be
//! reached in two ways, and we choose by what the configuration names:
//!
//! - No repository, or one without `api=`: at `registry=`, which is a connector (a port or a host
//!   that serves one repository). Images keep their names.
//! - Repositories with `api=`: each at `<api>/repository/<name>/v2/`, where Nexus serves it in any
//!   case, whatever connectors there are (measured by others on 3.71 and 3.96, and where the
//!   documented `downloadUrl` of every manifest leads). Listing, pulling and push times then come
//!   from one repository. Of one, images keep their names, as its connector has them; of several,
//!   the repository stands before the image, as in Nexus' own path-based routing.

mod api;
mod events;
mod source;
mod spec;

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt, stream};
use scout_envs::{Digest, RepositoryName, Tag};

use crate::client::Setup;
use crate::descriptor::Descriptor;
use crate::error::{Error, Result};
use crate::events::{EventSource, WebhookSecrets};
use crate::integration::{
    BlobStream, Capabilities, Identity, ListedTag, ManifestDocument, RegistryIntegration, Resolved,
};
use crate::nexus::api::NexusApi;
use crate::nexus::events::NexusEvents;
use crate::nexus::source::{Naming, Source};
use crate::nexus::spec::NexusSettings;
pub(crate) use crate::nexus::spec::PRODUCT;
use crate::selection::Selection;
use crate::stats::{Counters, Stats};

/// Docker repositories of a Nexus.
#[derive(Debug)]
struct Nexus {
    identity: Identity,
    selection: Selection,
    naming: Naming,
    sources: Vec<Source>,
    api: Option<NexusApi>,
    events: Option<NexusEvents>,
    counters: Arc<Counters>,
}

impl Nexus {
    fn new(setup: &Setup, settings: &NexusSettings, secrets: Option<WebhookSecrets>) -> Self {
        let host = setup.connection.host().to_owned();
        let selection = Selection::new(&host, settings.filter.clone(), Vec::new());
        let naming = Naming::new(&settings.repositories);
        let sources = match &settings.api {
            Some(api) if !settings.repositories.is_empty() => settings
                .repositories
                .iter()
                .map(|name| Source::by_path(setup, api, name, &host))
                .collect(),
            _ => vec![Source::connector(setup, &host)],
        };
        let capabilities = match sources.iter().any(Source::has_name) {
            true => Capabilities::OF_PRODUCT,
            // A connector alone tells no push times.
            false => Capabilities::OF_REGISTRY,
        };
        let events =
            secrets.map(|secrets| NexusEvents::new(secrets, naming.clone(), selection.clone()));
        Self {
            identity: Identity::new(PRODUCT.kind, &host, &host, capabilities),
            api: settings.api.clone().map(|api| NexusApi::new(setup, api)),
            counters: Arc::clone(&setup.counters),
            selection,
            naming,
            sources,
            events,
        }
    }

    /// Returns where a repository is, and its name there.
    fn locate(&self, repository: &RepositoryName) -> Result<(&Source, RepositoryName)> {
        let missing = || Error::NotFound {
            what: format!("{}/{repository}", self.host()),
            detail: Some("it is in none of the repositories that are named".to_owned()),
        };
        let (position, image) = self.naming.split(repository).ok_or_else(missing)?;
        let source = self.sources.get(position).ok_or_else(missing)?;
        Ok((source, image))
    }

    async fn images(&self, position: usize, source: &Source) -> Result<Vec<RepositoryName>> {
        let listed = source.distribution.catalog().await;
        let images = listed.map_err(|error| match error {
            // Its advice is to name repositories, which means something else here.
            Error::NoCatalog { source, .. } => *source,
            other => other,
        })?;
        let names = images.iter().filter_map(|image| {
            let name = self.naming.join(position, image);
            if name.is_none() {
                self.counters.count_invalid_name();
            }
            name
        });
        Ok(names.collect())
    }
}

#[async_trait]
impl RegistryIntegration for Nexus {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn stats(&self) -> Stats {
        self.counters.stats()
    }

    fn lists_all(&self) -> bool {
        true
    }

    fn selects(&self, repository: &RepositoryName) -> bool {
        self.selection.selects(repository) && self.naming.split(repository).is_some()
    }

    fn events(&self) -> Option<&dyn EventSource> {
        let events = self.events.as_ref()?;
        Some(events)
    }

    async fn check(&self) -> Result<()> {
        if let Some(api) = &self.api {
            api.check().await?;
            for name in self.sources.iter().filter_map(Source::name) {
                api.repository(name).await?;
            }
        }
        for source in &self.sources {
            source.distribution.ping().await?;
        }
        Ok(())
    }

    async fn repositories(&self) -> Result<Vec<RepositoryName>> {
        let all: Vec<_> = stream::iter(self.sources.iter().enumerate())
            .then(|(position, source)| self.images(position, source))
            .try_collect()
            .await?;
        Ok(self.selection.keep(all.into_iter().flatten().collect()))
    }

    async fn tags(&self, repository: &RepositoryName) -> Result<Vec<ListedTag>> {
        let (source, image) = self.locate(repository)?;
        let listed = source.distribution.tags(&image).await?;
        let mut known = match &self.api {
            Some(api) => source.known(api, &image).await?,
            None => return Ok(listed),
        };
        let with_facts = listed
            .into_iter()
            .map(|listed| match known.remove(&listed.tag) {
                Some(resolved) => listed.with_resolved(resolved),
                None => listed,
            });
        Ok(with_facts.collect())
    }

    async fn resolve(&self, repository: &RepositoryName, tag: &Tag) -> Result<Resolved> {
        let (source, image) = self.locate(repository)?;
        source.distribution.resolve(&image, tag).await
    }

    async fn manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<ManifestDocument> {
        let (source, image) = self.locate(repository)?;
        source.distribution.manifest(&image, digest).await
    }

    async fn blob(
        &self,
        repository: &RepositoryName,
        descriptor: &Descriptor,
    ) -> Result<BlobStream> {
        let (source, image) = self.locate(repository)?;
        source.distribution.blob(&image, descriptor).await
    }
}

#[cfg(test)]
mod tests;
