//! The families beyond the documented ones.

use std::time::Duration;

use axum::http::Method;
use axum::http::header::AUTHORIZATION;
use scout_api::Token;
use scout_envs::{Severity, Upkeep};
use scout_metrics::SeriesBudget;

use super::fake::{JUDGED_AT, acme, acme_with, ask, snapshot};
use crate::{CacheMode, Exporter, UPKEEP_INTERVAL};

/// Returns the body, and its tag.
async fn scrape(exporter: &Exporter, token: &Token) -> (String, String) {
    let bearer = format!("Bearer {}", token.expose());
    let path = "/v1/exporter/org/acme/metrics";
    let answer = ask(exporter, Method::GET, path, &[(AUTHORIZATION, &bearer)]).await;
    let tag = answer.header("etag").unwrap().to_owned();
    (answer.body, tag)
}

fn loaded(ago: i64) -> Upkeep {
    let at = JUDGED_AT - jiff::SignedDuration::from_secs(ago);
    Upkeep {
        advisories: vec![("Debian".to_owned(), at)],
        ..Upkeep::default()
    }
}

#[tokio::test(start_paused = true)]
async fn they_are_there_only_where_they_are_asked_for() {
    let (_, plain, plain_owner) = acme();
    let (fake, exporter, owner) =
        acme_with(|options| options.with_extended(Some(SeriesBudget::DEFAULT)));
    fake.know().upkeep = loaded(60);
    plain.refresh().await;
    exporter.refresh().await;
    let (documented, _) = scrape(&plain, &plain_owner).await;
    let (all, _) = scrape(&exporter, &owner).await;
    let more = all.strip_prefix(&documented).unwrap();
    assert!(more.contains("scout_stream_images{streamName=\"latest-indexed\"} 2\n"));
    assert!(more.contains("scout_extended_series_budget 10000\n"));
    for family in scout_metrics::EXTENDED_FAMILIES {
        assert!(!documented.contains(family.name), "{}", family.name);
    }
}

#[tokio::test(start_paused = true)]
async fn sources_are_looked_at_now_and_then_and_unchanged_ones_make_no_new_body() {
    let (fake, exporter, owner) =
        acme_with(|options| options.with_extended(Some(SeriesBudget::DEFAULT)));
    fake.know().upkeep = loaded(60);
    exporter.refresh().await;
    let (first, tag) = scrape(&exporter, &owner).await;
    let reads = fake.know().snapshots_read;

    tokio::time::advance(UPKEEP_INTERVAL).await;
    exporter.refresh().await;
    assert_eq!(scrape(&exporter, &owner).await, (first.clone(), tag));
    assert_eq!(fake.know().snapshots_read, reads);

    fake.know().upkeep = loaded(0);
    tokio::time::advance(Duration::from_secs(1)).await;
    exporter.refresh().await;
    assert_eq!(
        scrape(&exporter, &owner).await.0,
        first,
        "not looked at yet"
    );
    tokio::time::advance(UPKEEP_INTERVAL).await;
    exporter.refresh().await;
    let line = format!("{{ecosystem=\"Debian\"}} {}\n", JUDGED_AT.as_second());
    let (body, _) = scrape(&exporter, &owner).await;
    assert!(!first.contains(&line) && body.contains(&line), "{body}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_documented_series_is_not_kept_for_its_ttl() {
    let (fake, exporter, owner) = acme_with(|options| {
        let options = options.with_cache(CacheMode::Ttl, "60m".parse().unwrap());
        options.with_extended(Some(SeriesBudget::DEFAULT))
    });
    let mut empty = snapshot(3, "latest-indexed", &[]);
    empty.streams.clear();
    fake.enroll("acme", Some(empty));
    exporter.refresh().await;
    assert!(scrape(&exporter, &owner).await.0.contains("_series_budget"));
    let news = snapshot(4, "latest-indexed", &[Severity::High]);
    fake.enroll("acme", Some(news));
    exporter.refresh().await;
    let (body, _) = scrape(&exporter, &owner).await;
    assert!(body.contains("severity=\"HIGH\"} 1"), "{body}");
    // What says something is kept, whatever its sources do.
    fake.know().upkeep = loaded(0);
    tokio::time::advance(UPKEEP_INTERVAL).await;
    exporter.refresh().await;
    assert_eq!(scrape(&exporter, &owner).await.0, body);
}
