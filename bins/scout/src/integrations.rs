//! `scout integration`.

mod azure;
mod handshake;
mod listing;
mod receiving;

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use scout_config::{CredentialSource, OpenedRegistry, ProcessEnvironment, SystemClock};
use scout_envs::IntegrationName;
use scout_platform::{Clock as _, Organization, Watched};
use scout_registry::{Parameters, TestReport};
use scout_store::{
    IntegrationAdded, IntegrationRecord, IntegrationTest, IntegrationUpdate, IntegrationUpdated,
    NewIntegration, Store,
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
        } => return add(&org, &kind, name, parameter, wait).await,
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

async fn add(
    org: &Org,
    kind: &str,
    name: IntegrationName,
    pairs: Vec<(String, String)>,
    wait: bool,
) -> anyhow::Result<ExitCode> {
    let parameters = Parameters::new(kind, pairs.iter().cloned());
    let opened = scout_config::open_integration_to_test(&ProcessEnvironment, &name, &parameters)?;
    if wait {
        handshake::wait(&name, &opened).await?;
        return Ok(ExitCode::SUCCESS);
    }
    if kind == azure::KIND && opened.credentials == CredentialSource::Nowhere {
        // The token's password exists only once the template was deployed.
        let webhook = opened.webhook.as_ref();
        print(&azure::before_the_password(&name, &pairs, webhook))?;
        return Ok(ExitCode::FAILURE);
    }
    let store = scout_config::open_store(&org.data.data_dir)?;
    let report = tested(&opened, &name).await?;
    store.enroll(&org.org, SystemClock.now()).await?;
    let organization = scout_platform::organization(store.as_ref(), &org.org).await?;
    receiving::check(store.as_ref(), &organization, &name, &pairs, &opened).await?;
    let new = NewIntegration {
        name: name.clone(),
        kind: kind.to_owned(),
        parameters: pairs.clone(),
        registry_key: opened.registry.key().to_owned(),
        test: Some(test_record(&report)),
    };
    match store
        .add_integration(organization.id, new, SystemClock.now())
        .await?
    {
        IntegrationAdded::Added(_) => {}
        IntegrationAdded::NameTaken => bail!(
            "organization {} has an integration {name} already; `scout integration update{} --name \
             {name}` changes it",
            org.org,
            org.flag()
        ),
        IntegrationAdded::RegistryTaken { by } => bail!(
            "integration {by} watches {} already; nothing was saved",
            listing::shown(opened.registry.kind(), opened.registry.key())
        ),
    }
    record_repositories(store, &organization, &opened).await?;
    let mut out = format!("{}: {report}.\n", connected(&opened));
    out += &format!("Integration {name} is saved; a running scout-watch takes it up.\n");
    if opened.registry.requires_activation() {
        out += &format!(
            "No repository is analyzed yet: `scout repo list --org {org}` shows them, `scout repo \
             enable --org {org} REPOSITORY` begins.\n",
            org = org.org
        );
    }
    out += &receiving::hint(org, &name, &opened);
    if kind == azure::KIND {
        out += &azure::after_saving(&name, &pairs, opened.webhook.as_ref());
    }
    print(&out)?;
    Ok(ExitCode::SUCCESS)
}

async fn tested(opened: &OpenedRegistry, name: &IntegrationName) -> anyhow::Result<TestReport> {
    scout_registry::test_connection(opened.registry.as_ref())
        .await
        .with_context(|| format!("integration {name}: nothing was saved"))
}

fn test_record(report: &TestReport) -> IntegrationTest {
    IntegrationTest {
        at: SystemClock.now(),
        summary: report.to_string(),
    }
}

/// Records what the registry lists, so that repositories can be chosen before the first sweep.
async fn record_repositories(
    store: std::sync::Arc<dyn Store>,
    organization: &Organization,
    opened: &OpenedRegistry,
) -> anyhow::Result<()> {
    if !opened.registry.requires_activation() {
        return Ok(());
    }
    let watched = Watched {
        store,
        registry: std::sync::Arc::clone(&opened.registry),
        org: organization.id,
        clock: std::sync::Arc::new(SystemClock),
    };
    let names = opened.registry.repositories().await?;
    let registry = watched.record().await?.id;
    watched
        .record_repositories(registry, &names, false, SystemClock.now())
        .await?;
    Ok(())
}

