//! What a sweep asks of a real registry: each layer once, an unchanged tag one HEAD.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::fixture::{Indexed, Pushed, SWEEP, one_at_a_time};
use crate::support::layout::{self, Layout, debian, digest};
use crate::support::program;
use crate::support::registry::{Auth, Registry, Request};
use crate::support::scout::Scout;
use crate::support::serving::Serving;
use crate::support::workspace;

/// Returns how often each blob was asked for.
fn blobs(requests: &[Request]) -> BTreeMap<&str, usize> {
    let mut blobs = BTreeMap::new();
    for digest in requests.iter().filter_map(Request::blob) {
        *blobs.entry(digest).or_default() += 1;
    }
    blobs
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn the_first_sweep_fetches_each_layer_once() {
    let _turn = one_at_a_time();
    let Some(indexed) = Indexed::get() else {
        return;
    };
    let blobs = blobs(&indexed.requests);
    // A configuration may be asked for again: the image in another manifest has the same one.
    let layers = indexed.pushed.testbed.layers();
    let fetched = blobs.iter().filter(|(digest, _)| layers.contains(**digest));
    let (once, twice): (Vec<_>, Vec<_>) = fetched.partition(|(_, count)| **count == 1);
    assert!(twice.is_empty(), "{twice:?}");
    assert!(once.len() > 10, "{once:?}");
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn an_unchanged_registry_costs_one_head_a_tag_and_no_blob() {
    let _turn = one_at_a_time();
    let Some(indexed) = Indexed::get() else {
        return;
    };
    let scout = indexed.scout.copy();
    let registry = &indexed.pushed.registry;
    let tags = indexed.pushed.testbed.images().len() + 1;
    let (_, start) = registry.requests_since(0);
    let outcome = indexed.pushed.sweep(&scout).expect_code(0);
    let (requests, _) = registry.requests_since(start);
    assert_eq!(blobs(&requests), BTreeMap::new());
    let count = |method: &str| {
        let manifests = requests
            .iter()
            .filter(|request| request.path.contains("/manifests/"));
        manifests.filter(|request| request.method == method).count()
    };
    assert_eq!(
        (count("HEAD"), count("GET")),
        (tags, 0),
        "{requests:#?}\n{outcome}"
    );
}

/// Measured from outside: the script looks at the files, and for the layers' bytes in them, while
/// the watcher runs.
#[test]
#[ignore = "needs real servers; run tests/run"]
fn no_byte_of_a_layer_is_written_to_disk() {
    let _turn = one_at_a_time();
    let Some(pushed) = Pushed::get() else {
        return;
    };
    let mut command = Command::new("python3");
    command
        .arg(workspace::root().join("benches/footprint"))
        .args(["--registry", &pushed.registry.host()])
        .args(&pushed.advisories)
        .arg("--binary")
        .arg(workspace::program("scout-watch"));
    let outcome = program::wait(command, SWEEP).expect_code(0);
    let line = outcome
        .stdout
        .lines()
        .find(|line| line.starts_with("layer bytes"));
    let bytes = line.and_then(|line| line.split_whitespace().nth(2));
    assert_eq!(bytes, Some("0"), "{outcome}");
    println!("{}", outcome.stdout);
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn a_new_image_on_known_layers_fetches_its_new_layer_and_config_only() {
    let _turn = one_at_a_time();
    let Some(indexed) = Indexed::get() else {
        return;
    };
    let scout = indexed.scout.copy();
    let pushed = indexed.pushed;
    let mut layout = Layout::new();
    let (mut layers, mut diff_ids) = layers_of(pushed, "debian-12", &layout);
    let tar = layout::tar(&[("srv/new", b"one small file".as_slice())]);
    layers.push(layout.layer(&tar));
    diff_ids.push(digest(&tar));
    layout.image_of("new", &layers, &diff_ids);
    // A registry of its own: the shared one must not change under the other tests.
    let registry = Registry::start(Auth::None);
    registry.push(
        &pushed.testbed.layout(),
        "debian-12",
        "library/debian:12",
        &[],
    );
    let sweep = |scout: &Scout| {
        let mut command = scout.watch_command(&registry.registry(), &["--all-images", "--once"]);
        command.args(&pushed.advisories);
        program::wait(command, SWEEP).expect_code(0)
    };
    sweep(&scout);
    registry.push(layout.path(), "new", "acme/new:1.0", &[]);
    let (_, start) = registry.requests_since(0);
    sweep(&scout);
    let (requests, _) = registry.requests_since(start);
    let config = config_of(&layout);
    let expected = BTreeSet::from([layers.last().unwrap()["digest"].as_str().unwrap(), &config]);
    let fetched = blobs(&requests);
    assert_eq!(fetched.keys().copied().collect::<BTreeSet<_>>(), expected);
    assert!(fetched.values().all(|count| *count == 1), "{fetched:?}");
    assert_eq!(scout.image("acme/new:1.0").text("state"), "indexed");
}

fn read(layout: &std::path::Path, digest: &str) -> Value {
    let hex = digest.strip_prefix("sha256:").unwrap();
    let blob = fs::read(layout.join("blobs/sha256").join(hex)).unwrap();
    serde_json::from_slice(&blob).unwrap()
}

fn manifest_of(layout: &std::path::Path, tag: &str) -> Value {
    let index: Value =
        serde_json::from_slice(&fs::read(layout.join("index.json")).unwrap()).unwrap();
    let entries = index["manifests"].as_array().unwrap();
    let entry = entries
        .iter()
        .find(|entry| entry["annotations"]["org.opencontainers.image.ref.name"] == tag)
        .unwrap();
    read(layout, entry["digest"].as_str().unwrap())
}

/// Copies the layers of an image into another layout; returns descriptors and diff ids.
fn layers_of(pushed: &Pushed, tag: &str, to: &Layout) -> (Vec<Value>, Vec<String>) {
    let from = pushed.testbed.layout();
    let manifest = manifest_of(&from, tag);
    let layers = manifest["layers"].as_array().unwrap().clone();
    for layer in &layers {
        let digest = layer["digest"].as_str().unwrap();
        let hex = digest.strip_prefix("sha256:").unwrap();
        fs::copy(from.join("blobs/sha256").join(hex), to.blob(digest)).unwrap();
    }
    let config = read(&from, manifest["config"]["digest"].as_str().unwrap());
    let diff_ids = config["rootfs"]["diff_ids"].as_array().unwrap();
    let diff_ids = diff_ids.iter().map(|id| id.as_str().unwrap().to_owned());
    (layers, diff_ids.collect())
}

fn config_of(layout: &Layout) -> String {
    let manifest = manifest_of(layout.path(), "new");
    manifest["config"]["digest"].as_str().unwrap().to_owned()
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn an_exporter_shows_what_a_running_watcher_records_within_two_seconds() {
    let _turn = one_at_a_time();
    let registry = Registry::start(Auth::None);
    let scout = Scout::new();
    // The repository is a new one, too.
    let more = [
        "--all-images",
        "--refresh-registry",
        "--interval",
        "1",
        "--advisories",
        "examples/advisories",
    ];
    let watcher = Serving::watcher(&scout, &registry.registry(), &more);
    let exporter = Serving::exporter(&scout);
    let token = scout.token(&[]);
    let mut layout = Layout::new();
    layout.image("new", &[debian("openssl", "3.0.9-1")]);
    registry.push(layout.path(), "new", "acme/new:1.0", &[]);
    let minute = Duration::from_secs(60);
    program::until("image indexed", minute, || {
        assert!(watcher.guard.is_running(), "{}", watcher.guard.stderr());
        let images = scout.images();
        let indexed = |image: &&crate::support::scout::Image| {
            image.is("acme/new:1.0") && image.text("state") == "indexed"
        };
        images.iter().find(indexed).map(|_| ())
    });
    let recorded = Instant::now();
    program::until("finding in the exporter", minute, || {
        let samples = exporter.samples(&token);
        let labels = [("streamName", "latest-indexed"), ("severity", "HIGH")];
        let mut found = samples.of("scout_stream_vulnerabilities", &labels);
        found.any(|(_, value)| value == 1.0).then_some(())
    });
    let lag = recorded.elapsed();
    assert!(lag < Duration::from_secs(2), "{lag:?}");
}
