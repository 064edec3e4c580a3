//! Tells channels of what is new, beside everything else that the program does.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use scout_config::{OpenedChannel, OpenedIntegration, ProcessEnvironment, SystemClock};
use scout_envs::IntegrationName;
use scout_platform::{Notifier, Organization, Outlet};
use scout_registry::Parameters;
use scout_store::{ChannelKey, IntegrationFamily, IntegrationRecord, Store};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::settings::{Settings, Targets};

/// How often is looked whether channels or files of secrets have changed.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// After which time a channel that could not be opened is tried again.
const OPEN_AGAIN: Duration = Duration::from_secs(60);

/// The organization's channels, those of the record and of the configuration file; whichever
/// integrations are watched, all of them are told.
#[derive(Debug)]
pub(crate) struct Notices<'a> {
    settings: &'a Settings,
    store: Arc<dyn Store>,
    org: Organization,
    opened: Opened,
}

/// The channels as they were opened.
#[derive(Debug)]
struct Opened {
    notifier: Notifier,
    channels: Vec<(IntegrationName, OpenedChannel)>,
    stored: Vec<(IntegrationName, Timestamp)>,
    is_broken: bool,
    at: Instant,
}

impl<'a> Notices<'a> {
    /// Opens the channels, and records that they are there: they hear of what is found from now
    /// on. One that cannot be opened stops nothing, and what it is to hear waits.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub(crate) async fn open(
        settings: &'a Settings,
        store: &Arc<dyn Store>,
        org: &Organization,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            settings,
            store: Arc::clone(store),
            org: org.clone(),
            opened: open(settings, store, org, None).await?,
        })
    }

    /// Tells what is new until told to stop; takes up channels that change.
    pub(crate) async fn run(mut self, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            let ended = stop.child_token();
            self.tell(&ended).await;
            if stop.is_cancelled() {
                return;
            }
            match open(self.settings, &self.store, &self.org, Some(&self.opened)).await {
                Ok(opened) => self.opened = opened,
                Err(error) => {
                    tracing::warn!("notices: {error:#}");
                    self.opened.at = Instant::now();
                }
            }
        }
    }

    /// Tells what is new until told to stop, or until the channels are to be opened anew.
    async fn tell(&self, ended: &CancellationToken) {
        let telling = self.opened.notifier.run(ended);
        tokio::pin!(telling);
        tokio::select! {
            () = &mut telling => {}
            () = self.changed() => {
                ended.cancel();
                // A message that is being sent is finished, so that it is not sent twice.
                telling.await;
            }
        }
    }

    /// Tells at once what is new. What does not arrive waits for the next run; that is no failure
    /// of this one.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub(crate) async fn flush(&self) -> anyhow::Result<()> {
        self.opened.notifier.flush().await?;
        Ok(())
    }

    /// Returns once the channels are to be opened anew.
    async fn changed(&self) {
        let opened = &self.opened;
        loop {
            tokio::time::sleep(LOOK_AGAIN).await;
            if opened
                .channels
                .iter()
                .any(|(_, one)| one.files.has_changed())
                || (opened.is_broken && opened.at.elapsed() >= OPEN_AGAIN)
            {
                return;
            }
            // A store that fails is told by those who cannot go on without it.
            if let Ok(records) = channels(self.store.as_ref(), &self.org).await
                && versions(&records) != opened.stored
            {
                return;
            }
        }
    }
}

impl Opened {
    /// Whether this channel was open, and is as it was.
    fn has_same(
        &self,
        key: &ChannelKey,
        name: &IntegrationName,
        stored: &[(IntegrationName, Timestamp)],
    ) -> bool {
        let is_name = |one: &&(IntegrationName, Timestamp)| one.0 == *name;
        let is_recorded = matches!(key, ChannelKey::Integration(_));
        let is_as_recorded = stored.iter().find(is_name) == self.stored.iter().find(is_name);
        let mut known = self.channels.iter();
        known.any(|(known, opened)| known == name && !opened.files.has_changed())
            && (!is_recorded || is_as_recorded)
    }
}

async fn channels(
    store: &dyn Store,
    org: &Organization,
) -> scout_store::Result<Vec<IntegrationRecord>> {
    let mut records = store.integrations(org.id).await?;
    records.retain(|record| record.family == IntegrationFamily::Channel);
    Ok(records)
}

fn versions(records: &[IntegrationRecord]) -> Vec<(IntegrationName, Timestamp)> {
    let versions = records.iter();
    versions
        .map(|record| (record.name.clone(), record.updated_at))
        .collect()
}

async fn open(
    settings: &Settings,
    store: &Arc<dyn Store>,
    org: &Organization,
    before: Option<&Opened>,
) -> anyhow::Result<Opened> {
    let records = channels(store.as_ref(), org).await?;
    let stored = versions(&records);
    let mut found: Vec<(ChannelKey, IntegrationName, _)> = Vec::new();
    if let Targets::Integrations { configured, .. } = &settings.targets {
        for one in configured.iter().filter(|one| one.is_channel()) {
            let key = ChannelKey::File(one.name.clone());
            found.push((key, one.name.clone(), one.open(&ProcessEnvironment)));
        }
    }
    for record in records {
        let parameters = Parameters::new(&record.kind, record.parameters);
        let opened = scout_config::open_integration(&ProcessEnvironment, &record.name, &parameters);
        found.push((ChannelKey::Integration(record.id), record.name, opened));
    }
    let keys: Vec<_> = found.iter().map(|(key, ..)| key.clone()).collect();
    let (mut outlets, mut channels, mut is_broken) = (Vec::new(), Vec::new(), false);
    for (key, name, opened) in found {
        match opened {
            Ok(OpenedIntegration::Channel(opened)) => {
                outlets.push(Outlet {
                    is_new: !before.is_some_and(|before| before.has_same(&key, &name, &stored)),
                    key,
                    name: name.to_string(),
                    channel: opened.channel.clone(),
                });
                channels.push((name, opened));
            }
            Ok(_) => {}
            Err(error) => {
                is_broken = true;
                let error = anyhow::Error::from(error);
                tracing::error!("{error:#}; its notices wait until that is mended");
            }
        }
    }
    let place = (Arc::clone(store), org.clone(), Arc::new(SystemClock) as _);
    let notifier = Notifier::new(place, outlets);
    notifier.open(&keys).await?;
    Ok(Opened {
        notifier,
        channels,
        stored,
        is_broken,
        at: Instant::now(),
    })
}
