//! A watcher's process over the registry in memory: store, watcher, judge; and the clock.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use scout_platform::{
    AdvisorySource, Clock, EventRecorder, Indexer, IndexerOptions, Judge, Organization, Source,
    SweepOptions, Sweeper, WatchOptions, Watched, Watcher, organization,
};
use scout_sbom::Budget;
use scout_store::{Access, SqliteStore, Store};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::registry::MemoryRegistry;
use crate::support::scout::ORG;

/// How long those wait who have nothing to do: longer than the programs have it, as looking costs
/// most of the real time.
const IDLE: Duration = Duration::from_secs(30);
/// From one sweep to the next. Pushes are told by events meanwhile.
pub(crate) const SWEEP: Duration = Duration::from_secs(30 * 60);

/// The clock that everything goes by; it moves when no task can go on and no transaction runs.
#[derive(Clone, Debug)]
pub(crate) struct Time {
    origin: Instant,
    /// What it showed last, in seconds, for those outside of the runtime.
    shown: Arc<AtomicI64>,
}

impl Time {
    /// When it starts, in seconds.
    const START: i64 = 1_700_000_000;

    /// Starts the time of a runtime whose clock is paused.
    pub(crate) fn start() -> Self {
        Self {
            origin: Instant::now(),
            shown: Arc::new(AtomicI64::new(Self::START)),
        }
    }

    /// Returns the time last shown: for threads that are not of the runtime.
    pub(crate) fn shown(&self) -> Timestamp {
        Timestamp::from_second(self.shown.load(Ordering::Relaxed)).unwrap()
    }
}

impl Clock for Time {
    fn now(&self) -> Timestamp {
        let elapsed = SignedDuration::try_from(self.origin.elapsed()).unwrap();
        let now = Timestamp::from_second(Self::START).unwrap() + elapsed;
        self.shown.fetch_max(now.as_second(), Ordering::Relaxed);
        now
    }
}

/// A running process.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) org: Organization,
    pub(crate) watcher: Arc<Watcher>,
    pub(crate) events: EventRecorder,
    stop: CancellationToken,
    task: JoinHandle<Result<(), String>>,
}

impl Process {
    /// Starts a watcher as `scout-watch --all-images --refresh-registry` does.
    pub(crate) async fn start(
        data: &Path,
        advisories: &Path,
        registry: &Arc<MemoryRegistry>,
        time: &Time,
    ) -> Self {
        let directory = data.to_owned();
        let open = move || SqliteStore::open(&directory, Access::ReadWrite).unwrap();
        let store: Arc<dyn Store> = Arc::new(tokio::task::spawn_blocking(open).await.unwrap());
        let name = ORG.parse().unwrap();
        store.enroll(&name, time.now()).await.unwrap();
        let org = organization(store.as_ref(), &name).await.unwrap();
        let clock: Arc<dyn Clock> = Arc::new(time.clone());
        let watched = Watched {
            store: Arc::clone(&store),
            registry: Arc::clone(registry) as _,
            org: org.id,
            clock: Arc::clone(&clock),
            counters: Arc::default(),
        };
        let options = SweepOptions {
            all_images: true,
            tags: Vec::new(),
            refresh: true,
        };
        let sweeper = Sweeper::new(watched.clone(), options);
        let indexer = Indexer::new(
            watched.clone(),
            IndexerOptions::default(),
            Budget::new(data),
        );
        let sources = vec![Source::new(watched, sweeper, indexer)];
        let advisories = Some(AdvisorySource::new(advisories));
        let judge = Judge::new(Arc::clone(&store), advisories, Arc::clone(&clock));
        let mut options = WatchOptions::default();
        options.interval = SWEEP;
        options.idle = IDLE;
        let watcher = Watcher::new((Arc::clone(&store), org.id, clock), sources, judge, options);
        let (watcher, stop) = (Arc::new(watcher), CancellationToken::new());
        let events = watcher.recorders().remove(0);
        let (running, ended) = (Arc::clone(&watcher), stop.clone());
        let task = tokio::spawn(async move {
            let ended = running.run(&ended, |_, _| {}).await;
            ended.map_err(|error| format!("{error:?}"))
        });
        Self {
            store,
            org,
            watcher,
            events,
            stop,
            task,
        }
    }

    /// Tells it to end, as SIGTERM does, and waits.
    pub(crate) async fn drain(self) {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
    }

    /// Ends all that runs in the midst of whatever it does.
    pub(crate) async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }

    /// Waits until nothing is left to do that can be done.
    pub(crate) async fn settle(&self) {
        self.watcher.settled().await.unwrap();
        assert!(!self.task.is_finished(), "the watcher ended by itself");
    }
}
