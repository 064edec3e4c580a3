//! The registry's notifications, and what becomes of them on their way to the receiver.
//!
//! Source: distribution's documents, "Work with notifications": an envelope of events, repeated
//! until it is answered with 2xx.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::model::PushId;
use super::registry::State;
use super::script::Fate;
use super::world::{Artifact, WORLD};

/// What the receiver wants to see.
pub(crate) const SECRET: &str = "between-registry-and-scout";
const MEDIA_TYPE: &str = "application/vnd.docker.distribution.events.v1+json";
/// How long the sender waits before it tries again.
const BACKOFF: Duration = Duration::from_secs(1);

/// Where the receiver listens, if it does.
pub(crate) type Gate = Arc<Mutex<Option<SocketAddr>>>;

/// Sends events to the receiver.
#[derive(Debug)]
pub(crate) struct Sender {
    pub(crate) gate: Gate,
    state: Arc<Mutex<State>>,
    has_ids: bool,
    sent: u64,
    under_way: JoinSet<()>,
}

/// What an event tells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told<'a> {
    pub(crate) action: &'a str,
    pub(crate) repository: &'a str,
    pub(crate) tag: Option<&'a str>,
    pub(crate) artifact: Option<&'a Artifact>,
    pub(crate) at: Timestamp,
}

impl Sender {
    pub(crate) fn new(state: Arc<Mutex<State>>, has_ids: bool) -> Self {
        Self {
            gate: Gate::default(),
            state,
            has_ids,
            sent: 0,
            under_way: JoinSet::new(),
        }
    }

    /// Sends an event as its fate will have it; `push` is what it tells of.
    pub(crate) fn send(&mut self, told: Told<'_>, fate: &Fate, push: Option<PushId>) {
        self.send_with(SECRET, told, fate, push);
    }

    /// Sends an event with a wrong secret, once.
    pub(crate) fn forge(&mut self, told: Told<'_>) {
        let fate = Fate {
            deliveries: vec![0],
            tries: 1,
        };
        self.send_with("guessed", told, &fate, None);
    }

    fn send_with(
        &mut self,
        secret: &'static str,
        told: Told<'_>,
        fate: &Fate,
        push: Option<PushId>,
    ) {
        self.sent += 1;
        let id = self.has_ids.then(|| format!("event-{}", self.sent));
        let body = envelope(id, told).to_string();
        for &delay in &fate.deliveries {
            let (body, tries) = (body.clone(), fate.tries);
            let (gate, state) = (Arc::clone(&self.gate), Arc::clone(&self.state));
            self.under_way.spawn(async move {
                tokio::time::sleep(Duration::from_millis(delay)).await;
                for _ in 0..tries {
                    if let Some(push) = push {
                        state.lock().unwrap().model.pushed(push).is_sent = true;
                    }
                    let address = *gate.lock().unwrap();
                    let status = match address {
                        Some(address) => deliver(address, secret, &body).await,
                        None => None,
                    };
                    let expected = if secret == SECRET { 200 } else { 401 };
                    match status {
                        Some(status) if status == expected => {
                            if let Some(push) = push {
                                state.lock().unwrap().model.pushed(push).is_acknowledged = true;
                            }
                            return;
                        }
                        // Not now: no receiver, too many of them, or a busy store.
                        None | Some(503) => tokio::time::sleep(BACKOFF).await,
                        Some(status) => {
                            let violation = format!("{status} instead of {expected}");
                            state.lock().unwrap().violations.push(violation);
                            return;
                        }
                    }
                }
            });
        }
    }

    /// Gives up all that is under way.
    pub(crate) async fn give_up(&mut self) {
        self.under_way.shutdown().await;
    }

    /// Waits until all that is under way has come to its end.
    pub(crate) async fn finish(&mut self) {
        while self.under_way.join_next().await.is_some() {}
    }
}

fn envelope(id: Option<String>, told: Told<'_>) -> Value {
    let Told {
        action,
        repository,
        tag,
        artifact,
        at,
    } = told;
    let mut target = json!({ "repository": repository });
    if let Some(artifact) = artifact {
        target["digest"] = json!(artifact.digest);
        // Deletions state no type.
        if action == "push" {
            let manifest = &WORLD.manifests[&artifact.digest];
            target["mediaType"] = json!(manifest.media_type);
            target["size"] = json!(manifest.bytes.len());
            target["length"] = json!(manifest.bytes.len());
        }
        target["url"] = json!("http://registry.invalid/v2/elsewhere");
    }
    if let Some(tag) = tag {
        target["tag"] = json!(tag);
    }
    let mut event = json!({
        "timestamp": at.to_string(), "action": action, "target": target,
        "request": {"id": "r", "addr": "192.0.2.1", "host": "registry.invalid", "method": "PUT"},
        "actor": {}, "source": {"addr": "registry.invalid", "instanceID": "i"},
    });
    if let Some(id) = id {
        event["id"] = json!(id);
    }
    json!({ "events": [event] })
}

/// Posts an envelope; no status if nobody answered.
async fn deliver(address: SocketAddr, secret: &str, body: &str) -> Option<u16> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let request = format!(
        "POST /oci HTTP/1.1\r\nHost: {address}\r\nContent-Type: {MEDIA_TYPE}\r\n\
         Authorization: Bearer {secret}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok()?;
    let answer = String::from_utf8_lossy(&answer);
    answer.split(' ').nth(1)?.parse().ok()
}
