//! Who is let in: tokens that end, that are revoked, that are guessed, and what is noted of them.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::header::{AUTHORIZATION, HeaderMap};
use axum::http::{Method, Request};
use jiff::{SignedDuration, Timestamp};
use scout_api::{ErrorBody, ErrorCode, Token};
use scout_envs::{OrgName, Role};
use tower::ServiceExt;

use super::fake::{Answer, Fake, JUDGED_AT, acme, acme_with, ask};
use crate::serve::Peer;
use crate::{Clock, Exporter, TokenGrant, TokenUse};

const PATH: &str = "/v1/exporter/org/acme/metrics";

/// Asks as somebody at this address; nobody knows where from without one.
async fn ask_from(exporter: &Exporter, address: Option<&str>, path: &str, token: &str) -> Answer {
    let mut request = Request::builder().uri(path);
    if !token.is_empty() {
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    }
    if let Some(address) = address {
        request = request.extension(Peer::new(address.parse::<IpAddr>().unwrap()));
    }
    let request = request.body(Body::empty()).unwrap();
    let response = exporter.router().oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let bytes = to_bytes(body, 1 << 20).await.unwrap().to_vec();
    let headers: HeaderMap = head.headers;
    Answer {
        status: head.status,
        headers,
        body: String::from_utf8(bytes.clone()).unwrap(),
        bytes,
    }
}

async fn status(exporter: &Exporter, token: &Token) -> u16 {
    let answer = ask_from(exporter, None, PATH, token.expose()).await;
    answer.status.as_u16()
}

fn unknown(byte: u8) -> String {
    Token::from_random(&[byte; 32]).expose().to_owned()
}

async fn own_metric(exporter: &Exporter, series: &str) -> f64 {
    let page = ask(exporter, Method::GET, "/metrics", &[]).await.body;
    let line = page.lines().find_map(|line| line.strip_prefix(series));
    let value = line.unwrap_or_else(|| panic!("no {series} in\n{page}"));
    value.trim().parse().unwrap()
}

/// The clock of an exporter, and how to set it, in seconds after [`JUDGED_AT`].
fn clock() -> (Arc<AtomicI64>, Clock) {
    let seconds = Arc::new(AtomicI64::new(0));
    let read = Arc::clone(&seconds);
    let now = move || JUDGED_AT + SignedDuration::from_secs(read.load(Ordering::Relaxed));
    (seconds, Clock::new(now))
}

/// Makes a token that ends so many seconds after [`JUDGED_AT`].
fn ending(fake: &Fake, byte: u8, seconds: i64) -> Token {
    let token = fake.token(byte, "acme", Role::Owner);
    let grant = TokenGrant::new("acme".parse::<OrgName>().unwrap(), Role::Owner);
    let end = JUDGED_AT + SignedDuration::from_secs(seconds);
    let grant = grant.with_end(Some(end));
    fake.know().tokens.insert(token.hash(), grant);
    token
}

#[tokio::test]
async fn a_token_is_looked_up_again_when_anything_changed() {
    let (fake, exporter, owner) = acme();
    exporter.refresh().await;
    for (mark, looks) in [
        (Some(1), 1),
        (Some(1), 1),
        (Some(1), 1),
        (Some(2), 2),
        (Some(2), 2),
        // It cannot be told now.
        (None, 3),
        (None, 4),
        (Some(2), 4),
        (Some(3), 5),
    ] {
        fake.know().mark = mark;
        assert_eq!(status(&exporter, &owner).await, 200, "{mark:?}");
        assert_eq!(fake.know().tokens_read, looks, "{mark:?}");
    }
    let in_memory = r#"scout_exporter_token_checks_total{place="memory"}"#;
    assert_eq!(own_metric(&exporter, in_memory).await, 4.0);
    let in_store = r#"scout_exporter_token_checks_total{place="store"}"#;
    assert_eq!(own_metric(&exporter, in_store).await, 5.0);
}

