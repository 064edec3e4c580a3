//! `scout integration`. What is the same for all families is here; each has a file of its own.

mod azure;
mod handshake;
mod listing;
mod notices;
mod receiving;
mod registry;
mod runtime;

use std::process::ExitCode;

use anyhow::bail;
use scout_config::{OpenedIntegration, ProcessEnvironment, SystemClock};
use scout_envs::IntegrationName;
use scout_platform::{Clock as _, Organization};
use scout_registry::Parameters;
use scout_store::{
    IntegrationAdded, IntegrationFamily, IntegrationRecord, IntegrationTest, IntegrationUpdate,
    IntegrationUpdated, NewIntegration, Store,
};

use crate::arguments::{IntegrationCommand, Org, Which};
use crate::output::print;

pub(crate) async fn run(command: IntegrationCommand) -> anyhow::Result<ExitCode> {
    match command {
        IntegrationCommand::Add {
            kind,
            name,
            parameter,
            wait,
            org,
        } => {
            let pairs = parameter;
            let draft = Draft {
                org: &org,
                name,
                kind,
                pairs,
            };
            return add(&draft, wait).await;
        }
        IntegrationCommand::List {
            kind,
            name,
            format,
            org,
        } => listing::list(&org, kind.as_deref(), name.as_ref(), format).await?,
        IntegrationCommand::Test { which, org } => test(&org, &which).await?,
        IntegrationCommand::Update {
            which,
            parameter,
            unset,
            org,
        } => update(&org, &which, parameter, &unset).await?,
        IntegrationCommand::Remove { which, org } => remove(&org, &which).await?,
        IntegrationCommand::Template { .. } => print(azure::TEMPLATE)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// An integration as it is to be saved.
struct Draft<'a> {
    org: &'a Org,
    name: IntegrationName,
    kind: String,
    pairs: Vec<(String, String)>,
}

impl Draft<'_> {
    fn open(&self) -> scout_config::Result<OpenedIntegration> {
        let parameters = Parameters::new(&self.kind, self.pairs.iter().cloned());
        scout_config::open_integration_to_test(&ProcessEnvironment, &self.name, &parameters)
    }

    /// Saves a new integration of this key.
    async fn add(
        &self,
        store: &dyn Store,
        organization: &Organization,
        (family, key): (IntegrationFamily, &str),
        test: String,
    ) -> anyhow::Result<()> {
        let now = SystemClock.now();
        let new = NewIntegration {
            name: self.name.clone(),
            family,
            kind: self.kind.clone(),
            parameters: self.pairs.clone(),
            key: key.to_owned(),
            test: Some(test_record(test)),
        };
        match store.add_integration(organization.id, new, now).await? {
            IntegrationAdded::Added(_) => Ok(()),
            IntegrationAdded::NameTaken => bail!(
                "organization {} has an integration {name} already; `scout integration update{} \
                 --name {name}` changes it",
                self.org.org,
                self.org.flag(),
                name = self.name
            ),
            IntegrationAdded::KeyTaken { by } => Err(self.taken(&by, key)),
        }
    }

    /// Saves what has changed.
    async fn update(
        &self,
        store: &dyn Store,
        organization: &Organization,
        update: IntegrationUpdate,
    ) -> anyhow::Result<()> {
        let (key, now) = (update.key.clone(), SystemClock.now());
        match store
            .update_integration(organization.id, &self.name, update, now)
            .await?
        {
            IntegrationUpdated::Updated => Ok(()),
            IntegrationUpdated::Unknown => bail!("integration {} was removed", self.name),
            IntegrationUpdated::KeyTaken { by } => Err(self.taken(&by, &key)),
        }
    }

    fn taken(&self, by: &IntegrationName, key: &str) -> anyhow::Error {
        let place = listing::shown(&self.kind, key);
        anyhow::anyhow!("integration {by} watches {place} already; nothing was saved")
    }
}

async fn add(draft: &Draft<'_>, wait: bool) -> anyhow::Result<ExitCode> {
    match draft.open()? {
        OpenedIntegration::Registry(opened) => registry::add(draft, &opened, wait).await,
        OpenedIntegration::Runtime(_) | OpenedIntegration::Channel(_) if wait => {
            Err(crate::misused(&format!(
                "type {} sends no webhooks: leave --wait out",
                draft.kind
            )))
        }
        OpenedIntegration::Runtime(opened) => runtime::add(draft, &opened).await,
        OpenedIntegration::Channel(opened) => notices::add(draft, &opened).await,
    }
}

