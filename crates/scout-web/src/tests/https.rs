//! The endpoint over TLS.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::fake::acme_with;
use crate::Tls;
use crate::tls::tests::{Identity, connector};

/// Asks for the health over TLS, trusting this certificate alone; nothing if it is another.
async fn health(address: SocketAddr, identity: &Identity) -> Option<String> {
    let stream = TcpStream::connect(address).await.unwrap();
    let name = "localhost".try_into().unwrap();
    let mut stream = connector(identity).connect(name, stream).await.ok()?;
    let request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    Some(answer)
}

#[tokio::test]
async fn a_new_certificate_is_served_without_a_restart() {
    let mut identity = Identity::new();
    let tls = Tls::load(identity.files()).await.unwrap();
    let tls = tls.with_reload_interval(Duration::ZERO);
    let (_, exporter, _) = acme_with(|options| options.with_tls(Some(tls)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(async move {
        let shutdown = async { drop(stopped.await) };
        exporter.run(listener, shutdown).await
    });
    for _ in 0..2 {
        let answer = health(address, &identity).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.ends_with("\r\n\r\nok"), "{answer}");
        identity.renew();
    }
    assert_eq!(health(address, &Identity::new()).await, None);
    stop.send(()).unwrap();
    assert_eq!(running.await.unwrap(), 0);
}
