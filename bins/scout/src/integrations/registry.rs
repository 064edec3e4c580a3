//! Integrations that are registries.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use scout_config::{CredentialSource, OpenedRegistry, SystemClock};
use scout_envs::IntegrationName;
use scout_platform::{Clock as _, Organization, Watched};
use scout_registry::TestReport;
use scout_store::{IntegrationFamily, IntegrationRecord, IntegrationUpdate, Store};

use super::{Draft, azure, handshake, listing, receiving, test_record};
use crate::output::print;

pub(super) async fn add(
    draft: &Draft<'_>,
    opened: &OpenedRegistry,
    wait: bool,
) -> anyhow::Result<ExitCode> {
    let (org, name, pairs) = (draft.org, &draft.name, &draft.pairs);
    if wait {
        handshake::wait(name, opened).await?;
        return Ok(ExitCode::SUCCESS);
    }
    if draft.kind == azure::KIND && opened.credentials == CredentialSource::Nowhere {
        // The token's password exists only once the template was deployed.
        let webhook = opened.webhook.as_ref();
        print(&azure::before_the_password(name, pairs, webhook))?;
        return Ok(ExitCode::FAILURE);
    }
    let store = scout_config::open_store(&org.data.data_dir)?;
    let report = tested(opened, name).await?;
    store.enroll(&org.org, SystemClock.now()).await?;
    let organization = scout_platform::organization(store.as_ref(), &org.org).await?;
    receiving::check(store.as_ref(), &organization, name, pairs, opened).await?;
    let what = (IntegrationFamily::Registry, opened.registry.key());
    draft
        .add(store.as_ref(), &organization, what, report.to_string())
        .await?;
    record_repositories(store, &organization, opened).await?;
    let mut out = format!("{}: {report}.\n", connected(opened));
    out += &format!("Integration {name} is saved; a running scout-watch takes it up.\n");
    if opened.registry.requires_activation() {
        out += &format!(
            "No repository is analyzed yet: `scout repo list --org {org}` shows them, `scout repo \
             enable --org {org} REPOSITORY` begins.\n",
            org = org.org
        );
    }
    out += &receiving::hint(org, name, opened);
    if draft.kind == azure::KIND {
        out += &azure::after_saving(name, pairs, opened.webhook.as_ref());
    }
    print(&out)?;
    Ok(ExitCode::SUCCESS)
}

async fn tested(opened: &OpenedRegistry, name: &IntegrationName) -> anyhow::Result<TestReport> {
    scout_registry::test_connection(opened.registry.as_ref())
        .await
        .with_context(|| format!("integration {name}: nothing was saved"))
}

pub(super) async fn test(opened: &OpenedRegistry) -> anyhow::Result<String> {
    let report = scout_registry::test_connection(opened.registry.as_ref()).await?;
    Ok(report.to_string())
}

/// Records what the registry lists, so that repositories can be chosen before the first sweep.
async fn record_repositories(
    store: Arc<dyn Store>,
    organization: &Organization,
    opened: &OpenedRegistry,
) -> anyhow::Result<()> {
    if !opened.registry.requires_activation() {
        return Ok(());
    }
    let watched = Watched {
        store,
        registry: Arc::clone(&opened.registry),
        org: organization.id,
        clock: Arc::new(SystemClock),
        counters: Arc::default(),
    };
    let names = opened.registry.repositories().await?;
    let registry = watched.record().await?.id;
    watched
        .record_repositories(registry, &names, false, SystemClock.now())
        .await?;
    Ok(())
}

/// Says what was reached; files are.
fn connected(opened: &OpenedRegistry) -> String {
    let registry = listing::shown(opened.registry.kind(), opened.registry.key());
    match opened.spec.connection() {
        Some(_) => format!("Connected to {registry}"),
        None => format!("Read {registry}"),
    }
}

pub(super) async fn update(
    draft: &Draft<'_>,
    opened: &OpenedRegistry,
    (store, organization): (Arc<dyn Store>, &Organization),
) -> anyhow::Result<()> {
    let report = tested(opened, &draft.name).await?;
    let (name, pairs) = (&draft.name, &draft.pairs);
    receiving::check(store.as_ref(), organization, name, pairs, opened).await?;
    let update = IntegrationUpdate {
        parameters: pairs.clone(),
        key: opened.registry.key().to_owned(),
        environment: None,
        test: Some(test_record(report.to_string())),
    };
    draft.update(store.as_ref(), organization, update).await?;
    record_repositories(store, organization, opened).await?;
    print(&format!(
        "{}: {report}.\nIntegration {name} is changed; a running scout-watch takes it up.\n{}",
        connected(opened),
        receiving::hint(draft.org, name, opened)
    ))
}

pub(super) fn removed(record: &IntegrationRecord) -> String {
    let mut out = format!(
        "Integration {} is removed: {} is not watched any more. Environments keep what runs.\n",
        record.name,
        listing::shown(&record.kind, &record.key)
    );
    if record.kind == azure::KIND {
        out += &azure::what_stays(&record.parameters);
    }
    out
}
