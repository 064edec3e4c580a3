//! Events: hints that send somebody to look. What is recorded is what the registry answers.
//!
//! Events that name the same tag are answered by one question, and an event that is lost is made
//! good by the next sweep. An event looked at twice records the same.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use scout_envs::{RepositoryName, Tag};
use scout_registry::Resolved;
use scout_registry::events::{Event, EventAction as Told};
use scout_store::{
    EventAction, EventsRecorded, NewEvent, Observation, PendingEvent, RegistryId,
    RepositoryListing, RepositoryRecord, WatchedRepository, WorkClass,
};
use tokio::sync::Notify;

use crate::error::Result;
use crate::index::chain;
use crate::stats::ErrorKind;
use crate::sweep::Sweeper;
use crate::watched::Watched;

/// How many events are looked at before others get a turn.
const BATCH: u32 = 100;
/// How long an event waits after the registry failed to answer, doubled each time.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_secs(2);
/// How often an event is put off before it is left to the next sweep: for about half an hour.
const MAX_POSTPONED: u32 = 10;
/// How long a push waits that is not there yet, doubled each time. The reference registry tells of a
/// manifest before it puts the tag on it (distribution, `registry/handlers/manifests.go`), a few
/// milliseconds apart, and a server of several machines may answer from another.
const FIRST_LOOK_AGAIN: SignedDuration = SignedDuration::from_millis(250);
/// How often a push is looked for that is not there yet: for a quarter of a minute.
const MAX_EARLY: u32 = 6;
/// How long an event waits at most because the registry asked for it.
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);

/// Records what a registry tells, for the watcher that works on it.
#[derive(Clone, Debug)]
pub struct EventRecorder {
    watched: Watched,
    wake: Arc<Notify>,
}

impl EventRecorder {
    pub(crate) fn new(watched: Watched, wake: Arc<Notify>) -> Self {
        Self { watched, wake }
    }

    /// Returns what the events are about.
    #[must_use]
    pub fn watched(&self) -> &Watched {
        &self.watched
    }

    /// Records events so that they survive a loss of power, and wakes the watcher.
    ///
    /// # Errors
    ///
    /// If the store fails, or the integration was removed; nothing was recorded then.
    pub async fn record(&self, events: Vec<Event>) -> Result<EventsRecorded> {
        if events.is_empty() {
            return Ok(EventsRecorded::Stored {
                stored: 0,
                duplicates: 0,
            });
        }
        let registry = self.watched.record().await?.id;
        let now = self.watched.clock.now();
        let events = events.into_iter().map(new_event).collect();
        let recorded = self
            .watched
            .store
            .record_events(self.watched.org, registry, events, now)
            .await?;
        if let EventsRecorded::Stored { stored: 1.., .. } = recorded {
            self.wake.notify_waiters();
        }
        Ok(recorded)
    }
}

fn new_event(event: Event) -> NewEvent {
    NewEvent {
        key: event.id,
        action: match event.action {
            Told::Deleted => EventAction::Deleted,
            _ => EventAction::Pushed,
        },
        repository: event.repository,
        tag: event.tag,
        digest: event.digest,
        occurred_at: event.occurred_at,
    }
}

/// Looks where the pending events of one registry point.
#[derive(Debug)]
pub(crate) struct HintReader<'a> {
    pub(crate) sweeper: &'a Sweeper,
    pub(crate) registry: RegistryId,
}

/// What came of one event.
enum Looked {
    /// It was worked on.
    Done,
    /// The registry does not have what the event tells of.
    Early,
    /// The registry could not answer.
    Later,
}

