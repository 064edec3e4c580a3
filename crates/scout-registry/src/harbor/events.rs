//! Harbor's webhooks, in its own format and as CloudEvents.
//!
//! Source: goharbor/harbor `src/pkg/notifier/formats/{default,cloudevents}.go`. The sender waits
//! 3 s, tries three times, and takes only 2xx for success; then the event is lost and polling
//! finds what it would have told.

use jiff::Timestamp;
use scout_http::Method;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::events::{
    Delivery, Event, EventAction, EventSource, MAX_EVENTS, Reception, WebhookSecrets, digest,
    event_id, repository, sender_id, tag,
};
use crate::rest;
use crate::selection::Selection;

/// What reads Harbor's webhooks.
#[derive(Debug)]
pub(super) struct HarborEvents {
    secrets: WebhookSecrets,
    selection: Selection,
}

/// Both formats: the first has `occur_at` and `event_data`, CloudEvents `id`, `time` and `data`.
#[derive(Deserialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    occur_at: Option<i64>,
    #[serde(default)]
    time: Option<String>,
    // Other kinds have other data.
    #[serde(borrow, default)]
    event_data: Option<&'a RawValue>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Data {
    #[serde(default)]
    resources: Option<Vec<Resource>>,
    repository: Repository,
}

/// `resource_url` is not read: where the registry is, the configuration says.
#[derive(Deserialize)]
struct Resource {
    #[serde(default)]
    digest: String,
    #[serde(default)]
    tag: String,
}

#[derive(Deserialize)]
struct Repository {
    repo_full_name: String,
}

impl HarborEvents {
    pub(super) fn new(secrets: WebhookSecrets, selection: Selection) -> Self {
        Self { secrets, selection }
    }

    fn read(&self, body: &Body<'_>) -> Option<Reception> {
        let nothing = |ignored| Reception::Events {
            events: Vec::new(),
            ignored,
        };
        let action = match body.kind.as_str() {
            "PUSH_ARTIFACT" | "harbor.artifact.pushed" => EventAction::Pushed,
            "DELETE_ARTIFACT" | "harbor.artifact.deleted" => EventAction::Deleted,
            _ => return Some(nothing(1)),
        };
        let data: Data = serde_json::from_str(body.event_data.or(body.data)?.get()).ok()?;
        let resources = data.resources.unwrap_or_default();
        let name = repository(&data.repository.repo_full_name);
        let Some(name) = name.filter(|name| self.selection.selects(name)) else {
            return Some(nothing(resources.len().max(1)));
        };
        let seconds = body.occur_at.and_then(|at| Timestamp::from_second(at).ok());
        let occurred_at = seconds.or_else(|| rest::time(body.time.as_deref()?));
        // A repeated delivery is the same bytes: the job that sends it holds them.
        let sender = body.id.as_deref().and_then(sender_id);
        let at = body.occur_at.unwrap_or_default().to_string();
        let mut events = Vec::new();
        for (position, resource) in resources.iter().take(MAX_EVENTS).enumerate() {
            let manifest = digest(&resource.digest);
            let tag = tag(&resource.tag);
            if manifest.is_none() && tag.is_none() {
                continue;
            }
            let id = match &sender {
                Some(id) => format!("{id}-{position}"),
                None => event_id(&[
                    &at,
                    &body.kind,
                    name.as_str(),
                    &resource.tag,
                    &resource.digest,
                ]),
            };
            let mut event = Event::new(id, action, name.clone());
            // A deleted artifact takes all its tags along; Harbor names one of them.
            let is_whole = action == EventAction::Deleted && manifest.is_some();
            event.tag = tag.filter(|_| !is_whole);
            event.digest = manifest;
            event.occurred_at = occurred_at;
            events.push(event);
        }
        let ignored = resources.len() - events.len();
        Some(Reception::Events { events, ignored })
    }
}

impl EventSource for HarborEvents {
    fn receive(&self, delivery: &Delivery<'_>) -> Reception {
        if delivery.method != Method::POST {
            return Reception::wrong_method();
        }
        let shown = delivery.header("authorization").unwrap_or_default();
        if !self.secrets.matches(shown) {
            return Reception::unauthorized();
        }
        let Some(body) = delivery.body else {
            return Reception::too_large();
        };
        let body = serde_json::from_slice::<Body<'_>>(body).ok();
        let reception = body.and_then(|body| self.read(&body));
        // Shown in Harbor's list of executions, after three tries.
        reception.unwrap_or_else(|| Reception::malformed("the body is no event of Harbor"))
    }
}

#[cfg(test)]
mod tests;