#[tokio::test]
async fn a_token_that_is_revoked_while_it_is_remembered_is_refused_at_once() {
    let (fake, exporter, owner) = acme();
    exporter.refresh().await;
    fake.know().mark = Some(1);
    assert_eq!(status(&exporter, &owner).await, 200);
    fake.know().tokens.clear();
    assert_eq!(status(&exporter, &owner).await, 200, "nothing was told");
    fake.know().mark = Some(2);
    assert_eq!(status(&exporter, &owner).await, 401);
    // It is given back: a refusal is not remembered at all.
    let grant = TokenGrant::new("acme".parse().unwrap(), Role::Owner);
    fake.know().tokens.insert(owner.hash(), grant);
    assert_eq!(status(&exporter, &owner).await, 200);
}

#[tokio::test]
async fn a_token_is_refused_from_its_end_on_also_when_it_is_remembered() {
    let (seconds, clock) = clock();
    let (fake, exporter, owner) = acme_with(|mut options| {
        options.clock = clock;
        options
    });
    let token = ending(&fake, 7, 100);
    fake.know().mark = Some(1);
    exporter.refresh().await;
    for (second, expected) in [(0, 200), (99, 200), (100, 401), (101, 401), (99, 200)] {
        seconds.store(second, Ordering::Relaxed);
        assert_eq!(status(&exporter, &token).await, expected, "{second}");
        assert_eq!(status(&exporter, &owner).await, 200, "it has no end");
    }
    assert_eq!(fake.know().tokens_read, 2, "each was looked up once");

    seconds.store(100, Ordering::Relaxed);
    let answer = ask_from(&exporter, None, PATH, token.expose()).await;
    let body: ErrorBody = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(body.errors[0].code, ErrorCode::InvalidToken);
    assert!(body.errors[0].message.contains("has expired"), "{body:?}");
    let challenge = answer.header("www-authenticate").unwrap();
    assert!(
        challenge.contains(r#"error="invalid_token""#),
        "{challenge}"
    );
    // Who does not show it is told nothing of it, and it tells nothing of organizations.
    let nowhere = "/v1/exporter/org/nobody/metrics";
    let answer = ask_from(&exporter, None, nowhere, token.expose()).await;
    assert_eq!(answer.status, 401);
    let answer = ask_from(&exporter, None, PATH, &unknown(9)).await;
    assert!(!answer.body.contains("expired"), "{}", answer.body);
}

#[tokio::test(start_paused = true)]
async fn who_is_refused_too_often_is_not_looked_up_any_more() {
    let (fake, exporter, _) = acme();
    exporter.refresh().await;
    let guesser = Some("192.0.2.7");
    for number in 0..60 {
        let answer = ask_from(&exporter, guesser, PATH, &unknown(number + 50)).await;
        assert_eq!(answer.status, 401, "{number}");
    }
    let looks = fake.know().tokens_read;
    assert_eq!(looks, 60);
    for token in [
        unknown(40),
        unknown(41),
        "dckr_pat_x".to_owned(),
        String::new(),
    ] {
        let answer = ask_from(&exporter, guesser, PATH, &token).await;
        assert_eq!(answer.status, 429, "{token}");
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let body: ErrorBody = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(body.errors[0].code, ErrorCode::TooManyRequests);
        assert!(!answer.body.contains("scout_pat_"), "{}", answer.body);
    }
    assert_eq!(fake.know().tokens_read, looks, "nothing was looked up");
    assert_eq!(fake.know().tokens_listed, 1, "for all of them");
    let refused = |reason: &str| format!(r#"scout_exporter_refused_total{{reason="{reason}"}}"#);
    for (reason, count) in [("invalid_token", 60.0), ("too_many_failures", 4.0)] {
        assert_eq!(own_metric(&exporter, &refused(reason)).await, count);
    }
    // Others are told what is wrong, and so is this one when it has waited.
    let answer = ask_from(&exporter, Some("192.0.2.8"), PATH, &unknown(42)).await;
    assert_eq!(answer.status, 401);
    tokio::time::advance(Duration::from_secs(1)).await;
    let answer = ask_from(&exporter, guesser, PATH, &unknown(43)).await;
    assert_eq!(answer.status, 401);
    let answer = ask_from(&exporter, guesser, PATH, &unknown(43)).await;
    assert_eq!(answer.status, 429);
}

#[tokio::test(start_paused = true)]
async fn a_good_token_is_served_from_an_address_that_is_refused_too_often() {
    for mark in [Some(1), None] {
        let (fake, exporter, owner) = acme();
        fake.know().mark = mark;
        exporter.refresh().await;
        let shared = Some("2001:db8:1:2::7");
        for _ in 0..200 {
            ask_from(&exporter, shared, PATH, "").await;
        }
        // Of the same network, never seen before, and then looked up or remembered.
        for address in ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::7"] {
            let answer = ask_from(&exporter, Some(address), PATH, &unknown(9)).await;
            assert_eq!(answer.status, 429, "{mark:?}");
            let answer = ask_from(&exporter, Some(address), PATH, owner.expose()).await;
            assert_eq!(answer.status, 200, "{mark:?}");
        }
        assert_eq!(fake.know().tokens_listed, 1);
        // One that is made now: at once if the change shows, else when the list is a second old.
        let new = fake.token(33, "acme", Role::Owner);
        fake.know().mark = mark.map(|mark| mark + 1);
        tokio::time::advance(Duration::from_secs(1)).await;
        for _ in 0..100 {
            ask_from(&exporter, shared, PATH, "").await;
        }
        let answer = ask_from(&exporter, shared, PATH, new.expose()).await;
        assert_eq!(answer.status, 200, "{mark:?}");
        // And one that is revoked now is not.
        fake.know().tokens.remove(&owner.hash());
        fake.know().mark = mark.map(|mark| mark + 2);
        let answer = ask_from(&exporter, shared, PATH, owner.expose()).await;
        assert_eq!(answer.status, 429, "{mark:?}");
        // Whether an organization exists is not asked for either.
        let nowhere = "/v1/exporter/org/nobody/metrics";
        let answer = ask_from(&exporter, shared, nowhere, new.expose()).await;
        assert_eq!(answer.status, 429, "{mark:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_down_counts_as_no_failure() {
    let (fake, exporter, owner) = acme();
    exporter.refresh().await;
    fake.know().down = true;
    for _ in 0..100 {
        assert_eq!(status(&exporter, &owner).await, 503);
    }
    fake.know().down = false;
    assert_eq!(status(&exporter, &owner).await, 200);
    for _ in 0..61 {
        ask_from(&exporter, None, PATH, "").await;
    }
    fake.know().down = true;
    assert_eq!(status(&exporter, &owner).await, 503, "nobody can tell");
    let answer = ask_from(&exporter, None, PATH, "").await;
    assert_eq!(answer.status, 429);
}

#[tokio::test(start_paused = true)]
async fn uses_of_good_tokens_are_recorded_beside_the_requests() {
    let (seconds, clock) = clock();
    let (fake, exporter, owner) = acme_with(|mut options| {
        options.clock = clock;
        options
    });
    let member = fake.token(2, "acme", Role::Member);
    let over = ending(&fake, 3, 0);
    exporter.refresh().await;
    let at = |second| -> Timestamp { JUDGED_AT + SignedDuration::from_secs(second) };
    let used = |token: &Token, second| TokenUse {
        hash: token.hash(),
        used_at: at(second),
    };
    for second in [0, 1, 2] {
        seconds.store(second, Ordering::Relaxed);
        assert_eq!(status(&exporter, &owner).await, 200);
        assert_eq!(status(&exporter, &over).await, 401);
        ask_from(&exporter, None, PATH, &unknown(9)).await;
    }
    assert_eq!(fake.know().uses, [], "no request waits for it");
    fake.know().uses_fail = true;
    exporter.record_uses().await;
    assert_eq!(status(&exporter, &owner).await, 200, "none fails for it");
    fake.know().uses_fail = false;
    exporter.record_uses().await;
    assert_eq!(fake.know().uses, [], "not tried again at once");
    tokio::time::advance(Duration::from_secs(60)).await;
    exporter.record_uses().await;
    assert_eq!(fake.know().uses, [used(&owner, 2)]);

    // A token that is refused for its role was used, too: somebody has it.
    seconds.store(30, Ordering::Relaxed);
    assert_eq!(status(&exporter, &owner).await, 200);
    assert_eq!(status(&exporter, &member).await, 403);
    exporter.record_uses().await;
    assert_eq!(fake.know().uses[1..], [used(&member, 30)]);
    seconds.store(62, Ordering::Relaxed);
    assert_eq!(status(&exporter, &owner).await, 200);
    exporter.record_uses().await;
    assert_eq!(fake.know().uses[2..], [used(&owner, 62)]);
}
