//! What is answered to senders.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use scout_registry::events::Answer;

use crate::webhook::sink::Recorded;

/// When to try again after a store that is full or fails, in seconds. Artifactory and Event Grid
/// wait 10 s and 30 s anyway.
const RETRY_SECONDS: u64 = 10;
/// What all answers have: the next delivery may be answered otherwise, and nothing is a page.
const HEADERS: [(HeaderName, HeaderValue); 2] = [
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
];
const TEXT: &str = "text/plain; charset=utf-8";

pub(super) fn healthy() -> Response {
    text(StatusCode::OK, "ok")
}

pub(super) fn stored(recorded: Recorded, ignored: usize) -> Response {
    let Recorded { stored, duplicates } = recorded;
    let body =
        format!(r#"{{"stored":{stored},"duplicates":{duplicates},"ignored":{ignored}}}"#) + "\n";
    (HEADERS, [(CONTENT_TYPE, "application/json")], body).into_response()
}

/// The integration's own answer. It is text unless its headers say otherwise.
pub(super) fn own(answer: Answer) -> Response {
    let mut response = (answer.status, HEADERS, Body::from(answer.body)).into_response();
    let headers = response.headers_mut();
    for (name, value) in answer.headers {
        headers.append(name, value);
    }
    let text = HeaderValue::from_static(TEXT);
    headers.entry(CONTENT_TYPE).or_insert(text);
    response
}

/// Names nothing: who asks may be anybody.
pub(super) fn not_found() -> Response {
    text(StatusCode::NOT_FOUND, "there is nothing at this path")
}

pub(super) fn wrong_method(allowed: &'static str) -> Response {
    let status = StatusCode::METHOD_NOT_ALLOWED;
    let mut response = text(status, "this path does not have that method");
    let headers = response.headers_mut();
    headers.insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

pub(super) fn too_fast(wait: Duration) -> Response {
    // Rounded up: a wait that is too short is refused again.
    let seconds = wait.as_secs().saturating_add(1);
    retry(seconds, "too many deliveries, try again later")
}

pub(super) fn unavailable() -> Response {
    retry(
        RETRY_SECONDS,
        "the delivery was not accepted, try again later",
    )
}

fn retry(seconds: u64, reason: &'static str) -> Response {
    let mut response = text(StatusCode::SERVICE_UNAVAILABLE, reason);
    let headers = response.headers_mut();
    headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    response
}

fn text(status: StatusCode, text: &'static str) -> Response {
    (status, HEADERS, [(CONTENT_TYPE, TEXT)], text).into_response()
}
