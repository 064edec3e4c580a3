//! Nexus' repository webhooks: components that were created, updated and deleted.
//!
//! Source: Sonatype's help pages "Enabling a repository webhook capability" and "Example headers
//! and payloads". A push sends several events; one that is refused is not sent again.

use scout_http::Method;
use serde::Deserialize;

use crate::events::{
    Delivery, Event, EventAction, EventSource, Reception, WebhookSecrets, event_id, repository,
    sender_id, tag,
};
use crate::nexus::api::is_docker;
use crate::nexus::source::Naming;
use crate::rest;
use crate::selection::Selection;

/// The kind of webhook that tells of tags.
const COMPONENT: &str = "rm:repository:component";

/// What reads Nexus' webhooks.
#[derive(Debug)]
pub(super) struct NexusEvents {
    secrets: WebhookSecrets,
    naming: Naming,
    selection: Selection,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    #[serde(default)]
    timestamp: Option<String>,
    repository_name: String,
    action: String,
    component: Component,
}

#[derive(Deserialize)]
struct Component {
    #[serde(default)]
    format: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    version: Option<String>,
}

impl NexusEvents {
    pub(super) fn new(secrets: WebhookSecrets, naming: Naming, selection: Selection) -> Self {
        Self {
            secrets,
            naming,
            selection,
        }
    }

    fn event(&self, body: &Body, delivery_id: Option<&str>) -> Option<Event> {
        if !is_docker(&body.component.format) {
            return None;
        }
        let action = match body.action.to_ascii_uppercase().as_str() {
            "CREATED" | "UPDATED" => EventAction::Pushed,
            "DELETED" => EventAction::Deleted,
            _ => return None,
        };
        let position = self.naming.position(&body.repository_name)?;
        let image = repository(&body.component.name)?;
        let name = self.naming.join(position, &image)?;
        if !self.selection.selects(&name) {
            return None;
        }
        let version = body.component.version.as_deref().unwrap_or_default();
        let tag = tag(version)?;
        let timestamp = body.timestamp.as_deref().unwrap_or_default();
        let id = match delivery_id.and_then(sender_id) {
            Some(id) => id,
            None => event_id(&[&body.action, timestamp, name.as_str(), version]),
        };
        let mut event = Event::new(id, action, name);
        event.tag = Some(tag);
        event.occurred_at = rest::time(timestamp);
        Some(event)
    }
}

impl EventSource for NexusEvents {
    fn receive(&self, delivery: &Delivery<'_>) -> Reception {
        if delivery.method != Method::POST {
            return Reception::wrong_method();
        }
        let signature = delivery.header("x-nexus-webhook-signature");
        let Some(signature) = signature.filter(|text| !text.is_empty()) else {
            return Reception::unauthorized();
        };
        let Some(raw) = delivery.body else {
            return Reception::too_large();
        };
        if !self.secrets.signed_sha1(signature, raw) {
            return Reception::unauthorized();
        }
        let nothing = Reception::Events {
            events: Vec::new(),
            ignored: 1,
        };
        let kind = delivery.header("x-nexus-webhook-id").unwrap_or_default();
        if !kind.eq_ignore_ascii_case(COMPONENT) {
            return nothing;
        }
        let Ok(body) = serde_json::from_slice::<Body>(raw) else {
            return Reception::malformed("the body is no component event of Nexus");
        };
        match self.event(&body, delivery.header("x-nexus-webhook-delivery")) {
            None => nothing,
            Some(event) => Reception::Events {
                events: vec![event],
                ignored: 0,
            },
        }
    }
}

#[cfg(test)]
mod tests;
