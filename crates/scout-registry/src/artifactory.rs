//! `type=artifactory`: the Docker repositories of a JFrog Artifactory.
//!
//! Images are read below the REST API (`api/docker/<key>/v2/`), which is there in all layouts;
//! the registry's host is only how people write them.

mod api;
mod aql;
mod events;
mod keys;
mod naming;
mod pushes;
mod spec;
mod times;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use scout_envs::{Digest, RepositoryName, Tag};
use secrecy::SecretString;
use url::Url;

use crate::artifactory::api::Api;
use crate::artifactory::events::Events;
use crate::artifactory::keys::{Key, Keys, Kind};
use crate::artifactory::naming::Naming;
use crate::artifactory::pushes::Pushes;
pub(crate) use crate::artifactory::spec::PRODUCT;
use crate::artifactory::times::Times;
use crate::client::Setup;
use crate::descriptor::Descriptor;
use crate::distribution::Distribution;
use crate::error::{Error, Result};
use crate::events::EventSource;
use crate::integration::{
    BlobStream, Capabilities, Identity, ListedTag, ManifestDocument, RegistryIntegration, Resolved,
};
use crate::stats::Stats;

/// A JFrog Artifactory.
struct Artifactory {
    identity: Identity,
    setup: Setup,
    naming: Arc<Naming>,
    api: Api,
    keys: Arc<Keys>,
    /// By key; made when first asked.
    registries: Mutex<HashMap<String, Arc<DockerRegistry>>>,
    /// Whether the server lets us search; found out once.
    is_search_refused: AtomicBool,
    times: Times,
    events: Option<Events>,
}

/// One Docker repository of Artifactory, which is a registry of its own.
struct DockerRegistry {
    distribution: Distribution,
    /// The key under which images are stored.
    data_key: String,
    pushes: Pushes,
}

impl Artifactory {
    fn new(setup: Setup, api: Url, naming: Naming) -> Self {
        let naming = Arc::new(naming);
        Self {
            identity: Identity::new(
                PRODUCT.kind,
                &naming.host,
                &naming.host,
                Capabilities::OF_PRODUCT,
            ),
            api: Api::new(&setup, api),
            keys: Arc::new(Keys::new(Arc::clone(&naming), Arc::clone(&setup.counters))),
            registries: Mutex::default(),
            is_search_refused: AtomicBool::new(false),
            times: Times::default(),
            events: None,
            naming,
            setup,
        }
    }

    /// Receives webhooks, if there are secrets.
    fn with_events(mut self, secrets: Vec<SecretString>, must_be_signed: bool) -> Self {
        self.events = Events::new(secrets, must_be_signed, Arc::clone(&self.keys));
        self
    }

    fn registry(&self, key: &Key) -> Arc<DockerRegistry> {
        let data_key = key.data();
        let mut all = self
            .registries
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = all.get(&key.name)
            && found.data_key == data_key
        {
            return Arc::clone(found);
        }
        let root = self.api.v2_root(&data_key);
        let made = Arc::new(DockerRegistry {
            distribution: Distribution::new(&self.setup, root, self.naming.prefix(&key.name)),
            data_key,
            pushes: Pushes::default(),
        });
        all.insert(key.name.clone(), Arc::clone(&made));
        made
    }

    /// Returns where an image is, and what it is called there.
    async fn locate(
        &self,
        repository: &RepositoryName,
    ) -> Result<(Arc<DockerRegistry>, RepositoryName)> {
        let parts = Naming::split(repository);
        let image = parts.and_then(|(key, image)| Some((key, image.parse().ok()?)));
        let Some((key, image)) = image else {
            return Err(Error::NotFound {
                what: self.naming.reference(repository),
                detail: None,
            });
        };
        let key = self.keys.find(&self.api, key).await?;
        Ok((self.registry(&key), image))
    }

    async fn catalog(&self, key: &Key) -> Result<Vec<RepositoryName>> {
        let is_named = !self.naming.keys.is_empty();
        match self.registry(key).distribution.catalog().await {
            // A remote repository through which nothing was pulled may have no cache yet; that
            // must not keep the others from being listed.
            Err(Error::NoCatalog { source, .. })
                if source.is_not_found() && key.kind == Kind::Remote && !is_named =>
            {
                Ok(Vec::new())
            }
            other => other,
        }
    }

