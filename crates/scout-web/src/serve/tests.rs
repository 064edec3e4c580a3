//! The server over loopback connections.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

use super::*;

struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    running: JoinHandle<usize>,
    /// Told when the request that never ends has begun.
    begun: Arc<Notify>,
}

async fn start() -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let begun = Arc::new(Notify::new());
    let endless = Arc::clone(&begun);
    let router = Router::new().route("/", get(async || "hello")).route(
        "/endless",
        get(async move || {
            endless.notify_one();
            std::future::pending::<()>().await;
        }),
    );
    let (stop, stopped) = oneshot::channel();
    let shutdown = async { drop(stopped.await) };
    let running = tokio::spawn(serve(listener, router, shutdown));
    Server {
        address,
        stop,
        running,
        begun,
    }
}

/// Sends these bytes on a new connection and returns it.
async fn send(address: SocketAddr, bytes: &str) -> TcpStream {
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(bytes.as_bytes()).await.unwrap();
    connection
}

/// Returns what comes until the other side closes.
async fn read_all(mut connection: TcpStream) -> String {
    let mut text = Vec::new();
    // A connection that is cut off may end with a reset.
    let _ = connection.read_to_end(&mut text).await;
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn answers_and_ends_with_idle_connections_open() {
    let server = start().await;
    let mut idle = send(server.address, "GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let mut answer = vec![0; 4096];
    let len = idle.read(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer[..len].to_vec()).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nhello"), "{answer}");

    server.stop.send(()).unwrap();
    assert_eq!(server.running.await.unwrap(), 0);
    assert_eq!(read_all(idle).await, "");
}

#[tokio::test]
async fn a_request_that_does_not_end_is_cut_off_at_the_deadline() {
    let server = start().await;
    let endless = send(server.address, "GET /endless HTTP/1.1\r\nHost: h\r\n\r\n").await;
    server.begun.notified().await;
    tokio::time::pause();
    let before = tokio::time::Instant::now();
    server.stop.send(()).unwrap();
    assert_eq!(server.running.await.unwrap(), 1);
    assert!(before.elapsed() >= SHUTDOWN_DEADLINE);
    assert!(before.elapsed() < SHUTDOWN_DEADLINE * 2);
    assert_eq!(read_all(endless).await, "");
}

#[tokio::test]
async fn a_head_that_does_not_end_is_not_waited_for() {
    let server = start().await;
    let slow = send(server.address, "GET / HTTP/1.1\r\nHost: ").await;
    tokio::time::pause();
    assert_eq!(read_all(slow).await, "");
    tokio::time::resume();
    server.stop.send(()).unwrap();
    assert_eq!(server.running.await.unwrap(), 0);
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused() {
    let server = start().await;
    let head = format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(MAX_HEAD_BYTES));
    let answer = read_all(send(server.address, &head).await).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer:?}");
    server.stop.send(()).unwrap();
    assert_eq!(server.running.await.unwrap(), 0);
}

#[tokio::test]
async fn one_network_has_only_so_many_connections() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let limits = Limits {
        connections_of_peer: 2,
        ..Limits::SCRAPES
    };
    let router = Router::new().route("/", get(async || "hello"));
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async { drop(stopped.await) };
    let running = tokio::spawn(serve_within(limits, listener, None, router, shutdown));
    let request = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    let mut first = send(address, "").await;
    let _second = send(address, "").await;
    for _ in 0..3 {
        let third = TcpStream::connect(address).await.unwrap();
        assert_eq!(read_all(third).await, "", "closed at once");
    }
    first.write_all(request.as_bytes()).await.unwrap();
    assert!(read_all(first).await.ends_with("hello"));
    // Its place is free again.
    assert!(
        read_all(send(address, request).await)
            .await
            .ends_with("hello")
    );
    stop.send(()).unwrap();
    assert_eq!(running.await.unwrap(), 0);
}
