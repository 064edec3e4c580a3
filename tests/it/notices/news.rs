//! What is told, and what is not.

use super::*;

#[test]
fn a_storm_of_500_findings_is_one_message() {
    let receiver = Receiver::at(0);
    let house = House::watched(&receiver);
    house.add_slack(&[]).expect_code(0);
    receiver.taken();
    house.advise(501);
    house.watch().expect_code(0);
    let messages = receiver.taken();
    let title = only_title(&messages);
    assert_eq!(
        title,
        "Scout: 500 new critical vulnerabilities in 1 repository"
    );
    let section = messages[0]["blocks"][1]["text"]["text"].as_str().unwrap();
    assert!(
        section.contains("/team/app`* tag `1` `sha256:"),
        "{section}"
    );
    assert!(section.contains("in openssl 1 (fixed in 2)"), "{section}");
    assert!(section.ends_with("… and 492 more"), "{section}");
    house.watch().expect_code(0);
    assert_eq!(receiver.taken(), Vec::<Value>::new());
}

/// The subjects of a message of the JSON webhook, with the repositories.
#[track_caller]
fn subjects(messages: &[Value]) -> Vec<String> {
    let [message] = messages else {
        panic!("one message was expected: {messages:#?}");
    };
    let subject = |notice: &Value| {
        let text = |key: &str| notice[key].as_str().unwrap_or_default().to_owned();
        let repository = text("repository");
        let (_, name) = repository.split_once('/').unwrap();
        format!(
            "{name}:{} {}",
            notice["tags"][0].as_str().unwrap(),
            text(&text("kind"))
        )
    };
    let notices = message["notices"].as_array().unwrap();
    let mut subjects: Vec<_> = notices.iter().map(subject).collect();
    subjects.sort();
    subjects
}

#[test]
fn only_what_is_new_is_told_and_only_of_what_was_pushed_last() {
    let receiver = Receiver::at(0);
    let mut house = House::watched(&receiver);
    house.add_hook().expect_code(0);
    house.add_slack(&["repository=team/web"]).expect_code(0);
    assert_eq!(receiver.taken().len(), 2, "test calls");
    let none = Vec::<Value>::new();

    house.push("team/app:2", "1", "second");
    house.watch().expect_code(0);
    assert_eq!(receiver.taken(), none, "a push that changes nothing");

    house.push("team/app:3", "2", "third");
    house.watch().expect_code(0);
    assert_eq!(receiver.taken(), none, "a push that mends it");

    house.advise(2);
    house.watch().expect_code(0);
    assert_eq!(receiver.taken(), none, "only images before have it");

    house.push("team/app:4", "1", "fourth");
    house.watch().expect_code(0);
    let expected = [
        "team/app:4 CVE-2026-10000",
        "team/app:4 CVE-2026-10001",
        "team/app:4 fixable-vulnerabilities",
    ];
    assert_eq!(
        subjects(&receiver.taken()),
        expected,
        "a push that breaks it again"
    );

    house.advise(1);
    house.watch().expect_code(0);
    house.advise(2);
    house.watch().expect_code(0);
    assert_eq!(receiver.taken(), none, "advisories that come and go");

    // The channel for one repository hears of that one, and of no other.
    house.push("team/web:1", "1", "web");
    house.watch().expect_code(0);
    let (slack, json): (Vec<_>, Vec<_>) = receiver
        .taken()
        .into_iter()
        .partition(|message| message.get("blocks").is_some());
    assert_eq!(
        only_title(&slack),
        "Scout: 2 new critical vulnerabilities, 1 failed policy in 1 repository"
    );
    assert_eq!(json[0]["notices"].as_array().unwrap().len(), 3);
}
