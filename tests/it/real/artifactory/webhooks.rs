//! Webhooks that a real push sets off, while polling is an hour away.

use std::process::Command;
use std::time::Duration;

use super::{PASSWORD, stocked};
use crate::support::artifactory::{Artifactory, Delivered, Login, READER, signature};
use crate::support::guard::Guarded;
use crate::support::openssl::Certificates;
use crate::support::program;
use crate::support::registry::free_port;
use crate::support::scout::Scout;
use crate::support::workspace;

const SECRET: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
/// Longest from a push until the image is shown, with a machine that does other things as well.
const SHOWN: Duration = Duration::from_secs(20);

/// Watches with these keys; returns once the first round is over.
fn watch(artifactory: &Artifactory, scout: &Scout, more: &str) -> Guarded {
    let mut command = scout.watch_command(
        &artifactory.registry(more),
        &["--interval", "3600", "--refresh-registry"],
    );
    command
        .args(["--webhook-address", "127.0.0.1"])
        .env("DOCKER_SCOUT_ARTIFACTORY_API_USER", READER)
        .env("DOCKER_SCOUT_ARTIFACTORY_API_PASSWORD", PASSWORD)
        .env("DOCKER_SCOUT_ARTIFACTORY_WEBHOOK_SECRET", SECRET);
    let watcher = Guarded::start(&command, &scout.dir().with_extension("log"));
    watcher.wait_for("first round", SHOWN, |text| {
        text.contains("for organization").then_some(())
    });
    watcher
}

/// Pushes an image, and returns its delivery.
fn push(artifactory: &Artifactory, image: &str, key: &str, name: &str) -> Delivered {
    let before = artifactory.delivered().len();
    let layout = workspace::root().join("examples/registry");
    artifactory.push(&layout, image, key, name);
    program::until("delivery", SHOWN, || {
        artifactory.delivered().into_iter().nth(before)
    })
}

#[track_caller]
fn check_shown(scout: &Scout, watcher: &Guarded, name: &str) {
    program::until("the image that was pushed", SHOWN, || {
        let images = scout.images();
        assert!(watcher.is_running(), "{}", watcher.stderr());
        let is_it = |image: &crate::support::scout::Image| {
            image.is(name) && image.text("state") == "indexed"
        };
        images.iter().any(is_it).then_some(())
    });
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn a_push_to_a_new_repository_is_seen_at_once_signed_or_with_the_plain_secret() {
    let artifactory = stocked(Login::Basic);
    let scout = Scout::new();
    let port = free_port();
    let watcher = watch(&artifactory, &scout, &format!(",port={port}"));
    // At the path of the type, and at the root while nothing else has the port.
    for (path, is_signed, image, key, name) in [
        (
            "artifactory",
            false,
            "shop/web:1.0",
            "docker-local",
            "new/plain:1",
        ),
        ("", true, "shop/api:2.1", "docker-prod", "new/signed:1"),
    ] {
        let url = format!("http://127.0.0.1:{port}/{path}");
        artifactory.subscribe(&url, SECRET, is_signed);
        let delivered = push(&artifactory, image, key, name);
        assert_eq!(delivered.status, Some(200));
        assert_eq!(delivered.auth.as_deref() == Some(SECRET), !is_signed);
        check_shown(&scout, &watcher, &format!("{key}/{name}"));
    }
    // What was there before the first round stays as it was: only pushes are indexed.
    let waiting = scout.images();
    let waiting = waiting
        .iter()
        .filter(|image| image.text("state") != "indexed");
    assert_eq!(waiting.count(), super::PUSHED.len());
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn an_image_in_a_remote_repository_or_behind_a_virtual_one_is_seen_by_its_watched_name() {
    let artifactory = stocked(Login::Basic);
    let scout = Scout::new();
    let port = free_port();
    let more = format!(r#",port={port},"repository=docker-all,docker-remote""#);
    let watcher = watch(&artifactory, &scout, &more);
    artifactory.subscribe(&format!("http://127.0.0.1:{port}/"), SECRET, true);
    for (key, name, shown) in [
        ("docker-local", "new/app:1", "docker-all/new/app:1"),
        (
            "docker-remote-cache",
            "library/new:1",
            "docker-remote/library/new:1",
        ),
    ] {
        let delivered = push(&artifactory, "shop/web:1.0", key, name);
        assert_eq!(delivered.status, Some(200), "{name}");
        check_shown(&scout, &watcher, shown);
    }
    let delivered = push(&artifactory, "shop/web:1.0", "docker-prod", "new/app:1");
    assert_eq!(delivered.status, Some(200), "ignored");
    assert!(
        !scout
            .images()
            .iter()
            .any(|image| image.text("repository").contains("prod"))
    );
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn signatures_can_be_demanded_and_webhooks_come_over_tls() {
    let artifactory = stocked(Login::Basic);
    let scout = Scout::new();
    let port = free_port();
    let certificates = Certificates::new();
    let more = format!(
        ",port={port},webhook-auth=signed,webhook-cert={},webhook-key={}",
        certificates.certificate().display(),
        certificates.key().display()
    );
    let watcher = watch(&artifactory, &scout, &more);
    // It cannot be delivered without TLS.
    artifactory.subscribe(&format!("http://127.0.0.1:{port}/"), SECRET, true);
    let delivery = push(&artifactory, "shop/web:1.0", "docker-local", "new/tls:1");
    assert_ne!(delivery.status, Some(200));
    let body = String::from_utf8(delivery.body).unwrap();
    let send = |auth: &str| {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "-o", "/dev/null", "-w", "%{http_code}", "--cacert"])
            .arg(certificates.authority())
            .args(["-H", "Content-Type: application/json"])
            .args(["-H", &format!("X-JFrog-Event-Auth: {auth}")])
            .args(["--data-binary", &body])
            .arg(format!("https://localhost:{port}/artifactory"));
        program::wait(curl, SHOWN).expect_code(0).stdout
    };
    assert_eq!(send(SECRET), "401", "the plain secret");
    assert_eq!(send(&signature(SECRET, body.as_bytes())), "200");
    check_shown(&scout, &watcher, "docker-local/new/tls:1");
}
