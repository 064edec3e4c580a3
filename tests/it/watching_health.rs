//! What a watcher tells of itself, how it serves, and an exporter that is there before its record.

use std::time::Duration;

use tempfile::TempDir;

use crate::examples::{ADVISORIES, REGISTRY};
use crate::support::guard::Guarded;
use crate::support::http;
use crate::support::program;
use crate::support::registry::free_port;
use crate::support::scout::{ORG, Scout};
use crate::support::serving::Serving;

/// Longest until the example is indexed and a page was read again.
const LONG: Duration = Duration::from_secs(60);

fn page(url: &str) -> String {
    let answer = http::get(&format!("{url}/metrics"), &[]);
    answer.map(|answer| answer.body).unwrap_or_default()
}

/// Returns the value of a series.
fn value(page: &str, series: &str) -> Option<f64> {
    let line = page.lines().find_map(|line| line.strip_prefix(series))?;
    line.trim().parse().ok()
}

#[test]
fn a_watcher_tells_what_it_did_without_serving_any_organization() {
    let scout = Scout::new();
    let address = format!("127.0.0.1:{}", free_port());
    let more = [
        &["--all-images", "--health-address", &address][..],
        &ADVISORIES,
    ]
    .concat();
    let folder = TempDir::new().unwrap();
    let guard = Guarded::start(&scout.watch_command(REGISTRY, &more), folder.path());
    let url = format!("http://{address}");
    let page = program::until("a watcher that has judged", LONG, || {
        assert!(guard.is_running(), "{}", guard.stderr());
        let page = page(&url);
        let record = format!("scout_record_artifacts{{org=\"{ORG}\",state=\"indexed\"}} 4");
        (page.contains("scout_watch_last_judgement_age_seconds ") && page.contains(&record))
            .then_some(page)
    });
    for (series, expected) in [
        (
            "scout_watch_images_total{integration=\"oci-dir\",outcome=\"indexed\"}",
            4.0,
        ),
        (
            "scout_watch_images_total{integration=\"oci-dir\",outcome=\"failed\"}",
            0.0,
        ),
        (
            "scout_watch_integration_up{integration=\"oci-dir\",kind=\"oci-dir\"}",
            1.0,
        ),
        (
            "scout_watch_in_flight{integration=\"oci-dir\",class=\"event\"}",
            0.0,
        ),
        (
            "scout_watch_errors_total{integration=\"oci-dir\",error=\"damaged\"}",
            0.0,
        ),
        ("scout_watch_judgements_total{outcome=\"failed\"}", 0.0),
        ("scout_record_left_out", 0.0),
    ] {
        assert_eq!(value(&page, series), Some(expected), "{series}\n{page}");
    }
    let count = |series: &str| value(&page, series).unwrap_or_else(|| panic!("{series}\n{page}"));
    let layers = "scout_watch_layers_total{integration=\"oci-dir\",outcome=";
    let fetched = count(&format!("{layers}\"fetched\"}}"));
    let reused = count(&format!("{layers}\"reused\"}}"));
    assert!(fetched > 0.0 && reused > 0.0, "{page}");
    let avoided = "scout_watch_pulls_avoided_total{integration=\"oci-dir\",reason=\"known-layer\"}";
    assert_eq!(count(avoided), reused);
    assert_eq!(
        http::get(&format!("{url}/healthz"), &[]).unwrap().body,
        "ok"
    );
    // Neither the numbers of an organization nor its name as a target are told here.
    for path in [
        format!("/v1/exporter/org/{ORG}/metrics"),
        "/v1/sd".to_owned(),
    ] {
        assert_eq!(
            http::get(&format!("{url}{path}"), &[]).unwrap().status,
            404,
            "{path}"
        );
    }
    for label in ["id", "container", "pod", "namespace", "job", "instance"] {
        for before in ["{", ","] {
            assert!(
                !page.contains(&format!("{before}{label}=\"")),
                "{label}: {page}"
            );
        }
    }
}

#[test]
fn flags_about_serving_need_something_that_serves() {
    for (flags, told) in [
        (&["--cache-ttl", "5m"][..], "--cache-ttl"),
        (&["--cache-mode", "ttl"], "--cache-mode"),
        (&["--tls-cert", "a", "--tls-key", "b"], "--tls-cert"),
        (&["--extended-metrics"], "--extended-metrics"),
    ] {
        let scout = Scout::new();
        let command = scout.watch_command(REGISTRY, flags);
        let outcome = program::wait(command, LONG).expect_code(64);
        outcome.says(told).says("add --serve ADDR, or leave it out");
    }
}

#[test]
fn an_exporter_takes_up_a_record_that_comes_later_and_one_that_replaces_it() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    let mut command = program::ours("scout-exporter");
    command.arg("--data-dir").arg(&data);
    let exporter = Serving::exporting(command);
    assert!(exporter.guard.stderr().contains("nothing is recorded in"));
    let health = || {
        http::get(&format!("{}/healthz", exporter.url), &[])
            .unwrap()
            .status
    };
    assert_eq!(health(), 503);
    assert!(page(&exporter.url).contains("scout_exporter_source_up 0\n"));
    for round in ["the first", "another"] {
        let outcome = || {
            let mut watch = program::ours("scout-watch");
            watch.args([
                "--org",
                ORG,
                "--registry",
                REGISTRY,
                "--all-images",
                "--once",
            ]);
            watch.args(ADVISORIES).arg("--data-dir").arg(&data);
            watch.current_dir(crate::support::workspace::root());
            program::wait(watch, program::DEADLINE).expect_code(0)
        };
        outcome();
        let mut make = program::ours("scout");
        make.args(["token", "create", "--org", ORG, "--data-dir"])
            .arg(&data);
        let made = program::wait(make, program::DEADLINE).expect_code(0);
        let token = made
            .stdout
            .split_whitespace()
            .find(|word| word.starts_with("scout_pat_"));
        let token = token.unwrap_or_else(|| panic!("{made}")).to_owned();
        program::until(round, LONG, || {
            let answer = exporter.ask(&token);
            (answer.status == 200 && answer.body.contains("scout_stream_vulnerabilities"))
                .then_some(())
        });
        assert_eq!(health(), 200, "{round}");
        std::fs::remove_dir_all(&data).unwrap();
        program::until("that it is gone", LONG, || {
            // A token that cannot be looked up is not refused: it may be good.
            (health() == 503 && exporter.ask(&token).status == 503).then_some(())
        });
    }
}
