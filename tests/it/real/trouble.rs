//! Trouble with a registry: said once and clearly, the rest goes on, the exit status tells.

use super::fixture::one_at_a_time;
use crate::support::layout::{Layout, debian};
use crate::support::program::{self, Outcome};
use crate::support::registry::{Auth, PASSWORD, Registry, USER, free_port};
use crate::support::scout::Scout;

/// Sweeps with these credentials in the environment.
fn sweep(scout: &Scout, registry: &str, more: &[&str], password: Option<&str>) -> Outcome {
    let mut command = scout.watch_command(registry, &["--all-images", "--once"]);
    command
        .args(more)
        .args(["--advisories", "examples/advisories"]);
    if let Some(password) = password {
        command
            .env("DOCKER_SCOUT_REGISTRY_USER", USER)
            .env("DOCKER_SCOUT_REGISTRY_PASSWORD", password);
    }
    program::wait(command, program::DEADLINE)
}

/// Checks that standard error speaks of something on one line only.
#[track_caller]
fn check_said_once(outcome: &Outcome, word: &str) {
    let lines = outcome.stderr.lines().filter(|line| line.contains(word));
    assert_eq!(lines.count(), 1, "{word:?}\n{outcome}");
}

fn with_one_image(auth: Auth) -> (Registry, Layout) {
    let registry = Registry::start(auth);
    let mut layout = Layout::new();
    layout.image("one", &[debian("openssl", "3.0.9-1")]);
    registry.push(layout.path(), "one", "acme/one:1.0", &[]);
    (registry, layout)
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn credentials_are_used_and_wrong_ones_named_without_being_shown() {
    let _turn = one_at_a_time();
    let (registry, _layout) = with_one_image(Auth::Basic);
    let good = Scout::new();
    sweep(&good, &registry.registry(), &[], Some(PASSWORD)).expect_code(0);
    assert_eq!(good.image("acme/one:1.0").text("state"), "indexed");
    for password in [Some("wrong-password"), None] {
        let scout = Scout::new();
        let outcome = sweep(&scout, &registry.registry(), &[], password);
        let outcome = outcome.expect_code(1);
        assert!(!outcome.stdout.contains("wrong-password"), "{outcome}");
        assert!(!outcome.stderr.contains("wrong-password"), "{outcome}");
        outcome.says(&registry.host()).says("UNAUTHORIZED");
        check_said_once(&outcome, &registry.host());
    }
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn credentials_of_dockers_configuration_are_used() {
    let _turn = one_at_a_time();
    let (registry, _layout) = with_one_image(Auth::Basic);
    let folder = tempfile::TempDir::new().unwrap();
    // base64 of `scout:secret`.
    let auth = "c2NvdXQ6c2VjcmV0";
    let config = format!(
        "{{\"auths\":{{\"{}\":{{\"auth\":\"{auth}\"}}}}}}",
        registry.host()
    );
    std::fs::write(folder.path().join("config.json"), config).unwrap();
    let scout = Scout::new();
    let mut command = scout.watch_command(&registry.registry(), &["--all-images", "--once"]);
    command.env("DOCKER_CONFIG", folder.path());
    program::wait(command, program::DEADLINE).expect_code(0);
    assert_eq!(scout.image("acme/one:1.0").text("state"), "indexed");
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn a_registry_that_is_down_is_named_once() {
    let scout = Scout::new();
    let host = format!("127.0.0.1:{}", free_port());
    let outcome = sweep(&scout, &format!("type=oci,registry={host}"), &[], None);
    let outcome = outcome.expect_code(1);
    outcome.says(&host);
    check_said_once(&outcome, &host);
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn a_repository_that_is_not_there_is_named_and_the_rest_goes_on() {
    let _turn = one_at_a_time();
    let (registry, _layout) = with_one_image(Auth::None);
    let scout = Scout::new();
    let more = ["--repository", "acme/none", "--repository", "acme/one"];
    let outcome = sweep(&scout, &registry.registry(), &more, None);
    let outcome = outcome.expect_code(1);
    outcome.says("acme/none");
    check_said_once(&outcome, "acme/none");
    assert_eq!(scout.image("acme/one:1.0").text("state"), "indexed");
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn a_registry_that_dies_while_it_is_read_fails_what_is_left_and_the_next_run_carries_on() {
    let _turn = one_at_a_time();
    let (registry, layout) = with_one_image(Auth::None);
    let scout = Scout::new();
    sweep(&scout, &registry.registry(), &[], None).expect_code(0);
    // The blob is gone from the registry's disk, the manifest is still there.
    let mut second = Layout::new();
    let mut tars = vec![debian("openssl", "3.0.9-1")];
    tars.push(crate::support::layout::tar(&[("lost", b"x".as_slice())]));
    second.image("two", &tars);
    registry.push(second.path(), "two", "acme/two:1.0", &[]);
    let lost = crate::support::layout::digest(&crate::support::layout::gzip(&tars[1]));
    let hex = lost.strip_prefix("sha256:").unwrap();
    let blob = registry
        .folder()
        .join("data/docker/registry/v2/blobs/sha256")
        .join(&hex[..2])
        .join(hex)
        .join("data");
    let content = std::fs::read(&blob).unwrap();
    std::fs::remove_file(&blob).unwrap();
    sweep(&scout, &registry.registry(), &[], None).expect_code(1);
    let image = scout.image("acme/two:1.0");
    assert_eq!(image.text("state"), "failed", "{image:?}");
    assert!(!image.text("reason").is_empty(), "{image:?}");
    std::fs::write(&blob, content).unwrap();
    sweep(&scout, &registry.registry(), &[], None).expect_code(0);
    assert_eq!(scout.image("acme/two:1.0").text("state"), "indexed");
    drop(layout);
}
