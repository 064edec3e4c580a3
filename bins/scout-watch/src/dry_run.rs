//! `--dry-run`: says what would be done, and leaves nothing behind, not even a data directory.

use std::process::ExitCode;

use scout_platform::organization;
use scout_registry::RegistryIntegration;
use scout_store::{ArtifactRecord, RepositoryListing};

use crate::fleet::{Fleet, sweep_options};
use crate::run::{print, status};
use crate::settings::Settings;
use crate::usage::Usage;

pub(crate) async fn dry_run(settings: &Settings) -> anyhow::Result<ExitCode> {
    let mut known = Known::default();
    let mut recorded = None;
    if scout_config::has_store(&settings.data_dir) {
        let store = scout_config::open_store_to_read(&settings.data_dir)?;
        if store.org(&settings.org).await?.is_some() {
            let org = organization(store.as_ref(), &settings.org).await?;
            known.artifacts = store.artifacts(org.id, None).await?;
            known.repositories = store.repositories(org.id, None).await?;
            recorded = Some((store, org));
        }
    }
    let record = recorded.as_ref().map(|(store, org)| (store.as_ref(), org));
    let Fleet {
        members,
        mut broken,
        ..
    } = Fleet::open(settings, record, None).await?;
    if members.is_empty() && broken.is_empty() {
        return Err(Usage::nothing_to_watch(settings).into());
    }
    let mut failed = false;
    for member in &members {
        let registry = member.opened.registry.as_ref();
        if members.len() > 1 {
            print(&format!("Integration {}:\n", member.name))?;
        }
        match plan(settings, registry, &known).await {
            Ok(is_incomplete) => failed |= is_incomplete,
            Err(error) if members.len() > 1 => {
                broken.push(error.context(format!("integration {}", member.name)));
            }
            Err(error) => return Err(error),
        }
    }
    for error in &broken {
        tracing::error!("{error:#}");
    }
    Ok(status(failed || !broken.is_empty()))
}

/// What is recorded so far.
#[derive(Default)]
struct Known {
    artifacts: Vec<ArtifactRecord>,
    repositories: Vec<RepositoryListing>,
}

/// Prints what a run would do; returns whether something could not be listed.
async fn plan(
    settings: &Settings,
    registry: &dyn RegistryIntegration,
    known: &Known,
) -> anyhow::Result<bool> {
    let is_of_it = |artifact: &ArtifactRecord| artifact.registry == registry.host();
    let baseline_taken = known.artifacts.iter().any(is_of_it);
    let options = sweep_options(settings);
    let (planned, problems) = scout_platform::plan(
        registry,
        &options,
        &known.artifacts,
        &known.repositories,
        baseline_taken,
    )
    .await?;
    let mut out = String::new();
    for tag in &planned {
        let what = match (tag.would_index, tag.state) {
            (true, _) => "would index",
            (false, None) => "would note",
            (false, Some(state)) => state.as_str(),
        };
        let repository = registry.reference(&tag.repository);
        let repository = repository
            .strip_prefix(&format!("{}/", registry.host()))
            .unwrap_or(&repository);
        out += &format!("{what:14} {repository}:{}@{}\n", tag.tag, tag.digest);
    }
    let wanted = planned.iter().filter(|tag| tag.would_index).count();
    out += &format!(
        "{wanted} of {} tags would be indexed; nothing was done\n",
        planned.len()
    );
    if wanted == 0 && !baseline_taken && !settings.all_images && !planned.is_empty() {
        out += "Use --all-images to index what is in the registry already.\n";
    }
    print(&out)?;
    Ok(problems.total() > 0)
}
