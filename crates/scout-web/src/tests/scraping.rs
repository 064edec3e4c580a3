//! A scrape over a connection, which goes past the router.

use std::collections::BTreeSet;
use std::future::pending;
use std::slice::from_ref;

use axum::http::Method;
use axum::http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, IF_NONE_MATCH};
use scout_api::METRICS_ROUTE;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::fake::{acme, ask};

/// What the server adds to every answer.
const OF_THE_SERVER: [&str; 3] = ["connection:", "content-length:", "date:"];

#[tokio::test]
async fn the_answer_is_that_of_the_router() {
    let (_, exporter, token) = acme();
    exporter.refresh().await;
    let bearer = format!("Bearer {}", token.expose());
    let path = "/v1/exporter/org/acme/metrics";
    let first = ask(&exporter, Method::GET, path, &[(AUTHORIZATION, &bearer)]).await;
    let etag = first.header("etag").unwrap().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = exporter.clone();
    let running = tokio::spawn(async move { server.run(listener, pending()).await });
    let openmetrics = (ACCEPT, "application/openmetrics-text;version=1.0.0");
    let owner = (AUTHORIZATION, bearer.as_str());
    for (path, headers) in [
        (path, from_ref(&owner)),
        (path, &[owner.clone(), openmetrics]),
        (path, &[owner.clone(), (IF_NONE_MATCH, &etag)]),
        (path, &[owner.clone(), (ACCEPT_ENCODING, "*;q=0")]),
        (path, &[(AUTHORIZATION, "Bearer no")]),
        (path, &[]),
        ("/v1/exporter/org/other/metrics", from_ref(&owner)),
        ("/v1/exporter/org/%61cme/metrics", from_ref(&owner)),
        ("/v1/exporter/org/-/metrics", from_ref(&owner)),
    ] {
        let mut request = format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        let mut connection = TcpStream::connect(address).await.unwrap();
        let request = format!("{request}\r\n");
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();

        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let (status, lines) = head.split_once("\r\n").unwrap();
        let own = |line: &&str| !OF_THE_SERVER.iter().any(|name| line.starts_with(name));
        let lines: BTreeSet<_> = lines.split("\r\n").filter(own).map(str::to_owned).collect();
        let expected = ask(&exporter, Method::GET, path, headers).await;
        let of_router = expected.headers.iter();
        let of_router: BTreeSet<_> = of_router
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .filter(|line| own(&line.as_str()))
            .collect();
        assert!(
            status.contains(expected.status.as_str()),
            "{request}{answer}"
        );
        assert_eq!(lines, of_router, "{request}");
        assert_eq!(body, expected.body, "{request}");
    }
    running.abort();
    let own = ask(&exporter, Method::GET, "/metrics", &[]).await;
    // The first, and each of three on both ways; of the escaped one, both.
    let counted = format!("{{route=\"{METRICS_ROUTE}\",status=\"2xx\"}} 7\n");
    assert!(own.body.contains(&counted), "{}", own.body);
}
