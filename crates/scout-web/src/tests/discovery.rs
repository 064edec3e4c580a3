//! `/v1/sd`: who sees which targets, and at which address.

use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HOST};
use axum::http::{HeaderName, Method, StatusCode};
use scout_envs::Role;
use serde_json::{Value, json};

use super::fake::{Answer, acme, ask};
use crate::Exporter;

async fn discover(exporter: &Exporter, token: Option<&str>, hosts: &[&str]) -> Answer {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let mut headers: Vec<(HeaderName, &str)> = hosts.iter().map(|host| (HOST, *host)).collect();
    headers.extend(bearer.as_deref().map(|bearer| (AUTHORIZATION, bearer)));
    ask(exporter, Method::GET, "/v1/sd", &headers).await
}

#[tokio::test]
async fn a_token_sees_its_own_organization_alone() {
    let (fake, exporter, owner) = acme();
    fake.enroll("other", None);
    let answer = discover(&exporter, Some(owner.expose()), &["scout:9318"]).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!(answer.headers[CONTENT_TYPE], "application/json");
    assert_eq!(answer.headers[CACHE_CONTROL], "no-store");
    let found: Value = serde_json::from_str(&answer.body).unwrap();
    let expected = json!([{
        "targets": ["scout:9318"],
        "labels": {
            "__scheme__": "http",
            "__metrics_path__": "/v1/exporter/org/acme/metrics",
            "org": "acme",
        },
    }]);
    assert_eq!(found, expected);
}

#[tokio::test]
async fn without_a_good_token_nothing_is_told() {
    let (fake, exporter, owner) = acme();
    let viewer = fake.token(9, "acme", Role::Member);
    for (token, status) in [
        (None, StatusCode::UNAUTHORIZED),
        (Some("scout_pat_wrong"), StatusCode::UNAUTHORIZED),
        (Some(viewer.expose()), StatusCode::FORBIDDEN),
    ] {
        let answer = discover(&exporter, token, &["scout:9318"]).await;
        assert_eq!(answer.status, status, "{}", answer.body);
        assert!(!answer.body.contains("acme"), "{}", answer.body);
    }
    fake.know().down = true;
    let answer = discover(&exporter, Some(owner.expose()), &["scout:9318"]).await;
    // Prometheus keeps the targets it has.
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn an_address_that_is_none_is_not_repeated() {
    let (_fake, exporter, owner) = acme();
    for hosts in [&[][..], &["a\"b"], &["a/b"], &["user@scout"], &["a", "b"]] {
        let answer = discover(&exporter, Some(owner.expose()), hosts).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{hosts:?}");
        assert!(answer.body.contains("--public-address"), "{}", answer.body);
        assert!(!answer.body.contains("scout@"), "{}", answer.body);
    }
}
