//! The one request that comes all the time, answered without a detour.
//!
//! A scrape in its usual form is known by its path alone, so it goes past the router and what
//! surrounds it, which would take more time than everything else here. All other requests, also
//! odd forms of a scrape, go to the router, which gives the same answer.

use std::borrow::Cow;

use axum::Router;
use axum::body::Body;
use axum::http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
    VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use hyper::Request;
use hyper::body::Incoming;
use scout_api::METRICS_ROUTE;
use scout_envs::OrgName;
use scout_metrics::{Encoding, Format, negotiate, negotiate_encoding};

use crate::auth::authorize;
use crate::body::Representation;
use crate::cache::Lookup;
use crate::exporter::Exporter;
use crate::failure::{Failure, VARIES};
use crate::serve::{Handler, Peer};

/// Answers what comes to an exporter. Clones share everything.
#[derive(Clone)]
pub(crate) struct Requests {
    exporter: Exporter,
    router: Router,
}

impl Requests {
    pub(crate) fn new(exporter: &Exporter) -> Self {
        Self {
            exporter: exporter.clone(),
            router: exporter.router(),
        }
    }
}

impl Handler for Requests {
    async fn handle(&self, peer: Peer, request: Request<Incoming>) -> Response {
        let Some(org) = scraped(request.method(), request.uri().path()) else {
            // On the heap, so that a connection has no room for what it seldom does.
            return Box::pin(self.router.handle(peer, request)).await;
        };
        let (head, _) = request.into_parts();
        let answer = scrape(&self.exporter, &org, Some(peer), &head.headers).await;
        let response = answer.unwrap_or_else(IntoResponse::into_response);
        let stats = self.exporter.stats();
        stats.count_request(METRICS_ROUTE, response.status());
        response
    }
}

/// Returns whose metrics are asked for, if they are in the usual form.
fn scraped(method: &Method, path: &str) -> Option<OrgName> {
    let (before, after) = METRICS_ROUTE.split_once("{org}")?;
    let org = path.strip_prefix(before)?.strip_suffix(after)?;
    // Nothing that a name may hold means anything else in a path.
    (method == Method::GET).then(|| org.parse().ok()).flatten()
}

/// The metrics of an organization. Only the token is looked up; the text is ready.
pub(crate) async fn scrape(
    exporter: &Exporter,
    org: &OrgName,
    peer: Option<Peer>,
    headers: &HeaderMap,
) -> Result<Response, Failure> {
    authorize(exporter, org, headers, peer).await?;
    let page = match exporter.state().look_up(org) {
        Lookup::Page(page) => page,
        Lookup::Nothing => exporter.nothing(),
        Lookup::Unknown => return Err(Failure::Unavailable),
    };
    let wanted = Representation {
        format: format_for(headers),
        encoding: encoding_for(headers).ok_or(Failure::NotAcceptable)?,
    };
    let body = match page.bodies.ready(wanted) {
        Some(body) => body,
        None => Box::pin(exporter.make_body(page, wanted)).await?,
    };
    exporter.stats().count_scrape(org);
    if has_already(headers, &body.etag) {
        let shared = [
            (ETAG, body.etag),
            (VARY, HeaderValue::from_static(VARIES)),
            (CACHE_CONTROL, HeaderValue::from_static(CACHING)),
        ];
        return Ok((StatusCode::NOT_MODIFIED, shared).into_response());
    }
    let mut response = Response::new(Body::from(body.bytes));
    *response.headers_mut() = body.headers;
    Ok(response)
}

/// Returns the headers of a whole answer.
pub(crate) fn headers(of: Representation, etag: &HeaderValue) -> HeaderMap {
    let content_type = HeaderValue::from_static(of.format.content_type());
    let mut headers = HeaderMap::from_iter([
        (ETAG, etag.clone()),
        (VARY, HeaderValue::from_static(VARIES)),
        (CACHE_CONTROL, HeaderValue::from_static(CACHING)),
        (CONTENT_TYPE, content_type),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ]);
    if of.encoding != Encoding::Identity {
        let coding = HeaderValue::from_static(of.encoding.as_str());
        headers.insert(CONTENT_ENCODING, coding);
    }
    headers
}

/// May be kept, but never used without asking: a revoked token must not work elsewhere.
const CACHING: &str = "no-cache";

pub(crate) fn format_for(headers: &HeaderMap) -> Format {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_usual_form_of_a_scrape_goes_past_the_router() {
        let path = "/v1/exporter/org/acme/metrics";
        let org = |path| scraped(&Method::GET, path).map(|org| org.to_string());
        assert_eq!(org(path).as_deref(), Some("acme"));
        for other in [
            "/v1/exporter/org/acme",
            "/v1/exporter/org/acme/metrics/",
            "/v1/exporter/org//metrics",
            "/v1/exporter/org/%61cme/metrics",
            "/v1/exporter/org/acme/x/metrics",
            "/v1/exporter/org/metrics",
            "/v1/exporter/org/../metrics",
            "//v1/exporter/org/acme/metrics",
            "/metrics",
            "*",
            "",
        ] {
            assert_eq!(org(other), None, "{other}");
        }
        for method in [Method::HEAD, Method::POST, Method::OPTIONS] {
            assert_eq!(scraped(&method, path), None, "{method}");
        }
    }
}
