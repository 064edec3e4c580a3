//! A listener for health alone, for a program that serves no organization's metrics.

use std::pin::pin;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use scout_metrics::{Exposition, render};
use scout_platform::chain;
use tokio::net::TcpListener;

use crate::exporter::{REQUEST_TIMEOUT, in_time};
use crate::failure::Failure;
use crate::options::Clock;
use crate::own::OwnFamilies;
use crate::record::RecordLook;
use crate::scrape::format_for;
use crate::serve::serve;
use crate::source::MetricsSource;

/// Serves `/metrics`, with what a program and its record tell of themselves, and `/healthz`.
///
/// Neither needs a token; they name integrations and environments, so who may reach the address is
/// to be chosen. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct HealthServer(Arc<Inner>);

struct Inner {
    source: Arc<dyn MetricsSource>,
    own: Arc<dyn OwnFamilies>,
    record: RecordLook,
    clock: Clock,
}

impl std::fmt::Debug for HealthServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HealthServer")
            .field("own", &self.0.own)
            .finish_non_exhaustive()
    }
}

impl HealthServer {
    /// Returns a server of what is told there.
    #[must_use]
    pub fn new(source: Arc<dyn MetricsSource>, own: Arc<dyn OwnFamilies>, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            source,
            own,
            record: RecordLook::default(),
            clock,
        }))
    }

    /// Serves until `shutdown` is done. Returns how many connections were cut off.
    pub async fn run(&self, listener: TcpListener, shutdown: impl Future<Output = ()>) -> usize {
        let Inner {
            source,
            record,
            clock,
            ..
        } = &*self.0;
        let mut shutdown = pin!(shutdown);
        tokio::select! {
            () = record.look(source.as_ref(), clock) => {}
            () = &mut shutdown => return 0,
        }
        tokio::select! {
            cut_off = serve(listener, self.router(), shutdown) => cut_off,
            never = record.follow(source.as_ref(), clock) => match never {},
        }
    }

    fn router(&self) -> Router {
        Router::new()
            .route("/healthz", get(health))
            .route("/metrics", get(metrics))
            .fallback(async || Failure::NotFound)
            .method_not_allowed_fallback(async || Failure::MethodNotAllowed)
            .with_state(self.clone())
    }
}

/// Whether the record answers, asked now.
async fn health(State(server): State<HealthServer>) -> Response {
    let question = server.0.source.organizations_generations();
    let answer = in_time(REQUEST_TIMEOUT, question).await;
    told(answer.map(drop).map_err(|error| chain(error.as_ref())))
}

/// Says whether the store answers.
pub(crate) fn told(answer: Result<(), String>) -> Response {
    let headers = [
        (CONTENT_TYPE, "text/plain; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
    ];
    match answer {
        Ok(()) => (headers, "ok").into_response(),
        Err(reason) => {
            let text = format!("the store does not answer: {reason}");
            (StatusCode::SERVICE_UNAVAILABLE, headers, text).into_response()
        }
    }
}

async fn metrics(State(server): State<HealthServer>, headers: HeaderMap) -> Response {
    let now = server.0.clock.now();
    let mut exposition = Exposition::new();
    let record = server.0.record.families(now);
    for family in server.0.own.families(now).into_iter().chain(record) {
        exposition.insert(family);
    }
    page(&exposition, &headers)
}

/// Returns a page of a program's own metrics.
pub(crate) fn page(exposition: &Exposition, headers: &HeaderMap) -> Response {
    let format = format_for(headers);
    let headers = [
        (CONTENT_TYPE, format.content_type()),
        (VARY, "Accept"),
        (CACHE_CONTROL, "no-store"),
    ];
    (headers, render(exposition, format)).into_response()
}
