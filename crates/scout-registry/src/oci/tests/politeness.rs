//! What the client asks of a host at once, and what it does not ask again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures_util::future::{Either, select};
use scout_http::Hosts;

use super::{anonymous, app, password, tag};
use crate::credentials::RegistryCredentials;
use crate::descriptor::Descriptor;
use crate::integration::RegistryIntegration;
use crate::spec::RegistrySpec;
use crate::testing::{Content, Fake, Reply, demand_token, options, sha256};

fn layer(content: &Content) -> Descriptor {
    let bytes = &content.layer;
    Descriptor::new("application/x", sha256(bytes), bytes.len() as u64)
}

/// A registry with these further keys; those that share hosts share places there.
fn sharing(hosts: &Hosts, fake: &Fake, keys: &str) -> Arc<dyn RegistryIntegration> {
    let text = format!("type=oci,registry={},{keys}", fake.host);
    let options = options(RegistryCredentials::Anonymous).with_hosts(hosts.clone());
    RegistrySpec::parse(&text).unwrap().build(options).unwrap()
}

/// Checks that a future does not get on while another client, which shares nothing with it, is
/// answered; returns it.
async fn waits<F: Future + Unpin>(waiting: F, fake: &Fake) -> F {
    let alone = anonymous(fake);
    let (app, tag) = (app(), tag());
    let answered = std::pin::pin!(alone.resolve(&app, &tag));
    match select(waiting, answered).await {
        Either::Left(_) => panic!("it did not wait"),
        Either::Right((_, waiting)) => waiting,
    }
}

#[tokio::test]
async fn a_body_that_is_held_keeps_others_from_bodies_but_not_from_short_answers() {
    let content = Content::new();
    let layer = layer(&content);
    let fake = Fake::start(move |asked, _| content.answer(asked)).await;
    let registry = sharing(&Hosts::default(), &fake, "max-requests=2");
    let held = registry.blob(&app(), &layer).await.unwrap();
    registry.resolve(&app(), &tag()).await.unwrap();
    let app = app();
    let second = waits(registry.blob(&app, &layer), &fake).await;
    registry.tags(&app).await.unwrap();
    drop(held);
    assert!(second.await.is_ok());
}

#[tokio::test]
async fn integrations_of_one_host_share_its_places_and_dropped_requests_free_them() {
    let content = Content::new();
    let layer = layer(&content);
    let fake = Fake::start(move |asked, _| content.answer(asked)).await;
    let hosts = Hosts::default();
    let (one, other) = (
        sharing(&hosts, &fake, "max-requests=1"),
        sharing(&hosts, &fake, "exclude=nothing"),
    );
    // Both know how to ask.
    other.check().await.unwrap();
    let held = one.blob(&app(), &layer).await.unwrap();
    let app = app();
    let tags = waits(other.tags(&app), &fake).await;
    drop(waits(other.repositories(), &fake).await);
    assert_eq!((fake.count("tags/list"), fake.count("_catalog")), (0, 0));
    drop(held);
    assert_eq!(tags.await.unwrap().len(), 1);
    assert_eq!(fake.count("_catalog"), 0);
    // With the strict one gone, there is room again.
    drop(one);
    let _held = other.blob(&app, &layer).await.unwrap();
    other.tags(&app).await.unwrap();
}

#[tokio::test]
async fn a_new_token_is_got_while_the_refusal_has_the_only_place() {
    let content = Content::new();
    let is_rejected = Arc::new(AtomicBool::new(false));
    let rejected = Arc::clone(&is_rejected);
    let fake = Fake::start(move |asked, host| {
        let token = match rejected.load(Ordering::SeqCst) {
            false => "t1",
            true => "t2",
        };
        content.answer_with_token(asked, host, token)
    })
    .await;
    let text = format!("type=oci,registry={},max-requests=1", fake.host);
    let spec = RegistrySpec::parse(&text).unwrap();
    let registry = spec.build(options(password("s3cret"))).unwrap();
    registry.tags(&app()).await.unwrap();
    is_rejected.store(true, Ordering::SeqCst);
    registry.tags(&app()).await.unwrap();
    assert_eq!(fake.count("/token"), 2);
}

#[tokio::test]
async fn a_server_that_refuses_everybody_does_not_lock_up() {
    let fake = Fake::start(|asked, host| match asked.target.starts_with("/token") {
        true => Reply::new(200, r#"{"token":"t"}"#),
        false => demand_token(host),
    })
    .await;
    let registry = sharing(&Hosts::default(), &fake, "max-requests=1");
    let app = app();
    let asked = (0..8).map(|_| registry.tags(&app));
    let refused = futures_util::future::join_all(asked).await;
    assert!(refused.iter().all(Result::is_err));
}

#[tokio::test]
async fn a_host_that_answers_nobody_is_not_asked_again_and_again() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let accepted = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&accepted);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            drop(stream);
        }
    });
    let registry = crate::testing::build(&host, RegistryCredentials::Anonymous);
    for expected in [5, 8, 9, 10] {
        let error = registry.tags(&app()).await.unwrap_err();
        assert!(error.is_unanswered(), "{error:?}");
        assert_eq!(accepted.load(Ordering::SeqCst), expected);
    }
}

