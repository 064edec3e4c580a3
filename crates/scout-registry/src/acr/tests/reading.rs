//! Listing and pulling, by every way to log in.

use scout_envs::Tag;

use crate::conformance;
use crate::credentials::RegistryCredentials;
use crate::test::test_connection;
use crate::testing::{Fake, Reply};

use super::imitation::{Azure, ENTRA_TOKEN, PASSWORD, Rules, TAGS, UPDATED, USER};
use super::{ENTRA_TENANT, app, basic, build, is_denied};

#[tokio::test]
async fn conforms_by_every_way_to_log_in() {
    for (more, credentials) in Azure::logins() {
        let azure = Azure::start(Rules::default()).await;
        let registry = build(&azure.spec(&more), credentials);
        conformance::check_all(&*registry).await.unwrap();
        assert!(registry.lists_all() && registry.requires_activation());
        assert_eq!(registry.key(), format!("acr:{}", azure.host()));
        assert_eq!(registry.repositories().await.unwrap().len(), 3);
        // The storage refuses whoever sends credentials.
        assert!(azure.storage.count("sig=canary") >= 1);
    }
}

#[tokio::test]
async fn conforms_where_the_catalog_is_denied() {
    for refuses_scopes in [false, true] {
        let azure = Azure::start(Rules {
            lists: false,
            refuses_scopes,
            ..Rules::default()
        })
        .await;
        let spec = azure.spec(r#","repository=team/app,team/base",exclude=*/base"#);
        let registry = build(&spec, basic(USER, PASSWORD));
        conformance::check_all(&*registry).await.unwrap();
        assert!(!registry.lists_all());
        assert_eq!(registry.repositories().await.unwrap(), [app()]);
        let report = test_connection(&*registry).await.unwrap();
        assert_eq!(report.to_string(), "1 repository; team/app:1.0 can be read");
    }
}

#[tokio::test]
async fn conforms_where_tags_are_listed_without_metadata() {
    let azure = Azure::start(Rules {
        reads_metadata: false,
        plain_tags: true,
        ..Rules::default()
    })
    .await;
    let registry = build(&azure.spec(""), basic(USER, PASSWORD));
    conformance::check_all(&*registry).await.unwrap();
    let before = azure.registry.count("team/app/_tags");
    let listed = registry.tags(&app()).await.unwrap();
    assert_eq!(listed.len(), TAGS.len());
    assert!(listed.iter().all(|listed| listed.resolved.is_none()));
    // What was refused once is not asked again while the other way works.
    assert_eq!(azure.registry.count("team/app/_tags"), before);
}

#[tokio::test]
async fn a_listing_tells_digests_and_push_times() {
    let azure = Azure::start(Rules::default()).await;
    let registry = build(&azure.spec(""), basic(USER, PASSWORD));
    let listed = registry.tags(&app()).await.unwrap();
    let names: Vec<_> = listed.iter().map(|listed| listed.tag.as_str()).collect();
    assert_eq!(names, TAGS);
    let pushed_at = UPDATED.parse().unwrap();
    for listed in listed {
        let resolved = listed.resolved.unwrap();
        assert_eq!(resolved.pushed_at, Some(pushed_at));
    }
    // Two pages, asked for by name.
    assert_eq!(azure.registry.count("/_tags?n=100"), 1);
    assert_eq!(azure.registry.count("/_tags?last=1.1&n=2&orderby="), 1);
    assert_eq!(azure.registry.count("/manifests/"), 0);
    assert_eq!(registry.stats().tag_requests, 2);
}

#[tokio::test]
async fn a_token_is_used_while_it_lives() {
    for (more, credentials) in Azure::logins() {
        let azure = Azure::start(Rules::default()).await;
        let registry = build(&azure.spec(&more), credentials);
        for _ in 0..3 {
            registry.tags(&app()).await.unwrap();
            let tag: Tag = "1.0".parse().unwrap();
            registry.resolve(&app(), &tag).await.unwrap();
        }
        // One for each scope; the token itself says that it lives for 75 minutes.
        assert_eq!(azure.registry.count("/oauth2/token"), 2);
        let exchanges = usize::from(!more.is_empty());
        assert_eq!(azure.registry.count("/oauth2/exchange"), exchanges);
    }
}

#[tokio::test]
async fn a_registry_that_is_busy_is_asked_again() {
    for busy in [
        "/oauth2/token",
        "/_catalog",
        "/_tags",
        "/manifests/",
        "/blobs/",
    ] {
        let azure = Azure::start(Rules {
            busy: Some(busy),
            ..Rules::default()
        })
        .await;
        let registry = build(&azure.spec(""), basic(USER, PASSWORD));
        conformance::check_all(&*registry).await.unwrap();
        assert!(registry.stats().throttled >= 1, "{busy}");
    }
}

#[tokio::test]
async fn an_entra_token_goes_to_the_registry_itself_only() {
    let elsewhere = Fake::start(|_, _| Reply::new(200, r#"{"access_token":"x"}"#)).await;
    let realm = format!("http://{}/oauth2/token", elsewhere.host);
    let registry = Fake::start(move |asked, _| match asked.target.as_str() {
        "/oauth2/exchange" => Reply::new(200, r#"{"refresh_token":"r"}"#),
        _ => Reply::error(401, "UNAUTHORIZED")
            .header("www-authenticate", format!(r#"Bearer realm="{realm}""#)),
    })
    .await;
    let spec = format!("type=acr,registry={},tenant={ENTRA_TENANT}", registry.host);
    let integration = build(&spec, RegistryCredentials::Bearer(ENTRA_TOKEN.into()));
    assert!(is_denied(&integration.check().await.unwrap_err()));
    let exchanges = registry.count("/oauth2/exchange");
    assert_eq!((exchanges, elsewhere.count("/oauth2/token")), (1, 1));
    for asked in elsewhere.asked() {
        let body = String::from_utf8(asked.body).unwrap();
        assert!(
            !body.contains(ENTRA_TOKEN) && body.contains("refresh_token=r"),
            "{body}"
        );
    }
}
