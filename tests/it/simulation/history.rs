//! One history: its steps, the quiet after them, and what must be so then.

mod quiet;

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use scout_platform::Clock;
use tempfile::TempDir;

use super::model::PushId;
use super::oracle::Oracle;
use super::process::{Place, Process};
use super::registry::Registry;
use super::script::{Fate, Script, Step};
use super::sender::{Sender, Told};
use super::time::Time;
use super::world::WORLD;

/// Longest that something is waited for within the quiet.
const PATIENCE: Duration = Duration::from_secs(20 * 60);

/// What happened in histories, so that it is seen that something did.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    kills: u64,
    requests: u64,
    layers: u64,
    acknowledged: u64,
    /// In hours.
    virtual_time: Duration,
}

/// A history while it lasts.
pub(crate) struct History<'a> {
    script: &'a Script,
    time: Time,
    registry: Registry,
    sender: Sender,
    place: Place,
    process: Option<Process>,
    second: Option<(Process, Timestamp)>,
    had_second: bool,
    baseline: Option<Timestamp>,
    kills: u64,
    _data: TempDir,
}

impl Seen {
    /// Adds what was seen in another.
    pub(crate) fn add(&mut self, other: &Self) {
        self.kills += other.kills;
        self.requests += other.requests;
        self.layers += other.layers;
        self.acknowledged += other.acknowledged;
        self.virtual_time += other.virtual_time;
    }
}

impl<'a> History<'a> {
    /// Lives through it.
    ///
    /// # Errors
    ///
    /// What is not as it must be.
    pub(crate) async fn live(
        seed: u64,
        script: &'a Script,
        advisories: &Path,
    ) -> Result<Seen, String> {
        let time = Time::start();
        let registry = Registry::start(seed, &script.settings, time).await;
        let data = TempDir::new().unwrap();
        let place = Place {
            data: data.path().to_owned(),
            advisories: advisories.to_owned(),
            host: registry.host(),
            settings: script.settings.clone(),
            time,
        };
        let mut history = Self {
            script,
            time,
            sender: Sender::new(registry.shared(), script.settings.event_ids),
            registry,
            place,
            process: None,
            second: None,
            had_second: false,
            baseline: None,
            kills: 0,
            _data: data,
        };
        let lived = history.go_on().await;
        lived.map_err(|error| {
            let state = history.registry.state();
            let wrong = state.violations.first();
            let wrong = wrong.map_or_else(String::new, |wrong| format!(" (and {wrong})"));
            let (at, requests) = (time.elapsed(), state.last_requests());
            format!("{error}{wrong}\nafter {at:.2?}, the last requests:\n{requests}\n")
        })
    }

    async fn go_on(&mut self) -> Result<Seen, String> {
        self.happen().await?;
        self.calm_down().await?;
        self.settle().await?;
        self.push_last().await?;
        self.rest().await?;
        self.end().await
    }