#[tokio::test]
async fn unchanged_pages_are_not_sent_again_and_changed_ones_are_read() {
    let version = Arc::new(AtomicUsize::new(1));
    let now = Arc::clone(&version);
    let fake = Fake::start(move |asked, _| {
        let version = now.load(Ordering::SeqCst);
        let (tag, body, link) = match asked.target.as_str() {
            "/v2/_catalog?n=1000" => (
                "\"c\"".to_owned(),
                r#"{"repositories":["team/app"]}"#.to_owned(),
                None,
            ),
            "/v2/team/app/tags/list?n=1000" => (
                "W/\"first\"".to_owned(),
                r#"{"name":"team/app","tags":["1.0"]}"#.to_owned(),
                Some("</v2/team/app/tags/list?n=1000&last=1.0>; rel=\"next\""),
            ),
            "/v2/team/app/tags/list?n=1000&last=1.0" => (
                format!("\"{version}\""),
                format!(r#"{{"name":"team/app","tags":["v{version}"]}}"#),
                None,
            ),
            _ => return Reply::new(200, "{}"),
        };
        if asked.headers.get("if-none-match") == Some(&tag) {
            return Reply::new(304, "").header("etag", tag);
        }
        let reply = Reply::new(200, body).header("etag", tag);
        match link {
            Some(link) => reply.header("link", link),
            None => reply,
        }
    })
    .await;
    let registry = anonymous(&fake);
    let seen = async || {
        assert_eq!(registry.repositories().await.unwrap().len(), 1);
        let tags = registry.tags(&app()).await.unwrap();
        let tags = tags.iter().map(|listed| listed.tag.to_string());
        (tags.collect::<Vec<_>>(), registry.stats().unchanged_pages)
    };
    assert_eq!(seen().await, (vec!["1.0".to_owned(), "v1".to_owned()], 0));
    assert_eq!(seen().await, (vec!["1.0".to_owned(), "v1".to_owned()], 3));
    version.store(2, Ordering::SeqCst);
    assert_eq!(seen().await, (vec!["1.0".to_owned(), "v2".to_owned()], 5));
    assert_eq!(seen().await, (vec!["1.0".to_owned(), "v2".to_owned()], 8));
    // One request a page, whatever comes of it; and the ping.
    assert_eq!(fake.asked().len(), 4 * 3 + 1);
}

#[tokio::test]
async fn nothing_is_asked_for_on_a_condition_that_no_server_named() {
    let content = Content::new();
    let is_odd = Arc::new(AtomicBool::new(false));
    let odd = Arc::clone(&is_odd);
    let fake = Fake::start(move |asked, _| match odd.load(Ordering::SeqCst) {
        true => Reply::new(304, ""),
        false => content.answer(asked),
    })
    .await;
    let registry = anonymous(&fake);
    registry.tags(&app()).await.unwrap();
    registry.tags(&app()).await.unwrap();
    let asked = fake.asked();
    assert!(asked.iter().all(|asked| {
        let conditions = ["if-none-match", "if-modified-since"];
        conditions
            .iter()
            .all(|name| !asked.headers.contains_key(*name))
    }));
    // And a 304 that nobody asked for is no list.
    is_odd.store(true, Ordering::SeqCst);
    let error = registry.tags(&app()).await.unwrap_err();
    assert!(error.to_string().contains("304"), "{error}");
}

#[tokio::test]
async fn a_tag_costs_one_head_and_everybody_is_told_who_asks() {
    let content = Content::new();
    let fake = Fake::start(move |asked, _| content.answer(asked)).await;
    let registry = anonymous(&fake);
    for _ in 0..3 {
        registry.resolve(&app(), &tag()).await.unwrap();
    }
    let asked = fake.asked();
    let manifests: Vec<_> = asked
        .iter()
        .filter(|asked| asked.target.contains("/manifests/"))
        .map(|asked| asked.method.as_str())
        .collect();
    assert_eq!(manifests, ["HEAD"; 3]);
    let agents = asked.iter().map(|asked| asked.headers.get("user-agent"));
    assert!(agents.flatten().count() == asked.len());
    assert!(
        asked
            .iter()
            .all(|asked| asked.headers["user-agent"] == "test")
    );
}
