//! Activation: the newest image of a repository that was just enabled is indexed at once.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use scout_envs::Tag;
use scout_registry::{ListedTag, Resolved};
use scout_store::{Observation, RegistryId, RepositoryId, RepositoryRecord, WorkClass};
use tokio::time::Instant;

use crate::error::Result;
use crate::index::chain;
use crate::sweep::Sweeper;
use crate::tag_order::version_order;

/// How long a repository is left alone that could not be listed.
const FAILED_PAUSE: Duration = Duration::from_secs(10);
/// How long a repository is left alone that does not exist: whoever enabled it is about to push
/// to it, or mistook its name.
const MISSING_PAUSE: Duration = Duration::from_secs(60);

/// Activates what is due in one registry.
#[derive(Debug)]
pub(crate) struct Activator<'a> {
    sweeper: &'a Sweeper,
    registry: RegistryId,
    /// Until when repositories are left alone, each since it was enabled.
    waits: BTreeMap<(RepositoryId, Timestamp), Instant>,
}

impl<'a> Activator<'a> {
    pub(crate) fn new(sweeper: &'a Sweeper, registry: RegistryId) -> Self {
        Self {
            sweeper,
            registry,
            waits: BTreeMap::new(),
        }
    }

    pub(crate) fn registry(&self) -> RegistryId {
        self.registry
    }

    /// Enqueues the most recently pushed image of each repository whose activation is due, and
    /// returns how many were activated. What cannot be listed now stays due, and is not tried
    /// again for a while.
    pub(crate) async fn run(&mut self) -> Result<usize> {
        let watched = self.sweeper.watched();
        let (store, org) = (&watched.store, watched.org);
        let due = store.activations(org, self.registry).await?;
        self.waits
            .retain(|place, _| due.iter().any(|repository| key(repository) == *place));
        let mut activated = 0;
        for repository in due {
            let wait = self.waits.get(&key(&repository));
            if wait.is_some_and(|until| Instant::now() < *until) {
                continue;
            }
            let pause = match self.newest(&repository).await {
                Ok(newest) => {
                    if let Some((tag, resolved)) = newest {
                        self.enqueue(&repository, tag, resolved).await?;
                    }
                    store.finish_activation(org, &repository).await?;
                    activated += 1;
                    continue;
                }
                Err(error) if error.is_not_found() => MISSING_PAUSE,
                Err(error) => {
                    tracing::warn!(
                        "{} was enabled, but cannot be listed yet: {}",
                        repository.reference,
                        chain(&error)
                    );
                    FAILED_PAUSE.max(error.retry_after().unwrap_or_default())
                }
            };
            self.waits
                .insert(key(&repository), Instant::now() + pause.min(MISSING_PAUSE));
        }
        Ok(activated)
    }

    /// Returns the tag pushed last: by the registry's word, else the last by version order.
    async fn newest(
        &self,
        repository: &RepositoryRecord,
    ) -> scout_registry::Result<Option<(Tag, Resolved)>> {
        let registry = &self.sweeper.watched().registry;
        let options = self.sweeper.options();
        let tags = registry.tags(&repository.name).await?;
        let wanted = tags.into_iter().filter(|listed| options.wants(&listed.tag));
        let Some(ListedTag { tag, resolved, .. }) = wanted.max_by(age) else {
            return Ok(None);
        };
        let resolved = match resolved {
            Some(resolved) => resolved,
            None => registry.resolve(&repository.name, &tag).await?,
        };
        Ok(Some((tag, resolved)))
    }

    async fn enqueue(
        &self,
        repository: &RepositoryRecord,
        tag: Tag,
        resolved: Resolved,
    ) -> Result<()> {
        let watched = self.sweeper.watched();
        let observation = Observation {
            tag,
            digest: resolved.digest,
            pushed_at: resolved.pushed_at,
            seen_at: repository.watched_since,
            wanted: Some(WorkClass::Event),
        };
        watched
            .store
            .observe(watched.org, repository.id, observation)
            .await?;
        Ok(())
    }
}

fn key(repository: &RepositoryRecord) -> (RepositoryId, Timestamp) {
    (repository.id, repository.watched_since)
}

/// Orders tags by age: those with a time of pushing after those without.
fn age(a: &ListedTag, b: &ListedTag) -> Ordering {
    let pushed_at = |listed: &ListedTag| listed.resolved.as_ref().and_then(|known| known.pushed_at);
    pushed_at(a)
        .cmp(&pushed_at(b))
        .then_with(|| version_order(&a.tag, &b.tag))
}
