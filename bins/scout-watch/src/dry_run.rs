//! `--dry-run`: says what would be done, and leaves nothing behind, not even a data directory.

use std::process::ExitCode;

use anyhow::Context as _;
use scout_platform::organization;
use scout_registry::RegistryIntegration;
use scout_store::ArtifactRecord;

use crate::fleet::{Fleet, open_flags, sweep_options};
use crate::run::{print, status};
use crate::settings::{Settings, Targets};
use crate::usage::Usage;

pub(crate) async fn dry_run(settings: &Settings) -> anyhow::Result<ExitCode> {
    let mut known = Vec::new();
    let mut members = Vec::new();
    if scout_config::has_store(&settings.data_dir) {
        let store = scout_config::open_store_to_read(&settings.data_dir)?;
        if store.org(&settings.org).await?.is_some() {
            let org = organization(store.as_ref(), &settings.org).await?;
            known = store.artifacts(org.id, None).await?;
            members = Fleet::open(settings, store.as_ref(), &org).await?.members;
        }
    }
    match &settings.targets {
        Targets::Flags {
            registry,
            repositories,
        } if members.is_empty() => members.push(open_flags(registry, repositories)?),
        Targets::Integrations { .. } if members.is_empty() => {
            return Err(Usage::nothing_to_watch(settings).into());
        }
        _ => {}
    }
    let mut failed = false;
    for member in &members {
        let registry = member.opened.registry.as_ref();
        failed |= plan(settings, registry, &known)
            .await
            .with_context(|| format!("integration {}", member.name))?;
    }
    Ok(status(failed))
}

/// Prints what a run would do; returns whether something could not be listed.
async fn plan(
    settings: &Settings,
    registry: &dyn RegistryIntegration,
    known: &[ArtifactRecord],
) -> anyhow::Result<bool> {
    let is_of_it = |artifact: &ArtifactRecord| artifact.registry == registry.host();
    let baseline_taken = known.iter().any(is_of_it);
    let options = sweep_options(settings);
    let (planned, problems) =
        scout_platform::plan(registry, &options, known, baseline_taken).await?;
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
