//! What runs: each runtime is asked at intervals, and fills its share of an environment.
//!
//! A runtime that does not answer keeps nothing and nobody waiting: its share stays, its age is
//! seen, and it is asked again.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use scout_config::{OpenedRuntime, SecretFiles, SystemClock};
use scout_envs::{EnvironmentName, IntegrationName};
use scout_platform::{Error, Organization, chain};
use scout_store::{IntegrationRecord, RunningStatus, Store, WaitingReason};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::fleet::Member;
use crate::health::Health;
use crate::settings::Settings;

/// How many clusters are asked about at once: what runs in one may be a hundred thousand images.
const AT_ONCE: usize = 4;
/// After which time a runtime that did not answer is asked again; twice as long each time, up to
/// the interval.
const FIRST_RETRY: Duration = Duration::from_secs(15);
/// The longest that a runtime may ask to be left alone.
const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);
/// How much of a pause is left to chance, so that watchers that began together do not stay so.
const SPREAD: f64 = 0.2;

/// The runtimes of an organization, and when each is asked.
#[derive(Debug)]
pub(crate) struct Runtimes {
    store: Arc<dyn Store>,
    org: Organization,
    interval: Duration,
    turns: Semaphore,
    health: Arc<Health>,
    /// By name. It outlives the opened integrations: opening them anew is no reason to ask.
    schedule: Mutex<HashMap<String, Slot>>,
}

/// When a runtime is asked next, and how it went.
#[derive(Clone, Debug)]
struct Slot {
    due: Instant,
    /// How often in a row it did not answer.
    failures: u32,
    /// What was last logged about that.
    told: Option<String>,
    /// What was asked: another version, or other files, are asked at once.
    version: (Option<Timestamp>, SecretFiles),
}

impl Runtimes {
    pub(crate) fn new(
        store: &Arc<dyn Store>,
        org: &Organization,
        settings: &Settings,
        health: &Arc<Health>,
    ) -> Self {
        Self {
            health: Arc::clone(health),
            store: Arc::clone(store),
            org: org.clone(),
            interval: settings.runtime_interval,
            turns: Semaphore::new(AT_ONCE),
            schedule: Mutex::default(),
        }
    }

    /// Asks each runtime once, and records what it says.
    pub(crate) async fn once(
        &self,
        members: &[Member<OpenedRuntime>],
        stop: &CancellationToken,
    ) -> Vec<Result<(), Error>> {
        let each = members.iter().map(|member| async move {
            let synced = self.sync(member, stop).await;
            synced.unwrap_or(Ok(()))
        });
        join_all(each).await
    }

    /// Asks each runtime at intervals until told to stop; what it said then is recorded first.
    pub(crate) async fn run(&self, members: &[Member<OpenedRuntime>], stop: &CancellationToken) {
        join_all(members.iter().map(|member| self.follow(member, stop))).await;
    }

    async fn follow(&self, member: &Member<OpenedRuntime>, stop: &CancellationToken) {
        loop {
            let mut slot = self.slot(member);
            tokio::select! {
                () = tokio::time::sleep_until(slot.due) => {}
                () = stop.cancelled() => return,
            }
            let Some(synced) = self.sync(member, stop).await else {
                return;
            };
            match synced {
                Ok(()) => {
                    if slot.told.take().is_some() {
                        tracing::info!("{} answers again", place(member));
                    }
                    slot.failures = 0;
                    match self.line(member).await {
                        Ok(line) => tracing::info!(integration = member.name, "{line}"),
                        Err(error) => tracing::warn!("{}", chain(&error)),
                    }
                }
                Err(error) => {
                    slot.failures = slot.failures.saturating_add(1);
                    let told = chain(&error);
                    // The same again and again is told once; its age is a number.
                    if slot.told.as_ref() != Some(&told) {
                        let environment = environment(member);
                        tracing::warn!(
                            integration = member.name,
                            "{told}; environment {environment} keeps what was known, {} is asked \
                             again",
                            place(member)
                        );
                    }
                    slot.told = Some(told);
                    slot.due = Instant::now() + self.pause_after(&error, slot.failures);
                    self.remember(member, slot);
                    continue;
                }
            }
            slot.due = Instant::now() + spread(self.interval);
            self.remember(member, slot);
        }
    }

    /// Asks a runtime and records what it says; nothing if told to stop before it has said it.
    async fn sync(
        &self,
        member: &Member<OpenedRuntime>,
        stop: &CancellationToken,
    ) -> Option<Result<(), Error>> {
        let runtime = member.opened.runtime.as_ref();
        let asked = async {
            let _turn = self.turns.acquire().await;
            runtime.running_images().await
        };
        let running = tokio::select! {
            running = asked => running,
            () = stop.cancelled() => return None,
        };
        let Some(environment) = member.opened.spec.environment() else {
            return Some(Ok(()));
        };
        let (store, source) = (self.store.as_ref(), source(member));
        let recorded = scout_platform::record_running(
            store,
            &self.org,
            environment,
            &source,
            runtime,
            running,
            &SystemClock,
        )
        .await;
        self.health.note_sync(&member.name, recorded.is_ok());
        let tidied = self.tidy(member, environment, &source).await;
        Some(recorded.map(drop).and(tidied))
    }

