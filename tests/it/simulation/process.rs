//! A watcher's process: store, client, receiver, watcher; and its end, killed or drained.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use regex::Regex;
use scout_platform::{
    AdvisorySource, Clock, EventRecorder, Indexer, IndexerOptions, Judge, Source, SweepOptions,
    Sweeper, WatchOptions, Watched, Watcher,
};
use scout_registry::events::Event;
use scout_registry::{BuildOptions, RegistryCredentials, RegistryIntegration, RegistrySpec};
use scout_sbom::Budget;
use scout_store::{Access, EventsRecorded, OrgId, SqliteStore, Store};
use scout_web::{EventSink, Recorded, SinkError, WebhookOptions, WebhookReceiver, WebhookRoute};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::registry::{PASSWORD, USER};
use super::script::{EXCLUDED, Settings, TAG_PATTERN};
use super::sender::{Gate, SECRET};
use super::time::Time;

/// How long a watcher may take to end when it is told to.
const DRAIN: Duration = Duration::from_secs(60);

/// How long those wait who have nothing to do: longer than the programs have it, as looking costs
/// most of the real time.
const IDLE: Duration = Duration::from_secs(2);

/// Where processes run, one after the other or beside each other.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) data: PathBuf,
    pub(crate) advisories: PathBuf,
    pub(crate) host: String,
    pub(crate) settings: Settings,
    pub(crate) time: Time,
}

/// A running process.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) org: OrgId,
    pub(crate) watcher: Arc<Watcher>,
    /// Rounds that met no problem.
    pub(crate) rounds: Arc<AtomicU64>,
    gate: Option<Gate>,
    stop: CancellationToken,
    task: JoinHandle<Result<(), String>>,
}

/// Where events go, as the program has it.
struct Sink(EventRecorder);

impl Place {
    /// Opens the store.
    pub(crate) async fn store(&self) -> Arc<dyn Store> {
        let data = self.data.clone();
        let open = move || SqliteStore::open(&data, Access::ReadWrite).unwrap();
        Arc::new(tokio::task::spawn_blocking(open).await.unwrap())
    }

    fn registry(&self) -> Arc<dyn RegistryIntegration> {
        let spec = format!("type=oci,registry={},exclude={EXCLUDED}", self.host);
        let mut options = BuildOptions::new("simulation").with_webhook_secrets(vec![SECRET.into()]);
        if self.settings.tokens {
            options = options.with_credentials(RegistryCredentials::Basic {
                user: USER.to_owned(),
                password: PASSWORD.into(),
            });
        }
        RegistrySpec::parse(&spec).unwrap().build(options).unwrap()
    }

    /// Starts a process, which receives events if there is a gate.
    pub(crate) async fn start(&self, gate: Option<&Gate>, refresh: bool) -> Process {
        let store = self.store().await;
        let name = "acme".parse().unwrap();
        let org = store.enroll(&name, self.time.now()).await.unwrap();
        let clock: Arc<dyn Clock> = Arc::new(self.time);
        let watched = Watched {
            store: Arc::clone(&store),
            registry: self.registry(),
            org,
            clock: Arc::clone(&clock),
            counters: Arc::default(),
        };
        let tags = self.settings.some_tags;
        let tags = tags.then(|| Regex::new(TAG_PATTERN).unwrap());
        let options = SweepOptions {
            all_images: self.settings.all_images,
            tags: tags.into_iter().collect(),
            refresh,
        };
        let sweeper = Sweeper::new(watched.clone(), options);
        let budget = Budget::new(&self.data);
        let indexer = Indexer::new(watched.clone(), IndexerOptions::default(), budget);
        let integration = Arc::clone(&watched.registry);
        let sources = vec![Source::new(watched, sweeper, indexer)];
        let advisories = AdvisorySource::new(&self.advisories);
        let judge = Judge::new(Arc::clone(&store), Some(advisories), Arc::clone(&clock));
        let mut options = WatchOptions::default();
        options.workers = self.settings.workers;
        options.interval = Duration::from_secs(self.settings.interval);
        options.idle = IDLE;
        let watcher = Watcher::new((Arc::clone(&store), org, clock), sources, judge, options);
        let (watcher, stop) = (Arc::new(watcher), CancellationToken::new());
        let rounds = Arc::<AtomicU64>::default();
        let receiving = match gate {
            Some(gate) => Some(receiver(gate, integration, &watcher).await),
            None => None,
        };
        let (running, counted, ended) = (Arc::clone(&watcher), Arc::clone(&rounds), stop.clone());
        let task = tokio::spawn(async move {
            let watching = running.run(&ended, |_, report| {
                let is_clean = report.unlisted.is_none() && report.sweep.problems.total() == 0;
                counted.fetch_add(u64::from(is_clean), Ordering::Relaxed);
            });
            let receiving = async {
                if let Some((receiver, listener)) = receiving {
                    receiver
                        .run(listener, None, ended.clone().cancelled_owned())
                        .await;
                }
                Ok(())
            };
            let ended = tokio::try_join!(watching, receiving);
            ended.map(|_| ()).map_err(|error| format!("{error:?}"))
        });
        Process {
            store,
            org,
            watcher,
            rounds,
            gate: gate.cloned(),
            stop,
            task,
        }
    }
}

async fn receiver(
    gate: &Gate,
    integration: Arc<dyn RegistryIntegration>,
    watcher: &Watcher,
) -> (WebhookReceiver, TcpListener) {
    let sink = Sink(watcher.recorders().remove(0));
    let routes = vec![WebhookRoute::new("oci", integration)];
    let receiver = WebhookReceiver::new(routes, Arc::new(sink), WebhookOptions::default()).unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    *gate.lock().unwrap() = Some(listener.local_addr().unwrap());
    (receiver, listener)
}

impl Process {
    /// Ends all that runs in the midst of whatever it does.
    ///
    /// # Errors
    ///
    /// If it had ended by itself.
    pub(crate) async fn kill(self) -> Result<(), String> {
        if let Some(gate) = &self.gate {
            gate.lock().unwrap().take();
        }
        self.task.abort();
        match self.task.await {
            Ok(ended) => Err(format!("the watcher ended by itself: {ended:?}")),
            Err(error) if error.is_cancelled() => Ok(()),
            Err(error) => Err(format!("the watcher panicked: {error}")),
        }
    }

    /// Tells it to end, as SIGTERM does.
    ///
    /// # Errors
    ///
    /// If it fails, or does not end.
    pub(crate) async fn drain(self) -> Result<(), String> {
        if let Some(gate) = &self.gate {
            gate.lock().unwrap().take();
        }
        self.stop.cancel();
        match tokio::time::timeout(DRAIN, self.task).await {
            Ok(Ok(ended)) => ended,
            Ok(Err(error)) => Err(format!("the watcher panicked: {error}")),
            Err(_) => Err("the watcher does not end when told to".to_owned()),
        }
    }

    /// Returns an error if it ended.
    pub(crate) fn check(&self) -> Result<(), String> {
        match self.task.is_finished() {
            true => Err("the watcher ended by itself".to_owned()),
            false => Ok(()),
        }
    }
}

#[async_trait::async_trait]
impl EventSink for Sink {
    async fn record(&self, _: &str, events: Vec<Event>) -> Result<Recorded, SinkError> {
        match self.0.record(events).await {
            Ok(EventsRecorded::Stored { stored, duplicates }) => {
                Ok(Recorded { stored, duplicates })
            }
            Ok(EventsRecorded::Full) => Err(SinkError::Full),
            Err(error) => Err(SinkError::Failed(error.into())),
        }
    }
}
