//! Every status, against a server of one answer on loopback.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

const TOKEN: &str = "dckr_pat_SeCrEt";

/// Answers one request with `answer`; returns what the client made of it and what was asked.
async fn ask(answer: &str) -> (Result<MetricsText>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/proxy/?x=y", listener.local_addr().unwrap());
    let http = HttpClient::builder("test").build().unwrap();
    let token = format!(" {TOKEN}\n").into();
    let client = ScoutClient::new(http, base.parse().unwrap(), &token).unwrap();
    let org = "acme".parse().unwrap();
    let serve = async {
        let (mut connection, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 4096];
        let mut len = 0;
        while !request[..len].ends_with(b"\r\n\r\n") {
            len += connection.read(&mut request[len..]).await.unwrap();
        }
        connection.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(request[..len].to_vec()).unwrap()
    };
    tokio::join!(client.metrics(&org), serve)
}

async fn check(head: &str, expected: fn(&Error) -> bool, retryable: bool) {
    let answer = format!("HTTP/1.1 {head}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let (result, _) = ask(&answer).await;
    let error = result.expect_err(head);
    assert!(expected(&error), "{head}: {error:?}");
    assert_eq!(error.is_retryable(), retryable, "{head}");
    for text in [error.to_string(), format!("{error:?}")] {
        assert!(!text.contains(TOKEN), "{text}");
    }
}

#[tokio::test]
async fn reads_the_text_with_its_type() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n\
                  Content-Length: 4\r\nConnection: close\r\n\r\na 1\n";
    let (result, request) = ask(answer).await;
    let metrics = result.unwrap();
    assert_eq!(&metrics.body[..], b"a 1\n");
    assert_eq!(
        metrics.content_type.as_deref(),
        Some("text/plain; version=0.0.4")
    );
    assert!(
        request.starts_with("GET /proxy/v1/exporter/org/acme/metrics HTTP/1.1\r\n"),
        "{request}"
    );
    assert!(
        request.contains("\r\nauthorization: Bearer dckr_pat_SeCrEt\r\n"),
        "{request}"
    );
}

#[tokio::test]
async fn each_status_is_told_apart() {
    check(
        "401 Unauthorized",
        |e| matches!(e, Error::Unauthorized { .. }),
        false,
    )
    .await;
    check(
        "403 Forbidden",
        |e| matches!(e, Error::Forbidden { .. }),
        false,
    )
    .await;
    check(
        "404 Not Found",
        |e| matches!(e, Error::NotFound { .. }),
        false,
    )
    .await;
    check(
        "204 No Content",
        |e| matches!(e, Error::UnexpectedStatus { status: 204, .. }),
        false,
    )
    .await;
    check(
        "429 Slow Down\r\nRetry-After: 7",
        |e| e.retry_after() == Some(Duration::from_secs(7)),
        true,
    )
    .await;
    check(
        "503 Later\r\nRetry-After: soon",
        |e| {
            matches!(
                e,
                Error::Unavailable {
                    status: 503,
                    retry_after: None,
                    ..
                }
            )
        },
        true,
    )
    .await;
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let head = "302 Found\r\nLocation: http://127.0.0.1:1/elsewhere";
    check(
        head,
        |e| {
            matches!(e, Error::UnexpectedStatus { status: 302, .. })
                && e.to_string().contains("redirect, which is not followed")
        },
        false,
    )
    .await;
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_before_it_is_read() {
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
        MAX_METRICS_BYTES + 1
    );
    let (result, _) = ask(&answer).await;
    assert!(matches!(
        result.unwrap_err(),
        Error::Fetch {
            source: scout_http::Error::BodyTooLarge { .. }
        }
    ));
}

#[test]
fn unusable_tokens_and_addresses_are_refused_at_once() {
    let http = HttpClient::builder("test").build().unwrap();
    let new = |base: &str, token: &str| {
        ScoutClient::new(http.clone(), base.parse().unwrap(), &token.into())
    };
    for token in ["", " \n", "a b", "a\nb", "ä"] {
        let error = new(ScoutClient::DOCKER, token).unwrap_err();
        assert!(matches!(error, Error::UnusableToken), "{token:?}");
    }
    assert!(matches!(
        new("mailto:a@b", "t").unwrap_err(),
        Error::UnusableAddress { .. }
    ));
    let client = new(ScoutClient::DOCKER, TOKEN).unwrap();
    assert!(!format!("{client:?}").contains(TOKEN));
}
