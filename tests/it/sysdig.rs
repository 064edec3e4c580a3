//! What runs in clusters that Sysdig observes: from its answers to environments, streams and
//! metrics, through the real programs.

mod setup;
mod trouble;
mod waiting;
mod walkthrough;

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::examples::ADVISORIES;
use crate::support::program::{self, Outcome};
use crate::support::scout::{ORG, Scout};
use crate::support::serving::Serving;
use crate::support::sysdig::{Container, SPOTLIGHT_TOKEN, Sysdig};
use crate::support::workspace;

/// Within which time a change is taken up.
const TAKEN_UP: Duration = Duration::from_secs(30);

/// After which time without a question there will be none: three times the watcher's interval.
const QUIET: Duration = Duration::from_secs(3);

/// Packages of `shop/web:1.0` that are loaded: three of its six vulnerabilities are in them.
const LOADED: &[(&str, &str)] = &[
    ("libcurl4", "7.88.1-10+deb12u1"),
    ("libc6", "2.36-9+deb12u1"),
    ("a stranger", "1"),
];

/// Returns an image of the example registry as it runs, without a profile.
fn running(image: &str) -> Container {
    let root = workspace::root().join("examples/registry");
    let read = |path: String| -> Value {
        let bytes = fs::read(root.join(&path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        serde_json::from_slice(&bytes).unwrap()
    };
    let blob = |digest: &str| format!("blobs/sha256/{}", digest.strip_prefix("sha256:").unwrap());
    let index = read("index.json".to_owned());
    let mut entries = index["manifests"].as_array().unwrap().iter();
    let entry = entries
        .find(|entry| entry["annotations"]["org.opencontainers.image.ref.name"] == image)
        .unwrap_or_else(|| panic!("no {image}"));
    let manifest = entry["digest"].as_str().unwrap();
    let config = read(blob(manifest))["config"]["digest"].clone();
    Container {
        image_id: config.as_str().unwrap().to_owned(),
        manifest: manifest.to_owned(),
        reference: format!("registry.example.com/{image}"),
        kind: "Deployment",
        namespace: "shop",
        name: "app",
        packages: None,
    }
}

/// Returns an image that no registry has.
fn stranger() -> Container {
    let digest = |letter: &str| format!("sha256:{}", letter.repeat(64));
    Container {
        image_id: digest("a"),
        manifest: digest("b"),
        reference: "registry.example.com/elsewhere:1".to_owned(),
        kind: "DaemonSet",
        namespace: "kube-system",
        name: "agent",
        packages: None,
    }
}

/// Returns the command that adds a cluster of this Sysdig, with more parameters.
fn add_command(scout: &Scout, sysdig: &Sysdig, name: &str, more: &[&str]) -> Command {
    let url = format!("url={}", sysdig.url());
    let mut arguments = vec!["integration", "add", "sysdig", "--name", name];
    for parameter in ["token=env:TEST_TOKEN", &url].iter().chain(more) {
        arguments.extend(["--parameter", parameter]);
    }
    let mut command = scout.command(&arguments);
    command.env("TEST_TOKEN", SPOTLIGHT_TOKEN);
    command
}

fn add(scout: &Scout, sysdig: &Sysdig, name: &str, more: &[&str]) -> Outcome {
    let command = add_command(scout, sysdig, name, more);
    program::wait(command, program::DEADLINE)
}

/// Adds the cluster of this name to an environment, under its own name.
#[track_caller]
fn join(scout: &Scout, sysdig: &Sysdig, cluster: &str, environment: &str) {
    let cluster_key = format!("cluster={cluster}");
    let environment = format!("environment={environment}");
    add(scout, sysdig, cluster, &[&cluster_key, &environment]).expect_code(0);
}

fn add_examples(scout: &Scout) {
    let path = workspace::root().join("examples/registry");
    let path = format!("path={}", path.display());
    let arguments = ["integration", "add", "oci-dir", "--name", "images"];
    let arguments = [&arguments[..], &["--parameter", &path]].concat();
    scout.scout(&arguments).expect_code(0);
}

/// Returns the command that watches all that is set up.
fn watch_command(scout: &Scout, more: &[&str]) -> Command {
    let mut command = program::ours("scout-watch");
    command.args(["--org", ORG, "--data-dir"]).arg(scout.dir());
    command.args(ADVISORIES).args(more);
    command.current_dir(workspace::root());
    command.env("TEST_TOKEN", SPOTLIGHT_TOKEN);
    command
}

fn once(scout: &Scout, more: &[&str]) -> Outcome {
    let command = watch_command(scout, &[&["--once"], more].concat());
    program::wait(command, program::DEADLINE)
}

/// Starts a watcher of all that is set up, which asks every second what runs.
fn watcher(scout: &Scout) -> Serving {
    let more = ["--all-images", "--interval", "1", "--runtime-interval", "1"];
    Serving::watching(watch_command(scout, &more))
}

/// Waits until an exporter says of a stream that it has these findings; nothing for no stream.
#[track_caller]
fn wait_for_stream(exporter: &Serving, token: &str, stream: &str, findings: Option<&str>) {
    program::until(&format!("{stream}: {findings:?}"), TAKEN_UP, || {
        let samples = exporter.samples(token);
        let labels = [("streamName", stream)];
        let series = samples.of("scout_stream_vulnerabilities", &labels).count();
        let found = (series > 0).then(|| samples.severities(stream));
        (found.as_deref() == findings).then_some(())
    });
}

/// Returns what is known of an environment.
#[track_caller]
fn environment(scout: &Scout, name: &str) -> Value {
    scout.json(&["environment", name])
}

#[track_caller]
fn check_no_environment(scout: &Scout) {
    let listed = scout.scout(&["environment"]).expect_code(0);
    listed.says("There is no environment yet");
}

/// Returns why images wait in an environment, each with how often.
#[track_caller]
fn reasons(scout: &Scout, name: &str) -> BTreeMap<String, usize> {
    let environment = environment(scout, name);
    let mut reasons = BTreeMap::new();
    for waiting in environment["waiting"].as_array().unwrap() {
        let reason = waiting["reason"].as_str().unwrap().to_owned();
        *reasons.entry(reason).or_default() += 1;
    }
    reasons
}

#[test]
fn a_clusters_images_are_a_stream_and_so_are_those_of_several() {
    let (scout, sysdig) = (Scout::new(), Sysdig::start());
    let (web, api) = (running("shop/web:1.0"), running("shop/api:2.1"));
    let worker = running("shop/worker:0.9");
    sysdig.run("east", &[web.clone(), stranger()]);
    sysdig.run("west", &[worker]);
    add_examples(&scout);
    join(&scout, &sysdig, "east", "production");
    let watcher = watcher(&scout);
    let exporter = Serving::exporter(&scout);
    let token = scout.token(&[]);
    wait_for_stream(&exporter, &token, "production", Some("1C 5H 0M 0L 0U"));

    // What starts to run joins; what stops leaves.
    sysdig.run("east", &[web, api.clone(), stranger()]);
    wait_for_stream(&exporter, &token, "production", Some("2C 7H 4M 0L 1U"));
    sysdig.run("east", &[api, stranger()]);
    wait_for_stream(&exporter, &token, "production", Some("1C 2H 4M 0L 1U"));

    // A second cluster adds to the same environment; with one goes its share only.
    join(&scout, &sysdig, "west", "production");
    wait_for_stream(&exporter, &token, "production", Some("1C 2H 6M 0L 1U"));
    let shares = environment(&scout, "production")["shares"].clone();
    let sources: Vec<_> = shares.as_array().unwrap().iter().collect();
    let sources: Vec<_> = sources
        .iter()
        .map(|share| share["source"].clone())
        .collect();
    assert_eq!(sources, ["sysdig:east", "sysdig:west"]);
    let removed = scout.scout(&["integration", "remove", "--name", "east"]);
    removed
        .expect_code(0)
        .says("share of environment production");
    wait_for_stream(&exporter, &token, "production", Some("0C 0H 2M 0L 0U"));
    let removed = scout.scout(&["integration", "remove", "--name", "west"]);
    removed.expect_code(0);
    wait_for_stream(&exporter, &token, "production", None);

    // Nothing brings it back, and nothing more is asked.
    let mut last = (sysdig.asked(), Instant::now());
    program::until("end of questions", TAKEN_UP, || {
        if sysdig.asked() != last.0 {
            last = (sysdig.asked(), Instant::now());
        }
        (last.1.elapsed() > QUIET).then_some(())
    });
    check_no_environment(&scout);
    let ended = watcher.guard.terminate(TAKEN_UP);
    assert!(!ended.stderr.contains("ERROR"), "{ended}");
    assert!(!format!("{ended}").contains(SPOTLIGHT_TOKEN), "{ended}");
}

#[test]
fn what_is_in_use_is_told_apart_from_what_is_not() {
    let (scout, sysdig) = (Scout::new(), Sysdig::start());
    let web = Container {
        packages: Some(LOADED.to_vec()),
        ..running("shop/web:1.0")
    };
    sysdig.run("east", &[web, running("shop/api:2.1")]);
    add_examples(&scout);
    join(&scout, &sysdig, "east", "production");
    once(&scout, &["--all-images"]).expect_code(0);
    let in_use = |image: &str| {
        let cves = scout.cves(image);
        let findings = cves["findings"].as_array().unwrap().clone();
        let known = |wanted: bool| {
            let of = |finding: &&Value| finding["in_use"] == wanted;
            findings.iter().filter(of).count()
        };
        (findings.len(), known(true), known(false))
    };
    assert_eq!(in_use("shop/web:1.0"), (6, 3, 3));
    // Nobody looked into these: it is not known, which is not the same as not in use.
    let (all, yes, no) = in_use("shop/api:2.1");
    assert_eq!((yes, no), (0, 0));
    assert!(all > 0);
    // All count in the stream.
    let exporter = Serving::exporter(&scout);
    let token = scout.token(&[]);
    wait_for_stream(&exporter, &token, "production", Some("2C 7H 4M 0L 1U"));
    let production = environment(&scout, "production");
    let packages: Vec<_> = production["images"]
        .as_array()
        .unwrap()
        .iter()
        .map(|image| image["packages_in_use"].as_u64())
        .collect();
    assert_eq!(packages, [None, Some(3)]);
    let workload = &production["images"][1]["workloads"][0];
    assert_eq!(workload["kind"], "Deployment");
    assert_eq!(workload["namespace"], "shop");
    assert_eq!(workload["name"], "app");
}

#[test]
fn an_environment_that_is_there_is_used_again() {
    let (scout, sysdig) = (Scout::new(), Sysdig::start());
    sysdig.run("east", &[running("shop/worker:0.9")]);
    add_examples(&scout);
    once(&scout, &["--all-images"]).expect_code(0);
    let recorded = ["environment", "production", "shop/web:1.1"];
    scout.scout(&recorded).expect_code(0);
    let more = ["cluster=east", "environment=production"];
    let added = add(&scout, &sysdig, "list", &more).expect_code(0);
    added.says("Environment production has 1 image");
    // A list of the same name as an integration is another source.
    let file = scout.dir().join("list.txt");
    fs::write(&file, "shop/api:2.1\n").unwrap();
    let from = file.to_str().unwrap();
    let sync = ["environment", "sync", "production", "--from", from];
    scout.scout(&sync).expect_code(0);
    once(&scout, &[]).expect_code(0);
    let images = |expected: usize| {
        let production = environment(&scout, "production");
        let images = production["images"].as_array().unwrap().len();
        assert_eq!(images, expected, "{production}");
    };
    images(3);
    let remove = ["integration", "remove", "--name", "list"];
    scout.scout(&remove).expect_code(0);
    images(2);
}

#[test]
fn an_environment_appears_with_its_first_analyzed_image() {
    let (scout, sysdig) = (Scout::new(), Sysdig::start());
    sysdig.run("east", &[running("shop/web:1.0")]);
    // A runtime alone is enough to be watched; it starts no analysis.
    join(&scout, &sysdig, "east", "production");
    let said = once(&scout, &["--all-images"]).expect_code(0);
    said.says("1 image running, 0 analyzed, 1 waiting (1 never-seen)");
    assert_eq!(scout.images().len(), 0);
    let exporter = Serving::exporter(&scout);
    let token = scout.token(&[]);
    wait_for_stream(&exporter, &token, "production", None);
    let listed = scout.scout(&["environment"]).expect_code(0);
    assert!(!listed.stdout.contains("production\n"), "{listed}");
    // Once it is analyzed it joins, whether or not anybody asks Sysdig again.
    add_examples(&scout);
    let only = ["--all-images", "--integration", "images"];
    let asked = sysdig.asked();
    once(&scout, &only).expect_code(0);
    assert_eq!(sysdig.asked(), asked);
    wait_for_stream(&exporter, &token, "production", Some("1C 5H 0M 0L 0U"));
    scout
        .scout(&["environment"])
        .expect_code(0)
        .says("production");
}
