//! What is served while the source changes or fails.

use std::time::Duration;

use axum::http::header::AUTHORIZATION;
use axum::http::{Method, StatusCode};
use scout_api::Token;
use scout_envs::Severity;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::fake::{acme, acme_with, ask, snapshot};
use super::log::capture;
use crate::{CacheMode, Exporter};

/// Returns the status and how many high vulnerabilities are served.
async fn scrape(exporter: &Exporter, token: &Token) -> (StatusCode, Option<String>) {
    let bearer = format!("Bearer {}", token.expose());
    let path = "/v1/exporter/org/acme/metrics";
    let answer = ask(exporter, Method::GET, path, &[(AUTHORIZATION, &bearer)]).await;
    let mut lines = answer.body.lines();
    let high = lines.find_map(|line| line.split_once("severity=\"HIGH\"} "));
    (answer.status, high.map(|(_, value)| value.to_owned()))
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_new_generation_is_served_after_the_next_poll() {
    let (fake, exporter, owner) = acme();
    let polling = tokio::spawn({
        let exporter = exporter.clone();
        async move { exporter.poll().await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(scrape(&exporter, &owner).await, (StatusCode::OK, some("1")));

    let two = [Severity::High, Severity::High];
    fake.enroll("acme", Some(snapshot(4, "latest-indexed", &two)));
    assert_eq!(scrape(&exporter, &owner).await, (StatusCode::OK, some("1")));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(scrape(&exporter, &owner).await, (StatusCode::OK, some("2")));

    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(
        fake.know().snapshots_read,
        2,
        "an unchanged generation is not read again"
    );
    polling.abort();
}

#[tokio::test(start_paused = true)]
async fn with_ttl_the_same_numbers_are_served_until_it_is_over() {
    let ttl = "60m".parse().unwrap();
    let (fake, exporter, owner) = acme_with(|options| options.with_cache(CacheMode::Ttl, ttl));
    let polling = tokio::spawn({
        let exporter = exporter.clone();
        async move { exporter.poll().await }
    });
    let minutes = |minutes: u64| tokio::time::sleep(Duration::from_secs(minutes * 60));
    minutes(1).await;
    let two = [Severity::High, Severity::High];
    fake.enroll("acme", Some(snapshot(4, "latest-indexed", &two)));
    minutes(58).await;
    assert_eq!(scrape(&exporter, &owner).await, (StatusCode::OK, some("1")));
    minutes(2).await;
    assert_eq!(scrape(&exporter, &owner).await, (StatusCode::OK, some("2")));
    fake.enroll("acme", Some(snapshot(5, "latest-indexed", &[])));
    minutes(58).await;
    assert_eq!(scrape(&exporter, &owner).await, (StatusCode::OK, some("2")));
    // A token is good or not at once, whatever is cached.
    fake.know().tokens.clear();
    let refused = (StatusCode::UNAUTHORIZED, None);
    assert_eq!(scrape(&exporter, &owner).await, refused);
    polling.abort();
}

#[tokio::test]
async fn with_ttl_the_first_numbers_are_not_waited_for() {
    let ttl = "60m".parse().unwrap();
    let (fake, exporter, owner) = acme_with(|options| options.with_cache(CacheMode::Ttl, ttl));
    fake.enroll("acme", None);
    assert!(exporter.refresh().await);
    assert_eq!(scrape(&exporter, &owner).await, (StatusCode::OK, None));
    let high = Some(snapshot(1, "latest-indexed", &[Severity::High]));
    fake.enroll("acme", high);
    assert!(exporter.refresh().await);
    assert_eq!(scrape(&exporter, &owner).await, (StatusCode::OK, some("1")));
}

#[tokio::test]
async fn nothing_is_claimed_before_the_source_was_read() {
    let (fake, exporter, owner) = acme();
    assert_eq!(
        scrape(&exporter, &owner).await,
        (StatusCode::SERVICE_UNAVAILABLE, None)
    );
    // The list is there, the snapshot is not: still no empty page.
    fake.know().snapshots_broken = true;
    assert!(!exporter.refresh().await);
    assert_eq!(
        scrape(&exporter, &owner).await,
        (StatusCode::SERVICE_UNAVAILABLE, None)
    );
    fake.know().snapshots_broken = false;
    assert!(exporter.refresh().await);
    assert_eq!(scrape(&exporter, &owner).await, (StatusCode::OK, some("1")));
}

#[tokio::test]
async fn the_last_good_page_is_served_while_the_snapshot_cannot_be_read() {
    let (fake, exporter, owner) = acme();
    assert!(exporter.refresh().await);
    fake.enroll("acme", Some(snapshot(4, "latest-indexed", &[])));
    fake.know().snapshots_broken = true;
    assert!(!exporter.refresh().await);
    assert_eq!(scrape(&exporter, &owner).await, (StatusCode::OK, some("1")));
    fake.know().down = true;
    assert!(!exporter.refresh().await);
    // Without the source nobody knows whether the token was revoked.
    assert_eq!(
        scrape(&exporter, &owner).await,
        (StatusCode::SERVICE_UNAVAILABLE, None)
    );
    fake.know().down = false;
    assert_eq!(scrape(&exporter, &owner).await, (StatusCode::OK, some("1")));
    fake.know().snapshots_broken = false;
    assert!(exporter.refresh().await);
    assert_eq!(scrape(&exporter, &owner).await, (StatusCode::OK, some("0")));
}

#[tokio::test(start_paused = true)]
async fn a_source_that_hangs_is_not_waited_for() {
    let (fake, exporter, owner) = acme();
    assert!(exporter.refresh().await);
    fake.know().hangs = true;
    assert_eq!(
        scrape(&exporter, &owner).await,
        (StatusCode::SERVICE_UNAVAILABLE, None)
    );
    assert!(!exporter.refresh().await);
}

#[tokio::test]
async fn the_first_answer_of_a_server_is_already_right() {
    let (_, exporter, owner) = acme();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(async move {
        let shutdown = async { drop(stopped.await) };
        exporter.run(listener, shutdown).await
    });
    let mut connection = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET /v1/exporter/org/acme/metrics HTTP/1.1\r\nHost: h\r\n\
         Authorization: Bearer {}\r\nConnection: close\r\n\r\n",
        owner.expose()
    );
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    stop.send(()).unwrap();
    assert_eq!(running.await.unwrap(), 0);
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_told_once_whether_or_not_it_ever_could() {
    let (log, _guard) = capture();
    let (fake, exporter, _) = acme();
    let looks = async |down, expected: &str, count| {
        fake.know().down = down;
        for _ in 0..3 {
            exporter.refresh().await;
        }
        let text = log.text();
        assert_eq!(text.matches(expected).count(), count, "{expected}\n{text}");
    };
    looks(true, "cannot read the metrics, and there are none yet", 1).await;
    looks(false, "the metrics can be read", 1).await;
    looks(
        true,
        "cannot read the metrics, serving the last good ones",
        1,
    )
    .await;
    looks(false, "the metrics can be read", 2).await;
    assert_eq!(
        log.text().matches("cannot read").count(),
        2,
        "{}",
        log.text()
    );
}