    /// Removes what is no share of this runtime any more: what it recorded although it was removed
    /// meanwhile or is for another environment now, and what it had in others.
    async fn tidy(
        &self,
        member: &Member<OpenedRuntime>,
        environment: &EnvironmentName,
        source: &str,
    ) -> Result<(), Error> {
        let (store, org) = (self.store.as_ref(), self.org.id);
        if member.stored.is_some() && !self.is_still(member, environment).await? {
            store.remove_share(org, environment, source).await?;
            return Ok(());
        }
        for share in store.shares(org).await? {
            if share.source == source && share.environment != *environment {
                store.remove_share(org, &share.environment, source).await?;
            }
        }
        Ok(())
    }

    /// Returns whether the store still holds this runtime for this environment.
    async fn is_still(
        &self,
        member: &Member<OpenedRuntime>,
        environment: &EnvironmentName,
    ) -> Result<bool, Error> {
        let Ok(name) = member.name.parse::<IntegrationName>() else {
            return Ok(false);
        };
        let record = self.store.integration(self.org.id, &name).await?;
        Ok(record.is_some_and(|record| {
            let mut parameters = record.parameters.iter();
            record.key == member.opened.runtime.key()
                && parameters.any(|(key, value)| {
                    key == "environment" && value.as_str() == environment.as_str()
                })
        }))
    }

    /// Says what is known of the cluster of a runtime now.
    pub(crate) async fn line(&self, member: &Member<OpenedRuntime>) -> Result<String, Error> {
        let environment = environment(member);
        let (store, source) = (self.store.as_ref(), source(member));
        let Some(name) = member.opened.spec.environment() else {
            return Ok(String::new());
        };
        let mut running = store.running_images(self.org.id, name).await?;
        running.retain(|image| image.source == source);
        let mut reasons: Vec<(WaitingReason, usize)> = Vec::new();
        for image in &running {
            if let RunningStatus::Waiting { reason, .. } = image.status {
                match reasons.iter_mut().find(|(known, _)| *known == reason) {
                    Some((_, count)) => *count += 1,
                    None => reasons.push((reason, 1)),
                }
            }
        }
        reasons.sort();
        let waiting: usize = reasons.iter().map(|(_, count)| count).sum();
        let reasons: Vec<String> = reasons
            .iter()
            .map(|(reason, count)| format!("{count} {}", reason.as_str()))
            .collect();
        let reasons = match reasons.is_empty() {
            true => String::new(),
            false => format!(" ({})", reasons.join(", ")),
        };
        let images = if running.len() == 1 {
            "image"
        } else {
            "images"
        };
        Ok(format!(
            "{} for environment {environment}: {} {images} running, {} analyzed, \
             {waiting} waiting{reasons}",
            place(member),
            running.len(),
            running.len() - waiting,
        ))
    }

    fn slot(&self, member: &Member<OpenedRuntime>) -> Slot {
        let schedule = self.schedule.lock().unwrap_or_else(PoisonError::into_inner);
        let version = version(member);
        let known = schedule.get(&member.name);
        let known = known.filter(|slot| slot.version == version);
        known.cloned().unwrap_or_else(|| Slot {
            due: Instant::now(),
            failures: 0,
            told: None,
            version,
        })
    }

    fn remember(&self, member: &Member<OpenedRuntime>, slot: Slot) {
        let mut schedule = self.schedule.lock().unwrap_or_else(PoisonError::into_inner);
        schedule.insert(member.name.clone(), slot);
    }

    /// Returns how long a runtime is left alone that has failed this often in a row.
    fn pause_after(&self, error: &Error, failures: u32) -> Duration {
        let (may_pass, asked) = match error {
            Error::Runtime { source, .. } => (source.is_retryable(), source.retry_after()),
            _ => (true, None),
        };
        let pause = match may_pass {
            true => {
                let factor = 2_u32.saturating_pow(failures.saturating_sub(1));
                FIRST_RETRY.saturating_mul(factor).min(self.interval)
            }
            // Somebody has to mend it: what they change is taken up at once.
            false => self.interval,
        };
        spread(pause).max(asked.unwrap_or_default().min(LONGEST_PAUSE))
    }
}

/// Says what a sync would do; records nothing.
pub(crate) async fn plan(
    member: &Member<OpenedRuntime>,
    record: Option<(&dyn Store, &Organization)>,
) -> anyhow::Result<String> {
    let planned = scout_platform::plan_runtime(record, member.opened.runtime.as_ref()).await?;
    let mut out = format!("Integration {}, {}:\n", member.name, place(member));
    for image in &planned {
        let what = image.waits.map_or("would assign", WaitingReason::as_str);
        let _ = writeln!(out, "{what:14} {}", image.image);
    }
    let assigned = planned.iter().filter(|one| one.waits.is_none()).count();
    let _ = writeln!(
        out,
        "{assigned} of {} running images would be assigned to environment {}; nothing was done",
        planned.len(),
        environment(member)
    );
    Ok(out)
}

fn spread(pause: Duration) -> Duration {
    pause.mul_f64(1.0 - SPREAD / 2.0 + SPREAD * scout_config::random_fraction())
}

fn version(member: &Member<OpenedRuntime>) -> (Option<Timestamp>, SecretFiles) {
    (member.stored, member.opened.files.clone())
}

fn source(member: &Member<OpenedRuntime>) -> String {
    let kind = member.opened.runtime.kind();
    IntegrationRecord::share_source(kind, &member.name)
}

/// Returns what is asked as people write it.
fn place(member: &Member<OpenedRuntime>) -> String {
    let runtime = member.opened.runtime.as_ref();
    let cluster = runtime.cluster().unwrap_or_default();
    format!("cluster {cluster} of {}", runtime.host())
}

fn environment(member: &Member<OpenedRuntime>) -> &str {
    let environment = member.opened.spec.environment();
    environment.map_or("", EnvironmentName::as_str)
}
