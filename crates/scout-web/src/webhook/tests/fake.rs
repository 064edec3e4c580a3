//! An integration that only receives events, and a store of events.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use http::header::{HeaderName, HeaderValue};
use scout_envs::{Digest, RepositoryName, Tag};
use scout_registry::events::{
    Answer, Delivery, Event, EventAction, EventSource, MAX_BODY, Reception,
};
use scout_registry::{
    BlobStream, Capabilities, Descriptor, Error, Identity, ListedTag, ManifestDocument,
    RegistryIntegration, Resolved, Result, Stats,
};
use tokio::sync::{Notify, Semaphore};

use crate::webhook::{EventSink, Recorded, SinkError};

pub(super) const SECRET: &str = "canary-of-the-secret";
pub(super) const SECRET_HEADER: &str = "x-canary-secret";

/// Answers deliveries by their text:
///
/// - without [`SECRET`] in the header or the query: 401
/// - `OPTIONS`: a handshake
/// - without body: 413
/// - `malformed`: 400; `busy`: 503; `pong`: 200 with nothing to store
/// - else each line `+ID` is an event, and every other line is ignored
#[derive(Debug)]
pub(super) struct FakeIntegration {
    identity: Identity,
    accepts: bool,
    /// The lengths of the bodies it was asked about.
    asked: Mutex<Vec<Option<usize>>>,
}

impl FakeIntegration {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self::accepting(true))
    }

    /// An integration without secret.
    pub(super) fn deaf() -> Arc<Self> {
        Arc::new(Self::accepting(false))
    }

    fn accepting(accepts: bool) -> Self {
        let host = "registry.example";
        Self {
            identity: Identity::new("fake", host, host, Capabilities::default()),
            accepts,
            asked: Mutex::default(),
        }
    }

    pub(super) fn asked(&self) -> Vec<Option<usize>> {
        self.asked.lock().unwrap().clone()
    }
}

impl EventSource for FakeIntegration {
    fn receive(&self, delivery: &Delivery<'_>) -> Reception {
        let length = delivery.body.map(<[u8]>::len);
        assert!(length.is_none_or(|length| length <= MAX_BODY));
        self.asked.lock().unwrap().push(length);
        let shown = delivery.header(SECRET_HEADER).map(str::to_owned);
        if shown.or_else(|| delivery.query_value("secret")).as_deref() != Some(SECRET) {
            return Reception::unauthorized();
        }
        if delivery.method == http::Method::OPTIONS {
            let name = HeaderName::from_static("webhook-allowed-origin");
            let answer = Answer::new(http::StatusCode::OK, r#"{"hello":1}"#)
                .with_header(name, HeaderValue::from_static("sender.example"))
                .with_header(
                    http::header::CONTENT_TYPE,
                    HeaderValue::from_static("application/json"),
                );
            return Reception::Answer(answer);
        }
        let Some(body) = delivery.body else {
            return Reception::too_large();
        };
        match std::str::from_utf8(body).unwrap() {
            "malformed" => Reception::malformed("that is no event"),
            "busy" => Reception::Answer(Answer::new(http::StatusCode::SERVICE_UNAVAILABLE, "busy")),
            "pong" => Reception::ignored("nothing to do"),
            text => {
                let (events, others): (Vec<&str>, Vec<&str>) =
                    text.lines().partition(|line| line.starts_with('+'));
                let event = |line: &str| {
                    let repository = RepositoryName::try_from("app".to_owned()).unwrap();
                    Event::new(line.to_owned(), EventAction::Pushed, repository)
                };
                Reception::Events {
                    events: events.into_iter().map(event).collect(),
                    ignored: others.len(),
                }
            }
        }
    }
}

fn nothing<T>() -> Result<T> {
    Err(Error::TooLarge {
        what: "everything".to_owned(),
        limit: 0,
    })
}

#[async_trait]
impl RegistryIntegration for FakeIntegration {
    fn identity(&self) -> &Identity {
        &self.identity
    }
    fn stats(&self) -> Stats {
        Stats::default()
    }
    fn lists_all(&self) -> bool {
        false
    }
    fn selects(&self, _: &RepositoryName) -> bool {
        true
    }
    fn events(&self) -> Option<&dyn EventSource> {
        self.accepts.then_some(self)
    }
    async fn check(&self) -> Result<()> {
        nothing()
    }
    async fn repositories(&self) -> Result<Vec<RepositoryName>> {
        nothing()
    }
    async fn tags(&self, _: &RepositoryName) -> Result<Vec<ListedTag>> {
        nothing()
    }
    async fn resolve(&self, _: &RepositoryName, _: &Tag) -> Result<Resolved> {
        nothing()
    }
    async fn manifest(&self, _: &RepositoryName, _: &Digest) -> Result<ManifestDocument> {
        nothing()
    }
    async fn blob(&self, _: &RepositoryName, _: &Descriptor) -> Result<BlobStream> {
        nothing()
    }
}

/// What the store does next.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Mood {
    /// It stores.
    #[default]
    Good,
    /// It has no room.
    Full,
    /// It fails.
    Failing,
    /// It never answers.
    Hanging,
}

/// Stores in memory, through a gate.
#[derive(Debug)]
pub(super) struct FakeSink {
    stored: Mutex<BTreeSet<(String, String)>>,
    mood: Mutex<Mood>,
    /// Told when a call has begun.
    pub(super) begun: Notify,
    /// Calls wait for one permit each. There are plenty unless a test takes them.
    pub(super) gate: Semaphore,
    running: AtomicUsize,
    peak: AtomicUsize,
}

impl Default for FakeSink {
    fn default() -> Self {
        Self {
            stored: Mutex::default(),
            mood: Mutex::default(),
            begun: Notify::new(),
            gate: Semaphore::new(1_000_000),
            running: AtomicUsize::default(),
            peak: AtomicUsize::default(),
        }
    }
}

impl FakeSink {
    pub(super) fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// What is stored, as `integration id`.
    pub(super) fn stored(&self) -> Vec<String> {
        let stored = self.stored.lock().unwrap();
        stored
            .iter()
            .map(|(name, id)| format!("{name} {id}"))
            .collect()
    }

    /// The most calls that ran at the same time.
    pub(super) fn peak(&self) -> usize {
        self.peak.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl EventSink for FakeSink {
    async fn record(
        &self,
        integration: &str,
        events: Vec<Event>,
    ) -> std::result::Result<Recorded, SinkError> {
        let running = self.running.fetch_add(1, Ordering::Relaxed) + 1;
        self.peak.fetch_max(running, Ordering::Relaxed);
        self.begun.notify_one();
        self.gate.acquire().await.unwrap().forget();
        self.running.fetch_sub(1, Ordering::Relaxed);
        let mood = *self.mood.lock().unwrap();
        match mood {
            Mood::Good => {}
            Mood::Full => return Err(SinkError::Full),
            Mood::Failing => return Err(SinkError::Failed("the disk is full".into())),
            Mood::Hanging => std::future::pending().await,
        }
        let mut recorded = Recorded::default();
        let mut stored = self.stored.lock().unwrap();
        for event in events {
            if stored.insert((integration.to_owned(), event.id)) {
                recorded.stored += 1;
            } else {
                recorded.duplicates += 1;
            }
        }
        Ok(recorded)
    }
}
