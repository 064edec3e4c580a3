//! Event Grid: the handshake, deliveries, and what it does with what is not accepted. Its time runs
//! a hundred times faster.
//!
//! Sources: Azure documentation, "Webhook event delivery", "Endpoint validation with Event Grid
//! event schema", "Azure Container Registry as an Event Grid source", "Event Grid message delivery
//! and retry"; CloudEvents 1.0, HTTP 1.1 web hooks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::wire::{Headers, Reply, call};

/// A second of Event Grid.
const SECOND: Duration = Duration::from_millis(10);
/// Between tries, in seconds; the last one again and again.
const WAITS: [u32; 7] = [10, 30, 60, 300, 600, 1800, 3600];
/// What is tried no further.
const FINAL: [u16; 4] = [400, 401, 403, 413];
const VALIDATION: &str = "Microsoft.EventGrid.SubscriptionValidationEvent";

/// Where events go.
#[derive(Clone, Debug)]
pub(super) struct Subscription {
    pub(super) name: String,
    pub(super) endpoint: String,
    pub(super) is_cloud: bool,
    /// The delivery headers.
    pub(super) headers: Headers,
    pub(super) types: Vec<String>,
    pub(super) attempts: usize,
    pub(super) keeps_dead_letters: bool,
}

/// What became of an event.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fate {
    Pending,
    Delivered,
    Dropped,
    DeadLettered,
}

/// An event and the answers it got; 0 where there was none.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) subject: String,
    pub(crate) answers: Vec<u16>,
    pub(crate) fate: Fate,
}

#[derive(Debug, Default)]
struct Inner {
    /// The system topic's name.
    topic: Option<String>,
    subscription: Option<Subscription>,
    /// The hosts that the internet knows, and to which local port they lead: somebody's proxy.
    hosts: BTreeMap<String, u16>,
    sent: Vec<Sent>,
    events: u64,
}

/// Event Grid, as far as one registry needs it.
#[derive(Clone, Debug)]
pub(crate) struct Grid {
    inner: Arc<Mutex<Inner>>,
    /// The registry's resource, and its host.
    resource: String,
    host: String,
}

impl Grid {
    pub(super) fn new(resource: String, host: String) -> Self {
        Self {
            inner: Arc::default(),
            resource,
            host,
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(|error| error.into_inner())
    }

    /// Makes a public host lead to a local port.
    pub(crate) fn publish(&self, host: &str, port: u16) {
        self.inner().hosts.insert(host.to_owned(), port);
    }

    /// Returns what was sent so far.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.inner().sent.clone()
    }

    /// Returns the system topic's name, if there is one.
    pub(super) fn topic(&self) -> Option<String> {
        self.inner().topic.clone()
    }

    pub(super) fn set_topic(&self, name: Option<String>) {
        self.inner().topic = name;
    }

    pub(super) fn unsubscribe(&self) {
        self.inner().subscription = None;
    }

    /// Makes a subscription, if the endpoint wants its events.
    pub(super) fn subscribe(&self, subscription: Subscription) -> Result<(), String> {
        let is_willing = match subscription.is_cloud {
            true => self.ask_cloud(&subscription),
            false => self.validate(&subscription),
        };
        is_willing.map_err(|why| {
            // "Troubleshoot Azure Event Grid subscription validations".
            let endpoint = &subscription.endpoint;
            let endpoint = endpoint.split('?').next().unwrap_or_default();
            format!(
                "The attempt to validate the provided endpoint {endpoint} failed. For more \
                 details, visit https://aka.ms/esvalidation. {why}"
            )
        })?;
        self.inner().subscription = Some(subscription);
        Ok(())
    }

    /// The handshake. It is not documented whether delivery headers come with it; here they do not.
    fn validate(&self, to: &Subscription) -> Result<(), String> {
        let code = "512d38b6-c7b8-40c8-89fe-f46f9e9622b6";
        let event = json!([{
            "id": "2d1781af-3a4c-4d7c-bd0c-e34b19da4e66",
            "topic": self.resource,
            "subject": "",
            "data": {
                "validationCode": code,
                "validationUrl": "https://rp-westeurope.eventgrid.azure.net:553/never-asked",
            },
            "eventType": VALIDATION,
            "eventTime": Timestamp::now(),
            "metadataVersion": "1",
            "dataVersion": "1",
        }]);
        let headers = headers(&[
            ("content-type", "application/json; charset=utf-8"),
            ("aeg-event-type", "SubscriptionValidation"),
            // In capitals, as the documentation shows it.
            ("aeg-subscription-name", &to.name.to_uppercase()),
        ]);
        let body = event.to_string();
        let reply = self.post("POST", &to.endpoint, headers, body.as_bytes());
        let reply = reply.ok_or("Http POST request failed: no answer")?;
        let answer: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        // 202 is not accepted, other than for events.
        match (reply.status, answer["validationResponse"].as_str()) {
            (200, Some(own)) if own == code => Ok(()),
            (200, _) => Err("The answer does not hold the validation code".to_owned()),
            (status, _) => Err(format!(
                "Http POST request failed with response code {status}"
            )),
        }
    }

