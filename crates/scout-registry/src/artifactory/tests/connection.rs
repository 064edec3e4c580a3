//! What people are told when a connection cannot be made.

use super::{build, build_with, shown, user};
use crate::artifactory::tests::fake::Server;
use crate::credentials::RegistryCredentials;
use crate::error::Error;
use crate::integration::RegistryIntegration;
use crate::spec::{BuildOptions, RegistrySpec};
use crate::test::test_connection;
use crate::testing::{Fake, Reply};

async fn failure(integration: &dyn RegistryIntegration) -> String {
    shown(&test_connection(integration).await.unwrap_err())
}

fn has(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} is not in {text:?}");
    }
    assert!(!text.contains("s3cret"), "{text}");
}

#[tokio::test]
async fn a_good_connection_is_told() {
    let fake = Server::with_images().start().await;
    let report = test_connection(&*build(&fake, "")).await.unwrap();
    assert_eq!(
        report.to_string(),
        "6 repositories; docker-fed/fed:1 can be read"
    );
}

#[tokio::test]
async fn a_wrong_address_of_the_api_is_said_to_be_one() {
    let page =
        |status| Reply::new(status, "<html>Sign in</html>").header("content-type", "text/html");
    for (answer, words) in [
        (page(404), "status 404"),
        (page(200), "not the REST API of Artifactory"),
        (page(405), "status 405"),
        (Reply::new(200, r#"{"repositories":[]}"#), "/artifactory"),
        (Reply::new(200, r#"[{"name":"not-a-key"}]"#), "/artifactory"),
        (
            Reply::redirect("https://login.example.invalid/sso"),
            "it redirects to https://login.example.invalid/sso",
        ),
    ] {
        let fake = Fake::start(move |_, _| answer.clone()).await;
        let integration = build(&fake, "");
        let error = integration.check().await.unwrap_err();
        assert!(matches!(error, Error::WrongApi { .. }), "{error:?}");
        assert!(error.concerns_whole_source() && !error.is_retryable());
        let text = failure(&*integration).await;
        has(
            &text,
            &[
                "connecting failed",
                "check registry= and api=",
                "https://example.jfrog.io/artifactory",
                words,
            ],
        );
    }
}

#[tokio::test]
async fn the_path_of_the_api_is_needed() {
    let fake = Server::with_images().start().await;
    let host = &fake.host;
    let text = format!("type=artifactory,registry={host},api=http://{host}");
    let options = BuildOptions::new("test").with_credentials(user());
    let integration = RegistrySpec::parse(&text).unwrap().build(options).unwrap();
    has(
        &failure(&*integration).await,
        &["usually ends with /artifactory"],
    );
}

#[tokio::test]
async fn who_is_not_let_in_is_told_what_to_check() {
    let server = Server::with_images();
    let fake = server.start().await;
    let wrong = RegistryCredentials::Basic {
        user: "scout".to_owned(),
        password: "wrong".into(),
    };
    for (credentials, words) in [
        (wrong, ["user \"scout\"", "check the user and the password"]),
        (
            RegistryCredentials::Anonymous,
            ["anonymous", "credentials are needed"],
        ),
        (
            RegistryCredentials::Bearer("old".into()),
            ["the given token", "it may have expired"],
        ),
    ] {
        let integration = build_with(&fake, "", credentials);
        let text = failure(&*integration).await;
        has(&text, &words);
        has(&text, &["connecting failed", "Bad credentials"]);
    }
    server.state.lock().unwrap().list_status = Some(403);
    let text = failure(&*build(&fake, "")).await;
    has(
        &text,
        &[
            "may not read the list of repositories",
            "give the credentials the right",
        ],
    );
}

#[tokio::test]
async fn keys_that_cannot_be_watched_are_named_with_the_reason() {
    let server = Server::with_images();
    let fake = server.start().await;
    for (key, words) in [
        (
            "docker-locale",
            "the credentials may see docker-fed, docker-local, docker-remote",
        ),
        (
            "libs-release",
            "the repository of this key holds Maven packages",
        ),
        ("docker-local-cache", "the credentials may see"),
    ] {
        let text = failure(&*build(&fake, &format!(",repository={key}"))).await;
        has(
            &text,
            &[
                &format!("the key {key:?} does not exist"),
                words,
                "check the name",
            ],
        );
    }
    let empty = Server::new().start().await;
    let text = failure(&*build(&empty, ",repository=docker-local")).await;
    has(&text, &["the credentials may see none at all"]);
}

#[tokio::test]
async fn an_empty_registry_is_reached_but_has_nothing() {
    let fake = Server::new().start().await;
    let integration = build(&fake, "");
    integration.check().await.unwrap();
    has(
        &failure(&*integration).await,
        &["was reached, but has no repository"],
    );
    let server = Server::new();
    server.add_repository("docker-local", "LOCAL", "Docker", &[]);
    let fake = server.start().await;
    has(
        &failure(&*build(&fake, "")).await,
        &["was reached, but has no repository"],
    );
}

#[tokio::test]
async fn a_server_without_the_docker_api_is_told() {
    let fake = Fake::start(|asked, _| match asked.target.split('?').next() {
        Some("/artifactory/api/repositories") => Reply::new(
            200,
            r#"[{"key":"docker-local","type":"LOCAL","packageType":"Docker"}]"#,
        ),
        _ => Reply::new(404, r#"{"errors":[{"status":404,"message":"Not Found"}]}"#),
    })
    .await;
    let text = failure(&*build(&fake, "")).await;
    has(
        &text,
        &["api/docker/docker-local/v2/ is not a Docker registry"],
    );
}

#[tokio::test]
async fn a_token_service_elsewhere_gets_no_credentials() {
    let fake = Fake::start(|asked, _| match asked.target.split('?').next() {
        Some("/artifactory/api/repositories") => Reply::new(
            200,
            r#"[{"key":"docker-local","type":"LOCAL","packageType":"Docker"}]"#,
        ),
        _ => Reply::error(401, "UNAUTHORIZED").header(
            "www-authenticate",
            r#"Bearer realm="https://artifactory.internal.invalid/v2/token",service="x""#,
        ),
    })
    .await;
    let error = build(&fake, "").check().await.unwrap_err();
    assert!(matches!(error, Error::RefusedRealm { .. }), "{error:?}");
}
