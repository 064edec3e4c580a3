//! Integrations that change, or are wrong, while all of them are watched.

use std::net::TcpListener;
use std::time::Duration;

use super::*;
use crate::support::serving::Serving;

/// Within which time a change is taken up.
const TAKEN_UP: Duration = Duration::from_secs(30);

/// Adds an integration of examples in a directory of its own.
fn add_directory(scout: &Scout, name: &str, path: &Path) -> Outcome {
    let parameter = format!("path={}", path.display());
    let arguments = ["integration", "add", "oci-dir", "--name", name];
    scout.scout(&[&arguments[..], &["--parameter", &parameter]].concat())
}

/// Starts a watcher of the integrations, which serves the metrics.
fn watcher(scout: &Scout, more: &[&str]) -> Serving {
    let mut command = program::ours("scout-watch");
    command.args(["--org", ORG, "--data-dir"]).arg(scout.dir());
    command.args(["--webhook-address", "127.0.0.1", "--all-images"]);
    command.args(["--advisories", "examples/advisories"]);
    command.args(more).current_dir(workspace::root());
    command.env("TEST_PASSWORD", "s3cret-canary");
    Serving::watching(command)
}

/// Waits until the watcher has logged all of these in one line.
#[track_caller]
fn wait_for(watcher: &Serving, words: &[&str]) {
    watcher.guard.wait_for(&words.join(", "), TAKEN_UP, |said| {
        let mut lines = said.lines();
        lines.find_map(|line| words.iter().all(|word| line.contains(word)).then_some(()))
    });
}

#[test]
fn a_port_that_cannot_be_had_does_not_end_what_runs() {
    let (registry, scout) = (examples(), Scout::new());
    add_directory(&scout, "dir", &workspace::root().join("examples/registry")).expect_code(0);
    let watcher = watcher(&scout, &[]);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = format!("port={}", taken.local_addr().unwrap().port());
    add(
        &scout,
        "oci",
        &registry.host(),
        &[&port, "webhook-secret=env:TEST_PASSWORD"],
    )
    .expect_code(0);
    wait_for(&watcher, &["cannot receive webhooks", "only polled"]);
    wait_for(&watcher, &["swept", &registry.host()]);
    assert!(watcher.guard.is_running());
}

#[test]
fn a_secret_that_is_gone_for_a_moment_is_used_on() {
    let (registry, scout, dir) = (examples(), Scout::new(), TempDir::new().unwrap());
    let secret = dir.path().join("secret");
    fs::write(&secret, "s3cret-canary").unwrap();
    let password = format!("password=file:{}", secret.display());
    add(&scout, "oci", &registry.host(), &["user=reader", &password]).expect_code(0);
    let watcher = watcher(&scout, &["--interval", "1"]);
    fs::remove_file(&secret).unwrap();
    wait_for(&watcher, &["going on with what was read before", "secret"]);
    wait_for(&watcher, &["swept", &registry.host()]);
    fs::write(&secret, "another-canary").unwrap();
    let is_opened_twice = |said: &str| {
        let opened = said.matches("opening the integrations anew");
        (opened.count() == 2).then_some(())
    };
    watcher
        .guard
        .wait_for("the file", TAKEN_UP, is_opened_twice);
    assert_eq!(watcher.guard.stderr().matches("ERROR").count(), 1);
}

#[test]
fn an_integration_that_contradicts_the_file_is_left_out_and_said_once() {
    let (registry, scout, dir) = (examples(), Scout::new(), TempDir::new().unwrap());
    let file = dir.path().join("scout.toml");
    let layout = workspace::root().join("examples/registry");
    let text = format!(
        "[[integration]]\nname = \"it\"\ntype = \"oci-dir\"\npath = \"{}\"\n",
        layout.display()
    );
    fs::write(&file, text).unwrap();
    let watcher = watcher(
        &scout,
        &["--config", file.to_str().unwrap(), "--interval", "1"],
    );
    add(&scout, "oci", &registry.host(), &[]).expect_code(0);
    wait_for(&watcher, &["integration it is not watched", "both in the"]);
    scout
        .scout(&["integration", "remove", "--name", "it"])
        .expect_code(0);
    let opened = watcher.guard.wait_for("the removal", TAKEN_UP, |said| {
        let opened = said.matches("opening the integrations anew").count();
        (opened >= 2).then_some(opened)
    });
    assert_eq!(opened, 2);
    assert_eq!(watcher.guard.stderr().matches("ERROR").count(), 1);
}

#[test]
fn registries_with_the_same_repositories_are_told_apart() {
    let (registry, scout) = (examples(), Scout::new());
    add_directory(&scout, "dir", &workspace::root().join("examples/registry")).expect_code(0);
    add(&scout, "oci", &registry.host(), &[]).expect_code(0);
    let swept = watch(&scout, &["--all-images", "--once"]).expect_code(0);
    let host = registry.host();
    swept.says("localhost/shop/web:1.0 ");
    swept.says(&format!("{host}/shop/web:1.0 "));
    scout
        .scout(&["repo", "disable", "shop/web"])
        .expect_code(1)
        .says("--registry or --integration");
    let one = ["repo", "disable", "shop/web", "--integration", "dir"];
    scout.scout(&one).expect_code(0).says("1 repository");
}

#[test]
fn a_dry_run_reads_the_file_and_goes_on_behind_what_fails() {
    let (scout, dir) = (Scout::new(), TempDir::new().unwrap());
    let file = dir.path().join("scout.toml");
    let layout = workspace::root().join("examples/registry");
    let text = format!(
        "[[integration]]\nname = \"gone\"\ntype = \"oci-dir\"\npath = \"{}\"\n\n\
         [[integration]]\nname = \"dir\"\ntype = \"oci-dir\"\npath = \"{}\"\n",
        dir.path().join("nothing").display(),
        layout.display()
    );
    fs::write(&file, text).unwrap();
    let config = ["--dry-run", "--all-images", "--config"];
    let config = [&config[..], &[file.to_str().unwrap()]].concat();
    let planned = watch(&scout, &config).expect_code(1);
    planned.says("integration gone: ").says("does not exist");
    planned.says("Integration dir:").says("4 of 4 tags");
    assert!(!scout.dir().exists());
}