    /// Adds what a search tells, where the server lets us search. Without it tags are asked for
    /// one by one.
    async fn add_pushes(
        &self,
        registry: &DockerRegistry,
        image: &RepositoryName,
        tags: &mut [ListedTag],
    ) {
        if tags.is_empty() || self.is_search_refused.load(Ordering::Relaxed) {
            return;
        }
        let pushes = &registry.pushes;
        let refreshed = pushes.refresh(&self.api, &registry.data_key, image.as_str());
        match refreshed.await {
            Ok(true) => {
                for listed in tags {
                    listed.resolved = pushes.get(image.as_str(), &listed.tag);
                }
            }
            Ok(false) => {}
            Err(_) => self.is_search_refused.store(true, Ordering::Relaxed),
        }
    }
}

impl fmt::Debug for Artifactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Artifactory")
            .field("identity", &self.identity)
            .field("api", &self.api)
            .field("naming", &self.naming)
            .field("events", &self.events)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl RegistryIntegration for Artifactory {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn stats(&self) -> Stats {
        self.setup.counters.stats()
    }

    fn reference(&self, repository: &RepositoryName) -> String {
        self.naming.reference(repository)
    }

    /// Keys are named, the images in them are listed.
    fn lists_all(&self) -> bool {
        true
    }

    fn selects(&self, repository: &RepositoryName) -> bool {
        self.naming.selects(repository)
    }

    fn events(&self) -> Option<&dyn EventSource> {
        let events = self.events.as_ref()?;
        Some(events)
    }

    async fn check(&self) -> Result<()> {
        let keys = self.keys.load(&self.api).await?;
        // A cache may not be there yet.
        let pushed_to = keys.iter().find(|key| key.kind != Kind::Remote);
        let Some(key) = pushed_to.or_else(|| keys.first()) else {
            return Ok(());
        };
        match self.registry(key).distribution.ping().await {
            Err(Error::WrongApi { .. }) => Err(self.api.no_docker(&key.data())),
            other => other,
        }
    }

    async fn repositories(&self) -> Result<Vec<RepositoryName>> {
        let mut names = Vec::new();
        for key in self.keys.load(&self.api).await?.iter() {
            for image in self.catalog(key).await? {
                match Naming::name(&key.name, image.as_str()) {
                    Some(name) => names.push(name),
                    None => self.setup.counters.count_invalid_name(),
                }
            }
        }
        names.retain(|name| self.naming.selects(name));
        names.sort();
        names.dedup();
        Ok(names)
    }

    async fn tags(&self, repository: &RepositoryName) -> Result<Vec<ListedTag>> {
        let (registry, image) = self.locate(repository).await?;
        let mut tags = registry.distribution.tags(&image).await?;
        self.add_pushes(&registry, &image, &mut tags).await;
        Ok(tags)
    }

    async fn resolve(&self, repository: &RepositoryName, tag: &Tag) -> Result<Resolved> {
        let (registry, image) = self.locate(repository).await?;
        let resolved = registry.distribution.resolve(&image, tag).await?;
        let searched = registry
            .pushes
            .time_of(image.as_str(), tag, &resolved.digest);
        let pushed_at = match searched {
            Some(time) => Some(time),
            None => {
                let place = (registry.data_key.as_str(), image.as_str());
                let times = &self.times;
                times
                    .get(&self.api, place, repository, tag, &resolved)
                    .await
            }
        };
        Ok(resolved.with_pushed_at(pushed_at))
    }

    async fn manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<ManifestDocument> {
        let (registry, image) = self.locate(repository).await?;
        registry.distribution.manifest(&image, digest).await
    }

    async fn blob(
        &self,
        repository: &RepositoryName,
        descriptor: &Descriptor,
    ) -> Result<BlobStream> {
        let (registry, image) = self.locate(repository).await?;
        registry.distribution.blob(&image, descriptor).await
    }
}

#[cfg(test)]
mod tests;
