//! Nothing of a delivery gets into a log, an error or `Debug` output.

use super::fake::Mood;
use super::*;
use crate::tests::log::capture;

#[tokio::test(start_paused = true)]
async fn secrets_names_and_bodies_are_not_logged() {
    let (log, _guard) = capture();
    let rate = SenderRate {
        per_second: 1,
        burst: 30,
    };
    let options = WebhookOptions::default().with_sender_rate(rate);
    let setting = setting_with(&["acme"], options);
    let mut shown = String::new();
    for (mood, path) in [
        (Mood::Good, "/acme?secret=canary-of-the-secret"),
        (Mood::Full, "/acme?secret=canary-of-the-secret"),
        (Mood::Failing, "/acme?secret=canary-of-the-secret"),
        (Mood::Good, "/acme?secret=canary-of-a-wrong-secret"),
        (Mood::Good, "/canary-of-a-path?secret=canary-of-the-secret"),
    ] {
        setting.sink.set(mood);
        let long = format!("canary-of-a-body {}", "x".repeat(100_000));
        for body in ["+canary-of-an-id", "malformed", "canary-of-a-body", &long] {
            let mut request = forged(path, body.to_owned());
            let header = "canary-of-a-header".parse().unwrap();
            request.headers_mut().insert("authorization", header);
            shown += &format!("{:?}", setting.ask(request).await);
        }
    }
    for _ in 0..30 {
        let request = forged("/acme?secret=canary-of-a-flood", "canary-of-a-body");
        shown += &format!("{:?}", setting.ask(request).await);
    }
    shown += &format!("{:?} {:?}", setting.receiver, setting.receiver.stats());
    let log = log.text();
    for text in [&shown, &log] {
        let at = text.find("canary");
        assert_eq!(at, None, "{:?}", at.map(|at| &text[at..]));
    }
    // It was not silent for another reason.
    for (level, expected) in [
        (
            "DEBUG",
            r#"integration="acme" sender=192.0.2.1 status=200 stored=1"#,
        ),
        ("DEBUG", "status=401"),
        ("WARN", "secret or signature is missing or wrong"),
        ("WARN", "too many events wait to be looked at"),
        ("WARN", "not what this kind of registry sends"),
        ("WARN", "sender is too fast"),
        ("WARN", "it went to a path of no integration"),
    ] {
        let is_told = |line: &str| line.contains(level) && line.contains(expected);
        assert!(log.lines().any(is_told), "{level} {expected} in\n{log}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_warning_a_minute_tells_of_all_that_are_alike() {
    let (log, _guard) = capture();
    let setting = setting(&["acme"]);
    setting.sink.set(Mood::Failing);
    let warnings = || log.text().matches("WARN").count();
    for id in 0..50 {
        setting.ask(genuine("/acme", format!("+{id}"))).await;
    }
    assert_eq!(warnings(), 1);
    assert!(log.text().contains("the disk is full"));
    tokio::time::advance(std::time::Duration::from_secs(60)).await;
    setting.ask(genuine("/acme", "+51")).await;
    assert_eq!(warnings(), 2);
    assert!(log.text().contains("before=49"), "{}", log.text());
}
