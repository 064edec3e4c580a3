//! Nothing is lost, nothing is told twice, and nothing waits for a channel.

use std::time::Duration;

use super::*;
use crate::support::guard::Guarded;
use crate::support::registry::steady_port;

/// Within which time a running watcher tells of a push: it waits 10 s for quiet.
const TOLD: Duration = Duration::from_secs(60);

#[test]
fn a_dead_endpoint_loses_nothing_and_blocks_nothing() {
    let port = steady_port();
    let receiver = Receiver::at(port);
    let mut house = House::watched(&receiver);
    house.add_slack(&[]).expect_code(0);
    drop(receiver);

    house.advise(3);
    house.watch().expect_code(0).says("cannot be reached");
    let channel = house.channel();
    assert_eq!(channel["waiting"], 2);
    let reason = channel["failure"]["reason"].as_str().unwrap();
    assert!(reason.contains("127.0.0.1"), "{reason}");
    house.integration(&["list"]).says("cannot be reached");
    // Everything else goes on.
    let cves = house.scout.cves("team/app:1");
    assert_eq!(cves["findings"].as_array().unwrap().len(), 3);
    house.push("team/web:1", "1", "web");
    house.push("team/old:1", "1", "old");
    house.watch().expect_code(0).says("team/web");
    house.push("team/old:2", "2", "mended");
    house.watch().expect_code(0);

    let receiver = Receiver::at(port);
    house.watch().expect_code(0);
    let messages = receiver.taken();
    // Not of the image that was mended since.
    assert_eq!(
        only_title(&messages),
        "Scout: 5 new critical vulnerabilities, 1 failed policy in 2 repositories"
    );
    let channel = house.channel();
    assert_eq!(
        (&channel["waiting"], &channel["failure"]),
        (&json!(0), &Value::Null)
    );
    house.watch().expect_code(0);
    assert_eq!(receiver.taken(), Vec::<Value>::new());
}

#[test]
fn a_receiver_that_asks_to_wait_is_left_alone() {
    let receiver = Receiver::at(0);
    let house = House::watched(&receiver);
    house.add_slack(&[]).expect_code(0);
    receiver.taken();
    receiver.trouble(Some((429, "Retry-After: 600\r\n", "")));
    house.advise(2);
    house.watch().expect_code(0).says("takes no more messages");
    receiver.trouble(None);
    house.watch().expect_code(0);
    assert_eq!(receiver.taken(), Vec::<Value>::new());
    assert_eq!(house.channel()["waiting"], 1);
}

#[test]
fn a_new_address_is_tried_at_once() {
    let receiver = Receiver::at(0);
    let mut house = House::watched(&receiver);
    let file = house.advisories.path().join("address");
    fs::write(&file, receiver.slack_url()).unwrap();
    let url = format!("url=file:{}", file.display());
    let added = house.integration(&["add", "slack", "--name", "team", "--parameter", &url]);
    added.expect_code(0);
    receiver.taken();
    let watcher = start(&house);
    receiver.trouble(Some((404, "", "no_service")));
    house.push("team/web:1", "1", "web");
    program::until("the failure", TOLD, || {
        (!house.channel()["failure"].is_null()).then_some(())
    });
    receiver.trouble(None);
    fs::write(&file, format!("{}\n", receiver.slack_url())).unwrap();
    program::until("the message", TOLD, || receiver.taken().pop());
    assert!(watcher.is_running());
}

/// Starts a watcher that looks every second, and lets it see what is there.
fn start(house: &House) -> Guarded {
    let mut command = house.watch_command();
    command.args(["--interval", "1", "--refresh-registry"]);
    let log = house.advisories.path().join("log");
    let watcher = Guarded::start(&command, &log);
    watcher.wait_for("the first round", TOLD, |_| {
        watcher.stdout().contains("team/app").then_some(())
    });
    watcher
}

#[test]
fn a_watcher_that_is_killed_before_it_tells_has_told_nothing_and_lost_nothing() {
    let receiver = Receiver::at(0);
    let mut house = House::watched(&receiver);
    house.add_hook().expect_code(0);
    receiver.taken();
    let watcher = start(&house);
    house.push("team/web:1", "1", "web");
    // It waits for quiet: nothing is told yet when it is killed.
    program::until("the notice", TOLD, || {
        (house.channel()["waiting"] == 2).then_some(())
    });
    drop(watcher);
    assert_eq!(receiver.taken(), Vec::<Value>::new());
    house.watch().expect_code(0);
    let taken = receiver.taken();
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0]["notices"].as_array().unwrap().len(), 2);
}

#[test]
fn a_watcher_that_is_killed_while_it_tells_tells_again_under_the_same_ids() {
    let receiver = Receiver::at(0);
    let mut house = House::watched(&receiver);
    house.add_hook().expect_code(0);
    receiver.taken();
    let watcher = start(&house);
    receiver.hold(true);
    house.push("team/web:1", "1", "web");
    let first = program::until("the message", TOLD, || receiver.taken().pop());
    drop(watcher);
    receiver.hold(false);
    assert_eq!(
        house.channel()["waiting"],
        2,
        "nobody knows that it arrived"
    );
    house.watch().expect_code(0);
    assert_eq!(receiver.taken(), [first]);
    house.watch().expect_code(0);
    assert_eq!(receiver.taken(), Vec::<Value>::new());
}

#[test]
fn a_running_watcher_tells_of_a_push_by_itself() {
    let receiver = Receiver::at(0);
    let mut house = House::watched(&receiver);
    let watcher = start(&house);
    // Added while it runs.
    house.add_slack(&[]).expect_code(0);
    receiver.taken();
    house.push("team/web:1", "1", "web");
    let message = program::until("the message", TOLD, || receiver.taken().pop());
    assert!(watcher.is_running());
    assert_eq!(
        only_title(&[message]),
        "Scout: 1 new critical vulnerability, 1 failed policy in 1 repository"
    );
}
