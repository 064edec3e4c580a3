use std::collections::BTreeSet;

use scout_envs::VulnerabilityId;

use super::*;
use crate::notice::tests::{batch, policy, vulnerability};

fn shown(batch: &Batch) -> Value {
    serde_json::from_slice(&slack(batch)).unwrap()
}

/// All texts of the blocks, in their order.
fn texts(message: &Value) -> Vec<String> {
    let of = |block: &Value| match block["type"].as_str() {
        Some("context") => block["elements"][0]["text"].as_str().unwrap().to_owned(),
        _ => block["text"]["text"].as_str().unwrap().to_owned(),
    };
    message["blocks"]
        .as_array()
        .unwrap()
        .iter()
        .map(of)
        .collect()
}

fn assert_within_limits(message: &Value) {
    let texts = texts(message);
    assert!(texts.len() <= MAX_SLACK_BLOCKS);
    for (index, text) in texts.iter().enumerate() {
        let limit = if index == 0 {
            MAX_HEADER
        } else {
            MAX_SLACK_SECTION
        };
        assert!(text.chars().count() <= limit, "{}", text.chars().count());
        assert!(!text.is_empty());
    }
    let all: usize = texts.iter().map(|text| text.chars().count()).sum();
    assert!(all < 9_000, "{all}");
    assert!(message["text"].as_str().unwrap().chars().count() <= MAX_SLACK_TEXT);
    let keys: BTreeSet<_> = message.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        BTreeSet::from([&"blocks".to_owned(), &"text".to_owned()])
    );
}

#[test]
fn a_message_reads_well() {
    let mut exploited = vulnerability(
        "r.example.com/team/app",
        "CVE-2026-2000",
        Severity::Critical,
    );
    if let Event::Vulnerability(one) = &mut exploited.event {
        one.known_exploited = true;
        one.in_use = Some(true);
        one.packages[0].fixed_versions.clear();
        one.more_packages = 3;
    }
    let notices = vec![
        vulnerability("r.example.com/team/app", "CVE-2026-1000", Severity::High),
        policy("r.example.com/team/app"),
        exploited,
    ];
    let message = shown(&batch(notices));
    assert_within_limits(&message);
    let section = "*`r.example.com/team/app`* tag `1.2` `sha256:abababababab`\n\
        • *Critical* `CVE-2026-2000` in openssl 3.0.1 (no fix known) and 3 more, known to be \
        exploited, in use\n\
        • Policy violated: Default non-root user: it runs as root\n\
        • High `CVE-2026-1000` in openssl 3.0.1 (fixed in 3.0.2)";
    let title = "Scout: 1 new critical and 1 high vulnerability, 1 failed policy in 1 repository";
    assert_eq!(texts(&message), [title, section, "Organization acme"]);
    assert_eq!(message["text"], format!("{title}\n{section}"));
}

#[test]
fn a_storm_is_one_message_that_counts_what_it_leaves_out() {
    let notices: Vec<_> = (0..500)
        .map(|n| vulnerability("r/app", &format!("CVE-2026-{}", 10_000 + n), Severity::High))
        .collect();
    let message = shown(&batch(notices));
    assert_within_limits(&message);
    let texts = texts(&message);
    assert_eq!(
        texts[0],
        "Scout: 500 new high vulnerabilities in 1 repository"
    );
    assert!(texts[1].ends_with("\n… and 492 more"), "{}", texts[1]);
}

#[test]
fn many_repositories_are_told_by_the_worst() {
    let mut notices: Vec<_> = (0..400)
        .map(|n| vulnerability(&format!("r/app-{n:03}"), "CVE-2026-1000", Severity::High))
        .collect();
    notices.push(vulnerability(
        "r/worst",
        "CVE-2026-1000",
        Severity::Critical,
    ));
    let message = shown(&Batch {
        dropped: 7,
        ..batch(notices)
    });
    assert_within_limits(&message);
    let texts = texts(&message);
    assert!(texts[1].starts_with("*`r/worst`*"), "{}", texts[1]);
    assert!(texts[2].starts_with("*`r/app-000`*"), "{}", texts[2]);
    let rest = &texts[texts.len() - 2];
    let expected = format!(
        "… and {} more in other repositories; 7 older notices were dropped, because too many waited",
        401 - (texts.len() - 3)
    );
    assert_eq!(*rest, expected);
    assert!(message["text"].as_str().unwrap().ends_with(&expected));
}

#[test]
fn what_others_wrote_is_only_text() {
    let hostile =
        "<!channel> & <https://evil|ok> `*_~\n@here \u{202e}\u{2066}\u{2028}\u{200b}\u{7f}";
    let mut notice = vulnerability("r/app", "CVE-2026-1000", Severity::Critical);
    if let Event::Vulnerability(one) = &mut notice.event {
        one.vulnerability = VulnerabilityId::new(hostile);
        one.packages[0].name = hostile.to_owned();
        one.packages[0].fixed_versions = vec![hostile.to_owned()];
    }
    let mut failed = policy("r/<!here>`");
    if let Event::Policy(one) = &mut failed.event {
        one.reasons = vec![hostile.to_owned()];
    }
    let message = shown(&batch(vec![notice, failed]));
    assert_within_limits(&message);
    for text in texts(&message) {
        assert!(!text.contains(['<', '>']), "{text}");
        let is_unseen = |c: char| {
            c != '\n' && (c.is_control() || "\u{202e}\u{2066}\u{2028}\u{200b}".contains(c))
        };
        assert!(!text.contains(is_unseen), "{text:?}");
        assert_eq!(text.matches('`').count() % 2, 0, "{text}");
        let unescaped = text
            .replace("&amp;", "")
            .replace("&lt;", "")
            .replace("&gt;", "");
        assert!(!unescaped.contains('&'), "{text}");
    }
}

#[test]
fn nothing_is_too_long() {
    let long = "<".repeat(10_000);
    let mut notice = vulnerability("r/app", "CVE-2026-1000", Severity::Critical);
    notice.repository = long.clone();
    if let Event::Vulnerability(one) = &mut notice.event {
        one.vulnerability = VulnerabilityId::new(long.clone());
        one.packages = vec![one.packages[0].clone(); 10];
        one.packages[0].name = long.clone();
        one.packages[1].version = long;
    }
    assert_within_limits(&shown(&batch(vec![notice.clone()])));
    assert_within_limits(&shown(&batch(vec![notice; 50])));
}

#[test]
fn the_test_message_says_what_it_is() {
    let message: Value = serde_json::from_slice(&test(&"acme".parse().unwrap())).unwrap();
    assert_eq!(texts(&message).len(), 1);
    let text = message["text"].as_str().unwrap();
    assert!(
        text.contains("this is a test") && text.contains("acme"),
        "{text}"
    );
}