fn test_record(summary: String) -> IntegrationTest {
    IntegrationTest {
        at: SystemClock.now(),
        summary,
    }
}

async fn test(org: &Org, which: &Which) -> anyhow::Result<()> {
    let store = crate::open(&org.data)?;
    let organization = scout_platform::organization(store.as_ref(), &org.org).await?;
    let record = find(store.as_ref(), &organization, which).await?;
    let place = listing::shown(&record.kind, &record.key);
    let draft = Draft {
        org,
        name: record.name,
        kind: record.kind,
        pairs: record.parameters,
    };
    let tested = match draft.open()? {
        OpenedIntegration::Registry(opened) => registry::test(&opened).await,
        OpenedIntegration::Runtime(opened) => runtime::test(&opened).await,
        OpenedIntegration::Channel(opened) => notices::test(&opened, &org.org).await,
    };
    let summary = match &tested {
        Ok(report) => report.clone(),
        Err(error) => format!("failed: {error:#}"),
    };
    store
        .record_integration_test(organization.id, &draft.name, test_record(summary))
        .await?;
    let report = tested.map_err(|error| error.context(format!("integration {}", draft.name)))?;
    print(&format!("{place}: {report}.\n"))
}

async fn update(
    org: &Org,
    which: &Which,
    changed: Vec<(String, String)>,
    unset: &[String],
) -> anyhow::Result<()> {
    let store = crate::open(&org.data)?;
    let organization = scout_platform::organization(store.as_ref(), &org.org).await?;
    let record = find(store.as_ref(), &organization, which).await?;
    if changed.is_empty() && unset.is_empty() {
        return Err(crate::misused(
            "nothing to change: give --parameter KEY=VALUE or --unset KEY",
        ));
    }
    let mut pairs = record.parameters.clone();
    if let Some(key) = unset
        .iter()
        .find(|key| !pairs.iter().any(|(known, _)| known == *key))
    {
        bail!("integration {} has no setting {key}", record.name);
    }
    let replaced = |key: &String| unset.contains(key) || changed.iter().any(|(new, _)| new == key);
    pairs.retain(|(key, _)| !replaced(key));
    pairs.extend(changed);
    let draft = Draft {
        org,
        name: record.name.clone(),
        kind: record.kind.clone(),
        pairs,
    };
    let place = (store, &organization);
    match draft.open()? {
        OpenedIntegration::Registry(opened) => registry::update(&draft, &opened, place).await,
        OpenedIntegration::Runtime(opened) => {
            runtime::update(&draft, &opened, &record, place).await
        }
        OpenedIntegration::Channel(opened) => notices::update(&draft, &opened, place).await,
    }
}

async fn remove(org: &Org, which: &Which) -> anyhow::Result<()> {
    let store = crate::open(&org.data)?;
    let organization = scout_platform::organization(store.as_ref(), &org.org).await?;
    let record = find(store.as_ref(), &organization, which).await?;
    let out = match record.family {
        IntegrationFamily::Registry => registry::removed(&record),
        IntegrationFamily::Runtime => {
            runtime::removed(store.as_ref(), &organization, &record).await?
        }
        IntegrationFamily::Channel => notices::removed(&record),
    };
    store
        .remove_integration(organization.id, &record.name, SystemClock.now())
        .await?;
    crate::judge(store).await?;
    print(&out)
}

async fn find(
    store: &dyn Store,
    organization: &Organization,
    which: &Which,
) -> anyhow::Result<IntegrationRecord> {
    let found = store.integration(organization.id, &which.name).await?;
    let Some(record) = found else {
        bail!(
            "organization {org} has no integration {name}; `scout integration list --org {org}` \
             lists them",
            org = organization.name,
            name = which.name
        );
    };
    match &which.kind {
        Some(kind) if *kind != record.kind => bail!(
            "integration {} is of type {}, not {kind}",
            record.name,
            record.kind
        ),
        _ => Ok(record),
    }
}
