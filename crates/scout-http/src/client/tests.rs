//! The client against small servers on loopback.

use std::pin::pin;
use std::time::Duration;

use futures_util::TryStreamExt;
use futures_util::future::{Either, select};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use url::Url;

use crate::{Error, Hosts, HttpClient, HttpClientBuilder, Request, Slowing};

fn builder() -> HttpClientBuilder {
    HttpClient::builder("test")
}

fn request(url: &Url) -> Request {
    Request::get(url.clone())
}

/// Answers every connection with these bytes, then closes it, or keeps it open.
async fn serve(answer: &'static [u8], close: bool) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v2/?sig=s3cret", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(answer).await;
            if !close {
                open.push(stream);
            }
        }
    });
    url.parse().unwrap()
}

#[tokio::test]
async fn bodies_are_bounded_whether_they_say_their_length_or_not() {
    for answer in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\n0123456789"[..],
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n0123456789",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n",
    ] {
        let url = serve(answer, true).await;
        let client = builder().build().unwrap();
        let fits = client.send(request(&url)).await.unwrap();
        assert_eq!(fits.bytes(10).await.unwrap(), "0123456789");
        let whole = client.send(request(&url)).await.unwrap();
        let error = whole.bytes(9).await.unwrap_err();
        assert!(matches!(error, Error::BodyTooLarge { limit: 9, .. }));
        assert!(!error.to_string().contains("s3cret"), "{error}");
        let streamed = client.send(request(&url)).await.unwrap().into_stream(9);
        let error = match streamed {
            Ok(stream) => stream.try_collect::<Vec<_>>().await.unwrap_err(),
            Err(error) => error,
        };
        assert!(matches!(error, Error::BodyTooLarge { limit: 9, .. }));
    }
}

#[tokio::test]
async fn a_cut_body_is_an_interruption_worth_a_retry() {
    let url = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n012", true).await;
    let response = builder()
        .build()
        .unwrap()
        .send(request(&url))
        .await
        .unwrap();
    let error = response.bytes(100).await.unwrap_err();
    assert!(matches!(error, Error::Interrupted { .. }), "{error:?}");
    assert!(error.is_retryable());
}

#[tokio::test]
async fn silence_is_a_timeout() {
    let url = serve(b"", false).await;
    let client = builder()
        .with_timeouts(Duration::from_secs(1), Duration::from_millis(20))
        .build()
        .unwrap();
    let error = client.send(request(&url)).await.unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error:?}");
}

#[tokio::test]
async fn a_closed_port_is_said_to_be_one() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: Url = format!("http://{}/", listener.local_addr().unwrap())
        .parse()
        .unwrap();
    drop(listener);
    let error = builder()
        .build()
        .unwrap()
        .send(request(&url))
        .await
        .unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert!(cause.starts_with("Connection refused"), "{cause}");
}

#[tokio::test]
async fn tls_to_a_server_without_it_is_told_apart() {
    let mut url = serve(b"HTTP/1.1 400 Bad Request\r\n\r\n", true).await;
    url.set_scheme("https").unwrap();
    let error = builder()
        .build()
        .unwrap()
        .send(request(&url))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Tls { .. }), "{error:?}");
}

#[tokio::test]
async fn redirects_are_answers_and_plain_http_stays_at_home() {
    let url = serve(
        b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://10.0.0.1/\r\nContent-Length: 0\r\n\r\n",
        true,
    )
    .await;
    let client = builder().build().unwrap();
    let response = client.send(request(&url)).await.unwrap();
    assert_eq!(response.status(), 307);
    let elsewhere: Url = "http://registry.example.com/".parse().unwrap();
    let error = client.send(request(&elsewhere)).await.unwrap_err();
    assert!(matches!(error, Error::PlainHttp { .. }));
}

#[test]
fn bad_authorities_are_refused_when_the_client_is_made() {
    let build = |pem: &[u8]| builder().with_ca_pem(Some(pem.to_vec())).build();
    assert!(matches!(build(b"nothing"), Err(Error::NoCertificates)));
    let damaged = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(build(damaged).is_err());
}

#[test]
fn debug_output_has_no_secret() {
    let url: Url = "https://u:pass@h/?sig=s3cret".parse().unwrap();
    let value = "Basic czNjcmV0".parse().unwrap();
    let text = format!("{:?}", Request::get(url).with_authorization(value));
    for secret in ["pass", "s3cret", "czNjcmV0"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[tokio::test]
async fn a_host_that_asks_to_slow_down_is_left_alone_by_all_who_share_it() {
    for answer in [
        &b"HTTP/1.1 429 X\r\nRetry-After: 50\r\nContent-Length: 0\r\n\r\n"[..],
        b"HTTP/1.1 429 X\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 503 X\r\nRetry-After: 50\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n",
    ] {
        let url = serve(answer, true).await;
        let hosts = Hosts::new(Slowing {
            first_pause: Slowing::LONGEST_PAUSE,
            ..Slowing::default()
        });
        let sharing = || builder().with_hosts(hosts.clone()).build().unwrap();
        let (one, other) = (sharing(), sharing());
        one.send(request(&url)).await.unwrap();
        if answer.starts_with(b"HTTP/1.1 503 X\r\nContent") {
            other.send(request(&url)).await.unwrap();
            continue;
        }
        let alone = builder().build().unwrap();
        let waiting = pin!(other.send(request(&url)));
        let answered = pin!(alone.send(request(&url)));
        let waits = matches!(select(waiting, answered).await, Either::Right(_));
        assert!(waits, "{}", String::from_utf8_lossy(answer));
    }
}
