//! A real registry's own notifications, while polling is an hour away.

use std::process::Command;
use std::time::Duration;

use crate::support::guard::Guarded;
use crate::support::http;
use crate::support::program;
use crate::support::registry::{Auth, Options, Registry, free_port};
use crate::support::scout::Scout;
use crate::support::workspace;

const SECRET: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
/// Longest from a push until the image is shown, with a machine that does other things as well.
const SHOWN: Duration = Duration::from_secs(20);

fn watch(registry: &Registry, scout: &Scout, port: u16) -> Guarded {
    let mut command: Command = scout.watch_command(
        &format!("{},port={port}", registry.registry()),
        &["--interval", "3600", "--webhook-address", "127.0.0.1"],
    );
    command.env("DOCKER_SCOUT_REGISTRY_WEBHOOK_SECRET", SECRET);
    let watcher = Guarded::start(&command, &scout.dir().with_extension("log"));
    watcher.wait_for("first round", SHOWN, |text| {
        text.contains("for organization").then_some(())
    });
    watcher
}

#[track_caller]
fn check_tags(scout: &Scout, watcher: &Guarded, expected: &[&str]) {
    program::until("the tags that are expected", SHOWN, || {
        assert!(watcher.is_running(), "{}", watcher.stderr());
        let images = scout.images();
        let indexed = images.iter().filter(|one| one.text("state") == "indexed");
        let mut names: Vec<_> = indexed.flat_map(|image| image.names()).collect();
        names.sort();
        (names == expected).then_some(())
    });
}

/// Pushes and deletes; the secret comes in a header or in the address.
fn check(authorization: Option<&str>, query: &str) {
    let port = free_port();
    let url = format!("http://127.0.0.1:{port}/oci{query}");
    let registry = Registry::start_with(Options {
        notified: Some(&url),
        authorization,
        ..Options::new(Auth::None)
    });
    let scout = Scout::new();
    let watcher = watch(&registry, &scout, port);
    let layout = workspace::root().join("examples/registry");
    registry.push(&layout, "shop/web:1.0", "shop/web:1.0", &[]);
    check_tags(&scout, &watcher, &["shop/web:1.0"]);
    // One that moves: the notification comes before the tag does.
    registry.push(&layout, "shop/web:1.1", "shop/web:latest", &[]);
    registry.push(&layout, "shop/api:2.1", "shop/web:latest", &[]);
    check_tags(&scout, &watcher, &["shop/web:1.0", "shop/web:latest"]);
    let digest = |tag: &str| {
        let url = format!("http://{}/v2/shop/web/manifests/{tag}", registry.host());
        let accept = ("Accept", "application/vnd.oci.image.manifest.v1+json");
        let answer = http::get(&url, &[accept]).unwrap();
        answer.header("docker-content-digest").unwrap().to_owned()
    };
    let latest = digest("latest");
    program::until("the newer image", SHOWN, || {
        let image = scout.image("shop/web:latest");
        (image.text("digest") == latest && image.text("state") == "indexed").then_some(())
    });
    let url = format!(
        "http://{}/v2/shop/web/manifests/{}",
        registry.host(),
        digest("1.0")
    );
    assert_eq!(http::send("DELETE", &url, &[], b"").unwrap().status, 202);
    check_tags(&scout, &watcher, &["shop/web:latest"]);
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn pushes_moves_and_deletions_are_seen_at_once_with_the_secret_in_a_header() {
    check(Some(&format!("Bearer {SECRET}")), "");
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn pushes_moves_and_deletions_are_seen_at_once_with_the_secret_in_the_address() {
    check(None, &format!("?secret={SECRET}"));
}
