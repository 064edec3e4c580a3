//! `docs/metrics.md` has every family that our programs can show, and no other; and what they do show
//! is on it.

use std::collections::{BTreeMap, BTreeSet};

use scout_metrics::{DOCUMENTED_FAMILIES, EXTENDED_FAMILIES, FamilyDescription, Kind};
use scout_web::{EXPORTER_FAMILIES, HOSTED_FAMILIES, RECORD_FAMILIES, WATCHER_FAMILIES};

use super::page::{Page, code, rows};
use crate::deploy::families::Both;
use crate::examples::{ADVISORIES, REGISTRY};
use crate::support::http;
use crate::support::program;
use crate::support::scout::Scout;
use crate::support::serving::Serving;

const PAGE: &str = "docs/metrics.md";
const DOCUMENTED: &str = "## The documented families";
const EXTENDED: &str = "## More families";
const EXPORTER: &str = "### Serving";
const HOSTED: &str = "### Hosted organizations";
const RECORD: &str = "### The record";
const WATCHER: &str = "### Watching";

/// The sections, and the families that the code has for each.
const SECTIONS: [(&str, &[FamilyDescription]); 6] = [
    (DOCUMENTED, DOCUMENTED_FAMILIES),
    (EXTENDED, EXTENDED_FAMILIES),
    (EXPORTER, EXPORTER_FAMILIES),
    (HOSTED, HOSTED_FAMILIES),
    (RECORD, RECORD_FAMILIES),
    (WATCHER, WATCHER_FAMILIES),
];

/// A family as the page has it.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Row {
    kind: String,
    labels: Vec<String>,
    unit: String,
    meaning: String,
    absent: String,
}

fn described(page: &Page, section: &str) -> BTreeMap<String, Row> {
    let rows = rows(&page.section(section)).into_iter();
    let families = rows.filter(|row| row[0].starts_with("`scout_"));
    families
        .map(|row| {
            let [name, kind, labels, unit, meaning, absent] = row.as_slice() else {
                panic!("{row:?}");
            };
            let row = Row {
                kind: kind.clone(),
                labels: code(labels).into_iter().map(str::to_owned).collect(),
                unit: unit.clone(),
                meaning: meaning.clone(),
                absent: absent.clone(),
            };
            (code(name)[0].to_owned(), row)
        })
        .collect()
}

fn kind_of(family: &FamilyDescription) -> &'static str {
    match family.kind {
        Kind::Counter => "counter",
        _ => "gauge",
    }
}

#[test]
fn every_family_of_the_code_is_on_the_page_and_no_other() {
    let page = Page::read(PAGE);
    let mut count = 0;
    for (section, families) in SECTIONS {
        let mut described = described(&page, section);
        for family in families {
            let name = family.name;
            let row = described.remove(name);
            let labels: Vec<_> = family
                .labels
                .iter()
                .map(|label| format!("`{label}`"))
                .collect();
            let row = row.unwrap_or_else(|| {
                let (kind, labels, help) = (kind_of(family), labels.join(", "), family.help);
                panic!("{section} needs\n| `{name}` | {kind} | {labels} |  | {help} | never |")
            });
            assert_eq!(row.kind, kind_of(family), "{name}");
            assert_eq!(row.labels, family.labels, "{name}");
            assert!(
                row.meaning.starts_with(family.help),
                "{name}: {:?} in {row:?}",
                family.help
            );
            let unit = [("_seconds", "seconds"), ("_bytes", "bytes")]
                .into_iter()
                .find(|(ending, _)| name.trim_end_matches("_total").ends_with(ending));
            match unit {
                Some((_, unit)) => assert!(row.unit.starts_with(unit), "{name}: {row:?}"),
                None => assert!(!row.unit.is_empty(), "{name}: {row:?}"),
            }
            assert!(!row.absent.is_empty(), "{name}: {row:?}");
            count += 1;
        }
        assert!(described.is_empty(), "{section} has {described:?}");
    }
    assert!(count > 60, "{count}");
}

