//! Webhooks of registries that speak the OCI protocol: distribution's notifications, Quay's and
//! Docker Hub's, told apart by what they look like.
//!
//! None of them signs. Distribution sends a header that its configuration holds; Quay and Docker
//! Hub have nothing but the address to put a secret in. Distribution sends its events in order,
//! and repeats one until it is answered with 2xx or 3xx: so whoever knows the secret gets 200,
//! whatever the body is, and what cannot be used is counted.

mod hub;
mod notification;
mod quay;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use scout_envs::RepositoryName;
use scout_http::Method;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::events::{
    Delivery, Event, EventSource, MAX_EVENTS, Reception, WebhookSecrets, repository,
};
use crate::media_type;
use crate::oci::official;
use crate::selection::Selection;

/// What distribution calls its notifications: the newer name is in its documents, the older one
/// is what release 2.8 sends.
const NOTIFICATIONS: &[&str] = &[
    "application/vnd.docker.distribution.events.v1+json",
    "application/vnd.docker.distribution.events.v2+json",
];

/// What reads the webhooks.
#[derive(Debug)]
pub(super) struct OciEvents {
    secrets: WebhookSecrets,
    host: String,
    selection: Selection,
}

/// The members by which the senders are told apart.
#[derive(Deserialize)]
struct Body<'a> {
    /// Distribution's.
    #[serde(borrow, default)]
    events: Option<Vec<&'a RawValue>>,
    /// Quay's.
    #[serde(borrow, default)]
    updated_tags: Option<&'a RawValue>,
    /// Docker Hub's.
    #[serde(borrow, default)]
    push_data: Option<&'a RawValue>,
    /// A name at Quay, more at Docker Hub.
    #[serde(borrow, default)]
    repository: Option<&'a RawValue>,
}

/// What was read of a body.
#[derive(Debug, Default)]
struct Told {
    events: Vec<Event>,
    ignored: usize,
}

impl Told {
    fn nothing() -> Self {
        Self {
            events: Vec::new(),
            ignored: 1,
        }
    }

    fn add(&mut self, event: Option<Event>) {
        match event {
            Some(event) if self.events.len() < MAX_EVENTS => self.events.push(event),
            _ => self.ignored += 1,
        }
    }
}

impl OciEvents {
    pub(super) fn new(secrets: WebhookSecrets, host: &str, selection: Selection) -> Self {
        Self {
            secrets,
            host: host.to_owned(),
            selection,
        }
    }

    fn is_authentic(&self, delivery: &Delivery<'_>) -> bool {
        let by_header = delivery
            .header("authorization")
            .is_some_and(|value| self.is_shown_in(value));
        by_header
            || delivery
                .shows_in_query("secret", &self.secrets)
                .unwrap_or_default()
    }

    /// The header holds the secret itself, or as a token, or as a password.
    fn is_shown_in(&self, value: &str) -> bool {
        if self.secrets.matches(value) {
            return true;
        }
        let Some((scheme, rest)) = value.split_once(' ') else {
            return false;
        };
        match scheme.to_ascii_lowercase().as_str() {
            "bearer" => self.secrets.matches(rest.trim()),
            "basic" => {
                let pair = BASE64_STANDARD.decode(rest.trim()).ok();
                let pair = pair.and_then(|pair| String::from_utf8(pair).ok());
                pair.as_deref()
                    .and_then(|pair| pair.split_once(':'))
                    .is_some_and(|(_, password)| self.secrets.matches(password))
            }
            _ => false,
        }
    }

    fn read(&self, delivery: &Delivery<'_>) -> Option<Told> {
        let body: Body<'_> = serde_json::from_slice(delivery.body?).ok()?;
        let media_type = media_type::essence(delivery.header("content-type").unwrap_or_default());
        if let Some(events) = body.events {
            return Some(notification::read(&events, |name| self.name(name)));
        }
        if NOTIFICATIONS.contains(&media_type) {
            return None;
        }
        if let Some(tags) = body.updated_tags {
            let name: String = serde_json::from_str(body.repository?.get()).ok()?;
            return quay::read(tags, self.name(&name).as_ref());
        }
        hub::read(body.push_data?, body.repository?, |name| self.name(name))
    }

    /// Reads a repository's name and returns it if it is looked at.
    fn name(&self, text: &str) -> Option<RepositoryName> {
        let name = official(&self.host, &repository(text)?);
        self.selection.selects(&name).then_some(name)
    }
}

impl EventSource for OciEvents {
    fn receive(&self, delivery: &Delivery<'_>) -> Reception {
        if delivery.method != Method::POST {
            return Reception::wrong_method();
        }
        if !self.is_authentic(delivery) {
            return Reception::unauthorized();
        }
        let Told { events, ignored } = self.read(delivery).unwrap_or_else(Told::nothing);
        Reception::Events { events, ignored }
    }
}

#[cfg(test)]
mod tests;
