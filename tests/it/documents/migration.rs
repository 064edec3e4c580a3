//! `docs/migration.md` and `docs/scraping.md`: what they let people write is what is documented, and
//! the bridge carries.

use std::fs;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use super::page::{Page, code, rows};
use super::usage::commands;
use crate::deploy::{CHECK, PROMETHEUS};
use crate::examples::{LATEST, indexed};
use crate::support::hosted::HostedEndpoint;
use crate::support::metrics::Samples;
use crate::support::program;
use crate::support::serving::Serving;

const PAGE: &str = "docs/migration.md";
/// A token of Docker's.
const TOKEN: &str = "dckr_pat_0123456789";

#[test]
fn only_the_target_is_another() {
    let blocks = Page::read(PAGE).blocks("yaml");
    let documented = PROMETHEUS
        .replace("<ORG>", "acme")
        .replace("api.scout.docker.com", "scout.example.com:9318");
    assert_eq!(blocks[0], documented);
    let endpoint = "https://scout.example.com:9318/v1/exporter/org/acme/metrics";
    let documented = format!(
        "instances:\n  - openmetrics_endpoint: \"{endpoint}\"\n    \
         namespace: \"scout-metrics-exporter\"\n    metrics:\n      - scout_*\n{CHECK}"
    );
    assert_eq!(blocks[1], documented);
}

#[test]
fn everything_is_scraped_every_sixty_seconds() {
    let folder = crate::deploy::folder();
    let mut count = 0;
    for file in crate::deploy::under(&folder, &["yaml", "yml"]) {
        let text = fs::read_to_string(&file).unwrap();
        for key in ["scrape_interval", "interval", "min_collection_interval"] {
            let lines = text
                .lines()
                .map(|line| line.trim().trim_start_matches("- "));
            for value in lines.filter_map(|line| line.strip_prefix(&format!("{key}: "))) {
                // Healthchecks of Compose have an interval, too, and so have rules.
                let name = file.file_name().unwrap().to_str().unwrap();
                if name.starts_with("compose") || name.contains("rule") {
                    continue;
                }
                assert_eq!(value.trim_end_matches('s'), "60", "{}", file.display());
                count += 1;
            }
        }
    }
    assert!(count >= 5, "{count}");
    let page = Page::read("docs/scraping.md");
    let blocks = page.blocks("yaml");
    assert!(PROMETHEUS.starts_with(&blocks[0]), "{}", blocks[0]);
    assert!(
        blocks[1].contains("    min_collection_interval: 60\n"),
        "{}",
        blocks[1]
    );
}

#[test]
fn flags_and_commands_that_are_called_the_same_are_there() {
    let page = Page::read(PAGE);
    let watch = &commands("scout-watch")["scout-watch"].flags;
    for row in rows(&page.section("## `docker scout watch`")) {
        for flag in code(&row[0]).iter().filter(|word| word.starts_with("--")) {
            assert!(watch.contains_key(*flag), "{flag}");
        }
    }
    let scout = commands("scout");
    for row in rows(&page.section("## Other commands")) {
        for command in code(&row[1]) {
            let words = command
                .split(' ')
                .take_while(|word| word.chars().all(|c| c.is_ascii_lowercase()));
            let name = words.collect::<Vec<_>>().join(" ");
            let is_known = scout.contains_key(&format!("scout {name}"))
                || scout.contains_key(&format!("scout integration {name}"))
                || scout.values().any(|usage| usage.aliases.contains(&name));
            assert!(is_known, "{command} in {row:?}");
        }
    }
}

/// Starts the exporter over a data directory.
fn exporter(dir: &Path, more: &[&str]) -> Serving {
    let mut command = program::ours("scout-exporter");
    command.arg("--data-dir").arg(dir).args(more);
    Serving::exporting(command)
}

#[test]
fn over_the_bridge_from_the_hosted_numbers_to_our_own_nothing_changes_for_scrapers() {
    // Steps 2 and 3: an organization here with what a watcher recorded of it, and a token.
    let (scout, _) = indexed();
    let token = scout.token(&[]);
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("docker-token");
    fs::write(&file, TOKEN).unwrap();
    let endpoint = HostedEndpoint::start("acme", TOKEN);
    let (url, file) = (endpoint.url(), file.to_str().unwrap());
    let hosted = [
        "--source",
        "hosted",
        "--org",
        "acme",
        "--token-file",
        file,
        "--api",
        &url,
    ];
    let bridge = exporter(scout.dir(), &hosted);
    let theirs = program::until("the hosted numbers", Duration::from_secs(60), || {
        Some(bridge.ask(TOKEN)).filter(|answer| answer.status == 200)
    });
    let with_ours = bridge.ask(&token);
    assert_eq!((with_ours.status, &with_ours.body), (200, &theirs.body));
    let severities = Samples::parse(&theirs.body).severities("latest-indexed");
    assert_ne!(
        severities, LATEST,
        "the numbers of both are alike: nothing can be told"
    );
    drop(bridge);
    // Step 4: the same path and token, our numbers.
    let own = exporter(scout.dir(), &[]);
    assert_eq!(own.samples(&token).severities("latest-indexed"), LATEST);
    assert_eq!(own.ask(TOKEN).status, 401);
}