/// Checks a page that a program shows: each family is in one of the sections, with its kind and its
/// labels. Returns the names.
fn check(page: &Page, sections: &[&str], shown: &str) -> BTreeSet<String> {
    let known: BTreeMap<_, _> = sections
        .iter()
        .flat_map(|section| described(page, section))
        .collect();
    let mut names = BTreeSet::new();
    for line in shown.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            let row = known
                .get(name)
                .unwrap_or_else(|| panic!("{name} is not in {sections:?}"));
            assert_eq!(row.kind, kind, "{name}");
            names.insert(name.to_owned());
        } else if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            let meaning = known.get(name).map(|row| row.meaning.as_str());
            let is_same = meaning.is_some_and(|meaning| meaning.starts_with(help));
            assert!(is_same, "{name}: {help:?} in {meaning:?}");
        } else if !line.is_empty() {
            let (name, labels) = line.split_once(['{', ' ']).unwrap();
            let labels = labels.split("=\"").filter_map(|part| {
                let name = part.rsplit([',', '{', '"']).next()?;
                name.chars()
                    .all(|c| c.is_ascii_alphabetic() || c == '_')
                    .then_some(name)
            });
            if line.contains('{') {
                let labels: BTreeSet<_> = labels.filter(|name| !name.is_empty()).collect();
                let documented: BTreeSet<_> =
                    known[name].labels.iter().map(String::as_str).collect();
                assert_eq!(labels, documented, "{line}");
            } else {
                assert!(known[name].labels.is_empty(), "{line}");
            }
        }
    }
    assert!(!names.is_empty(), "{shown}");
    names
}

#[test]
fn what_the_exporter_shows_is_on_the_page() {
    let page = Page::read(PAGE);
    let both = Both::start();
    let body = both.exporter.ask(&both.token).body;
    let names = check(&page, &[DOCUMENTED], &body);
    assert_eq!(names.len(), DOCUMENTED_FAMILIES.len());
    let names = check(&page, &[EXPORTER, HOSTED, RECORD], &both.own_page());
    for needed in [
        "scout_exporter_build_info",
        "scout_exporter_hosted_up",
        "scout_record_artifacts",
    ] {
        assert!(names.contains(needed), "{needed} in {names:?}");
    }
}

#[test]
fn what_the_watcher_shows_is_on_the_page() {
    let page = Page::read(PAGE);
    let scout = Scout::new();
    let more = [&["--all-images"], ADVISORIES.as_slice()].concat();
    let watcher = Serving::watcher(&scout, REGISTRY, &more);
    let shown = || {
        http::get(&format!("{}/metrics", watcher.url), &[])
            .unwrap()
            .body
    };
    let shown = program::until("a judgement", program::DEADLINE, || {
        Some(shown()).filter(|page| page.contains("scout_watch_last_judgement_age_seconds "))
    });
    let names = check(&page, &[EXPORTER, RECORD, WATCHER], &shown);
    for needed in [
        "scout_watch_build_info",
        "scout_watch_images_total",
        "scout_record_work",
    ] {
        assert!(names.contains(needed), "{needed} in {names:?}");
    }
}

#[test]
fn what_extended_metrics_show_is_on_the_page() {
    let page = Page::read(PAGE);
    let (scout, _) = crate::examples::indexed();
    scout
        .scout(&["environment", "production", "shop/web:1.0"])
        .expect_code(0);
    let token = scout.token(&[]);
    let mut command = program::ours("scout-exporter");
    command
        .arg("--extended-metrics")
        .arg("--data-dir")
        .arg(scout.dir());
    let exporter = Serving::exporting(command);
    let body = program::until("the extended families", program::DEADLINE, || {
        Some(exporter.ask(&token).body).filter(|body| body.contains("scout_repository_images{"))
    });
    let names = check(&page, &[DOCUMENTED, EXTENDED], &body);
    assert!(names.len() > DOCUMENTED_FAMILIES.len() + 10, "{names:?}");
}
