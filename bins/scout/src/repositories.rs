//! `scout repo`.

use std::collections::BTreeMap;

use anyhow::bail;
use regex::Regex;
use scout_config::SystemClock;
use scout_envs::RepositoryName;
use scout_platform::{Clock as _, Organization};
use scout_store::{IntegrationFamily, RegistryId, RepositoryListing, Store};
use serde_json::json;

use crate::arguments::{Org, RepoCommand, Repositories, TableFormat};
use crate::output::{print, print_json, print_table};

pub(crate) async fn run(command: RepoCommand) -> anyhow::Result<()> {
    match command {
        RepoCommand::Enable { which, org } => set(&org, &which, true).await,
        RepoCommand::Disable { which, org } => set(&org, &which, false).await,
        RepoCommand::List {
            filter,
            only_enabled,
            only_disabled,
            only_registry,
            format,
            org,
        } => {
            let keep = |repository: &RepositoryListing| {
                filter
                    .as_ref()
                    .is_none_or(|filter| filter.is_match(repository.name.as_str()))
                    && (!only_enabled || repository.enabled)
                    && (!only_disabled || !repository.enabled)
                    && only_registry
                        .as_ref()
                        .is_none_or(|host| *host == repository.registry)
                    && !repository.is_gone
            };
            list(&org, keep, format).await
        }
    }
}

async fn list(
    org: &Org,
    keep: impl Fn(&RepositoryListing) -> bool,
    format: TableFormat,
) -> anyhow::Result<()> {
    let store = crate::open(&org.data)?;
    let organization = scout_platform::organization(store.as_ref(), &org.org).await?;
    let mut repositories = store.repositories(organization.id, None).await?;
    repositories.retain(keep);
    match format {
        TableFormat::Json => print_json(
            &repositories
                .iter()
                .map(|repository| {
                    json!({
                        "repository": repository.reference,
                        "registry": repository.registry,
                        "name": repository.name.as_str(),
                        "enabled": repository.enabled,
                        "tags": repository.tags,
                    })
                })
                .collect::<Vec<_>>(),
        ),
        TableFormat::Table if repositories.is_empty() => print(
            "No such repository is known; they are listed by scout-watch, and when an \
             integration is added.\n",
        ),
        TableFormat::Table => {
            let rows: Vec<[String; 3]> = repositories
                .into_iter()
                .map(|repository| {
                    let state = match (repository.enabled, repository.activation_due) {
                        (true, true) => "enabled, waits for scout-watch",
                        (true, false) => "enabled",
                        (false, _) => "disabled",
                    };
                    [
                        repository.reference,
                        repository.tags.to_string(),
                        state.to_owned(),
                    ]
                })
                .collect();
            print_table(["REPOSITORY", "TAGS", "STATE"], &rows)
        }
    }
}

async fn set(org: &Org, which: &Repositories, enabled: bool) -> anyhow::Result<()> {
    let store = crate::open(&org.data)?;
    let organization = scout_platform::organization(store.as_ref(), &org.org).await?;
    let wanted = select(store.as_ref(), &organization, which).await?;
    let (mut named, mut changed) = (0, 0);
    for (registry, names) in &wanted {
        named += names.len();
        changed += store
            .set_repositories_enabled(
                organization.id,
                *registry,
                names,
                enabled,
                SystemClock.now(),
            )
            .await?;
    }
    if !enabled {
        crate::judge(store).await?;
    }
    let noun = if named == 1 {
        "repository"
    } else {
        "repositories"
    };
    print(&match enabled {
        true => format!(
            "{named} {noun} enabled, {changed} of them now; a running scout-watch indexes the \
             most recently pushed image of each at once.\n"
        ),
        false => format!("{named} {noun} disabled, {changed} of them now.\n"),
    })
}

/// Finds the repositories that are meant, by registry.
async fn select(
    store: &dyn Store,
    organization: &Organization,
    which: &Repositories,
) -> anyhow::Result<BTreeMap<RegistryId, Vec<RepositoryName>>> {
    let keys = match &which.integration {
        Some(named) => Some(registry_keys(store, organization, named).await?),
        None => None,
    };
    let is_meant = |repository: &RepositoryListing| match (&which.repository, &which.filter) {
        (Some(named), _) => {
            repository.name.as_str() == named
                || repository.reference == *named
                || format!("{}/{}", repository.registry, repository.name) == *named
        }
        (None, Some(filter)) => is_match(filter, &repository.name),
        (None, None) => which.all,
    };
    let mut wanted: BTreeMap<RegistryId, Vec<RepositoryName>> = BTreeMap::new();
    for repository in store.repositories(organization.id, None).await? {
        let is_there = keys
            .as_ref()
            .is_none_or(|keys| keys.contains(&repository.registry_key))
            && which
                .registry
                .as_ref()
                .is_none_or(|host| *host == repository.registry);
        if is_there && is_meant(&repository) {
            wanted
                .entry(repository.registry_id)
                .or_default()
                .push(repository.name);
        }
    }
    if let (Some(named), true) = (&which.repository, wanted.len() > 1) {
        bail!(
            "several registries have a repository {named}; name one with --registry or --integration"
        );
    }
    if wanted.is_empty() {
        bail!(
            "no such repository is known in organization {org}; `scout repo list --org {org}` \
             lists them",
            org = organization.name
        );
    }
    Ok(wanted)
}

fn is_match(filter: &Regex, name: &RepositoryName) -> bool {
    filter.is_match(name.as_str())
}

/// Returns the registries of the integrations that have this name or type.
async fn registry_keys(
    store: &dyn Store,
    organization: &Organization,
    named: &str,
) -> anyhow::Result<Vec<String>> {
    let records = store.integrations(organization.id).await?.into_iter();
    let found: Vec<_> = records
        .filter(|record| record.name.as_str() == named || record.kind == named)
        .collect();
    if let Some(other) = found
        .iter()
        .find(|record| record.family != IntegrationFamily::Registry)
    {
        bail!(
            "integration {} is a {}, which has no repositories",
            other.name,
            other.family.as_str()
        );
    }
    let keys: Vec<String> = found.into_iter().map(|record| record.key).collect();
    if keys.is_empty() {
        bail!(
            "organization {org} has no integration {named}; `scout integration list --org {org}` \
             lists them",
            org = organization.name
        );
    }
    Ok(keys)
}
