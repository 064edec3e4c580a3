//! Integrations that are runtimes: one cluster each, for one environment.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use scout_config::{OpenedRuntime, SystemClock};
use scout_envs::EnvironmentName;
use scout_platform::{Clock as _, Organization};
use scout_registry::runtime::{RuntimeTestReport, test_runtime};
use scout_store::{IntegrationFamily, IntegrationRecord, IntegrationUpdate, ShareRecord, Store};

use super::{Draft, test_record};
use crate::output::print;

pub(super) async fn add(draft: &Draft<'_>, opened: &OpenedRuntime) -> anyhow::Result<ExitCode> {
    let report = tested(draft, opened).await?;
    let (Some(cluster), Some(environment)) = (opened.spec.cluster(), opened.spec.environment())
    else {
        let known = environments(draft).await?;
        print(&choices(opened, &report, &known))?;
        return Ok(ExitCode::FAILURE);
    };
    let store = scout_config::open_store(&draft.org.data.data_dir)?;
    store.enroll(&draft.org.org, SystemClock.now()).await?;
    let organization = scout_platform::organization(store.as_ref(), &draft.org.org).await?;
    let what = (IntegrationFamily::Runtime, opened.runtime.key());
    draft
        .add(store.as_ref(), &organization, what, report.to_string())
        .await?;
    let mut out = found(opened, cluster, &report);
    let _ = writeln!(
        out,
        "Integration {} is saved; a running scout-watch takes it up.",
        draft.name
    );
    out += &becomes(store.as_ref(), &organization, environment).await?;
    if !starts_analyses(store.as_ref(), &organization).await? {
        let _ = writeln!(
            out,
            "It starts no analysis, and no registry is set up: add the one that the images are \
             pulled from, too."
        );
    }
    print(&out)?;
    Ok(ExitCode::SUCCESS)
}

async fn tested(draft: &Draft<'_>, opened: &OpenedRuntime) -> anyhow::Result<RuntimeTestReport> {
    test_runtime(opened.runtime.as_ref())
        .await
        .with_context(|| format!("integration {}: nothing was saved", draft.name))
}

pub(super) async fn test(opened: &OpenedRuntime) -> anyhow::Result<String> {
    Ok(test_runtime(opened.runtime.as_ref()).await?.to_string())
}

pub(super) async fn update(
    draft: &Draft<'_>,
    opened: &OpenedRuntime,
    before: &IntegrationRecord,
    (store, organization): (Arc<dyn Store>, &Organization),
) -> anyhow::Result<()> {
    let report = tested(draft, opened).await?;
    let (Some(cluster), Some(environment)) = (opened.spec.cluster(), opened.spec.environment())
    else {
        let (key, choices) = match opened.spec.cluster() {
            None if report.clusters.is_empty() => ("cluster", String::new()),
            None => (
                "cluster",
                format!("; there are {}", listed(&report.clusters)),
            ),
            Some(_) => ("environment", String::new()),
        };
        anyhow::bail!(
            "integration {}: nothing was saved: it needs {key}={choices}",
            draft.name
        );
    };
    let shares = shares(store.as_ref(), organization, before).await?;
    let update = IntegrationUpdate {
        parameters: draft.pairs.clone(),
        key: opened.runtime.key().to_owned(),
        environment: Some(environment.clone()),
        test: Some(test_record(report.to_string())),
    };
    draft.update(store.as_ref(), organization, update).await?;
    let mut out = found(opened, cluster, &report);
    let _ = writeln!(
        out,
        "Integration {} is changed; a running scout-watch takes it up.",
        draft.name
    );
    let is_other_cluster = before.key != opened.runtime.key();
    for share in shares {
        if is_other_cluster || share.environment != *environment {
            let _ = writeln!(out, "{}", left(&share));
        }
    }
    // What it left is judged now, unless a watcher is quicker.
    crate::judge(Arc::clone(&store)).await?;
    out += &becomes(store.as_ref(), organization, environment).await?;
    print(&out)
}

/// Says what becomes of the environments of which an integration has a share that is about to be
/// removed.
pub(super) async fn removed(
    store: &dyn Store,
    organization: &Organization,
    record: &IntegrationRecord,
) -> anyhow::Result<String> {
    let mut out = format!(
        "Integration {} is removed: {} is not asked any more.\n",
        record.name,
        super::listing::shown(&record.kind, &record.key)
    );
    for share in shares(store, organization, record).await? {
        let _ = writeln!(out, "{}", left(&share));
    }
    Ok(out)
}

/// Says that a share is removed.
fn left(share: &ShareRecord) -> String {
    let images = counted(share.images, "image");
    format!(
        "Its share of environment {} is removed, with {images}; what others say runs there stays.",
        share.environment
    )
}

/// Lists the shares that an integration has.
async fn shares(
    store: &dyn Store,
    organization: &Organization,
    record: &IntegrationRecord,
) -> anyhow::Result<Vec<ShareRecord>> {
    let source = IntegrationRecord::share_source(&record.kind, &record.name);
    let mut shares = store.shares(organization.id).await?;
    shares.retain(|share| share.source == source);
    Ok(shares)
}

