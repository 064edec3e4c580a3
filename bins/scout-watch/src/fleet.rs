//! The integrations that are watched together, opened; and when to open them anew.

use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use jiff::Timestamp;
use scout_config::{
    OpenedIntegration, OpenedRegistry, OpenedRuntime, ProcessEnvironment, SystemClock,
};
use scout_envs::IntegrationName;
use scout_platform::{
    AdvisorySource, Indexer, IndexerOptions, Judge, Organization, Source, SweepOptions, Sweeper,
    Watched, Watcher,
};
use scout_registry::Parameters;
use scout_sbom::Limits;
use scout_store::{IntegrationFamily, IntegrationRecord, Store};
use tokio::time::Instant;

use crate::health::Health;
use crate::settings::{Settings, Targets};
use crate::usage::Usage;

/// How often is looked whether integrations or files of secrets have changed.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// After which time an integration that could not be opened is tried again.
const OPEN_AGAIN: Duration = Duration::from_secs(60);

/// An integration that was opened; a registry, if nothing else is said.
#[derive(Clone, Debug)]
pub(crate) struct Member<T = OpenedRegistry> {
    /// Its name, to which its webhooks are sent.
    pub(crate) name: String,
    pub(crate) opened: T,
    /// When it last changed in the store, if that holds it; then it may be removed at any time.
    pub(crate) stored: Option<Timestamp>,
}

impl<T> Member<T> {
    fn new(name: &str, opened: T, stored: Option<Timestamp>) -> Self {
        Self {
            name: name.to_owned(),
            opened,
            stored,
        }
    }

    fn map<U>(self, change: impl FnOnce(T) -> U) -> Member<U> {
        Member {
            name: self.name,
            opened: change(self.opened),
            stored: self.stored,
        }
    }
}

impl Member<OpenedIntegration> {
    /// Returns the same, which serves on although its files have changed.
    fn served_on(mut self) -> Self {
        self.opened.ignore_changes();
        self
    }
}

/// The integrations that are watched together.
#[derive(Debug)]
pub(crate) struct Fleet {
    /// The registries.
    pub(crate) members: Vec<Member>,
    /// The runtimes, each with a cluster and an environment.
    pub(crate) runtimes: Vec<Member<OpenedRuntime>>,
    /// What could not be opened, or not be listened for.
    pub(crate) broken: Vec<anyhow::Error>,
    /// The integrations that the store held, each with when it last changed.
    stored: Vec<(IntegrationName, Timestamp)>,
    opened_at: Instant,
}

impl Fleet {
    /// Opens the integrations, those of the record as well if there is one.
    ///
    /// An integration of the record that cannot be opened does not stop the others. When `before`
    /// was opened already, nothing does: what cannot be opened anew stays as it was there.
    ///
    /// # Errors
    ///
    /// If what flags or the file name cannot be opened, integrations contradict each other, one
    /// that is named does not exist, or the store fails.
    pub(crate) async fn open(
        settings: &Settings,
        record: Option<(&dyn Store, &Organization)>,
        before: Option<&Self>,
    ) -> anyhow::Result<Self> {
        let mut fleet = Self {
            members: Vec::new(),
            runtimes: Vec::new(),
            broken: Vec::new(),
            stored: Vec::new(),
            opened_at: Instant::now(),
        };
        let (named, configured) = match &settings.targets {
            Targets::Flags {
                registry,
                repositories,
            } => {
                let member = before.and_then(|before| before.all().next());
                let opened = open_flags(registry, repositories);
                let opened = opened.map(|member| member.map(OpenedIntegration::Registry));
                let opened = fleet.or_as_before(opened, member)?;
                fleet.take(opened)?;
                return Ok(fleet);
            }
            Targets::Integrations { named, configured } => (named, configured),
        };
        let is_named = |name: &IntegrationName| named.is_empty() || named.contains(name);
        let configured = configured.iter().filter(|one| !one.is_channel());
        for integration in configured.filter(|one| is_named(&one.name)) {
            let name = integration.name.to_string();
            let opened = integration.open(&ProcessEnvironment);
            let opened = opened.map(|opened| Member::new(&name, opened, None));
            let member = before.and_then(|before| before.member(&name));
            let opened = fleet.or_as_before(opened, member)?;
            fleet.add(opened, settings, before.is_some())?;
        }
        let records = match record {
            Some((store, org)) => store.integrations(org.id).await?,
            None => Vec::new(),
        };
        for record in records.into_iter().filter(is_watched) {
            let version = record.updated_at;
            let stored = (record.name.clone(), version);
            let is_unchanged = before.is_some_and(|before| before.stored.contains(&stored));
            fleet.stored.push(stored);
            if !is_named(&record.name) {
                continue;
            }
            let name = record.name.to_string();
            let parameters = Parameters::new(&record.kind, record.parameters);
            let opened =
                scout_config::open_integration(&ProcessEnvironment, &record.name, &parameters);
            let opened = opened.map(|opened| Member::new(&name, opened, Some(version)));
            let member = before.filter(|_| is_unchanged);
            let member = member.and_then(|before| before.member(&name));
            match fleet.or_as_before(opened, member) {
                // What lacks something harms no other.
                Ok(opened) if lacks(&opened).is_some() => {
                    fleet.broken.extend(lacks(&opened).map(anyhow::Error::from));
                }
                Ok(opened) => fleet.add(opened, settings, before.is_some())?,
                Err(error) => fleet.broken.push(error),
            }
        }
        if before.is_none() {
            fleet.check(named, settings)?;
        }
        Ok(fleet)
    }

