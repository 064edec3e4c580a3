//! `scout environment sync`: a list of what runs replaces its own share.

use std::fs::File;
use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use scout_config::SystemClock;
use scout_envs::EnvironmentName;
use scout_platform::{Reader, RunningList, WaitingLine};
use serde::Serialize;

use super::view;
use crate::arguments::{Org, TableFormat};
use crate::output::{counted, note, print, print_json};

/// The path that means standard input.
const STDIN: &str = "-";

/// What is to replace what.
pub(super) struct Wanted<'a> {
    pub(super) name: &'a EnvironmentName,
    pub(super) from: &'a Path,
    pub(super) source: &'a str,
    pub(super) allow_empty: bool,
}

/// What came of it, as `--format json` prints it.
#[derive(Serialize)]
struct Synced<'a> {
    /// The environment.
    environment: &'a str,
    /// The share that was replaced.
    source: &'a str,
    /// How many different images the list told of.
    images: u64,
    /// How many of them are analyzed.
    analyzed: u64,
    /// How many containers or lines told of an image.
    entries: u64,
    /// How many containers were left out, because they do not run.
    not_running: u64,
    /// How many running containers name no image by which it can be found.
    unidentified: u64,
    /// The images that are not analyzed, with the reason of each.
    waiting: Vec<&'a WaitingLine>,
}

pub(super) async fn run(org: &Org, wanted: Wanted<'_>, format: TableFormat) -> anyhow::Result<()> {
    let Wanted { name, source, .. } = wanted;
    let store = crate::open(&org.data)?;
    let organization = scout_platform::organization(store.as_ref(), &org.org).await?;
    let list = read(wanted.from)?;
    if list.images.is_empty() && !wanted.allow_empty {
        bail!("{}", nothing_runs(&list));
    }
    let (entries, not_running, unidentified) = (list.entries, list.not_running, list.unidentified);
    let share = scout_platform::sync_list(
        store.as_ref(),
        &organization,
        name,
        source,
        list,
        &SystemClock,
    )
    .await?;
    crate::judge(Arc::clone(&store)).await?;
    let report = Reader::new(store).environment(&organization, name).await?;
    let own = report.waiting.iter().filter(|line| line.source == source);
    let synced = Synced {
        environment: name.as_str(),
        source,
        images: share.images,
        analyzed: share.images.saturating_sub(share.waiting),
        entries,
        not_running,
        unidentified,
        waiting: own.collect(),
    };
    match format {
        TableFormat::Json => print_json(&synced),
        TableFormat::Table => print(&text(&synced)),
    }
}

fn read(from: &Path) -> anyhow::Result<RunningList> {
    if from == Path::new(STDIN) {
        let stdin = io::stdin();
        if stdin.is_terminal() {
            note("Reading the list from the terminal; Ctrl-D ends it.\n");
        }
        return RunningList::read(stdin.lock()).context("the list was not taken");
    }
    let shown = from.display();
    let file = File::open(from).with_context(|| format!("cannot open the list {shown}"))?;
    RunningList::read(file).with_context(|| format!("the list {shown} was not taken"))
}

fn nothing_runs(list: &RunningList) -> String {
    let left_out = match (list.not_running, list.unidentified) {
        (0, 0) => String::new(),
        (not_running, 0) => format!(" ({})", left_out(not_running)),
        (not_running, unidentified) => format!(
            " ({}, {} without the name of an image)",
            left_out(not_running),
            counted(unidentified, "container", "containers")
        ),
    };
    format!(
        "nothing runs, as the list tells{left_out}, and nothing was changed; if that is so, add \
         --allow-empty, otherwise look at the context and namespace of kubectl"
    )
}

fn left_out(not_running: u64) -> String {
    match not_running {
        1 => "1 container is not running".to_owned(),
        several => format!("{several} containers are not running"),
    }
}

fn text(synced: &Synced<'_>) -> String {
    let Synced {
        environment,
        source,
        images,
        analyzed,
        waiting,
        ..
    } = synced;
    let mut text = format!(
        "Environment {environment}: {} from {source}, {analyzed} analyzed, {} not.\n",
        counted(*images, "image", "images"),
        waiting.len()
    );
    if synced.not_running > 0 {
        text.push_str(&format!("Left out: {}.\n", left_out(synced.not_running)));
    }
    if synced.unidentified > 0 {
        let containers = counted(synced.unidentified, "container", "containers");
        text.push_str(&format!(
            "Left out, without the name of an image: {containers}.\n"
        ));
    }
    if !waiting.is_empty() {
        text.push_str("These wait, and join when they are analyzed:\n");
        text.push_str(&view::waiting(waiting));
    }
    text
}
