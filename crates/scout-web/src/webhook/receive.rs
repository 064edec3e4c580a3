//! One delivery: read, verified, stored, answered. In this order, and nothing of it is logged but
//! who, to whom, and what became of it.

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::header::EXPECT;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use scout_platform::chain;
use scout_registry::events::{Answer, Delivery, Event, Reception};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout};

use crate::serve::Peer;
use crate::webhook::WebhookReceiver;
use crate::webhook::answer;
use crate::webhook::body::{self, Received, SHORT_BODY};
use crate::webhook::notice::Refusal;
use crate::webhook::route::Target;
use crate::webhook::sink::{Recorded, SinkError};
use crate::webhook::stats::WebhookStats;

/// Where load balancers ask.
const HEALTH: &str = "/healthz";

/// What became of a request.
struct Outcome {
    response: Response,
    refusal: Option<Refusal>,
    /// What is wrong with the store.
    problem: Option<String>,
    recorded: Recorded,
    ignored: usize,
}

impl Outcome {
    fn refused(refusal: Refusal, response: Response) -> Self {
        Self {
            response,
            refusal: Some(refusal),
            problem: None,
            recorded: Recorded::default(),
            ignored: 0,
        }
    }

    fn accepted(response: Response, recorded: Recorded, ignored: usize) -> Self {
        Self {
            response,
            refusal: None,
            problem: None,
            recorded,
            ignored,
        }
    }

    /// Whether this was an authentic delivery of which nothing was to be stored. A registry that
    /// tells of pulls too, ours among them, sends several for each image, one after the other:
    /// were they slowed down, the pushes behind them would come minutes late.
    fn cost_nothing(&self) -> bool {
        let stored = self.recorded.stored + self.recorded.duplicates;
        self.refusal.is_none() && self.ignored > 0 && stored == 0
    }

    fn count(&self, counts: &mut WebhookStats) {
        counts.received += 1;
        counts.stored += self.recorded.stored;
        counts.duplicates += self.recorded.duplicates;
        counts.ignored += self.ignored as u64;
        let Some(refusal) = self.refusal else {
            return;
        };
        *match refusal {
            Refusal::Unauthorized => &mut counts.unauthorized,
            Refusal::NotFound | Refusal::WrongMethod | Refusal::Malformed => &mut counts.malformed,
            Refusal::TooLarge => &mut counts.too_large,
            Refusal::Cut | Refusal::Slow => &mut counts.incomplete,
            Refusal::Throttled => &mut counts.throttled,
            Refusal::Unavailable => &mut counts.unavailable,
        } += 1;
    }
}

