//! What a sweep costs, and that it sees what changed.

use std::sync::Arc;

use super::{build, name, tag};
use crate::artifactory::tests::fake::Server;
use crate::integration::{ListedTag, RegistryIntegration};

/// Lists an image's tags as a sweep does, and returns `tag=digest@time`, each resolved.
async fn sweep(integration: &Arc<dyn RegistryIntegration>, image: &str) -> Vec<String> {
    let image = name(image);
    let mut found = Vec::new();
    for ListedTag { tag, resolved, .. } in integration.tags(&image).await.unwrap() {
        let resolved = match resolved {
            Some(resolved) => resolved,
            None => integration.resolve(&image, &tag).await.unwrap(),
        };
        let time = resolved
            .pushed_at
            .map_or_else(|| "-".to_owned(), |time| time.to_string());
        found.push(format!("{tag}={}@{time}", resolved.digest));
    }
    found
}

const APP: &str = "docker-local/team/app";

#[tokio::test]
async fn with_searches_an_unchanged_tag_costs_nothing() {
    let fake = Server::with_images().start().await;
    let integration = build(&fake, "");
    let first = sweep(&integration, APP).await;
    assert_eq!(first.len(), 3);
    assert!(
        first.iter().all(|found| found.contains("@2026-03-01T00:")),
        "{first:?}"
    );
    assert_eq!(sweep(&integration, APP).await, first);
    assert_eq!(integration.stats().head_requests, 0);
    assert_eq!(fake.count("/api/storage/"), 0);
}

#[tokio::test]
async fn one_search_serves_all_images_of_a_sweep() {
    let server = Server::with_images();
    let fake = server.start().await;
    let integration = build(&fake, "");
    for _ in 0..3 {
        for image in ["team/app", "frontend", "base"] {
            sweep(&integration, &format!("docker-local/{image}")).await;
        }
    }
    let searches = server.state.lock().unwrap().searches.clone();
    assert_eq!(searches.len(), 3);
    let for_changes = searches.iter().filter(|text| text.contains("$gt")).count();
    assert_eq!(for_changes, 2, "{searches:?}");
}

#[tokio::test]
async fn changes_are_seen() {
    let server = Server::with_images();
    let fake = server.start().await;
    let integration = build(&fake, "");
    let before = sweep(&integration, APP).await;
    let pushed = server.push("docker-local", "team/app", "latest", "new");
    let after = sweep(&integration, APP).await;
    assert_eq!(after[..2], before[..2]);
    assert!(after[2].contains(&pushed), "{after:?}");
    server.push("docker-local", "team/app", "2.0", "newer");
    assert_eq!(sweep(&integration, APP).await.len(), 4);
    // So much later that nothing is read again only because it overlaps.
    for number in 0..20 {
        server.push("docker-local", "base", &format!("x{number}"), "x");
    }
    sweep(&integration, APP).await;
    server.promote(
        "docker-local/team/app/1.0/manifest.json",
        "docker-local/team/app/latest/manifest.json",
    );
    let promoted = sweep(&integration, APP).await;
    let digest = |found: &str| found.split(['=', '@']).nth(1).unwrap().to_owned();
    assert_eq!(digest(&promoted[3]), digest(&promoted[0]), "{promoted:?}");
    assert_eq!(integration.stats().head_requests, 0);
}

#[tokio::test]
async fn a_deleted_tag_is_gone_although_the_search_told_of_it() {
    let server = Server::with_images();
    let fake = server.start().await;
    let integration = build(&fake, "");
    assert_eq!(sweep(&integration, APP).await.len(), 3);
    let path = "docker-local/team/app/1.0/manifest.json";
    server.state.lock().unwrap().files.remove(path);
    assert_eq!(sweep(&integration, APP).await.len(), 2);
}

#[tokio::test]
async fn a_tag_with_a_manifest_and_an_index_is_asked_for() {
    let server = Server::with_images();
    let index = server.push_index("docker-local", "team/app", "1.1");
    let fake = server.start().await;
    let integration = build(&fake, "");
    let found = sweep(&integration, APP).await;
    assert!(found[1].contains(&index), "{found:?}");
    assert!(
        !found[1].ends_with("@-"),
        "the search told its time: {found:?}"
    );
    assert_eq!(integration.stats().head_requests, 1);
}

