//! What a watcher works on.

use std::sync::Arc;

use jiff::Timestamp;
use scout_envs::RepositoryName;
use scout_registry::RegistryIntegration;
use scout_store::{OrgId, RegistryId, RegistryRecord, RepositoryRecord, Store, WatchedRepository};

use crate::clock::Clock;
use crate::error::Result;
use crate::stats::SourceCounters;

/// One registry watched for one organization, and where that is recorded. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Watched {
    /// Where everything is recorded.
    pub store: Arc<dyn Store>,
    /// The registry.
    pub registry: Arc<dyn RegistryIntegration>,
    /// The organization it is watched for.
    pub org: OrgId,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// What is counted of the work on it.
    pub counters: Arc<SourceCounters>,
}

impl Watched {
    /// Returns the registry's record, creating it if needed.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn record(&self) -> Result<RegistryRecord> {
        let (key, display) = (self.registry.key(), self.registry.host());
        let now = self.clock.now();
        Ok(self.store.registry(self.org, key, display, now).await?)
    }

    /// Lets the registry be recorded again if its integration was removed: for somebody who
    /// names it without one. A watcher of a stored integration must not call it.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn restore(&self) -> Result<()> {
        let record = self.record().await?;
        if record.removed_at.is_some() {
            self.store.restore_registry(self.org, record.id).await?;
        }
        Ok(())
    }

    /// Records that a sweep which began at `started` read all of the registry.
    pub(crate) async fn record_sweep(
        &self,
        registry: RegistryId,
        started: Timestamp,
    ) -> Result<()> {
        let store = &self.store;
        Ok(store.record_sweep(self.org, registry, started).await?)
    }

    /// Records repositories of the registry as its adapter names and writes them; `complete`
    /// tells that they are all there are.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn record_repositories(
        &self,
        registry: RegistryId,
        names: &[RepositoryName],
        complete: bool,
        now: Timestamp,
    ) -> Result<Vec<RepositoryRecord>> {
        let watched = |name: &RepositoryName| WatchedRepository {
            name: name.clone(),
            reference: self.registry.reference(name),
        };
        let repositories: Vec<_> = names.iter().map(watched).collect();
        let enable_new = !self.registry.requires_activation();
        Ok(self
            .store
            .record_repositories(self.org, registry, &repositories, complete, enable_new, now)
            .await?)
    }
}
