//! Artifactory's webhooks: subscriptions, and the events of the domain `docker`.
//!
//! Sources: JFrog REST APIs, "Webhooks" (exactly one handler, `enabled` is false by default), and
//! "Domain: Docker" (payload; `X-JFrog-Event-Auth` holds the secret, or the signature of the body
//! where `use_secret_for_signing` is set; 5xx and failures are repeated, 4xx is final).

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::content;
use super::rest::{State, refuse};
use crate::support::http;
use crate::support::web::{Reply, Request};

/// How often a delivery is tried. The real sender waits 10 seconds in between.
const TRIES: usize = 5;
const AGAIN: Duration = Duration::from_millis(200);
/// The events of the domain.
const TYPES: [&str; 3] = ["pushed", "deleted", "promoted"];

/// A subscription, checked.
#[derive(Clone, Debug)]
pub(super) struct Subscription {
    key: String,
    document: Value,
    is_enabled: bool,
    types: Vec<String>,
    keys: Vec<String>,
    any_local: bool,
    url: String,
    secret: Option<String>,
    is_signed: bool,
}

/// A delivery, or the last try of one.
#[derive(Clone, Debug)]
pub(crate) struct Delivered {
    pub(crate) url: String,
    /// The value of `X-JFrog-Event-Auth`.
    pub(crate) auth: Option<String>,
    pub(crate) body: Vec<u8>,
    /// Nothing if nobody answered.
    pub(crate) status: Option<u16>,
}

impl Delivered {
    /// Delivers it, or something like it; returns the status.
    pub(crate) fn send(&self) -> Option<u16> {
        let mut headers = vec![("Content-Type", "application/json")];
        if let Some(auth) = &self.auth {
            headers.push(("X-JFrog-Event-Auth", auth));
        }
        Some(http::send("POST", &self.url, &headers, &self.body)?.status)
    }
}

/// Returns what a body is signed with.
pub(crate) fn signature(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

/// Answers requests below `/event/api/v1/subscriptions`.
pub(super) fn manage(state: &mut State, request: &Request, path: &str) -> Reply {
    let key = path.trim_start_matches('/');
    match (request.method.as_str(), key) {
        ("GET", "") => {
            let all = state.subscriptions.values().map(shown);
            Reply::json(200, &all.collect())
        }
        ("POST", "") => {
            if request.header("content-type") != "application/json" {
                return refuse(415, "Unsupported Media Type");
            }
            match read(&request.body) {
                Ok(new) if state.subscriptions.contains_key(&new.key) => {
                    refuse(409, "a subscription with this key exists")
                }
                Ok(new) => {
                    state.subscriptions.insert(new.key.clone(), new);
                    Reply::new(201, "application/json", "")
                }
                Err(message) => refuse(400, message),
            }
        }
        ("PUT", key) if !state.subscriptions.contains_key(key) => {
            refuse(404, "no such subscription")
        }
        ("PUT", key) => match read(&request.body) {
            Ok(new) if new.key == key => {
                state.subscriptions.insert(key.to_owned(), new);
                Reply::new(200, "application/json", "")
            }
            Ok(_) => refuse(400, "another key"),
            Err(message) => refuse(400, message),
        },
        ("GET", key) => match state.subscriptions.get(key) {
            Some(found) => Reply::json(200, &shown(found)),
            None => refuse(404, "no such subscription"),
        },
        ("DELETE", key) => match state.subscriptions.remove(key) {
            Some(_) => Reply::new(204, "application/json", ""),
            None => refuse(404, "no such subscription"),
        },
        _ => refuse(405, "Method Not Allowed"),
    }
}

/// The secret is not shown again.
fn shown(subscription: &Subscription) -> Value {
    let mut document = subscription.document.clone();
    if let Some(handler) = document["handlers"][0].as_object_mut() {
        handler.remove("secret");
    }
    document
}

fn read(body: &[u8]) -> Result<Subscription, &'static str> {
    let document: Value = serde_json::from_slice(body).or(Err("not JSON"))?;
    let filter = &document["event_filter"];
    if filter["domain"] != "docker" {
        return Err("event_filter.domain is not docker");
    }
    let list = |value: &Value| -> Option<Vec<String>> {
        let texts = value.as_array()?.iter();
        texts.map(|one| Some(one.as_str()?.to_owned())).collect()
    };
    let types = list(&filter["event_types"]).ok_or("no event_filter.event_types")?;
    if types.is_empty() || !types.iter().all(|one| TYPES.contains(&one.as_str())) {
        return Err("an unknown event type");
    }
    let criteria = &filter["criteria"];
    let flag = |name: &str| criteria[name].as_bool().unwrap_or_default();
    let keys = list(&criteria["repoKeys"]).unwrap_or_default();
    if keys.is_empty() && !flag("anyLocal") && !flag("anyRemote") {
        return Err("the criteria select no repository");
    }
    let [handler] = document["handlers"]
        .as_array()
        .map_or(&[][..], Vec::as_slice)
    else {
        return Err("exactly one handler is needed");
    };
    if handler["handler_type"] != "webhook" {
        return Err("the handler is not a webhook");
    }
    let text = |name: &str| handler[name].as_str().map(str::to_owned);
    Ok(Subscription {
        key: document["key"].as_str().ok_or("no key")?.to_owned(),
        is_enabled: document["enabled"].as_bool().unwrap_or_default(),
        types,
        keys,
        any_local: flag("anyLocal"),
        url: text("url").ok_or("the handler has no url")?,
        secret: text("secret"),
        is_signed: handler["use_secret_for_signing"]
            .as_bool()
            .unwrap_or_default(),
        document,
    })
}

