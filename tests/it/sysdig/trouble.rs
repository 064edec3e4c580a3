//! What goes wrong at Sysdig removes nothing, and is told until it is mended.

use std::thread;

use super::*;
use crate::support::sysdig::{API_TOKEN, State, Trouble};

#[test]
fn a_failed_sync_keeps_the_share_and_is_told() {
    let cases = [
        (Trouble::Status(401, ""), &["does not accept", "token"][..]),
        (
            Trouble::Status(429, "\r\nRetry-After: 1"),
            &["asks to slow down"],
        ),
        (Trouble::Status(500, ""), &["out of order", "500"]),
        (
            Trouble::Status(503, "\r\nRetry-After: 1"),
            &["out of order", "503"],
        ),
        (Trouble::CursorLoop, &["it was read before"]),
        (Trouble::NoPage, &["not a page of Sysdig's API"]),
    ];
    // What may pass is tried again for a while; not one after the other.
    thread::scope(|scope| {
        for (trouble, words) in cases {
            scope.spawn(move || check_kept(trouble, words));
        }
    });
}

fn check_kept(trouble: Trouble, words: &[&str]) {
    let (scout, sysdig) = (Scout::new(), Sysdig::start());
    sysdig.run("east", &[running("shop/web:1.0"), running("shop/api:2.1")]);
    add_examples(&scout);
    join(&scout, &sysdig, "east", "production");
    once(&scout, &["--all-images"]).expect_code(0);
    let share = || environment(&scout, "production")["shares"][0].clone();
    let before = share();
    sysdig.state().trouble = Some(trouble);
    let failed = once(&scout, &[]).expect_code(1);
    failed.says("what runs is not told by");
    let known = environment(&scout, "production");
    assert_eq!(known["images"].as_array().unwrap().len(), 2, "{trouble:?}");
    let after = share();
    assert_eq!(after["synced_at"], before["synced_at"], "{trouble:?}");
    assert!(after["failed_at"].is_string(), "{trouble:?}");
    let why = after["failure"].as_str().unwrap();
    for word in words {
        assert!(why.contains(word), "{trouble:?}: {why}");
    }
    assert!(!format!("{failed} {why}").contains("canary"), "{failed}");
    let listed = scout.scout(&["integration", "list"]).expect_code(0);
    listed.says("2 of 2 running images analyzed; failed 20");
    sysdig.state().trouble = None;
    once(&scout, &[]).expect_code(0);
    let mended = share();
    assert!(mended["failed_at"].is_null() && mended["failure"].is_null());
    assert_ne!(mended["synced_at"], before["synced_at"], "{trouble:?}");
}

#[test]
fn a_running_watcher_says_it_once_and_goes_on() {
    let (scout, sysdig) = (Scout::new(), Sysdig::start());
    sysdig.run("east", &[running("shop/web:1.0")]);
    add_examples(&scout);
    join(&scout, &sysdig, "east", "production");
    let watcher = watcher(&scout);
    let exporter = Serving::exporter(&scout);
    let token = scout.token(&[]);
    wait_for_stream(&exporter, &token, "production", Some("1C 5H 0M 0L 0U"));
    sysdig.state().trouble = Some(Trouble::Status(401, ""));
    let failures = |at_least: usize| {
        let before = sysdig.asked();
        program::until("questions", TAKEN_UP, || {
            (sysdig.asked() >= before + at_least).then_some(())
        });
    };
    failures(3);
    let told = watcher.guard.stderr();
    assert_eq!(told.matches("keeps what was known").count(), 1, "{told}");
    wait_for_stream(&exporter, &token, "production", Some("1C 5H 0M 0L 0U"));
    sysdig.run("east", &[running("shop/api:2.1")]);
    sysdig.state().trouble = None;
    wait_for_stream(&exporter, &token, "production", Some("1C 2H 4M 0L 1U"));
    let ended = watcher.guard.terminate(TAKEN_UP);
    ended.says("answers again");
}

#[test]
fn pages_are_put_together_whatever_stands_between_them() {
    for (change, token) in [
        ((|_| {}) as fn(&mut State), SPOTLIGHT_TOKEN),
        (
            |state| (state.page_rows, state.has_empty_pages) = (1, true),
            SPOTLIGHT_TOKEN,
        ),
        (|state| state.is_v1_only = true, API_TOKEN),
        (
            |state| (state.is_v1_only, state.page_rows, state.has_empty_pages) = (true, 1, true),
            API_TOKEN,
        ),
    ] {
        let (scout, sysdig) = (Scout::new(), Sysdig::start());
        let web = Container {
            packages: Some(LOADED.to_vec()),
            ..running("shop/web:1.0")
        };
        let all = [
            web,
            running("shop/api:2.1"),
            stranger(),
            running("shop/web:1.1"),
        ];
        sysdig.run("east", &all);
        change(&mut sysdig.state());
        add_examples(&scout);
        let more = ["cluster=east", "environment=production"];
        let mut command = add_command(&scout, &sysdig, "east", &more);
        command.env("TEST_TOKEN", token);
        program::wait(command, program::DEADLINE).expect_code(0);
        let mut command = watch_command(&scout, &["--once", "--all-images"]);
        command.env("TEST_TOKEN", token);
        let watched = program::wait(command, program::DEADLINE).expect_code(0);
        watched.says("4 images running, 3 analyzed, 1 waiting (1 never-seen)");
    }
}
