//! The client against a registry that behaves, and against several that do not.

mod auth;
mod blob;
mod listing;
mod politeness;
mod quirks;

use std::sync::Arc;

use scout_envs::{RepositoryName, Tag};

use crate::conformance;
use crate::credentials::RegistryCredentials;
use crate::error::Error;
use crate::integration::RegistryIntegration;
use crate::spec::{BuildOptions, RegistrySpec};
use crate::testing::{Content, Fake, Reply, basic, build, sha256, shown};

fn password(password: &str) -> RegistryCredentials {
    basic("user", password)
}

fn anonymous(fake: &Fake) -> Arc<dyn RegistryIntegration> {
    build(&fake.host, RegistryCredentials::Anonymous)
}

fn app() -> RepositoryName {
    "team/app".parse().unwrap()
}

fn tag() -> Tag {
    "1.0".parse().unwrap()
}

#[tokio::test]
async fn conforms_without_credentials() {
    let content = Content::new();
    let fake = Fake::start(move |asked, _| content.answer(asked)).await;
    conformance::check_all(&*anonymous(&fake)).await.unwrap();
}

#[tokio::test]
async fn conforms_with_a_token_service() {
    let content = Content::new();
    let fake = Fake::start(move |asked, host| content.answer_with_token(asked, host, "t")).await;
    let registry = build(&fake.host, password("s3cret"));
    conformance::check_all(&*registry).await.unwrap();
}

#[tokio::test]
async fn an_unchanged_tag_costs_one_head() {
    let content = Content::new();
    let fake = Fake::start(move |asked, _| content.answer(asked)).await;
    let registry = anonymous(&fake);
    registry.resolve(&app(), &tag()).await.unwrap();
    let before = fake.asked().len();
    registry.resolve(&app(), &tag()).await.unwrap();
    let asked = fake.asked();
    assert_eq!(asked.len(), before + 1);
    assert_eq!(asked.last().unwrap().method, "HEAD");
    let stats = registry.stats();
    assert_eq!((stats.head_requests, stats.manifest_requests), (2, 0));
}

#[tokio::test]
async fn a_registry_that_tells_no_digest_is_read_instead() {
    for status_of_head in [200, 405] {
        let content = Content::new();
        let expected = sha256(&content.manifest);
        let fake = Fake::start(move |asked, _| match asked.method.as_str() {
            "HEAD" => Reply::new(status_of_head, ""),
            _ if asked.target.contains("manifests") => Reply::new(200, content.manifest.clone()),
            _ => content.answer(asked),
        })
        .await;
        let resolved = anonymous(&fake).resolve(&app(), &tag()).await.unwrap();
        assert_eq!(resolved.digest, expected);
    }
}

#[tokio::test]
async fn manifests_are_bounded_and_checked() {
    let content = Content::new();
    let digest = sha256(&content.manifest);
    for (body, announces_length, expected) in [
        (
            vec![b' '; 4 * 1024 * 1024 + 1],
            true,
            "more than 4194304 bytes",
        ),
        (
            vec![b' '; 4 * 1024 * 1024 + 1],
            false,
            "more than 4194304 bytes",
        ),
        (
            b"{}".to_vec(),
            true,
            "is damaged: it has the digest sha256:44136fa",
        ),
    ] {
        let fake = Fake::start(move |_, _| {
            let reply = Reply::new(200, body.clone());
            if announces_length {
                reply
            } else {
                reply.without_length()
            }
        })
        .await;
        let error = anonymous(&fake)
            .manifest(&app(), &digest)
            .await
            .unwrap_err();
        assert!(shown(&error).contains(expected), "{}", shown(&error));
        assert!(!error.is_retryable());
    }
}

#[tokio::test]
async fn busy_registries_are_asked_again_and_not_for_ever() {
    for (status, failures, retry_after, expected_requests, succeeds) in [
        (429, 2, Some("0"), 3, true),
        (503, 2, None, 3, true),
        (500, 99, None, 5, false),
        (429, 99, Some("3600"), 1, false),
        (404, 99, None, 1, false),
        (418, 99, None, 1, false),
    ] {
        let content = Content::new();
        let fake = Fake::start(move |asked, _| {
            if asked.target == "/v2/" || asked.before >= failures {
                return content.answer(asked);
            }
            let reply = Reply::error(status, "BUSY");
            match retry_after {
                Some(value) => reply.header("retry-after", value),
                None => reply,
            }
        })
        .await;
        let registry = anonymous(&fake);
        let result = registry.tags(&app()).await;
        assert_eq!(result.is_ok(), succeeds, "{status} {result:?}");
        assert_eq!(fake.count("tags/list"), expected_requests, "{status}");
        assert_eq!(registry.stats().retries, expected_requests as u64 - 1);
        if let Err(error) = result {
            assert!(
                status == 404 || shown(&error).contains("BUSY: in words"),
                "{error}"
            );
            assert_eq!(
                error.retry_after().map(|wait| wait.as_secs()),
                retry_after.map(|_| 3600)
            );
        }
    }
}

#[tokio::test]
async fn a_registry_that_is_not_there_is_said_to_be_so_once() {
    let fake = Fake::start(|_, _| Reply::new(200, "")).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    drop((fake, listener));
    let registry = build(&host, RegistryCredentials::Anonymous);
    let error = registry.check().await.unwrap_err();
    let text = shown(&error);
    assert!(
        text.contains("cannot be reached: Connection refused"),
        "{text}"
    );
    assert_eq!(text.matches("Connection refused").count(), 1);
    assert!(error.is_retryable() && error.concerns_whole_source());
    assert_eq!(registry.stats().retries, 4);
}

#[tokio::test]
async fn a_server_with_tls_is_told_from_one_without() {
    let fake =
        Fake::start(|_, _| Reply::new(400, "Client sent an HTTP request to an HTTPS server."))
            .await;
    let error = anonymous(&fake).repositories().await.unwrap_err();
    assert!(matches!(error, Error::NotPlainHttp { .. }), "{error:?}");
}

#[test]
fn webhooks_are_received_only_with_a_secret() {
    for kind in ["oci", "harbor", "nexus"] {
        let text = format!("type={kind},registry=registry.example.com,port=9000");
        let spec = RegistrySpec::parse(&text).unwrap();
        for (secrets, receives) in [(vec![], false), (vec![""], false), (vec!["s3cret"], true)] {
            let secrets = secrets.into_iter().map(Into::into).collect();
            let options = BuildOptions::new("test").with_webhook_secrets(secrets);
            let integration = spec.build(options).unwrap();
            assert_eq!(integration.events().is_some(), receives, "{kind}");
            assert!(integration.capabilities().receives_events);
            assert!(!format!("{integration:?}").contains("s3cret"), "{kind}");
        }
    }
}
