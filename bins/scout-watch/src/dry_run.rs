//! `--dry-run`: says what would be done, and leaves nothing behind, not even a data directory.

use std::net::SocketAddr;
use std::process::ExitCode;

use scout_config::{OpenedRegistry, WebhookSettings};
use scout_envs::RepositoryName;
use scout_platform::{PlannedTag, organization};
use scout_registry::RegistryIntegration;
use scout_store::{ArtifactRecord, RepositoryListing};

use crate::fleet::{Fleet, Member, sweep_options};
use crate::progress::Screen;
use crate::run::status;
use crate::settings::Settings;
use crate::text;
use crate::usage::Usage;

pub(crate) async fn dry_run(settings: &Settings, screen: &Screen) -> anyhow::Result<ExitCode> {
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
    let fleet = Fleet::open(settings, record, None).await?;
    if fleet.is_empty() && fleet.broken.is_empty() {
        return Err(Usage::nothing_to_watch(settings).into());
    }
    let Fleet {
        members,
        runtimes,
        mut broken,
        ..
    } = fleet;
    let mut failed = false;
    for member in &members {
        if members.len() > 1 {
            screen.print(&format!("Integration {}:\n", member.name))?;
        }
        match plan(settings, screen, member, &known).await {
            Ok(is_incomplete) => failed |= is_incomplete,
            Err(error) if members.len() > 1 => {
                broken.push(error.context(format!("integration {}", member.name)));
            }
            Err(error) => return Err(error),
        }
    }
    for runtime in &runtimes {
        match crate::runtimes::plan(runtime, record).await {
            Ok(text) => screen.print(&text)?,
            Err(error) => broken.push(error.context(format!("integration {}", runtime.name))),
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
    screen: &Screen,
    member: &Member<OpenedRegistry>,
    known: &Known,
) -> anyhow::Result<bool> {
    let registry = member.opened.registry.as_ref();
    let is_of_it = |artifact: &ArtifactRecord| artifact.registry == registry.host();
    let baseline_taken = known.artifacts.iter().any(is_of_it);
    let options = sweep_options(settings);
    let plan = scout_platform::plan(
        registry,
        &options,
        &known.artifacts,
        &known.repositories,
        baseline_taken,
    )
    .await?;
    let mut out = String::new();
    for (name, is_watched) in &plan.repositories {
        let name = shown(registry, name);
        match is_watched {
            true => out.line("would watch", &name),
            false => out.line("would leave", &format!("{name}, which is disabled")),
        }
    }
    // Where none is asked for, a run does not listen either.
    if let (Some(webhook), false) = (&member.opened.webhook, settings.once) {
        out.line("would listen", &address(settings, webhook, &member.name));
    }
    for tag in &plan.tags {
        let what = match (tag.would_index, tag.state) {
            (true, _) if settings.watch.index => "would index",
            (true, _) => "would record",
            (false, None) => "baseline",
            (false, Some(state)) => state.as_str(),
        };
        let repository = shown(registry, &tag.repository);
        out.line(what, &format!("{repository}:{}@{}", tag.tag, tag.digest));
    }
    if plan.passed_over > 0 {
        let tags = text::plural(plan.passed_over, "tag", "tags");
        let why = match settings.tags.is_empty() {
            true => "signatures only",
            false => "no match for --tag, or signatures only",
        };
        out.line("would pass by", &format!("{tags}: {why}"));
    }
    let is_wanted = |tag: &&PlannedTag| tag.would_index && settings.watch.index;
    let wanted = plan.tags.iter().filter(is_wanted).count();
    out += &format!(
        "{wanted} of {} tags would be indexed; nothing was done\n",
        plan.tags.len()
    );
    if wanted == 0 && !baseline_taken && !settings.all_images && !plan.tags.is_empty() {
        out += "Use --all-images to index what is in the registry already.\n";
    }
    screen.print(&out)?;
    Ok(plan.problems.total() > 0)
}

/// Lines of what, and to what.
trait Lines {
    fn line(&mut self, what: &str, to: &str);
}

impl Lines for String {
    fn line(&mut self, what: &str, to: &str) {
        *self += &format!("{what:14} {to}\n");
    }
}

/// How a repository is written where its registry is known.
fn shown(registry: &dyn RegistryIntegration, name: &RepositoryName) -> String {
    let reference = registry.reference(name);
    match reference.strip_prefix(&format!("{}/", registry.host())) {
        Some(bare) => bare.to_owned(),
        None => reference,
    }
}

fn address(settings: &Settings, webhook: &WebhookSettings, name: &str) -> String {
    let scheme = if webhook.tls.is_some() {
        "https"
    } else {
        "http"
    };
    let socket = SocketAddr::new(settings.webhook_address, webhook.port);
    format!("{scheme}://{socket}/{name}")
}