/// Says what was found where.
fn found(opened: &OpenedRuntime, cluster: &str, report: &RuntimeTestReport) -> String {
    let mut out = format!(
        "Connected to {}, cluster {cluster}: {report}.\n",
        opened.runtime.host()
    );
    let Some(running) = &report.running else {
        return out;
    };
    let is_known = |image: &scout_registry::runtime::RunningImage| image.packages_in_use.is_some();
    if !running.images.is_empty() && !running.images.iter().any(is_known) {
        let _ = writeln!(
            out,
            "What is in use of them is not known; Sysdig knows it where profiling is switched on."
        );
    }
    if running.skipped_rows > 0 {
        let rows = counted(running.skipped_rows as u64, "row");
        let _ = writeln!(
            out,
            "{rows} of the answer cannot be read, and are left out."
        );
    }
    if running.unidentified > 0 {
        let _ = writeln!(
            out,
            "{} of them without an image ID or name cannot be told apart, and are left out.",
            counted(running.unidentified as u64, "container")
        );
    }
    out
}

/// Says what becomes of the environment.
async fn becomes(
    store: &dyn Store,
    organization: &Organization,
    environment: &EnvironmentName,
) -> anyhow::Result<String> {
    let known = store.environments(organization.id).await?;
    let known = known.into_iter().find(|one| one.name == *environment);
    Ok(match known {
        Some(known) => format!(
            "Environment {environment} has {}; those of this cluster join them.\n",
            counted(known.images, "image")
        ),
        None => format!(
            "Environment {environment} is there once one of the images in it is analyzed.\n"
        ),
    })
}

async fn starts_analyses(store: &dyn Store, organization: &Organization) -> anyhow::Result<bool> {
    let mut integrations = store.integrations(organization.id).await?.into_iter();
    Ok(
        integrations.any(|one| one.family == IntegrationFamily::Registry)
            || !store.artifacts(organization.id, None).await?.is_empty(),
    )
}

/// Lists the environments there are, without making a data directory.
async fn environments(draft: &Draft<'_>) -> anyhow::Result<Vec<EnvironmentName>> {
    let data_dir = &draft.org.data.data_dir;
    if !scout_config::has_store(data_dir) {
        return Ok(Vec::new());
    }
    let store = scout_config::open_store(data_dir)?;
    let Some(org) = store.org(&draft.org.org).await? else {
        return Ok(Vec::new());
    };
    let known = store.environments(org).await?;
    Ok(known.into_iter().map(|one| one.name).collect())
}

/// Says what there is to choose from, and how to go on.
fn choices(
    opened: &OpenedRuntime,
    report: &RuntimeTestReport,
    environments: &[EnvironmentName],
) -> String {
    let host = opened.runtime.host();
    if opened.spec.cluster().is_none() && report.clusters.is_empty() {
        return format!(
            "Connected to {host}, which knows no cluster.\n\nNot saved: install Sysdig's agent in \
             the cluster first; it is listed here by the\nname that global.clusterConfig.name \
             gives it.\n"
        );
    }
    let mut out = String::new();
    let mut missing = String::new();
    let cluster = match opened.spec.cluster() {
        Some(cluster) => {
            out += &found(opened, cluster, report);
            String::new()
        }
        None => {
            let _ = writeln!(out, "Connected to {host}: {report}.\n");
            for cluster in &report.clusters {
                let _ = writeln!(out, "  {cluster}");
            }
            missing += "a cluster";
            let first = report.clusters.first().map_or("NAME", String::as_str);
            format!(" --parameter {}", word("cluster", first))
        }
    };
    let environment = match opened.spec.environment() {
        Some(_) => String::new(),
        None => {
            let both = if missing.is_empty() { "" } else { " and " };
            let _ = write!(missing, "{both}an environment for its images");
            let first = environments.first();
            let first = first.map_or("production", EnvironmentName::as_str);
            format!(" --parameter {}", word("environment", first))
        }
    };
    let _ = writeln!(
        out,
        "\nNot saved: choose {missing}, and add the integration again.\nFor instance with\n\n \
         {cluster}{environment}"
    );
    if opened.spec.environment().is_none() {
        let _ = match environments {
            [] => writeln!(
                out,
                "\nThe environment may have any name; it is made by that."
            ),
            known => writeln!(
                out,
                "\nThe environment may be new, or one that is there: {}.",
                listed(known)
            ),
        };
    }
    out
}

/// Returns names behind each other.
fn listed(names: &[impl ToString]) -> String {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    names.join(", ")
}

/// Returns a parameter as a word for a shell.
fn word(key: &str, value: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-/:@".contains(c);
    match value.chars().all(is_plain) {
        true => format!("{key}={value}"),
        false => format!("{key}='{}'", value.replace('\'', r"'\''")),
    }
}

fn counted(count: u64, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_word_for_a_shell() {
        for (value, expected) in [
            ("prod-eu.1", "cluster=prod-eu.1"),
            ("two words", "cluster='two words'"),
            ("größe", "cluster='größe'"),
            ("it's $(id)", r"cluster='it'\''s $(id)'"),
        ] {
            assert_eq!(word("cluster", value), expected);
        }
    }
}
