//! `/healthz` and the server's own metrics.

use axum::http::header::{ACCEPT, AUTHORIZATION};
use axum::http::{Method, StatusCode};
use scout_metrics::{Exposition, Format, parse};

use super::fake::{acme, ask};
use crate::Exporter;

async fn own_metrics(exporter: &Exporter) -> Exposition {
    let answer = ask(exporter, Method::GET, "/metrics", &[]).await;
    assert_eq!(answer.status, StatusCode::OK);
    parse(&answer.body, Format::PrometheusText).unwrap()
}

/// Returns the value of one series; labels are sorted by name.
fn value(metrics: &Exposition, name: &str, labels: &[&str]) -> Option<f64> {
    Some(metrics.family(name)?.value(labels)?.as_f64())
}

#[tokio::test]
async fn health_is_that_of_the_source() {
    let (fake, exporter, _) = acme();
    let answer = ask(&exporter, Method::GET, "/healthz", &[]).await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (StatusCode::OK, "ok")
    );
    fake.know().down = true;
    let answer = ask(&exporter, Method::GET, "/healthz", &[]).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.body, "the store does not answer: database is locked");
}

#[tokio::test]
async fn own_metrics_tell_what_was_served_and_how_old_it_is() {
    let (fake, exporter, owner) = acme();
    fake.enroll("fresh", None);
    assert!(exporter.refresh().await);
    let bearer = format!("Bearer {}", owner.expose());
    let path = "/v1/exporter/org/acme/metrics";
    ask(&exporter, Method::GET, path, &[(AUTHORIZATION, &bearer)]).await;
    ask(&exporter, Method::GET, path, &[]).await;
    ask(&exporter, Method::GET, "/some/secret/path", &[]).await;

    let metrics = own_metrics(&exporter).await;
    let route = "/v1/exporter/org/{org}/metrics";
    for (name, labels, expected) in [
        ("build_info", &["1.2.3"][..], Some(1.0)),
        ("requests_total", &[route, "2xx"], Some(1.0)),
        ("requests_total", &[route, "4xx"], Some(1.0)),
        ("requests_total", &["other", "4xx"], Some(1.0)),
        ("scrapes_total", &["acme"], Some(1.0)),
        ("scrapes_total", &["fresh"], None),
        ("source_up", &[], Some(1.0)),
        ("source_errors_total", &["token"], Some(0.0)),
        ("last_success_timestamp_seconds", &[], Some(1_795_000_030.0)),
        ("snapshot_generation", &["acme"], Some(3.0)),
        ("snapshot_generation", &["fresh"], Some(0.0)),
        ("snapshot_age_seconds", &["acme"], Some(30.0)),
        ("snapshot_age_seconds", &["fresh"], None),
        ("advisories_age_seconds", &["acme"], Some(90.0)),
        ("snapshot_series", &["acme"], Some(7.0)),
    ] {
        let name = format!("scout_exporter_{name}");
        assert_eq!(
            value(&metrics, &name, labels),
            expected,
            "{name} {labels:?}"
        );
    }
}

#[tokio::test]
async fn own_metrics_tell_what_failed_and_answer_all_the_same() {
    let (fake, exporter, _) = acme();
    assert!(exporter.refresh().await);
    fake.know().down = true;
    assert!(!exporter.refresh().await);
    let metrics = own_metrics(&exporter).await;
    assert_eq!(value(&metrics, "scout_exporter_source_up", &[]), Some(0.0));
    let errors = "scout_exporter_source_errors_total";
    assert_eq!(value(&metrics, errors, &["generations"]), Some(1.0));
    assert_eq!(
        value(&metrics, "scout_exporter_snapshot_generation", &["acme"]),
        Some(3.0)
    );
}

#[tokio::test]
async fn own_metrics_come_in_both_formats_with_labels_that_mean_nothing_else() {
    let (_, exporter, _) = acme();
    exporter.refresh().await;
    let accept = [(ACCEPT, "application/openmetrics-text")];
    ask(&exporter, Method::GET, "/metrics", &[]).await;
    let answer = ask(&exporter, Method::GET, "/metrics", &accept).await;
    let metrics = parse(&answer.body, Format::OpenMetrics).unwrap();
    assert!(metrics.families().len() >= 9);
    for family in metrics.families() {
        let mut prefixes = ["scout_exporter_", "scout_record_"].iter();
        let is_own = prefixes.any(|prefix| family.name().starts_with(prefix));
        assert!(is_own, "{}", family.name());
        for label in family.labels() {
            let taken = ["id", "container", "pod", "namespace", "job", "instance"];
            assert!(!taken.contains(&label), "{} {label}", family.name());
        }
    }
}
