//! `type=acr`: Azure Container Registry. Images by the OCI distribution protocol, tags with digest
//! and push time by Azure's own API, events by Event Grid or the registry's webhooks.

mod api;
mod events;
mod spec;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use scout_envs::{Digest, RepositoryName, Tag};
use scout_http::RedactedUrl;

use crate::acr::events::Webhooks;
pub(crate) use crate::acr::spec::PRODUCT;
use crate::client::Setup;
use crate::descriptor::Descriptor;
use crate::distribution::Distribution;
use crate::error::{Error, Result};
use crate::events::EventSource;
use crate::integration::{
    BlobStream, Capabilities, Identity, ListedTag, ManifestDocument, RegistryIntegration, Resolved,
};
use crate::selection::Selection;
use crate::stats::{Counters, Stats};

/// What is said where a catalog is refused. Source: a maintainer in Azure/acr issue 751.
const LISTING_NEEDS: &str = "only a scope map over all repositories may list them, such as \
                             _repositories_pull_metadata_read";

/// A right on a repository, as scope maps name it.
#[derive(Clone, Copy, Debug)]
enum Right {
    ContentRead,
    MetadataRead,
}

impl Right {
    fn on(self, repository: &RepositoryName) -> String {
        let right = match self {
            Self::ContentRead => "content/read",
            Self::MetadataRead => "metadata/read",
        };
        format!("repositories/{repository}/{right}")
    }
}

/// A registry of Azure.
#[derive(Debug)]
struct AzureRegistry {
    identity: Identity,
    selection: Arc<Selection>,
    distribution: Distribution,
    webhooks: Option<Webhooks>,
    counters: Arc<Counters>,
    /// Repositories whose tags can be listed, but not by Azure's own API.
    without_metadata: Mutex<HashSet<RepositoryName>>,
}

impl AzureRegistry {
    fn new(setup: &Setup, selection: Arc<Selection>, webhooks: Option<Webhooks>) -> Self {
        let host = setup.connection.host().to_owned();
        let root = setup.connection.v2_root();
        Self {
            identity: Identity::new(PRODUCT.kind, &host, &host, Capabilities::OF_PRODUCT),
            distribution: Distribution::new(setup, root, &host),
            webhooks,
            counters: Arc::clone(&setup.counters),
            without_metadata: Mutex::default(),
            selection,
        }
    }

    /// Lists all repositories. Azure answers a token that is not for all of them with a refusal,
    /// or with an empty list, which must not pass for a registry that was emptied.
    async fn catalog(&self) -> Result<Vec<RepositoryName>> {
        let no_catalog = |source| Error::NoCatalog {
            registry: self.host().to_owned(),
            source: Box::new(source),
        };
        let what = || format!("the catalog of {}", self.host());
        let source = match self.distribution.catalog().await {
            Ok(names) if names.is_empty() => Error::Denied {
                url: RedactedUrl::from(self.distribution.client().base()),
                who: self.distribution.client().who(),
                what: what(),
                detail: Some(format!(
                    "its list is empty: no repository is there yet, or else {LISTING_NEEDS}"
                )),
            },
            Ok(names) => return Ok(names),
            Err(Error::NoCatalog { source, .. }) => *source,
            Err(error @ Error::Unauthorized { .. }) => error,
            Err(other) => return Err(other),
        };
        Err(match self.as_denied(source, what(), LISTING_NEEDS).await {
            denied @ Error::Denied { .. } => no_catalog(denied),
            other => other,
        })
    }

    /// Says which right is missing, if one is.
    async fn needing<T>(
        &self,
        right: Right,
        repository: &RepositoryName,
        result: Result<T>,
    ) -> Result<T> {
        match result {
            Err(error) => {
                let what = self.reference(repository);
                let needs = format!("the token's scope map needs {}", right.on(repository));
                Err(self.as_denied(error, what, &needs).await)
            }
            ok => ok,
        }
    }

