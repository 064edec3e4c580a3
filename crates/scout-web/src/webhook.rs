//! The webhook receiver: who may deliver where, and how fast.
//!
//! What a delivery says, and whether it is genuine, is for the integration; that it is stored
//! before it is acknowledged, and that nothing of it gets into a log, is for this module.

mod answer;
mod body;
mod notice;
mod options;
mod receive;
mod route;
mod sender;
mod sink;
mod stats;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::serve::{Limits, serve_within};
use crate::tls::Tls;
use crate::webhook::notice::Notices;
pub use crate::webhook::options::{SenderRate, WebhookOptions};
use crate::webhook::receive::receive;
use crate::webhook::route::Routes;
pub use crate::webhook::route::{InvalidRoutes, WebhookRoute};
use crate::webhook::sender::Senders;
pub use crate::webhook::sink::{EventSink, Recorded, SinkError};
pub(crate) use crate::webhook::stats::{DELIVERIES, EVENTS};
pub use crate::webhook::stats::{WebhookStats, webhook_families};

/// What connections may cost. Ten delivery headers of 4 KiB are the most that Event Grid sends
/// (Azure documentation, "Custom delivery properties"). One proxy may stand before all senders,
/// but one sender must leave room for the others.
const LIMITS: Limits = Limits {
    connections: 512,
    connections_of_peer: 256,
    head_bytes: 64 << 10,
};

/// Receives the webhooks of the integrations that share a port. Cheap to clone; clones share
/// everything.
///
/// | request | answer |
/// |---|---|
/// | `POST` or `OPTIONS` `/<integration>` | as the integration has it; 200 once its events are stored |
/// | `POST` or `OPTIONS` `/` | the same, if there is one integration only; else 404 |
/// | `GET /healthz` | 200 `ok` |
/// | another method there | 405 |
/// | anything else | 404 |
///
/// Whatever may pass is answered with 503 and `Retry-After`: a full or failing store, a sender
/// that is too fast, a body that comes too slowly or not whole. All senders repeat a delivery after
/// 503, and most give up after 4xx.
#[derive(Clone)]
pub struct WebhookReceiver(Arc<Inner>);

struct Inner {
    routes: Routes,
    sink: Arc<dyn EventSink>,
    options: WebhookOptions,
    senders: Senders,
    notices: Notices,
    /// Places for bodies that are long.
    long_bodies: Arc<Semaphore>,
    /// Places at the store.
    recorders: Semaphore,
}

impl WebhookReceiver {
    /// Returns a receiver of these integrations' webhooks, that stores events in `sink`.
    ///
    /// # Errors
    ///
    /// [`InvalidRoutes`] if there is no integration, one of them receives no events, or their
    /// names cannot be told apart in a path.
    pub fn new(
        routes: Vec<WebhookRoute>,
        sink: Arc<dyn EventSink>,
        options: WebhookOptions,
    ) -> Result<Self, InvalidRoutes> {
        Ok(Self(Arc::new(Inner {
            routes: Routes::new(routes)?,
            sink,
            senders: Senders::new(options.sender_rate),
            notices: Notices::default(),
            long_bodies: Arc::new(Semaphore::new(body::MAX_LONG_BODIES)),
            recorders: Semaphore::new(options.max_recorders),
            options,
        })))
    }

    /// Receives until `shutdown` is done, over TLS if there is any; then lets deliveries end.
    ///
    /// Returns how many connections were cut off, as [`serve`](crate::serve()) does.
    pub async fn run(
        &self,
        listener: TcpListener,
        tls: Option<Tls>,
        shutdown: impl Future<Output = ()>,
    ) -> usize {
        let tls = tls.map(Arc::new);
        serve_within(LIMITS, listener, tls, self.router(), shutdown).await
    }

    /// Returns what came so far, by integration.
    #[must_use]
    pub fn stats(&self) -> BTreeMap<String, WebhookStats> {
        self.0.routes.stats()
    }
}

impl WebhookReceiver {
    /// Returns what answers; it must be told the peer of each request.
    fn router(&self) -> Router {
        Router::new().fallback(receive).with_state(self.clone())
    }
}

impl fmt::Debug for WebhookReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookReceiver")
            .field("routes", &self.0.routes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