#[tokio::test]
async fn what_a_tag_really_points_to_beats_what_was_searched() {
    let server = Server::with_images();
    let fake = server.start().await;
    let integration = build(&fake, "");
    sweep(&integration, "docker-local/base").await;
    let pushed = server.push("docker-local", "team/app", "1.0", "new");
    let resolved = integration.resolve(&name(APP), &tag("1.0")).await.unwrap();
    assert_eq!(resolved.digest.as_str(), pushed);
    assert!(resolved.pushed_at.is_some());
    // The search is from before the push.
    let tags = integration.tags(&name(APP)).await.unwrap();
    assert_eq!(tags[0].resolved, None);
    assert_eq!(server.state.lock().unwrap().searches.len(), 1);
}

#[tokio::test]
async fn everything_is_read_again_now_and_then() {
    let server = Server::with_images();
    let fake = server.start().await;
    let integration = build(&fake, "");
    for _ in 0..50 {
        sweep(&integration, APP).await;
    }
    let searches = server.state.lock().unwrap().searches.clone();
    let full: Vec<_> = (0..50).filter(|&n| !searches[n].contains("$gt")).collect();
    assert_eq!(full, [0, 49]);
}

#[tokio::test]
async fn searches_are_read_to_the_last_page() {
    let server = Server::with_images();
    server.push_many("docker-local", "many", 2500);
    let fake = server.start().await;
    let integration = build(&fake, "");
    let tags = integration.tags(&name("docker-local/many")).await.unwrap();
    assert_eq!(tags.len(), 2500);
    assert!(tags.iter().all(|listed| listed.resolved.is_some()));
    let searches = server.state.lock().unwrap().searches.clone();
    assert_eq!(searches.len(), 3);
    assert!(searches[2].contains(".offset(2000)."), "{}", searches[2]);
}

#[tokio::test]
async fn without_searches_an_unchanged_tag_costs_one_head() {
    for status in [400, 401, 403, 404, 405, 415] {
        let server = Server::with_images();
        server.state.lock().unwrap().search_status = Some(status);
        let fake = server.start().await;
        let integration = build(&fake, "");
        let first = sweep(&integration, APP).await;
        assert!(
            first.iter().all(|found| found.contains("@2026-03-01T00:")),
            "{first:?}"
        );
        assert_eq!(fake.count("/search/aql"), 1, "{status}: it is remembered");
        let before = fake.asked().len();
        assert_eq!(sweep(&integration, APP).await, first);
        let asked = fake.asked();
        let asked: Vec<_> = asked[before..].iter().collect();
        let heads = asked.iter().filter(|asked| asked.method == "HEAD").count();
        let lists = asked
            .iter()
            .filter(|asked| asked.target.contains("tags/list"))
            .count();
        assert_eq!((heads, lists), (3, asked.len() - 3), "{asked:?}");
    }
}

#[tokio::test]
async fn without_searches_the_time_is_asked_once_for_each_digest() {
    let server = Server::with_images();
    server.state.lock().unwrap().search_status = Some(403);
    server.push_index("docker-local", "multi", "1");
    let fake = server.start().await;
    let integration = build(&fake, "");
    let found = sweep(&integration, "docker-local/multi").await;
    assert!(!found[0].ends_with("@-"), "{found:?}");
    assert_eq!(
        fake.count("/api/storage/"),
        1,
        "the media type tells the file"
    );
    sweep(&integration, "docker-local/multi").await;
    assert_eq!(fake.count("/api/storage/"), 1);
    server.push("docker-local", "multi", "1", "now a single one");
    let found = sweep(&integration, "docker-local/multi").await;
    assert!(!found[0].ends_with("@-"), "{found:?}");
    assert_eq!(fake.count("/api/storage/"), 2);
}

#[tokio::test]
async fn times_that_may_not_be_read_are_unknown_and_not_asked_for_again() {
    for (status, expected) in [(403, 1), (404, 6)] {
        let server = Server::with_images();
        {
            let mut state = server.state.lock().unwrap();
            (state.search_status, state.storage_status) = (Some(403), Some(status));
        }
        let fake = server.start().await;
        let integration = build(&fake, "");
        for _ in 0..2 {
            let found = sweep(&integration, APP).await;
            assert!(found.iter().all(|found| found.ends_with("@-")), "{found:?}");
        }
        assert_eq!(fake.count("/api/storage/"), expected, "{status}");
    }
}

#[tokio::test]
async fn a_search_that_fails_for_a_while_is_not_needed() {
    let server = Server::with_images();
    server.state.lock().unwrap().search_status = Some(503);
    let fake = server.start().await;
    let integration = build(&fake, "");
    assert_eq!(sweep(&integration, APP).await.len(), 3);
    let asked = fake.count("/search/aql");
    assert!(asked > 1, "it is tried again at once");
    sweep(&integration, "docker-local/base").await;
    assert_eq!(
        fake.count("/search/aql"),
        asked,
        "and then left alone for a while"
    );
}
