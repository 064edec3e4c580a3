//! Events of a registry: from Event Grid in both of its schemas, and from the registry's own
//! webhooks.
//!
//! Sources: Azure documentation, "Azure Container Registry as an Event Grid source", "Webhook
//! event delivery", "Event Grid message delivery and retry", "Azure Container Registry webhook
//! reference"; CloudEvents 1.0, HTTP 1.1 web hooks.

mod origin;
mod payload;

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use scout_http::{HeaderName, HeaderValue, Method, StatusCode, header};

use crate::acr::events::origin::Origin;
use crate::acr::events::payload::{Image, Notice};
use crate::events::{
    Answer, Delivery, Event, EventSource, MAX_EVENTS, Reception, WebhookSecrets, digest, event_id,
    repository, sender_id, tag,
};
use crate::selection::Selection;

/// The parameter of the query that holds the secret: all that the seed's template can pass on.
const SECRET_PARAMETER: &str = "secret";
/// The delivery header that holds the secret, as the project's template sets it.
const SECRET_HEADER: &str = "x-scout-webhook-secret";
const EVENT_TYPE: &str = "aeg-event-type";
const SUBSCRIPTION_NAME: &str = "aeg-subscription-name";
const REQUEST_ORIGIN: &str = "webhook-request-origin";
/// How often we allow to be called. Too much is answered 503, which Event Grid understands.
const ALLOWED_RATE: &str = "*";
/// The hosts of which Event Grid says in its handshake that it sends from them, by cloud.
const EVENT_GRID: &[&str] = &[
    "eventgrid.azure.net",
    "eventgrid.azure.cn",
    "eventgrid.azure.us",
];
/// Longest origin, code or id taken over, in bytes.
const MAX_WORD: usize = 256;

/// What a delivery shows to be let in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Shown {
    Right,
    Wrong,
    Nothing,
}

/// Reads the events of one registry.
///
/// Event Grid drops an event for good that is answered 400, 401, 403 or 413. So 401 is for a
/// wrong secret, 400 and 413 for what can never be read, and everything else that is not for us
/// is answered 200.
pub(super) struct Webhooks {
    secrets: WebhookSecrets,
    subscription: String,
    selection: Arc<Selection>,
    origin: Origin,
}

impl Webhooks {
    /// `hosts` are all that are approved: a registry behind a domain of its own has one of
    /// Azure's, too, and its events name that.
    pub(super) fn new(
        secrets: WebhookSecrets,
        subscription: &str,
        selection: Arc<Selection>,
        hosts: impl Iterator<Item = String>,
    ) -> Self {
        Self {
            secrets,
            subscription: subscription.to_owned(),
            selection,
            origin: Origin::new(hosts),
        }
    }

    fn shown(&self, delivery: &Delivery<'_>) -> Shown {
        let header = delivery.header(SECRET_HEADER);
        let password = delivery.header("authorization").and_then(password);
        let shown = [
            delivery.shows_in_query(SECRET_PARAMETER, &self.secrets),
            header.map(|secret| self.secrets.matches(secret)),
            password.map(|secret| self.secrets.matches(&secret)),
        ];
        match shown.into_iter().flatten().reduce(|one, other| one | other) {
            None => Shown::Nothing,
            Some(true) => Shown::Right,
            Some(false) => Shown::Wrong,
        }
    }

    /// Whether it comes from the event subscription that we know, as far as the sender says so.
    /// Enough for a handshake: that opens nothing, each event shows the secret.
    fn is_expected(&self, delivery: &Delivery<'_>) -> bool {
        let name = delivery.header(SUBSCRIPTION_NAME).unwrap_or_default();
        name.eq_ignore_ascii_case(&self.subscription)
    }

    /// Answers the question of CloudEvents whether we want events. It is not documented whether
    /// delivery headers come with it.
    fn handshake(&self, delivery: &Delivery<'_>) -> Reception {
        let Some(origin) = delivery.headers.get(REQUEST_ORIGIN) else {
            return Reception::malformed("WebHook-Request-Origin is missing");
        };
        let host = origin.to_str().unwrap_or_default();
        let is_allowed = match self.shown(delivery) {
            Shown::Right => true,
            Shown::Wrong => false,
            Shown::Nothing => self.is_expected(delivery) || is_event_grid(host),
        };
        if !is_allowed {
            return Reception::unauthorized();
        }
        if host.is_empty() || host.len() > MAX_WORD {
            return Reception::malformed("WebHook-Request-Origin is not the name of a host");
        }
        let answer = Answer::new(StatusCode::OK, "")
            .with_header(
                HeaderName::from_static("webhook-allowed-origin"),
                origin.clone(),
            )
            .with_header(
                HeaderName::from_static("webhook-allowed-rate"),
                HeaderValue::from_static(ALLOWED_RATE),
            );
        Reception::Answer(with_allow(answer))
    }