    /// Returns what was opened, or else what served before; then why is among what is broken.
    fn or_as_before(
        &mut self,
        opened: scout_config::Result<Member<OpenedIntegration>>,
        before: Option<Member<OpenedIntegration>>,
    ) -> anyhow::Result<Member<OpenedIntegration>> {
        match (opened, before) {
            (Ok(opened), _) => Ok(opened),
            (Err(error), Some(before)) => {
                let error = anyhow::Error::from(error);
                self.broken
                    .push(error.context("going on with what was read before"));
                Ok(before.served_on())
            }
            (Err(error), None) => Err(error.into()),
        }
    }

    /// Adds a member, unless it contradicts an earlier one; while others are watched already it
    /// is left out then.
    fn add(
        &mut self,
        member: Member<OpenedIntegration>,
        settings: &Settings,
        leave_out: bool,
    ) -> anyhow::Result<()> {
        match self.contradiction(&member, settings) {
            None => self.take(member)?,
            Some(error) if leave_out => {
                let left_out = format!("integration {} is not watched", member.name);
                self.broken.push(error.context(left_out));
            }
            Some(error) => return Err(error),
        }
        Ok(())
    }

    /// Puts a member where those of its family are.
    fn take(&mut self, member: Member<OpenedIntegration>) -> anyhow::Result<()> {
        if let Some(lacking) = lacks(&member) {
            return Err(lacking.into());
        }
        let Member {
            name,
            opened,
            stored,
        } = member;
        match opened {
            OpenedIntegration::Registry(opened) => {
                self.members.push(Member::new(&name, opened, stored));
            }
            OpenedIntegration::Runtime(opened) => {
                self.runtimes.push(Member::new(&name, opened, stored));
            }
            // Channels are not watched.
            OpenedIntegration::Channel(_) => {}
        }
        Ok(())
    }

    fn contradiction(
        &self,
        member: &Member<OpenedIntegration>,
        settings: &Settings,
    ) -> Option<anyhow::Error> {
        let name = &member.name;
        if self.member(name).is_some() {
            return Some(anyhow!(
                "integration {name} is both in the configuration file and in the record; rename \
                 one, or remove it with `scout integration remove --org {} --name {name}`",
                settings.org
            ));
        }
        let key = member.opened.key();
        let other = self.all().find(|other| other.opened.key() == key)?;
        Some(anyhow!(
            "integrations {} and {name} watch the same {}; remove one",
            other.name,
            match &member.opened {
                OpenedIntegration::Registry(_) => "registry",
                OpenedIntegration::Runtime(_) => "cluster",
                OpenedIntegration::Channel(_) => "channel",
            }
        ))
    }

    fn check(&self, named: &[IntegrationName], settings: &Settings) -> anyhow::Result<()> {
        for name in named {
            let is_stored = self.stored.iter().any(|(stored, _)| stored == name);
            if !is_stored && self.member(name.as_str()).is_none() {
                return Err(Usage::no_integration(name, settings).into());
            }
        }
        Ok(())
    }

    fn member(&self, name: &str) -> Option<Member<OpenedIntegration>> {
        self.all().find(|one| one.name == name)
    }