    /// Tells a missing right from wrong credentials: both are 401, and some of the former come
    /// from the token service, which answers for scopes that it does not grant.
    async fn as_denied(&self, error: Error, what: String, needs: &str) -> Error {
        let (url, who, what, said) = match error {
            Error::Denied {
                url,
                who,
                what,
                detail,
            } => (url, who, what, detail),
            Error::Unauthorized {
                url, who, detail, ..
            } => (url, who, what, detail),
            other => return other,
        };
        // A firewall, too, refuses everything and not only this.
        if let Err(error) = self.distribution.ping().await {
            return error;
        }
        let detail = match said {
            Some(said) if said.contains(needs) => said,
            Some(said) => format!("{needs}; {said}"),
            None => needs.to_owned(),
        };
        Error::Denied {
            url,
            who,
            what,
            detail: Some(detail),
        }
    }

    /// Lists tags without Azure's own API: registries that let anybody pull may allow only that.
    async fn plain_tags(&self, repository: &RepositoryName) -> Result<Vec<ListedTag>> {
        let listed = self.distribution.tags(repository).await;
        let mut known = self
            .without_metadata
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if listed.is_ok() {
            known.insert(repository.clone());
        } else {
            known.remove(repository);
        }
        listed
    }

    fn lacks_metadata(&self, repository: &RepositoryName) -> bool {
        let known = self.without_metadata.lock();
        known
            .unwrap_or_else(PoisonError::into_inner)
            .contains(repository)
    }
}

#[async_trait]
impl RegistryIntegration for AzureRegistry {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn stats(&self) -> Stats {
        self.counters.stats()
    }

    fn lists_all(&self) -> bool {
        self.selection.named().is_none()
    }

    fn requires_activation(&self) -> bool {
        true
    }

    fn selects(&self, repository: &RepositoryName) -> bool {
        self.selection.selects(repository)
    }

    fn events(&self) -> Option<&dyn EventSource> {
        self.webhooks
            .as_ref()
            .map(|webhooks| webhooks as &dyn EventSource)
    }

    async fn check(&self) -> Result<()> {
        let client = self.distribution.client();
        let ping = self.distribution.ping().await;
        ping.map_err(|error| api::not_azure(client.base(), error))?;
        api::probe(client, self.host()).await
    }

    async fn repositories(&self) -> Result<Vec<RepositoryName>> {
        let names = match self.selection.named() {
            Some(named) => named,
            None => self.catalog().await?,
        };
        Ok(self.selection.keep(names))
    }

    async fn tags(&self, repository: &RepositoryName) -> Result<Vec<ListedTag>> {
        if self.lacks_metadata(repository) {
            let listed = self.plain_tags(repository).await;
            return self.needing(Right::MetadataRead, repository, listed).await;
        }
        let what = self.reference(repository);
        let listed = api::tags(self.distribution.client(), repository, what).await;
        match self.needing(Right::MetadataRead, repository, listed).await {
            Err(denied @ Error::Denied { .. }) => match self.plain_tags(repository).await {
                Err(Error::Denied { .. } | Error::Unauthorized { .. }) => Err(denied),
                other => other,
            },
            other => other,
        }
    }

    async fn resolve(&self, repository: &RepositoryName, tag: &Tag) -> Result<Resolved> {
        let resolved = self.distribution.resolve(repository, tag).await;
        self.needing(Right::ContentRead, repository, resolved).await
    }

    async fn manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<ManifestDocument> {
        let document = self.distribution.manifest(repository, digest).await;
        self.needing(Right::ContentRead, repository, document).await
    }

    async fn blob(
        &self,
        repository: &RepositoryName,
        descriptor: &Descriptor,
    ) -> Result<BlobStream> {
        let blob = self.distribution.blob(repository, descriptor).await;
        self.needing(Right::ContentRead, repository, blob).await
    }
}

#[cfg(test)]
mod tests;
