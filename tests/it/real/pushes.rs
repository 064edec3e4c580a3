//! Pushes while a back-fill runs: they are indexed first, and shown. How long that takes is measured
//! by `benches/push-to-metric`.

mod measured;
mod shelf;

use std::process::Command;
use std::time::Duration;

use super::fixture::one_at_a_time;
use crate::support::registry::{Auth, Options, Registry, free_port};
use crate::support::scout::Scout;
use crate::support::serving::Serving;
use crate::support::{program, workspace};
use shelf::Shelf;

const SECRET: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
/// Longest until something is shown, on a machine that does other things as well.
const SHOWN: Duration = Duration::from_secs(120);
/// Images that are there before the watcher: two seconds' work, and more in a development build.
const IMAGES: usize = 240;
const PUSHES: usize = 3;

/// A registry that tells a port of each push, with images of an earlier one.
fn notifying(filled: &Registry) -> (Registry, u16) {
    let port = free_port();
    let url = format!("http://127.0.0.1:{port}/oci?secret={SECRET}");
    let options = Options {
        notified: Some(&url),
        images_of: Some(filled),
        ..Options::new(Auth::None)
    };
    (Registry::start_with(options), port)
}

/// The watcher that back-fills with three workers, as documented.
fn watch(scout: &Scout, registry: &str, advisories: &str, more: &[&str]) -> Command {
    let common = ["--all-images", "--workers", "3", "--advisories", advisories];
    let mut command = scout.watch_command(registry, &common);
    command
        .args(["--webhook-address", "127.0.0.1"])
        .args(more)
        .env("DOCKER_SCOUT_REGISTRY_WEBHOOK_SECRET", SECRET);
    command
}

/// How many images are shown that violate the policy about fixable vulnerabilities. Only what is
/// pushed does.
fn violations(serving: &Serving, token: &str) -> usize {
    let labels = [
        ("streamName", "latest-indexed"),
        ("id", "fixable-vulnerabilities"),
    ];
    let samples = serving.samples(token);
    let sum = |family| -> f64 { samples.of(family, &labels).map(|(_, value)| value).sum() };
    (sum("scout_policy_evaluated_images") - sum("scout_policy_compliant_images")) as usize
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn what_is_pushed_during_a_back_fill_is_indexed_before_it_ends() {
    let _turn = one_at_a_time();
    let filled = Registry::start(Auth::None);
    let shelf = Shelf::of(&filled);
    shelf.fill(IMAGES);
    let pushed: Vec<_> = (0..PUSHES)
        .map(|number| shelf.prepare("pushed", number))
        .collect();
    let (registry, port) = notifying(&filled);
    let scout = Scout::new();
    let advisories = workspace::root().join("examples/advisories");
    let watched = format!("{},port={port}", registry.registry());
    let command = watch(
        &scout,
        &watched,
        advisories.to_str().unwrap(),
        &["--interval", "3600"],
    );
    let serving = Serving::watching_from_the_start(command);
    let log = || serving.guard.stdout() + &serving.guard.stderr();
    program::until("begin of the back-fill", SHOWN, || {
        log().contains("indexed ").then_some(())
    });
    pushed.iter().for_each(|image| image.push_to(&registry));
    let token = scout.token(&[]);
    program::until("the pushes in the metrics", SHOWN, || {
        (violations(&serving, &token) == PUSHES).then_some(())
    });
    let shown_before = log().matches("/bulk/").count();
    serving
        .guard
        .wait_for("end of the back-fill", SHOWN, |text| {
            text.contains("for organization").then_some(())
        });
    let log = log();
    let last = log.rfind("/bulk/").unwrap();
    for image in &pushed {
        let place = log.find(&format!("/{}@", image.repository()));
        let place = place.unwrap_or_else(|| panic!("{} in\n{log}", image.repository()));
        let behind = log[place..last.max(place)].matches("/bulk/").count();
        println!(
            "{}: {behind} of {IMAGES} images indexed after it",
            image.repository()
        );
        assert!(place < last, "{} came last\n{log}", image.repository());
    }
    println!("{shown_before} of {IMAGES} images were indexed when the pushes were shown");
    assert_eq!(log.matches("/bulk/").count(), IMAGES, "{log}");
}