    /// Returns the members of all families.
    fn all(&self) -> impl Iterator<Item = Member<OpenedIntegration>> {
        let registries = self.members.iter().cloned();
        let runtimes = self.runtimes.iter().cloned();
        let registries = registries.map(|one| one.map(OpenedIntegration::Registry));
        registries.chain(runtimes.map(|one| one.map(OpenedIntegration::Runtime)))
    }

    /// Returns whether nothing is watched.
    pub(crate) fn is_empty(&self) -> bool {
        self.all().next().is_none()
    }

    /// Returns the same, to be opened anew a while later.
    pub(crate) fn kept(self) -> Self {
        Self {
            opened_at: Instant::now(),
            ..self
        }
    }

    /// Returns the registry's name that a single member has.
    pub(crate) fn only_host(&self) -> Option<&str> {
        match self.members.as_slice() {
            [only] => Some(only.opened.registry.host()),
            _ => None,
        }
    }

    /// Returns once the registries are to be opened anew, with the reason.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub(crate) async fn changed(
        &self,
        settings: &Settings,
        store: &dyn Store,
        org: &Organization,
    ) -> anyhow::Result<&'static str> {
        loop {
            tokio::time::sleep(LOOK_AGAIN).await;
            let age = self.opened_at.elapsed();
            if self.all().any(|one| one.opened.has_changed()) {
                return Ok("a file has changed");
            }
            let mut renewals = self.all().filter_map(|one| one.opened.renew_after());
            if renewals.any(|after| age >= after) {
                return Ok("credentials may end");
            }
            if !self.broken.is_empty() && age >= OPEN_AGAIN {
                return Ok("something was wrong with them");
            }
            if matches!(settings.targets, Targets::Flags { .. }) {
                continue;
            }
            let records = store.integrations(org.id).await?;
            let stored: Vec<_> = records
                .into_iter()
                .filter(is_watched)
                .map(|record| (record.name, record.updated_at))
                .collect();
            if stored != self.stored {
                return Ok("integrations have changed");
            }
        }
    }

    /// Makes the watcher of all registries, in their order.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub(crate) async fn watcher(
        &self,
        settings: &Settings,
        store: &Arc<dyn Store>,
        org: &Organization,
        health: &Health,
    ) -> anyhow::Result<Watcher> {
        let clock = Arc::new(SystemClock);
        health.watch(self);
        let mut sources = Vec::with_capacity(self.members.len());
        for member in &self.members {
            let watched = Watched {
                store: Arc::clone(store),
                registry: Arc::clone(&member.opened.registry),
                org: org.id,
                clock: Arc::clone(&clock) as _,
                counters: health.counters(&member.name),
            };
            if member.stored.is_none() {
                watched.restore().await?;
            }
            let sweeper = Sweeper::new(watched.clone(), sweep_options(settings));
            let options = IndexerOptions {
                platforms: settings.platforms.clone(),
                limits: Limits::default(),
            };
            let indexer = Indexer::new(watched.clone(), options, health.budget());
            sources.push(Source::new(watched, sweeper, indexer));
        }
        let advisories = settings.advisories.as_ref().map(AdvisorySource::new);
        let judge = Judge::new(Arc::clone(store), advisories, Arc::clone(&clock) as _);
        let place = (Arc::clone(store), org.id, clock as _);
        let watcher = Watcher::new(place, sources, judge, settings.watch.clone());
        Ok(watcher.with_judge_counters(health.judge()))
    }
}

/// Opens the registry that flags name. Its webhooks are sent to its type.
pub(crate) fn open_flags(registry: &str, repositories: &[String]) -> scout_config::Result<Member> {
    let opened = scout_config::open_registry(&ProcessEnvironment, registry, repositories)?;
    Ok(Member::new(opened.spec.kind(), opened, None))
}

/// Whether an integration is watched: channels are told, not asked.
fn is_watched(record: &IntegrationRecord) -> bool {
    record.family != IntegrationFamily::Channel
}

/// Returns what a runtime lacks to be watched.
fn lacks(member: &Member<OpenedIntegration>) -> Option<Usage> {
    let OpenedIntegration::Runtime(opened) = &member.opened else {
        return None;
    };
    let (cluster, environment) = (opened.spec.cluster(), opened.spec.environment());
    (cluster.is_none() || environment.is_none())
        .then(|| Usage::incomplete_runtime(&member.name, opened.spec.kind()))
}

pub(crate) fn sweep_options(settings: &Settings) -> SweepOptions {
    SweepOptions {
        all_images: settings.all_images,
        tags: settings.tags.clone(),
        refresh: settings.refresh_registry,
    }
}
