//! What stays over a restart, and tokens that are changed.

use std::fs;

use super::{ORG, SOON, TOKEN, Walk, own, wait_for_critical, wait_for_reads};
use crate::support::hosted::Behavior;
use crate::support::program;
use crate::support::serving::Serving;

#[test]
fn the_last_good_answer_stays_and_the_endpoint_is_not_asked_again() {
    let walk = Walk::new();
    let exporter = walk.start(&[]);
    wait_for_critical(&exporter, TOKEN, 1.0);
    walk.end(exporter);
    walk.endpoint.behave(Behavior::Status(500, ""));
    for _ in 0..3 {
        let exporter = walk.start(&[]);
        wait_for_critical(&exporter, TOKEN, 1.0);
        wait_for_critical(&exporter, &walk.scout.token(&[]), 1.0);
        let age = own(
            &exporter,
            "scout_exporter_hosted_age_seconds",
            &[("org", ORG)],
        );
        assert!(age.is_some());
        walk.end(exporter);
    }
    assert_eq!(walk.asked(), 1, "a good answer lasts an hour");
}

#[test]
fn a_revoked_token_stays_refused() {
    let walk = Walk::new();
    let exporter = walk.start(&["--cache-ttl", "1s"]);
    wait_for_critical(&exporter, TOKEN, 1.0);
    walk.endpoint.own(&[]);
    wait_for_reads(&exporter, "unauthorized", 1.0);
    assert_eq!(exporter.ask(TOKEN).status, 401);
    walk.end(exporter);
    // Another fault does not bring it back.
    walk.endpoint.behave(Behavior::Status(500, ""));
    walk.endpoint.own(&[(ORG, TOKEN)]);
    let exporter = walk.start(&["--cache-ttl", "1s"]);
    assert_eq!(exporter.ask(TOKEN).status, 401);
    wait_for_critical(&exporter, &walk.scout.token(&[]), 1.0);
    wait_for_reads(&exporter, "unavailable", 1.0);
    assert_eq!(exporter.ask(TOKEN).status, 401);
    // Only the endpoint does.
    walk.endpoint.behave(Behavior::Metrics(2));
    wait_for_critical(&exporter, TOKEN, 2.0);
    walk.end(exporter);
}

#[test]
fn a_damaged_file_is_told_and_read_anew() {
    let walk = Walk::new();
    let exporter = walk.start(&[]);
    wait_for_critical(&exporter, TOKEN, 1.0);
    walk.end(exporter);
    let path = walk
        .scout
        .dir()
        .join("hosted")
        .join(format!("{ORG}.answer"));
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    walk.endpoint.behave(Behavior::Metrics(2));
    let exporter = walk.start(&["--cache-ttl", "1m"]);
    wait_for_critical(&exporter, TOKEN, 2.0);
    let said = exporter.guard.stderr();
    assert!(said.contains("checksum"), "{said}");
    walk.end(exporter);
}

#[test]
fn a_changed_token_file_is_used_without_a_restart() {
    let walk = Walk::new();
    let exporter = walk.start(&["--cache-ttl", "1m"]);
    wait_for_critical(&exporter, TOKEN, 1.0);
    let new = "dckr_pat_canary-new";
    walk.endpoint.own(&[(ORG, new)]);
    walk.endpoint.behave(Behavior::Metrics(2));
    let beside = walk.folder.path().join("new");
    fs::write(&beside, new).unwrap();
    fs::rename(&beside, walk.token_file()).unwrap();
    wait_for_critical(&exporter, new, 2.0);
    assert_eq!(exporter.ask(TOKEN).status, 401);
    walk.end(exporter);
}

#[test]
fn without_a_record_the_configured_token_is_enough() {
    let walk = Walk::new();
    let fresh = walk.folder.path().join("fresh");
    let command = walk.command_in(&fresh, &[]);
    let exporter = Serving::exporting(command);
    wait_for_critical(&exporter, TOKEN, 1.0);
    assert!(exporter.guard.stderr().contains("there is no record in"));
    program::until("the answer on disk", SOON, || {
        fresh.join("hosted/acme.answer").exists().then_some(())
    });
    walk.end(exporter);
}
