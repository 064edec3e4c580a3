//! An environment as people read it: tables, and notes beside the plain list.

use std::collections::BTreeMap;

use scout_platform::{
    EnvironmentLine, EnvironmentReport, ShareLine, TagLine, TagState, WaitingLine, WorkloadLine,
};

use crate::output::{ago, counted, short, table};

/// Most workloads named in a line.
const MAX_WORKLOADS: usize = 2;
/// Most images listed that wait, beside the plain list.
const MAX_WAITING: usize = 20;

/// All that is known, in tables.
pub(super) fn tables(report: &EnvironmentReport) -> String {
    let mut text = format!(
        "Environment {}: {}, {}\n\n",
        report.environment,
        counted(
            report.images.len() as u64,
            "image analyzed",
            "images analyzed"
        ),
        waiting_count(report.waiting.len())
    );
    if !report.images.is_empty() {
        text.push_str(&images(&report.images));
        text.push_str(&versions(&report.images));
    }
    if !report.waiting.is_empty() {
        let rows: Vec<[String; 5]> = report
            .waiting
            .iter()
            .map(|line| {
                [
                    shortened(&line.image),
                    why(line),
                    line.source.clone(),
                    ago(line.since),
                    workloads(line.workloads.iter()),
                ]
            })
            .collect();
        let heading = ["WAITING", "WHY", "FROM", "SINCE", "RUN BY"];
        let gap = if report.images.is_empty() { "" } else { "\n" };
        text.push_str(&format!("{gap}{}", table(heading, &rows)));
    }
    if !report.shares.is_empty() {
        let rows: Vec<[String; 5]> = report.shares.iter().map(share).collect();
        let heading = ["SOURCE", "IMAGES", "WAITING", "LAST SYNC", "LAST FAILURE"];
        text.push_str(&format!("\n{}", table(heading, &rows)));
    }
    text
}

/// A name with the beginning of its digest alone.
fn shortened(image: &str) -> String {
    match image.rsplit_once('@') {
        Some((name, digest)) => format!("{name}@{}", short(digest)),
        None => image.to_owned(),
    }
}

fn waiting_count(count: usize) -> String {
    match count {
        0 => "none waits".to_owned(),
        1 => "1 waits".to_owned(),
        several => format!("{several} wait"),
    }
}

fn images(images: &[EnvironmentLine]) -> String {
    let rows: Vec<[String; 5]> = images
        .iter()
        .map(|image| {
            let tag = image.tag.as_ref();
            let name = tag.map_or_else(String::new, |tag| format!(":{}", tag.name));
            let sources: Vec<&str> = image.sources.iter().map(String::as_str).collect();
            [
                format!("{}{name}", image.repository),
                short(&image.digest),
                sources.join(", "),
                tag.map_or_else(String::new, tag_now),
                workloads(image.workloads.iter()),
            ]
        })
        .collect();
    table(["IMAGE", "DIGEST", "FROM", "TAG NOW", "RUN BY"], &rows)
}

fn tag_now(tag: &TagLine) -> String {
    match (tag.state, &tag.points_to) {
        (TagState::Current, _) => "same".to_owned(),
        (TagState::Moved, Some(digest)) => format!("moved to {}", short(digest)),
        (TagState::Moved, None) => "moved".to_owned(),
        (TagState::Gone, _) => "gone".to_owned(),
        _ => "not watched".to_owned(),
    }
}

/// Names the repositories of which several versions are in the environment.
fn versions(images: &[EnvironmentLine]) -> String {
    let mut repositories: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for image in images {
        let version = match &image.tag {
            Some(tag) => tag.name.clone(),
            None => short(&image.digest),
        };
        let versions = repositories.entry(&image.repository).or_default();
        versions.push(version);
    }
    let several = repositories
        .into_iter()
        .filter(|(_, versions)| versions.len() > 1)
        .map(|(repository, versions)| {
            let count = versions.len();
            format!(
                "{count} versions of {repository}: {}\n",
                versions.join(", ")
            )
        });
    let lines: String = several.collect();
    match lines.is_empty() {
        true => lines,
        false => format!("\n{lines}"),
    }
}