    fn ask_cloud(&self, to: &Subscription) -> Result<(), String> {
        let origin = "eventgrid.azure.net";
        let headers = headers(&[("webhook-request-origin", origin)]);
        let reply = self.post("OPTIONS", &to.endpoint, headers, b"");
        let reply = reply.ok_or("Http OPTIONS request failed: no answer")?;
        let allowed = reply.value("webhook-allowed-origin");
        match reply.status {
            200 if allowed == origin || allowed == "*" => Ok(()),
            200 => Err("The answer does not allow the origin".to_owned()),
            status => Err(format!(
                "Http OPTIONS request failed with response code {status}"
            )),
        }
    }

    pub(super) fn pushed(&self, name: &str, tag: &str, digest: &str, kind: &str, size: usize) {
        let target = json!({
            "mediaType": kind, "size": size, "digest": digest, "length": size,
            "repository": name, "tag": tag,
        });
        self.publish_event(
            "ImagePushed",
            "push",
            "PUT",
            &format!("{name}:{tag}"),
            &target,
        );
    }

    pub(super) fn deleted(&self, name: &str, digest: &str, kind: &str) {
        let target = json!({"mediaType": kind, "digest": digest, "repository": name});
        self.publish_event("ImageDeleted", "delete", "DELETE", name, &target);
    }

    fn publish_event(&self, kind: &str, action: &str, method: &str, subject: &str, target: &Value) {
        let now = Timestamp::now();
        let (number, subscription) = {
            let mut inner = self.inner();
            inner.events += 1;
            (inner.events, inner.subscription.clone())
        };
        let Some(to) = subscription else { return };
        let id = format!("831e1650-001e-001b-66ab-{number:012x}");
        let data = json!({
            "id": format!("31c51664-e5bd-416a-a5df-{number:012x}"),
            "timestamp": now, "action": action, "target": target,
            "request": {
                "id": format!("7c66f28b-de19-40a4-821c-{number:012x}"),
                "host": self.host, "method": method, "useragent": "docker/28.0.1",
            },
        });
        let kind = format!("Microsoft.ContainerRegistry.{kind}");
        if !to.types.contains(&kind) {
            return;
        }
        let body = match to.is_cloud {
            true => json!({
                "specversion": "1.0", "id": id, "source": self.resource, "subject": subject,
                "type": kind, "time": now, "data": data,
            }),
            false => json!([{
                "id": id, "topic": self.resource, "subject": subject, "eventType": kind,
                "eventTime": now, "data": data, "dataVersion": "1.0", "metadataVersion": "1",
            }]),
        };
        let sent = Sent {
            subject: subject.to_owned(),
            answers: Vec::new(),
            fate: Fate::Pending,
        };
        let index = {
            let mut inner = self.inner();
            inner.sent.push(sent);
            inner.sent.len() - 1
        };
        let grid = self.clone();
        thread::spawn(move || grid.deliver(index, &to, &body.to_string()));
    }

    /// Sends an event until it is accepted, or given up.
    fn deliver(&self, index: usize, to: &Subscription, body: &str) {
        for attempt in 0..to.attempts {
            let content = match to.is_cloud {
                true => "application/cloudevents+json; charset=utf-8",
                false => "application/json; charset=utf-8",
            };
            let mut headers = headers(&[
                ("content-type", content),
                ("aeg-event-type", "Notification"),
                ("aeg-subscription-name", &to.name.to_uppercase()),
                ("aeg-delivery-count", &attempt.to_string()),
            ]);
            headers.extend(to.headers.iter().cloned());
            let reply = self.post("POST", &to.endpoint, headers, body.as_bytes());
            let status = reply.map_or(0, |reply| reply.status);
            let mut inner = self.inner();
            let sent = &mut inner.sent[index];
            sent.answers.push(status);
            if (200..=204).contains(&status) {
                sent.fate = Fate::Delivered;
                return;
            }
            if FINAL.contains(&status) {
                break;
            }
            drop(inner);
            let least = match status {
                404 => 300,
                408 => 120,
                503 => 30,
                _ => 10,
            };
            let wait = WAITS[attempt.min(WAITS.len() - 1)].max(least);
            thread::sleep(SECOND * wait);
        }
        self.inner().sent[index].fate = match to.keeps_dead_letters {
            true => Fate::DeadLettered,
            false => Fate::Dropped,
        };
    }

    /// Sends something to a public address, as anybody may; 0 if nobody answers.
    pub(crate) fn send(&self, endpoint: &str, more: &[(&str, &str)], body: &[u8]) -> u16 {
        let reply = self.post("POST", endpoint, headers(more), body);
        reply.map_or(0, |reply| reply.status)
    }

    /// Sends to https only, and to hosts that are public.
    fn post(&self, method: &str, endpoint: &str, more: Headers, body: &[u8]) -> Option<Reply> {
        let rest = endpoint.strip_prefix("https://")?;
        let (host, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let port = self.inner().hosts.get(host).copied()?;
        let mut headers = headers(&[("host", host)]);
        headers.extend(more);
        let path = if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("/{path}")
        };
        call(&format!("127.0.0.1:{port}"), method, &path, &headers, body)
    }
}

fn headers(pairs: &[(&str, &str)]) -> Headers {
    let pairs = pairs.iter();
    pairs
        .map(|&(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}