    fn read(&self, notices: Vec<Notice>) -> Reception {
        let mut events = Vec::new();
        let mut ignored = 0;
        for notice in notices {
            match self.event(notice) {
                Some(event) if events.len() < MAX_EVENTS => events.push(event),
                _ => ignored += 1,
            }
        }
        Reception::Events { events, ignored }
    }

    /// Reads a notice; nothing if it is not for us.
    fn event(&self, notice: Notice) -> Option<Event> {
        let Notice::Image(image) = notice else {
            return None;
        };
        let Image {
            id,
            action,
            topic,
            time,
            content,
        } = *image;
        let host = content.request.and_then(|request| request.host);
        if !self.origin.is_ours(topic.as_deref(), host.as_deref()) {
            return None;
        }
        let target = content.target?;
        let repository = repository(&target.repository?)?;
        if !self.selection.selects(&repository) {
            return None;
        }
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let id = id.as_deref().and_then(sender_id).unwrap_or_else(|| {
            event_id(&[
                &format!("{action:?}"),
                repository.as_str(),
                &text(&target.tag),
                &text(&target.digest),
                &text(&content.timestamp),
            ])
        });
        let tag = target.tag.as_deref().and_then(tag);
        let digest = target.digest.as_deref().and_then(digest);
        if tag.is_none() && digest.is_none() {
            return None;
        }
        let mut event = Event::new(id, action, repository);
        event.tag = tag;
        event.digest = digest;
        let times = [content.timestamp, time];
        event.occurred_at = times.iter().flatten().find_map(|time| time.parse().ok());
        Some(event)
    }
}

impl EventSource for Webhooks {
    fn receive(&self, delivery: &Delivery<'_>) -> Reception {
        if delivery.method == Method::OPTIONS {
            return self.handshake(delivery);
        }
        if delivery.method != Method::POST {
            let text = "events are sent with POST";
            let answer = Answer::new(StatusCode::METHOD_NOT_ALLOWED, text);
            return Reception::Answer(with_allow(answer));
        }
        let shown = self.shown(delivery);
        let kind = delivery.header(EVENT_TYPE).unwrap_or_default();
        let says_validation = kind.eq_ignore_ascii_case("SubscriptionValidation");
        let may_read = match shown {
            Shown::Right => true,
            Shown::Wrong => false,
            Shown::Nothing => says_validation && self.is_expected(delivery),
        };
        if !may_read {
            return Reception::unauthorized();
        }
        let Some(body) = delivery.body else {
            return Reception::too_large();
        };
        match payload::read(body) {
            Err(note) => Reception::malformed(note),
            Ok(notices) => match (notices.as_slice(), shown) {
                ([Notice::Validation { code }], _) if code.len() <= MAX_WORD => confirm(code),
                ([Notice::Validation { .. }], _) => {
                    Reception::malformed("the validation code is too long")
                }
                (_, Shown::Right) => self.read(notices),
                // It only said that it was a handshake.
                _ => Reception::unauthorized(),
            },
        }
    }
}

impl fmt::Debug for Webhooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhooks")
            .field("subscription", &self.subscription)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

/// Proves to Event Grid that we want its events. The address in the same event, which would do
/// so too, is never asked: anybody can send one.
fn confirm(code: &str) -> Reception {
    let body = serde_json::json!({ "validationResponse": code });
    let json = HeaderValue::from_static("application/json");
    let answer = Answer::new(StatusCode::OK, body.to_string());
    Reception::Answer(answer.with_header(header::CONTENT_TYPE, json))
}

fn with_allow(answer: Answer) -> Answer {
    answer.with_header(header::ALLOW, HeaderValue::from_static("POST, OPTIONS"))
}

/// Reads the secret from `Authorization`: as a bearer token, or as the password of any user.
fn password(authorization: &str) -> Option<String> {
    let (scheme, rest) = authorization.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(BASE64_STANDARD.decode(rest).ok()?).ok()?;
    let (_, password) = pair.split_once(':')?;
    Some(password.to_owned())
}

fn is_event_grid(origin: &str) -> bool {
    let origin = origin.to_ascii_lowercase();
    EVENT_GRID.iter().any(|&host| {
        let rest = origin.strip_suffix(host);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

#[cfg(test)]
mod tests;