fn workloads<'a>(workloads: impl ExactSizeIterator<Item = &'a WorkloadLine> + Clone) -> String {
    let count = workloads.len();
    let named: Vec<String> = workloads.take(MAX_WORKLOADS).map(workload).collect();
    let more = match count.saturating_sub(named.len()) {
        0 => String::new(),
        rest => format!(" and {rest} more"),
    };
    format!("{}{more}", named.join(", "))
}

/// What runs an image, as far as that is told.
fn workload(one: &WorkloadLine) -> String {
    let joined = |parts: [&str; 2], between| {
        let told: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        told.join(between)
    };
    let place = joined([&one.namespace, &one.name], "/");
    match joined([&one.kind, &place], " ") {
        nothing if nothing.is_empty() => "not told".to_owned(),
        told => told,
    }
}

fn share(share: &ShareLine) -> [String; 5] {
    let failure = match (share.failed_at, &share.failure) {
        (Some(at), Some(why)) => format!("{}: {why}", ago(at)),
        (Some(at), None) => ago(at),
        _ => String::new(),
    };
    [
        share.source.clone(),
        share.images.to_string(),
        share.waiting.to_string(),
        share.synced_at.map_or_else(|| "never".to_owned(), ago),
        failure,
    ]
}

/// Why an image waits, for people.
pub(super) fn why(line: &WaitingLine) -> String {
    let what = match line.reason {
        "never-seen" => "never seen in a registry that is watched",
        "below-baseline" => {
            "was there before the first sweep; `scout-watch --all-images` indexes it"
        }
        "waiting" => "about to be indexed by a running scout-watch",
        "other-platform" => "no wanted platform",
        "failed" => "failed",
        "skipped" => "not an image",
        "disabled" => "its repository is disabled",
        other => other,
    };
    match &line.detail {
        Some(detail) => format!("{what}: {detail}"),
        None => what.to_owned(),
    }
}

/// Lines that tell what waits, at most so many.
pub(super) fn waiting(lines: &[&WaitingLine]) -> String {
    let mut text: String = lines
        .iter()
        .take(MAX_WAITING)
        .map(|line| format!("  {}  {}\n", line.image, why(line)))
        .collect();
    match lines.len().saturating_sub(MAX_WAITING) {
        0 => {}
        rest => text.push_str(&format!("  and {rest} more\n")),
    }
    text
}

/// What there is to say beside the plain list of images.
pub(super) fn notes(report: &EnvironmentReport, has_images: bool, org: &str) -> String {
    let name = &report.environment;
    let mut text = String::new();
    let lines: Vec<&WaitingLine> = report.waiting.iter().collect();
    match (has_images, lines.as_slice()) {
        (true, []) => {}
        (false, []) => text.push_str(&format!("Nothing runs in environment {name}.\n")),
        (true, lines) => {
            let more = match lines.len() {
                1 => "1 more image runs and is not analyzed".to_owned(),
                several => format!("{several} more images run and are not analyzed"),
            };
            text.push_str(&format!(
                "{more}; `scout environment {name} --format table{org}` tells why.\n"
            ));
        }
        (false, lines) => text.push_str(&format!(
            "No image in environment {name} is analyzed yet; {}:\n{}",
            waiting_count(lines.len()),
            waiting(lines)
        )),
    }
    for share in &report.shares {
        if let (Some(at), Some(why)) = (share.failed_at, &share.failure) {
            let known = match share.synced_at {
                Some(synced) => format!("what it said {} is shown", ago(synced)),
                None => "it never said what runs".to_owned(),
            };
            text.push_str(&format!(
                "{} failed {}, {known}: {why}\n",
                share.source,
                ago(at)
            ));
        }
    }
    text
}
