mod activation;
mod classes;
mod events;
mod extended;
mod fleet;
mod names;
mod reach;
mod rounds;
mod running;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use scout_envs::{Digest, PlatformChoice, SeverityCounts};
use scout_registry::RegistryIntegration as _;
use scout_registry::events::{Event, EventAction};
use scout_store::{Access, ArtifactState, SqliteStore, Store};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::activation::Activator;
use crate::environment::assign;
use crate::index::IndexerOptions;
use crate::judge::AdvisorySource;
use crate::lookup::{Organization, organization};
use crate::report::Reader;
use crate::sweep::SweepOptions;
use crate::testing::{HandClock, MemoryRegistry, critical, debian, digest, layer, write_dump};

/// One organization watching registries in memory, with a real store in a directory.
struct House {
    dir: TempDir,
    registry: Arc<MemoryRegistry>,
    /// Registries watched beside the first.
    others: Vec<Arc<MemoryRegistry>>,
    clock: Arc<HandClock>,
}

/// How a process watches.
struct Manner {
    all_images: bool,
    platforms: PlatformChoice,
    advisories: Option<AdvisorySource>,
    refresh: bool,
    workers: usize,
    index: bool,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            all_images: false,
            platforms: PlatformChoice::default(),
            advisories: None,
            refresh: false,
            workers: WatchOptions::DEFAULT_WORKERS,
            index: true,
        }
    }
}

impl House {
    fn new() -> Self {
        Self::of(MemoryRegistry::default())
    }

    fn of(registry: MemoryRegistry) -> Self {
        Self {
            dir: TempDir::new().unwrap(),
            registry: Arc::new(registry),
            others: Vec::new(),
            clock: HandClock::new(1_700_000_000),
        }
    }

    fn store(&self) -> Arc<dyn Store> {
        Arc::new(SqliteStore::open(self.dir.path(), Access::ReadWrite).unwrap())
    }

    async fn org(&self, store: &dyn Store) -> Organization {
        let name = "acme".parse().unwrap();
        store.enroll(&name, self.clock.now()).await.unwrap();
        organization(store, &name).await.unwrap()
    }

    /// A run of a new process, without advisories.
    async fn once(&self, all_images: bool) -> RunReport {
        self.run(all_images, PlatformChoice::default(), None).await
    }

    /// A run of a new process with the advisories in the house.
    async fn once_with_advisories(&self) -> RunReport {
        let source = AdvisorySource::new(self.advisories());
        self.run(true, PlatformChoice::default(), Some(source))
            .await
    }

    fn advisories(&self) -> PathBuf {
        let dir = self.dir.path().join("advisories");
        fs::create_dir_all(&dir).unwrap();
        dir
    }

    /// The severities of `latest-indexed` as they are shown, if they are known.
    async fn severities(&self) -> Option<String> {
        let store = self.store();
        let org = self.org(store.as_ref()).await;
        let snapshot = store.snapshot(org.id).await.unwrap().unwrap();
        snapshot.streams[0]
            .vulnerabilities
            .map(|counts| counts.to_string())
    }

    async fn run(
        &self,
        all_images: bool,
        platforms: PlatformChoice,
        advisories: Option<AdvisorySource>,
    ) -> RunReport {
        let manner = Manner {
            all_images,
            platforms,
            advisories,
            ..Manner::default()
        };
        let watcher = self.watcher(manner).await;
        round(&watcher).await.remove(0)
    }

    /// The watcher of a new process, a minute later.
    async fn watcher(&self, manner: Manner) -> Watcher {
        self.clock.advance(60);
        let store = self.store();
        let org = self.org(store.as_ref()).await.id;
        let clock: Arc<dyn Clock> = Arc::clone(&self.clock) as _;
        let registries = std::iter::once(&self.registry).chain(&self.others);
        let sources = registries.map(|registry| {
            let watched = Watched {
                store: Arc::clone(&store),
                registry: Arc::clone(registry) as _,
                org,
                clock: Arc::clone(&clock),
                counters: Arc::default(),
            };
            let options = SweepOptions {
                all_images: manner.all_images,
                tags: Vec::new(),
                refresh: manner.refresh,
            };
            let sweeper = Sweeper::new(watched.clone(), options);
            let options = IndexerOptions {
                platforms: manner.platforms.clone(),
                ..IndexerOptions::default()
            };
            let budget = scout_sbom::Budget::new(self.dir.path());
            let indexer = Indexer::new(watched.clone(), options, budget);
            Source::new(watched, sweeper, indexer)
        });
        let sources = sources.collect();
        let judge = Judge::new(Arc::clone(&store), manner.advisories, Arc::clone(&clock));
        let options = WatchOptions {
            workers: manner.workers,
            index: manner.index,
            ..WatchOptions::default()
        };
        Watcher::new((store, org, clock), sources, judge, options)
    }

