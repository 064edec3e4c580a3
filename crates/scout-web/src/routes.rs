//! The routes.

use std::borrow::Cow;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{MatchedPath, Path, Request, State};
use axum::http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
    VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use scout_api::{METRICS_ROUTE, OLDER_METRICS_ROUTE};
use scout_envs::OrgName;
use scout_metrics::{Encoding, Format, negotiate, negotiate_encoding, render};

use crate::auth::authorize;
use crate::body::Representation;
use crate::cache::Lookup;
use crate::exporter::Exporter;
use crate::failure::{Failure, VARIES};

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
        Lookup::Nothing => exporter.nothing(),
        Lookup::Unknown => return Err(Failure::Unavailable),
    };
    let wanted = Representation {
        format: format_for(&headers),
        encoding: encoding_for(&headers).ok_or(Failure::NotAcceptable)?,
    };
    let body = exporter.body(page, wanted).await?;
    exporter.stats().count_scrape(&org);
    let shared: [(HeaderName, HeaderValue); 3] = [
        (ETAG, body.etag.clone()),
        (VARY, HeaderValue::from_static(VARIES)),
        // May be kept, but never used without asking: a revoked token must not work elsewhere.
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    if has_already(&headers, &body.etag) {
        return Ok((StatusCode::NOT_MODIFIED, shared).into_response());
    }
    let content = [
        (CONTENT_TYPE, wanted.format.content_type()),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    let mut response = (shared, content, body.bytes).into_response();
    if wanted.encoding != Encoding::Identity {
        let coding = HeaderValue::from_static(wanted.encoding.as_str());
        response.headers_mut().insert(CONTENT_ENCODING, coding);
    }
    Ok(response)
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
    let now = exporter.now();
    let mut exposition = exporter
        .stats()
        .exposition(exporter.version(), &exporter.state(), now);
    let upstream = exporter.upstream();
    for family in upstream
        .map(|upstream| upstream.families(now))
        .unwrap_or_default()
    {
        exposition.insert(family);
    }
    exporter.maker().insert_into(&mut exposition);
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
    negotiate(joined(headers, &ACCEPT).as_deref())
}

fn encoding_for(headers: &HeaderMap) -> Option<Encoding> {
    negotiate_encoding(joined(headers, &ACCEPT_ENCODING).as_deref())
}

/// Returns all values of a header as one list, as far as they are text; nothing without any.
fn joined<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<Cow<'a, str>> {
    let mut values = headers.get_all(name).iter();
    let text = |value: &'a HeaderValue| value.to_str().unwrap_or_default();
    let first = text(values.next()?);
    Some(values.fold(Cow::Borrowed(first), |all, value| {
        Cow::Owned(format!("{all},{}", text(value)))
    }))
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