async fn test(org: &Org, which: &Which) -> anyhow::Result<()> {
    let store = crate::open(&org.data)?;
    let organization = scout_platform::organization(store.as_ref(), &org.org).await?;
    let record = find(store.as_ref(), &organization, which).await?;
    let parameters = Parameters::new(&record.kind, record.parameters.clone());
    let opened =
        scout_config::open_integration_to_test(&ProcessEnvironment, &record.name, &parameters)?;
    let tested = scout_registry::test_connection(opened.registry.as_ref()).await;
    let summary = match &tested {
        Ok(report) => report.to_string(),
        Err(error) => format!("failed: {:#}", anyhow::Error::from(error.clone())),
    };
    let at = SystemClock.now();
    store
        .record_integration_test(
            organization.id,
            &record.name,
            IntegrationTest { at, summary },
        )
        .await?;
    let report = tested.with_context(|| format!("integration {}", record.name))?;
    print(&format!("{}: {report}.\n", listing::host(&record)))
}

/// Says what was reached; files are.
fn connected(opened: &OpenedRegistry) -> String {
    let registry = listing::shown(opened.registry.kind(), opened.registry.key());
    match opened.spec.connection() {
        Some(_) => format!("Connected to {registry}"),
        None => format!("Read {registry}"),
    }
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
        bail!("nothing to change: give --parameter KEY=VALUE or --unset KEY");
    }
    let mut pairs = record.parameters;
    if let Some(key) = unset
        .iter()
        .find(|key| !pairs.iter().any(|(known, _)| known == *key))
    {
        bail!("integration {} has no setting {key}", record.name);
    }
    let replaced = |key: &String| unset.contains(key) || changed.iter().any(|(new, _)| new == key);
    pairs.retain(|(key, _)| !replaced(key));
    pairs.extend(changed);
    let parameters = Parameters::new(&record.kind, pairs.iter().cloned());
    let opened =
        scout_config::open_integration_to_test(&ProcessEnvironment, &record.name, &parameters)?;
    let report = tested(&opened, &record.name).await?;
    receiving::check(store.as_ref(), &organization, &record.name, &pairs, &opened).await?;
    let update = IntegrationUpdate {
        parameters: pairs,
        registry_key: opened.registry.key().to_owned(),
        test: Some(test_record(&report)),
    };
    match store
        .update_integration(organization.id, &record.name, update, SystemClock.now())
        .await?
    {
        IntegrationUpdated::Updated => {}
        IntegrationUpdated::Unknown => bail!("integration {} was removed", record.name),
        IntegrationUpdated::RegistryTaken { by } => bail!(
            "integration {by} watches {} already; nothing was saved",
            listing::shown(opened.registry.kind(), opened.registry.key())
        ),
    }
    record_repositories(store, &organization, &opened).await?;
    print(&format!(
        "{}: {report}.\nIntegration {} is changed; a running scout-watch takes it up.\n{}",
        connected(&opened),
        record.name,
        receiving::hint(org, &record.name, &opened)
    ))
}

async fn remove(org: &Org, which: &Which) -> anyhow::Result<()> {
    let store = crate::open(&org.data)?;
    let organization = scout_platform::organization(store.as_ref(), &org.org).await?;
    let record = find(store.as_ref(), &organization, which).await?;
    store
        .remove_integration(organization.id, &record.name, SystemClock.now())
        .await?;
    crate::judge(store).await?;
    let mut out = format!(
        "Integration {} is removed: {} is not watched any more. Environments keep what runs.\n",
        record.name,
        listing::host(&record)
    );
    if record.kind == azure::KIND {
        out += &azure::what_stays(&record.parameters);
    }
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