/// Answers any request.
pub(super) async fn receive(
    State(receiver): State<WebhookReceiver>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Response {
    let path = request.uri().path();
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    if path == HEALTH && is_read {
        return answer::healthy();
    }
    let target = receiver.0.routes.find(path);
    let outcome = receiver.admit(peer, target, request).await;
    if let Some(target) = target {
        outcome.count(&mut target.counts());
    }
    receiver.tell(peer, target, &outcome);
    outcome.response
}

impl WebhookReceiver {
    /// Decides what may be decided by the head of the request.
    async fn admit(&self, peer: Peer, target: Option<&Target>, request: Request) -> Outcome {
        let key = (peer.network(), target.map(|target| target.index));
        if let Err(wait) = self.0.senders.take(key, Instant::now()) {
            return Outcome::refused(Refusal::Throttled, answer::too_fast(wait));
        }
        let Some(target) = target else {
            let is_health = request.uri().path() == HEALTH;
            return if is_health {
                Outcome::refused(Refusal::WrongMethod, answer::wrong_method("GET, HEAD"))
            } else {
                Outcome::refused(Refusal::NotFound, answer::not_found())
            };
        };
        if !matches!(*request.method(), Method::POST | Method::OPTIONS) {
            let response = answer::wrong_method("POST, OPTIONS");
            return Outcome::refused(Refusal::WrongMethod, response);
        }
        let outcome = self.deliver(target, request).await;
        if outcome.refusal == Some(Refusal::Unauthorized) {
            self.0.senders.penalize(key, Instant::now());
        } else if outcome.cost_nothing() {
            self.0.senders.give_back(key, Instant::now());
        }
        outcome
    }

    async fn deliver(&self, target: &Target, request: Request) -> Outcome {
        let (parts, body) = request.into_parts();
        let waits = parts.headers.contains_key(EXPECT);
        let limit = self.0.options.body_timeout;
        let body = body::read(body, waits, &self.0.long_bodies, limit).await;
        let (body, fault) = match body {
            Received::Whole(body) => (Some(body), None),
            Received::TooLong => (None, Some(Refusal::TooLarge)),
            // These may pass, so they are no reason to give up.
            Received::Cut => return Outcome::refused(Refusal::Cut, answer::unavailable()),
            Received::Slow => return Outcome::refused(Refusal::Slow, answer::unavailable()),
        };
        // The body is kept to the end, and its place with it: its events are as long.
        let bytes = body.as_ref().map(|body| body.bytes.clone());
        match read(target, parts, bytes).await {
            Some(Reception::Answer(answer)) => answered(answer, fault),
            Some(Reception::Events { events, ignored }) => {
                self.store(target, events, ignored).await
            }
            _ => Outcome::refused(Refusal::Unavailable, answer::unavailable()),
        }
    }

    /// Stores events and acknowledges them, in this order.
    async fn store(&self, target: &Target, events: Vec<Event>, ignored: usize) -> Outcome {
        let record = async {
            if events.is_empty() {
                return Ok(Recorded::default());
            }
            // Nobody closes the semaphore.
            let _place = self.0.recorders.acquire().await;
            self.0.sink.record(target.name(), events).await
        };
        let recorded = match timeout(self.0.options.record_timeout, record).await {
            Ok(recorded) => recorded,
            Err(elapsed) => Err(SinkError::Failed(elapsed.into())),
        };
        match recorded {
            Ok(recorded) => Outcome::accepted(answer::stored(recorded, ignored), recorded, ignored),
            Err(error) => Outcome {
                problem: Some(chain(&error)),
                ..Outcome::refused(Refusal::Unavailable, answer::unavailable())
            },
        }
    }

    /// Logs what became of a request.
    fn tell(&self, peer: Peer, target: Option<&Target>, outcome: &Outcome) {
        let integration = target.map(Target::name);
        let status = outcome.response.status().as_u16();
        let Recorded { stored, duplicates } = outcome.recorded;
        let ignored = outcome.ignored;
        tracing::debug!(integration, sender = %peer, status, stored, duplicates, ignored, "webhook");
        let refusal = match outcome.refusal {
            // Somebody looks at the address in a browser.
            None | Some(Refusal::WrongMethod) => return,
            Some(refusal) => refusal,
        };
        let index = target.map(|target| target.index);
        if let Some(before) = self.0.notices.is_due(index, refusal, Instant::now()) {
            tracing::warn!(
                integration,
                sender = %peer,
                status,
                reason = refusal.text(),
                error = outcome.problem,
                before,
                "a webhook was not accepted"
            );
        }
    }
}

/// Lets the integration read a delivery; long ones where it does not keep others waiting.
async fn read(target: &Target, parts: Parts, bytes: Option<Bytes>) -> Option<Reception> {
    let is_long = bytes.as_ref().is_some_and(|bytes| bytes.len() > SHORT_BODY);
    if !is_long {
        return Some(target.source()?.receive(&delivery(&parts, bytes.as_ref())));
    }
    let integration = target.integration();
    let read = move || {
        let source = integration.events()?;
        Some(source.receive(&delivery(&parts, bytes.as_ref())))
    };
    spawn_blocking(read).await.ok().flatten()
}

fn delivery<'a>(parts: &'a Parts, bytes: Option<&'a Bytes>) -> Delivery<'a> {
    Delivery {
        method: &parts.method,
        query: parts.uri.query(),
        headers: &parts.headers,
        body: bytes.map(Bytes::as_ref),
    }
}

/// Returns what the integration's own answer means. `fault` is what was wrong with the body.
fn answered(answer: Answer, fault: Option<Refusal>) -> Outcome {
    let status = answer.status;
    let response = answer::own(answer);
    let refusal = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Some(Refusal::Unauthorized),
        _ if fault.is_some() => fault,
        status if status.is_success() => None,
        StatusCode::PAYLOAD_TOO_LARGE => Some(Refusal::TooLarge),
        status if status.is_server_error() => Some(Refusal::Unavailable),
        _ => Some(Refusal::Malformed),
    };
    match refusal {
        Some(refusal) => Outcome::refused(refusal, response),
        None => Outcome::accepted(response, Recorded::default(), 1),
    }
}