    /// Lets happen what the script says.
    async fn happen(&mut self) -> Result<(), String> {
        for &(repository, tag, artifact) in &self.script.first {
            self.push(repository, tag, artifact);
        }
        self.start().await;
        if self.script.settings.calm {
            self.wait_for_rounds(1).await?;
            self.baseline = Some(self.time.now());
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        for (pause, step) in &self.script.steps {
            tokio::time::sleep(Duration::from_millis(*pause)).await;
            self.running().check()?;
            let now = self.time.now();
            if let Some((second, _)) = self.second.take_if(|(_, until)| *until <= now) {
                second.kill().await?;
            }
            self.take(step).await?;
        }
        Ok(())
    }

    async fn take(&mut self, step: &Step) -> Result<(), String> {
        let at = self.time.now();
        let told = |action, repository, tag, artifact: Option<usize>| Told {
            action,
            repository,
            tag,
            artifact: artifact.map(|number| &WORLD.artifacts[number]),
            at,
        };
        match step {
            Step::Push {
                repository,
                tag,
                artifact,
                event,
            } => {
                let push = self.push(repository, tag, *artifact);
                let told = told("push", repository, Some(tag), Some(*artifact));
                self.sender.send(told, event, Some(push));
            }
            Step::DeleteTag {
                repository,
                tag,
                event,
            } => {
                let place = (*repository, *tag);
                if self.registry.state().model.delete_tag(place, at) {
                    let told = told("delete", repository, Some(tag), None);
                    self.sender.send(told, event, None);
                }
            }
            Step::DeleteManifest {
                repository,
                artifact,
                event,
            } => {
                let mut state = self.registry.state();
                let was_there = state.model.delete_manifest(repository, *artifact, at);
                drop(state);
                if was_there {
                    let told = told("delete", repository, None, Some(*artifact));
                    self.sender.send(told, event, None);
                }
            }
            Step::DeleteRepository { repository } => {
                self.registry
                    .state()
                    .model
                    .delete_repository(repository, at);
            }
            Step::Storm { kind, requests } => {
                self.registry.state().storms.push_back((*kind, *requests));
            }
            Step::Restart { millis } => {
                self.registry.stop().await;
                tokio::time::sleep(Duration::from_millis(*millis)).await;
                self.registry.start_again().await;
            }
            Step::Kill { requests, millis } => {
                self.registry.state().alarm = Some(*requests);
                tokio::select! {
                    () = self.registry.alarmed.notified() => {}
                    () = tokio::time::sleep(Duration::from_millis(*millis)) => {}
                }
                self.registry.state().alarm = None;
                self.kill().await?;
                self.start().await;
            }
            Step::Drain => {
                if let Some(process) = self.process.take() {
                    process.drain().await?;
                }
                self.start().await;
            }
            Step::Second { millis } => {
                if self.second.is_none() {
                    let second = self.place.start(None, self.script.settings.refresh).await;
                    let until = at + SignedDuration::from_millis(*millis as i64);
                    self.second = Some((second, until));
                    self.had_second = true;
                }
            }
            Step::Forged { repository, tag } => {
                self.sender
                    .forge(told("push", repository, Some(tag), Some(0)));
            }
            Step::Phantom { repository } => {
                let fate = Fate {
                    deliveries: vec![0],
                    tries: 1,
                };
                let told = told("push", repository, Some("latest-of-none"), Some(0));
                self.sender.send(told, &fate, None);
            }
        }
        Ok(())
    }

    fn push(&mut self, repository: &'static str, tag: &'static str, artifact: usize) -> PushId {
        let now = self.time.now();
        let mut state = self.registry.state();
        state.model.push((repository, tag), artifact, now)
    }

    fn running(&self) -> &Process {
        self.process.as_ref().unwrap()
    }

    async fn start(&mut self) {
        let refresh = self.script.settings.refresh;
        self.process = Some(self.place.start(Some(&self.sender.gate), refresh).await);
    }

    async fn kill(&mut self) -> Result<(), String> {
        self.kills += 1;
        match self.process.take() {
            Some(process) => process.kill().await,
            None => Ok(()),
        }
    }

    /// Ends all faults. Events that are still under way arrive, or are lost.
    async fn calm_down(&mut self) -> Result<(), String> {
        self.registry.state().storms.clear();
        if let Some((second, _)) = self.second.take() {
            self.kills += 1;
            second.kill().await?;
        }
        match self.script.settings.event_ids {
            true => self.sender.finish().await,
            false => self.sender.give_up().await,
        }
        // Without `--refresh-registry`, repositories nobody told of are seen by a new process.
        let settings = &self.script.settings;
        if settings.fresh || !settings.refresh {
            self.kill().await?;
            self.process = Some(self.place.start(Some(&self.sender.gate), true).await);
        }
        Ok(())
    }

    fn rounds(&self) -> u64 {
        self.running().rounds.load(Ordering::Relaxed)
    }

    /// Waits for so many more rounds without a problem.
    async fn wait_for_rounds(&self, rounds: u64) -> Result<(), String> {
        let wanted = self.rounds() + rounds;
        let waiting = async {
            while self.rounds() < wanted {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        waited.map_err(|_elapsed| "there are no more rounds without a problem".to_owned())?;
        self.running().check()
    }

    async fn wait_until_settled(&self) -> Result<(), String> {
        let settled = self.running().watcher.settled();
        match tokio::time::timeout(PATIENCE, settled).await {
            Ok(settled) => settled.map_err(|error| format!("{error:?}")),
            Err(_) => Err("the watcher does not settle".to_owned()),
        }
    }

    async fn check(&self, tags_only: bool) -> Result<(), String> {
        let process = self.running();
        process.check()?;
        // Nothing happens meanwhile that the oracle would have to see.
        let model = std::mem::take(&mut self.registry.state().model);
        let oracle = Oracle {
            model: &model,
            settings: &self.script.settings,
            baseline: self.baseline,
            had_second: self.had_second,
        };
        let (store, org) = (process.store.as_ref(), process.org);
        let checked = match tags_only {
            true => oracle.check_tags(store, org).await,
            false => oracle.check(store, org).await,
        };
        self.registry.state().model = model;
        checked
    }
}
