//! The routes.

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{MatchedPath, Path, Request, State};
use axum::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use scout_api::{METRICS_ROUTE, OLDER_METRICS_ROUTE};
use scout_envs::OrgName;
use scout_metrics::{Format, negotiate, render};

use crate::auth::authorize;
use crate::cache::Lookup;
use crate::exporter::Exporter;
use crate::failure::Failure;
use crate::page::Page;

impl Exporter {
    /// Returns the routes. No request body is read by any of them.
    pub fn router(&self) -> Router {
        Router::new()
            .route(METRICS_ROUTE, get(metrics))
            .route(OLDER_METRICS_ROUTE, get(metrics))
            .route("/healthz", get(health))
            .route("/metrics", get(own_metrics))
            .fallback(async || Failure::NotFound)
            .method_not_allowed_fallback(async || Failure::MethodNotAllowed)
            .layer(middleware::from_fn_with_state(self.clone(), count))
            .with_state(self.clone())
    }
}

/// The metrics of an organization. Only the token is looked up; the text is ready.
async fn metrics(
    State(exporter): State<Exporter>,
    org: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    // Anybody may know that such a name cannot exist.
    let org = org.ok().and_then(|Path(name)| name.parse::<OrgName>().ok());
    let org = org.ok_or(Failure::UnknownOrganization)?;
    authorize(&exporter, &org, &headers).await?;
    let page = match exporter.state().look_up(&org) {
        Lookup::Page(page) => page,
        Lookup::Nothing => Page::render(0, None).into(),
        Lookup::Unknown => return Err(Failure::Unavailable),
    };
    exporter.stats().count_scrape(&org);
    let format = format_for(&headers);
    let body = page.body(format);
    let shared: [(HeaderName, HeaderValue); 3] = [
        (ETAG, body.etag.clone()),
        (VARY, HeaderValue::from_static("Accept")),
        // May be kept, but never used without asking: a revoked token must not work elsewhere.
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    if has_already(&headers, &body.etag) {
        return Ok((StatusCode::NOT_MODIFIED, shared).into_response());
    }
    let content = [
        (CONTENT_TYPE, format.content_type()),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Ok((shared, content, body.bytes).into_response())
}

/// Whether the source answers, asked now.
async fn health(State(exporter): State<Exporter>) -> Response {
    let headers = [
        (CONTENT_TYPE, "text/plain; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
    ];
    match exporter.check_health().await {
        Ok(()) => (headers, "ok").into_response(),
        Err(reason) => {
            let text = format!("the store does not answer: {reason}");
            (StatusCode::SERVICE_UNAVAILABLE, headers, text).into_response()
        }
    }
}

/// The server's own metrics.
async fn own_metrics(State(exporter): State<Exporter>, headers: HeaderMap) -> Response {
    let format = format_for(&headers);
    let exposition =
        exporter
            .stats()
            .exposition(exporter.version(), &exporter.state(), exporter.now());
    let headers = [
        (CONTENT_TYPE, format.content_type()),
        (VARY, "Accept"),
        (CACHE_CONTROL, "no-store"),
    ];
    (headers, render(&exposition, format)).into_response()
}

/// Counts every answer, under the route as it is written here and never under the path that came.
async fn count(State(exporter): State<Exporter>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let route = route.as_ref().map_or("other", MatchedPath::as_str);
    exporter.stats().count_request(route, response.status());
    response
}

fn format_for(headers: &HeaderMap) -> Format {
    let accepted: Vec<&str> = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    negotiate(
        (!accepted.is_empty())
            .then(|| accepted.join(","))
            .as_deref(),
    )
}

/// Whether `If-None-Match` names this text. Weak tags count too (RFC 9110, 13.1.2).
fn has_already(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    let values = headers.get_all(IF_NONE_MATCH).iter();
    let mut tags = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim);
    tags.any(|tag| tag == "*" || tag.trim_start_matches("W/").as_bytes() == etag.as_bytes())
}
