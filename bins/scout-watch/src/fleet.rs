//! The registries that are watched together, opened; and when to open them anew.

use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use jiff::Timestamp;
use scout_config::{OpenedRegistry, ProcessEnvironment, SystemClock};
use scout_envs::IntegrationName;
use scout_platform::{
    AdvisorySource, Indexer, IndexerOptions, Judge, Organization, Source, SweepOptions, Sweeper,
    Watched, Watcher,
};
use scout_registry::Parameters;
use scout_sbom::{Budget, Limits};
use scout_store::Store;
use tokio::time::Instant;

use crate::settings::{Settings, Targets};

/// How often is looked whether integrations or files of secrets have changed.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// After which time an integration that could not be opened is tried again.
const OPEN_AGAIN: Duration = Duration::from_secs(60);

/// A registry that was opened, and the name its webhooks are sent to.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) opened: OpenedRegistry,
    /// Whether the store holds it; then it may be removed at any time.
    is_stored: bool,
}

/// The registries that are watched together.
#[derive(Debug)]
pub(crate) struct Fleet {
    pub(crate) members: Vec<Member>,
    /// What could not be opened.
    pub(crate) broken: Vec<anyhow::Error>,
    /// The integrations that the store held, each with when it last changed.
    stored: Vec<(IntegrationName, Timestamp)>,
    opened_at: Instant,
}

impl Fleet {
    /// Opens the registries; one that cannot be opened does not stop the others.
    ///
    /// # Errors
    ///
    /// If a registry that flags or the file name cannot be opened, an integration that is named
    /// does not exist, or the store fails.
    pub(crate) async fn open(
        settings: &Settings,
        store: &dyn Store,
        org: &Organization,
    ) -> anyhow::Result<Self> {
        let mut fleet = Self {
            members: Vec::new(),
            broken: Vec::new(),
            stored: Vec::new(),
            opened_at: Instant::now(),
        };
        let (named, configured) = match &settings.targets {
            Targets::Flags {
                registry,
                repositories,
            } => {
                fleet.members.push(open_flags(registry, repositories)?);
                return Ok(fleet);
            }
            Targets::Integrations { named, configured } => (named, configured),
        };
        let is_named = |name: &IntegrationName| named.is_empty() || named.contains(name);
        for integration in configured.iter().filter(|one| is_named(&one.name)) {
            fleet.members.push(Member {
                name: integration.name.to_string(),
                opened: integration.open(&ProcessEnvironment)?,
                is_stored: false,
            });
        }
        for record in store.integrations(org.id).await? {
            fleet.stored.push((record.name.clone(), record.updated_at));
            if !is_named(&record.name) {
                continue;
            }
            if configured.iter().any(|one| one.name == record.name) {
                bail!(
                    "integration {} is both in the configuration file and in the record; rename \
                     one, or remove it with `scout integration remove --name {}`",
                    record.name,
                    record.name
                );
            }
            let parameters = Parameters::new(&record.kind, record.parameters);
            match scout_config::open_integration(&ProcessEnvironment, &record.name, &parameters) {
                Ok(opened) => fleet.members.push(Member {
                    name: record.name.to_string(),
                    opened,
                    is_stored: true,
                }),
                Err(error) => fleet.broken.push(error.into()),
            }
        }
        fleet.check(named)?;
        Ok(fleet)
    }

    fn check(&self, named: &[IntegrationName]) -> anyhow::Result<()> {
        for name in named {
            let is_member = self.members.iter().any(|one| one.name == name.as_str());
            let is_stored = self.stored.iter().any(|(stored, _)| stored == name);
            if !is_member && !is_stored {
                bail!("there is no integration {name}; `scout integration list` lists them");
            }
        }
        for (number, member) in self.members.iter().enumerate() {
            let key = member.opened.registry.key();
            let others = self.members.iter().take(number);
            if let Some(other) = others
                .into_iter()
                .find(|other| other.opened.registry.key() == key)
            {
                bail!(
                    "integrations {} and {} watch the same registry; remove one",
                    other.name,
                    member.name
                );
            }
        }
        Ok(())
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

    /// Returns once something has changed, so that the registries are to be opened anew.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub(crate) async fn changed(
        &self,
        settings: &Settings,
        store: &dyn Store,
        org: &Organization,
    ) -> anyhow::Result<()> {
        loop {
            tokio::time::sleep(LOOK_AGAIN).await;
            let age = self.opened_at.elapsed();
            let is_due = |member: &Member| {
                let renewal = member.opened.renew_after();
                member.opened.has_changed() || renewal.is_some_and(|after| age >= after)
            };
            if self.members.iter().any(is_due) || (!self.broken.is_empty() && age >= OPEN_AGAIN) {
                return Ok(());
            }
            if matches!(settings.targets, Targets::Flags { .. }) {
                continue;
            }
            let records = store.integrations(org.id).await?;
            let stored: Vec<_> = records
                .into_iter()
                .map(|record| (record.name, record.updated_at))
                .collect();
            if stored != self.stored {
                return Ok(());
            }
        }
    }

    /// Makes the watcher of all members, in their order.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub(crate) async fn watcher(
        &self,
        settings: &Settings,
        store: &Arc<dyn Store>,
        org: &Organization,
    ) -> anyhow::Result<Watcher> {
        let clock = Arc::new(SystemClock);
        let budget = Budget::new(&settings.data_dir);
        let mut sources = Vec::with_capacity(self.members.len());
        for member in &self.members {
            let watched = Watched {
                store: Arc::clone(store),
                registry: Arc::clone(&member.opened.registry),
                org: org.id,
                clock: Arc::clone(&clock) as _,
            };
            if !member.is_stored {
                watched.restore().await?;
            }
            let sweeper = Sweeper::new(watched.clone(), sweep_options(settings));
            let options = IndexerOptions {
                platforms: settings.platforms.clone(),
                limits: Limits::default(),
            };
            let indexer = Indexer::new(watched.clone(), options, budget.clone());
            sources.push(Source::new(watched, sweeper, indexer));
        }
        let advisories = settings.advisories.as_ref().map(AdvisorySource::new);
        let judge = Judge::new(Arc::clone(store), advisories, Arc::clone(&clock) as _);
        let place = (Arc::clone(store), org.id, clock as _);
        Ok(Watcher::new(place, sources, judge, settings.watch.clone()))
    }
}

/// Opens the registry that flags name. Its webhooks are sent to its type.
pub(crate) fn open_flags(registry: &str, repositories: &[String]) -> anyhow::Result<Member> {
    let opened = scout_config::open_registry(&ProcessEnvironment, registry, repositories)?;
    Ok(Member {
        name: opened.spec.kind().to_owned(),
        opened,
        is_stored: false,
    })
}

pub(crate) fn sweep_options(settings: &Settings) -> SweepOptions {
    SweepOptions {
        all_images: settings.all_images,
        tags: settings.tags.clone(),
        refresh: settings.refresh_registry,
    }
}