impl HintReader<'_> {
    /// Works on events that are due; returns how many of them are done with. When the registry
    /// cannot answer, the others wait with the one that met it.
    pub(crate) async fn read(&self) -> Result<usize> {
        let watched = self.sweeper.watched();
        let store = &watched.store;
        let (org, now) = (watched.org, watched.clock.now());
        let pending = store.pending_events(org, self.registry, now, BATCH).await?;
        if pending.is_empty() {
            return Ok(0);
        }
        let known: BTreeMap<RepositoryName, RepositoryListing> = store
            .repositories(org, Some(self.registry))
            .await?
            .into_iter()
            .map(|listing| (listing.name.clone(), listing))
            .collect();
        let mut answers = Answers::default();
        let mut done = Vec::new();
        for event in &pending {
            match self.look(event, &known, &mut answers).await? {
                Looked::Early if event.attempts < MAX_EARLY => {
                    let pause = pause(FIRST_LOOK_AGAIN, event.attempts, &answers);
                    let not_before = watched.clock.now() + pause;
                    store.postpone_event(org, event.id, not_before).await?;
                }
                Looked::Done | Looked::Early => done.push(event.id),
                Looked::Later if event.attempts < MAX_POSTPONED => {
                    let pause = pause(FIRST_PAUSE, event.attempts, &answers);
                    let not_before = watched.clock.now() + pause;
                    store.postpone_event(org, event.id, not_before).await?;
                }
                Looked::Later => {
                    tracing::info!(
                        "an event of {} is left to the next sweep",
                        watched.registry.reference(&event.repository)
                    );
                    done.push(event.id);
                }
            }
        }
        store.finish_events(org, &done, watched.clock.now()).await?;
        Ok(done.len())
    }

    async fn look(
        &self,
        event: &PendingEvent,
        known: &BTreeMap<RepositoryName, RepositoryListing>,
        answers: &mut Answers,
    ) -> Result<Looked> {
        let watched = self.sweeper.watched();
        let (store, org) = (&watched.store, watched.org);
        let repository = known.get(&event.repository);
        let is_wanted = match repository {
            Some(repository) => repository.enabled,
            None => !watched.registry.requires_activation(),
        };
        if !is_wanted || !watched.registry.selects(&event.repository) {
            return Ok(Looked::Done);
        }
        let tags = match (&event.tag, &event.digest, repository) {
            (Some(tag), ..) => vec![tag.clone()],
            // A manifest without a tag is part of an image, or will get its tag by another event.
            (None, Some(digest), Some(repository)) if event.action == EventAction::Deleted => {
                store.tags_of_digest(org, repository.id, digest).await?
            }
            _ => Vec::new(),
        };
        let options = self.sweeper.options();
        let is_push = event.action == EventAction::Pushed;
        let mut looked = Looked::Done;
        for tag in tags.iter().filter(|tag| options.wants(tag)) {
            match self.ask(&event.repository, tag, answers).await {
                Answer::Resolved(resolved) => {
                    let told = event.digest.as_ref();
                    if is_push && told.is_some_and(|digest| *digest != resolved.digest) {
                        looked = Looked::Early;
                    }
                    self.observe(event, tag, resolved).await?;
                }
                Answer::Gone => {
                    if is_push {
                        looked = Looked::Early;
                    }
                    if let Some(repository) = repository {
                        store.forget_tag(org, repository.id, tag).await?;
                    }
                }
                Answer::Unknown => return Ok(Looked::Later),
            }
        }
        Ok(looked)
    }

    /// Asks the registry, once for each tag in a batch, and not any more once it is out of reach.
    async fn ask(&self, repository: &RepositoryName, tag: &Tag, answers: &mut Answers) -> Answer {
        let key = (repository.clone(), tag.clone());
        if let Some(answer) = answers.by_tag.get(&key) {
            return answer.clone();
        }
        if answers.out_of_reach.is_some() {
            return Answer::Unknown;
        }
        let registry = &self.sweeper.watched().registry;
        let answer = match registry.resolve(repository, tag).await {
            Ok(resolved) => Answer::Resolved(resolved),
            Err(error) if error.is_not_found() => Answer::Gone,
            Err(error) => {
                let reference = registry.reference(repository);
                let counters = &self.sweeper.watched().counters;
                counters.count_error(ErrorKind::of(&error));
                tracing::warn!("{reference}:{tag}, which an event names: {}", chain(&error));
                if error.is_retryable() || error.concerns_whole_source() {
                    answers.out_of_reach = Some(error.retry_after().unwrap_or_default());
                }
                Answer::Unknown
            }
        };
        if !matches!(answer, Answer::Unknown) {
            self.sweeper.note_asked(repository, tag);
        }
        answers.by_tag.insert(key, answer.clone());
        answer
    }

    async fn observe(&self, event: &PendingEvent, tag: &Tag, resolved: Resolved) -> Result<()> {
        let watched = self.sweeper.watched();
        let now = watched.clock.now();
        let repository = self.repository(&event.repository, now).await?;
        let is_push = event.action == EventAction::Pushed;
        // The event's time is that of what it names, which may be another by now.
        let is_it = event.digest.as_ref() == Some(&resolved.digest);
        let told_at = event.occurred_at.filter(|_| is_push && is_it);
        let observation = Observation {
            tag: tag.clone(),
            pushed_at: resolved.pushed_at.or(told_at),
            digest: resolved.digest,
            seen_at: now,
            wanted: is_push.then_some(WorkClass::Event),
        };
        watched
            .store
            .observe(watched.org, repository.id, observation)
            .await?;
        Ok(())
    }

    /// Returns the repository's record, which may be its first.
    async fn repository(&self, name: &RepositoryName, now: Timestamp) -> Result<RepositoryRecord> {
        let watched = self.sweeper.watched();
        let told = WatchedRepository {
            name: name.clone(),
            reference: watched.registry.reference(name),
        };
        let enable_new = !watched.registry.requires_activation();
        let Watched { store, org, .. } = watched;
        Ok(store
            .record_told_repository(*org, self.registry, &told, enable_new, now)
            .await?)
    }
}

/// How long an event waits that could not be looked at.
fn pause(first: SignedDuration, attempts: u32, answers: &Answers) -> SignedDuration {
    let pause = first * 2_i32.pow(attempts.min(MAX_POSTPONED));
    let asked_for = answers.out_of_reach.unwrap_or_default();
    // A registry that asks for days is asked again all the same.
    let asked_for = asked_for.min(LONGEST_PAUSE);
    pause.max(SignedDuration::try_from(asked_for).unwrap_or(pause))
}

/// What the registry said in a batch.
#[derive(Default)]
struct Answers {
    by_tag: BTreeMap<(RepositoryName, Tag), Answer>,
    /// That it cannot answer at all now, and how long it wants us to wait.
    out_of_reach: Option<Duration>,
}

/// What the registry said of a tag.
#[derive(Clone)]
enum Answer {
    Resolved(Resolved),
    Gone,
    Unknown,
}