/// Takes the notifications of a real registry, and delivers the webhooks that they are for. The
/// registry does not wait for that.
///
/// Source: distribution, "Work with notifications".
pub(super) fn notified(state: &Arc<Mutex<State>>, key: &str, body: &[u8]) {
    let envelope: Value = serde_json::from_slice(body).unwrap();
    let (state, key) = (Arc::clone(state), key.to_owned());
    thread::spawn(move || {
        for event in envelope["events"].as_array().unwrap() {
            let target = &event["target"];
            let text = |name: &str| target[name].as_str();
            let (Some(image), Some(tag), Some(digest)) =
                (text("repository"), text("tag"), text("digest"))
            else {
                continue;
            };
            if event["action"] == "push" {
                let sha256 = digest.trim_start_matches("sha256:");
                tell(&state, "pushed", &key, image, tag, sha256);
            }
        }
    });
}

/// Delivers the webhooks for one event, each by itself.
fn tell(state: &Mutex<State>, kind: &str, key: &str, image: &str, tag: &str, sha256: &str) {
    let (manifest, subscriptions) = {
        let state = state.lock().unwrap();
        let folder = state.folder(key);
        let manifest = folder.and_then(|folder| content::manifest(folder, sha256));
        let wanted = state.subscriptions.values().filter(|one| {
            let is_key = one.any_local || one.keys.iter().any(|own| own == key);
            one.is_enabled && is_key && one.types.iter().any(|own| own == kind)
        });
        (manifest, wanted.cloned().collect::<Vec<_>>())
    };
    let (name, size) = manifest.unwrap_or(("manifest.json", 0));
    for subscription in subscriptions {
        let body = json!({
            "domain": "docker", "event_type": kind,
            "data": {
                "repo_key": key, "event_type": kind, "path": format!("{image}/{tag}/{name}"),
                "name": name, "sha256": sha256, "size": size, "image_name": image, "tag": tag,
                "image_type": "docker", "platforms": [{ "architecture": "amd64", "os": "linux" }],
            },
            "subscription_key": subscription.key, "jpd_origin": "https://example.jfrog.io",
            "source": "jfrog/ci@example.com",
            "userContext": { "id": "ci", "isToken": false, "realm": "internal" },
        });
        let body = body.to_string().into_bytes();
        let auth = subscription
            .secret
            .map(|secret| match subscription.is_signed {
                true => signature(&secret, &body),
                false => secret,
            });
        let mut delivery = Delivered {
            url: subscription.url,
            auth,
            body,
            status: None,
        };
        for _ in 0..TRIES {
            delivery.status = delivery.send();
            if delivery.status.is_some_and(|status| status < 500) {
                break;
            }
            thread::sleep(AGAIN);
        }
        state.lock().unwrap().delivered.push(delivery);
    }
}
