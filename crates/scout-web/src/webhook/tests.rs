//! The receiver: what is answered, stored, bounded, and kept silent about.

mod answers;
mod bounds;
mod fake;
mod http;
mod silence;
mod wire;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tower::ServiceExt;

use self::fake::{FakeIntegration, FakeSink, SECRET, SECRET_HEADER};
use super::*;
use crate::serve::Peer;

/// A receiver of some integrations, and what is behind it.
struct Setting {
    receiver: WebhookReceiver,
    sink: Arc<FakeSink>,
    integrations: Vec<Arc<FakeIntegration>>,
}

fn setting_with(names: &[&str], options: WebhookOptions) -> Setting {
    let sink = Arc::new(FakeSink::default());
    let integrations: Vec<_> = names.iter().map(|_| FakeIntegration::new()).collect();
    let routes = names.iter().zip(&integrations).map(|(&name, integration)| {
        let integration: Arc<FakeIntegration> = Arc::clone(integration);
        WebhookRoute::new(name, integration)
    });
    let store: Arc<FakeSink> = Arc::clone(&sink);
    Setting {
        receiver: WebhookReceiver::new(routes.collect(), store, options).unwrap(),
        sink,
        integrations,
    }
}

fn setting(names: &[&str]) -> Setting {
    setting_with(names, WebhookOptions::default())
}

/// An answer.
#[derive(Debug)]
struct Answered {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answered {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

impl Setting {
    /// Asks without a network, as this sender.
    async fn ask_as(&self, sender: &str, mut request: Request<Body>) -> Answered {
        let peer = Peer::new(sender.parse().unwrap());
        request.extensions_mut().insert(peer);
        let response = self.receiver.router().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        Answered {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    async fn ask(&self, request: Request<Body>) -> Answered {
        self.ask_as("192.0.2.1", request).await
    }

    fn stats(&self, name: &str) -> WebhookStats {
        self.receiver.stats()[name]
    }
}

/// A delivery that shows the secret.
fn genuine(path: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(path)
        .header(SECRET_HEADER, SECRET)
        .body(body.into())
        .unwrap()
}

/// A delivery that shows none.
fn forged(path: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(path).body(body.into()).unwrap()
}

/// A receiver that listens.
struct Server {
    setting: Setting,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    running: JoinHandle<usize>,
}

impl Server {
    async fn start(setting: Setting, tls: Option<Tls>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let receiver = setting.receiver.clone();
        let run = async move {
            let shutdown = async { drop(stopped.await) };
            receiver.run(listener, tls, shutdown).await
        };
        Self {
            setting,
            address,
            stop,
            running: tokio::spawn(run),
        }
    }

    /// Ends it; returns how many connections were cut off.
    async fn end(self) -> usize {
        self.stop.send(()).unwrap();
        self.running.await.unwrap()
    }
}