    /// Repository, tags, state and reason of each artifact.
    async fn states(&self) -> Vec<(String, ArtifactState, Option<String>)> {
        let store = self.store();
        let org = self.org(store.as_ref()).await;
        let artifacts = store.artifacts(org.id, None).await.unwrap();
        let names = |artifact: &scout_store::ArtifactRecord| {
            let tags: Vec<&str> = artifact.tags.iter().map(|tag| tag.as_str()).collect();
            format!("{}:{}", artifact.repository, tags.join(","))
        };
        artifacts
            .iter()
            .map(|a| (names(a), a.state, a.reason.clone()))
            .collect()
    }

    /// Pushes an image of so many packages to the first registry.
    fn push(&self, repository: &str, tag: &str, packages: usize) -> Digest {
        self.push_to(0, repository, tag, packages)
    }

    /// Pushes an image of so many packages to the registry of this number.
    fn push_to(&self, number: usize, repository: &str, tag: &str, packages: usize) -> Digest {
        let registries = std::iter::once(&self.registry).chain(&self.others);
        let registry = registries.into_iter().nth(number).unwrap();
        let names: Vec<String> = (0..packages).map(|n| format!("p{n}")).collect();
        let packages: Vec<_> = names.iter().map(|name| (name.as_str(), "1")).collect();
        registry.push(repository, tag, &[debian(&packages)])
    }

    /// Pushes so many images, each other than the others, to the registry of this number; their
    /// tags count from zero.
    fn push_many(&self, number: usize, repository: &str, many: usize) {
        let registries = std::iter::once(&self.registry).chain(&self.others);
        let registry = registries.into_iter().nth(number).unwrap();
        for tag in 0..many {
            let tag = tag.to_string();
            registry.push(repository, &tag, &[layer(&[("srv/number", &tag)])]);
        }
    }

    /// Enables or disables a repository of the first registry.
    async fn enable(&self, repository: &str, enabled: bool) {
        self.clock.advance(60);
        let store = self.store();
        let org = self.org(store.as_ref()).await.id;
        let (key, host) = (self.registry.key(), self.registry.host());
        let now = self.clock.now();
        let registry = store.registry(org, key, host, now).await.unwrap().id;
        let names = [repository.parse().unwrap()];
        let changed = store
            .set_repositories_enabled(org, registry, &names, enabled, now)
            .await
            .unwrap();
        assert_eq!(changed, 1);
    }

    /// The repositories that are known.
    async fn repositories(&self) -> Vec<String> {
        let store = self.store();
        let org = self.org(store.as_ref()).await.id;
        let repositories = store.repositories(org, None).await.unwrap();
        let names = repositories.iter().map(|known| known.name.to_string());
        names.collect()
    }

    /// How many packages each member of `latest-indexed` has, by repository.
    async fn latest(&self) -> Vec<u32> {
        let store = self.store();
        let org = self.org(store.as_ref()).await;
        let judged = crate::judge::Judged::load(store.as_ref(), org.id, &[])
            .await
            .unwrap();
        let (_, members) = &judged.streams[0];
        members
            .iter()
            .map(|(_, image)| judged.images[image].record.facts.package_count)
            .collect()
    }
}

/// What a registry tells of a push.
fn pushed(id: &str, repository: &str, tag: &str) -> Event {
    event(id, EventAction::Pushed, repository, tag)
}

/// What a registry tells of a deletion.
fn deleted(id: &str, repository: &str, tag: &str) -> Event {
    event(id, EventAction::Deleted, repository, tag)
}

fn event(id: &str, action: EventAction, repository: &str, tag: &str) -> Event {
    let mut event = Event::new(id.to_owned(), action, repository.parse().unwrap());
    event.tag = Some(tag.parse().unwrap());
    event
}

/// A round of each registry.
async fn round(watcher: &Watcher) -> Vec<RunReport> {
    watcher.once(&CancellationToken::new()).await.unwrap()
}

/// Does what was told and asked for, without a sweep.
async fn heed(watcher: &Watcher) {
    let stop = CancellationToken::new();
    let registries = watcher.begin().await.unwrap();
    for (source, &registry) in watcher.sources.iter().zip(&registries) {
        let mut activator = Activator::new(&source.sweeper, registry);
        while watcher.heed(source, &mut activator).await.unwrap() {}
        watcher.note_begun(source);
    }
    watcher
        .work_until(&registries, Until::NothingIsLeft, &stop)
        .await
        .unwrap();
    watcher.judge_all(&stop).await.unwrap();
}

/// Waits until something is so; a test that waits in vain is ended by its runner.
async fn until(is_so: impl AsyncFn() -> bool) {
    while !is_so().await {
        tokio::task::yield_now().await;
    }
}
