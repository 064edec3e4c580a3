//! What only real connections show: cut and slow bodies, keep-alive, TLS, and the end.

use scout_registry::events::MAX_BODY;
use tokio::time::Instant;

use super::http::{Client, connect};
use super::*;
use crate::tls::tests::{Identity, connector};

/// Returns a request that shows the secret.
fn post(path: &str, headers: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: scout.example\r\n{SECRET_HEADER}: {SECRET}\r\n\
         {headers}\r\n{body}"
    )
}

fn with_length(path: &str, body: &str) -> String {
    post(path, &format!("Content-Length: {}\r\n", body.len()), body)
}

#[tokio::test]
async fn a_connection_is_used_again_and_may_be_written_ahead() {
    let server = Server::start(setting(&["acme"]), None).await;
    let mut client = connect(server.address).await;
    let chunks = "2\r\n+2\r\n3\r\n\n+3\r\n0\r\n\r\n";
    let requests = [
        with_length("/acme", "+1"),
        post("/", "Transfer-Encoding: chunked\r\n", chunks),
        with_length("/other", "+4"),
        with_length("/acme", "+5"),
        "GET /healthz HTTP/1.1\r\nHost: scout.example\r\n\r\n".to_owned(),
    ];
    client.send(requests.concat()).await;
    for (status, text) in [
        (200, r#""stored":1"#),
        (200, r#""stored":2"#),
        (404, "there is nothing"),
        (200, r#""stored":1"#),
        (200, "ok"),
    ] {
        let (answered, body) = client.answer().await.unwrap();
        assert_eq!(answered, status, "{body}");
        assert!(body.contains(text), "{body}");
    }
    let stored = ["acme +1", "acme +2", "acme +3", "acme +5"];
    assert_eq!(server.setting.sink.stored(), stored);
    assert_eq!(server.end().await, 0);
}

#[tokio::test]
async fn a_body_that_is_cut_off_is_never_an_event() {
    let server = Server::start(setting(&["acme"]), None).await;
    for request in [
        post("/acme", "Content-Length: 10\r\n", "+1\n+2"),
        post("/acme", "Transfer-Encoding: chunked\r\n", "2\r\n+1\r\n"),
        post("/acme", "Transfer-Encoding: chunked\r\n", "9\r\n+1\n"),
        post("/acme", "Transfer-Encoding: chunked\r\n", "z\r\n+1"),
    ] {
        let mut client = connect(server.address).await;
        client.send(&request).await;
        client.end_sending().await;
        // Whether an answer can be sent is up to how it was cut; it never ends the delivery.
        let answer = client.answer().await;
        let is_final = answer.as_ref().is_some_and(|(status, _)| *status != 503);
        assert!(!is_final, "{request}: {answer:?}");
    }
    assert!(server.setting.sink.stored().is_empty());
    assert!(server.setting.integrations[0].asked().is_empty());
    assert_eq!(server.setting.stats("acme").incomplete, 4);
    assert_eq!(server.end().await, 0);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_waited_for_only_so_long() {
    let server = Server::start(setting(&["acme"]), None).await;
    let mut client = connect(server.address).await;
    let before = Instant::now();
    let headers = "Content-Length: 10\r\nExpect: 100-continue\r\n";
    client.send(post("/acme", headers, "")).await;
    assert_eq!(client.answer().await.unwrap().0, 100);
    tokio::time::pause();
    client.send("+1").await;
    // It may be the network, so the sender shall try again.
    assert_eq!(client.answer().await.unwrap().0, 503);
    assert!(before.elapsed() >= WebhookOptions::default().body_timeout);
    assert!(client.is_closed().await);
    tokio::time::resume();
    let setting = &server.setting;
    assert!(setting.integrations[0].asked().is_empty());
    assert_eq!(setting.stats("acme").incomplete, 1);
    assert_eq!(server.end().await, 0);
}

#[tokio::test]
async fn who_sends_too_much_still_reads_the_answer() {
    let server = Server::start(setting(&["acme"]), None).await;
    let mut client = connect(server.address).await;
    client
        .send(with_length("/acme", &"x".repeat(MAX_BODY * 4)))
        .await;
    assert_eq!(client.answer().await.unwrap().0, 413);
    client.send(with_length("/acme", "+1")).await;
    assert_eq!(client.answer().await.unwrap().0, 200);
    assert_eq!(server.end().await, 0);
}

#[tokio::test]
async fn headers_have_room_for_those_of_event_grid_and_no_more() {
    let server = Server::start(setting(&["acme"]), None).await;
    for (count, status) in [(10, 200), (40, 431)] {
        let mut client = connect(server.address).await;
        let headers: String = (0..count)
            .map(|number| format!("X-{number}: {}\r\n", "x".repeat(4096)))
            .collect();
        let headers = format!("{headers}Content-Length: 2\r\n");
        client.send(post("/acme", &headers, "+1")).await;
        assert_eq!(client.answer().await.unwrap().0, status, "{count}");
    }
    assert_eq!(server.end().await, 0);
}

#[tokio::test]
async fn what_is_no_http_is_not_answered_with_success() {
    let server = Server::start(setting(&["acme"]), None).await;
    for text in [
        "hello\r\n\r\n",
        "POST /acme HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        "POST /acme HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n12",
        "POST /acme HTTP/9.9\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00",
    ] {
        let mut client = connect(server.address).await;
        client.send(text).await;
        client.end_sending().await;
        let answer = client.answer().await;
        let is_refused = answer.as_ref().is_none_or(|(status, _)| *status == 400);
        assert!(is_refused, "{text:?}: {answer:?}");
    }
    assert!(server.setting.integrations[0].asked().is_empty());
    assert_eq!(server.end().await, 0);
}

#[tokio::test]
async fn the_end_waits_for_a_delivery_that_is_being_stored() {
    let server = Server::start(setting(&["acme"]), None).await;
    let sink = Arc::clone(&server.setting.sink);
    let all = sink.gate.available_permits();
    sink.gate.forget_permits(all);
    let mut idle = connect(server.address).await;
    let mut client = connect(server.address).await;
    client.send(with_length("/acme", "+1")).await;
    sink.begun.notified().await;
    server.stop.send(()).unwrap();
    // The end has begun when idle connections are closed.
    assert!(idle.is_closed().await);
    assert!(sink.stored().is_empty());
    sink.gate.add_permits(1);
    assert_eq!(client.answer().await.unwrap().0, 200);
    assert_eq!(sink.stored(), ["acme +1"]);
    assert!(client.is_closed().await);
    assert_eq!(server.running.await.unwrap(), 0);
}

#[tokio::test]
async fn receives_over_tls_and_then_over_nothing_else() {
    let identity = Identity::new();
    let tls = Tls::load(identity.files()).await.unwrap();
    let server = Server::start(setting(&["acme"]), Some(tls)).await;

    // Neither who never shakes hands nor who does not speak TLS holds up the others.
    let mut silent = connect(server.address).await;
    let mut plain = connect(server.address).await;
    plain.send(with_length("/acme", "+1")).await;
    assert!(plain.answer().await.is_none());

    let stream = tokio::net::TcpStream::connect(server.address).await;
    let name = "localhost".try_into().unwrap();
    let stream = connector(&identity).connect(name, stream.unwrap()).await;
    let mut client = Client::new(stream.unwrap());
    for id in ["+2", "+3"] {
        client.send(with_length("/acme", id)).await;
        assert_eq!(client.answer().await.unwrap().0, 200);
    }
    assert_eq!(server.setting.sink.stored(), ["acme +2", "acme +3"]);
    assert_eq!(server.end().await, 0);
    assert!(silent.is_closed().await);
    assert!(client.is_closed().await);
}
