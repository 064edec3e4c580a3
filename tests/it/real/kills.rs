//! A watcher that is killed, or that is not alone, leaves nothing behind but work to do.

use std::collections::BTreeMap;
use std::env;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::fixture::{Indexed, SWEEP, one_at_a_time};
use crate::support::program;
use crate::support::random::Random;
use crate::support::registry::Request;
use crate::support::scout::{Image, Scout};
use crate::support::serving::Serving;

/// Keys of `scout images` that tell how often and when, not what.
const VOLATILE: [&str; 4] = ["attempts", "first_seen", "last_seen", "indexed_at"];

/// Returns everything that can be asked about a data directory. Makes a token there.
fn end_state(scout: &Scout) -> Value {
    let mut images = scout.images();
    images.sort_by_key(|image| (image.text("repository").to_owned(), image.names()));
    let details: Vec<_> = images
        .iter()
        .flat_map(Image::names)
        .map(|name| json!({"name": name, "sbom": scout.sbom(&name), "cves": scout.cves(&name)}))
        .collect();
    let images: Vec<_> = images
        .into_iter()
        .map(|Image(mut image)| {
            let object = image.as_object_mut().unwrap();
            VOLATILE.iter().for_each(|key| drop(object.remove(*key)));
            image
        })
        .collect();
    let exporter = Serving::exporter(scout);
    let metrics = exporter.ask(&scout.token(&[])).body;
    json!({"images": images, "details": details, "metrics": metrics})
}

/// Checks two end states; names the part that differs, the whole is too long to read.
#[track_caller]
fn check_same(expected: &Value, found: &Value, case: &str) {
    assert_eq!(expected["metrics"], found["metrics"], "{case}");
    assert_eq!(expected["images"], found["images"], "{case}");
    let details = |state: &Value| state["details"].as_array().unwrap().clone();
    for (expected, found) in details(expected).iter().zip(&details(found)) {
        assert!(expected == found, "{case}: {} differs", expected["name"]);
    }
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn a_watcher_killed_at_any_moment_loses_and_doubles_nothing() {
    let _turn = one_at_a_time();
    let Some(indexed) = Indexed::get() else {
        return;
    };
    let pushed = indexed.pushed;
    let expected = end_state(&indexed.scout.copy());
    let start = Instant::now();
    pushed.sweep(&Scout::new()).expect_code(0);
    let whole = u64::try_from(start.elapsed().as_micros()).unwrap();
    let kills = env::var("SCOUT_KILLS").map_or(50, |kills| kills.parse().unwrap());
    let mut random = Random::new();
    for number in 1..=kills {
        let scout = Scout::new();
        let moment = Duration::from_micros(random.below(whole));
        let mut command =
            scout.watch_command(&pushed.registry.registry(), &["--all-images", "--once"]);
        command.args(&pushed.advisories);
        let command = command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut watcher = command.spawn().unwrap();
        thread::sleep(moment);
        // It may have ended by itself: then the second run finds nothing to do.
        watcher.kill().unwrap();
        watcher.wait().unwrap();
        let case = format!("kill {number} of {kills}, after {moment:?}");
        let outcome = pushed.sweep(&scout);
        assert_eq!(outcome.code, Some(0), "{case}\n{outcome}");
        check_same(&expected, &end_state(&scout), &case);
    }
    println!("{kills} kills within {:?}", Duration::from_micros(whole));
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn two_watchers_on_one_data_directory_do_the_work_once() {
    let _turn = one_at_a_time();
    let Some(indexed) = Indexed::get() else {
        return;
    };
    let pushed = indexed.pushed;
    let expected = end_state(&indexed.scout.copy());
    let scout = Scout::new();
    let (_, start) = pushed.registry.requests_since(0);
    let watchers: Vec<_> = (0..2)
        .map(|_| {
            let mut command =
                scout.watch_command(&pushed.registry.registry(), &["--all-images", "--once"]);
            command
                .args(&pushed.advisories)
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped());
            command.spawn().unwrap()
        })
        .collect();
    for watcher in watchers {
        let outcome = program::finish(watcher, SWEEP, "scout-watch");
        outcome.expect_code(0);
    }
    let (requests, _) = pushed.registry.requests_since(start);
    let layers = pushed.testbed.layers();
    let mut counts = BTreeMap::<&str, usize>::new();
    for digest in requests.iter().filter_map(Request::blob) {
        if layers.contains(digest) {
            *counts.entry(digest).or_default() += 1;
        }
    }
    let all: usize = counts.values().sum();
    println!("{all} requests for {} layers", counts.len());
    // Each process at most once.
    assert!(counts.values().all(|count| *count <= 2), "{counts:?}");
    check_same(&expected, &end_state(&scout), "two watchers");
}
