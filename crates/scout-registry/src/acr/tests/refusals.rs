//! What people read when something is missing or wrong.

use crate::credentials::RegistryCredentials;
use crate::test::test_connection;
use crate::testing::{Fake, Reply};

use super::imitation::{Azure, ENTRA_TOKEN, PASSWORD, REFRESH_USER, Rules, USER, other_registry};
use super::{ENTRA_TENANT, app, basic, build, shown};

/// Tests a connection that must fail, and returns what a person reads.
async fn failure(spec: &str, credentials: RegistryCredentials) -> String {
    let registry = build(spec, credentials);
    let failed = test_connection(&*registry).await.unwrap_err();
    let text = shown(&failed);
    for shown in [text.clone(), format!("{failed:?} {registry:?}")] {
        assert!(!shown.contains("canary"), "{shown}");
    }
    text
}

#[tokio::test]
async fn wrong_credentials_are_said_to_be_wrong() {
    let tenant = format!(",tenant={ENTRA_TENANT}");
    let bearer = |token: &str| RegistryCredentials::Bearer(token.into());
    for (more, credentials, words) in [
        (
            "",
            basic(USER, "wrong"),
            &["check the user and the password", USER][..],
        ),
        ("", basic("somebody", PASSWORD), &["user \"somebody\""]),
        (
            "",
            RegistryCredentials::Anonymous,
            &["credentials are needed"],
        ),
        (
            "",
            bearer("wrong"),
            &["check the token, it may have expired"],
        ),
        (
            "",
            basic(REFRESH_USER, "expired"),
            &["get a new refresh token", "retrieving permissions failed"],
        ),
        (
            &tenant,
            bearer("expired"),
            &["get a new Entra access token"],
        ),
        (
            ",tenant=contoso.onmicrosoft.com",
            bearer(ENTRA_TOKEN),
            &["check the tenant"],
        ),
    ] {
        let azure = Azure::start(Rules::default()).await;
        let is_anonymous = matches!(credentials, RegistryCredentials::Anonymous);
        let text = failure(&azure.spec(more), credentials).await;
        let advice = match is_anonymous {
            true => "connecting failed; give user=",
            false => "connecting failed; check the user",
        };
        assert!(text.starts_with(advice), "{text}");
        for word in words {
            assert!(text.contains(word), "{text}");
        }
    }
}

#[tokio::test]
async fn a_missing_right_is_named() {
    let app = r#",repository=team/app"#;
    for refuses_scopes in [false, true] {
        let rules = Rules {
            refuses_scopes,
            ..Rules::default()
        };
        for (rules, more, words) in [
            (
                Rules {
                    lists: false,
                    ..rules.clone()
                },
                "",
                &[
                    "listing repositories failed; name the repositories with repository=",
                    "only a scope map over all repositories may list them",
                    "may not read the catalog of 127.0.0.1",
                ][..],
            ),
            (
                Rules {
                    hides_catalog: true,
                    ..rules.clone()
                },
                "",
                &["listing repositories failed", "its list is empty"],
            ),
            (
                Rules {
                    reads_metadata: false,
                    ..rules.clone()
                },
                app,
                &[
                    "listing tags failed; give the credentials the right to read it",
                    "may not read 127.0.0.1",
                    "needs repositories/team/app/metadata/read",
                ],
            ),
            (
                Rules {
                    reads_content: false,
                    ..rules.clone()
                },
                app,
                &[
                    "reading an image failed",
                    "needs repositories/team/app/content/read",
                ],
            ),
        ] {
            let azure = Azure::start(rules).await;
            let text = failure(&azure.spec(more), basic(USER, PASSWORD)).await;
            for word in words {
                assert!(text.contains(word), "{refuses_scopes}: {text}");
            }
        }
    }
}

#[tokio::test]
async fn a_firewall_is_no_missing_right() {
    let fake = Fake::start(|_, _| {
        let body = concat!(
            r#"{"errors":[{"code":"DENIED","message":"client with IP '192.0.2.1' is not allowed "#,
            r#"access. Refer https://aka.ms/acr/firewall to grant access."}]}"#
        );
        Reply::new(403, body)
    })
    .await;
    let spec = format!("type=acr,registry={}", fake.host);
    let text = failure(&spec, basic(USER, PASSWORD)).await;
    assert!(text.contains("https://aka.ms/acr/firewall"), "{text}");
    assert!(!text.contains("scope map"), "{text}");
    let registry = build(&spec, basic(USER, PASSWORD));
    let text = shown(&registry.tags(&app()).await.unwrap_err());
    assert!(!text.contains("scope map"), "{text}");
}

#[tokio::test]
async fn what_is_not_azure_is_said_not_to_be() {
    let page = || Reply::new(200, "<html>welcome</html>").header("content-type", "text/html");
    for other in [
        other_registry().await,
        Fake::start(move |_, _| page()).await,
        Fake::start(|_, _| Reply::new(404, "404 page not found")).await,
    ] {
        let spec = format!("type=acr,registry={}", other.host);
        let text = failure(&spec, basic(USER, PASSWORD)).await;
        for word in [
            "connecting failed; check registry= and api=: something else answers there",
            "is not an Azure Container Registry, whose address is like NAME.azurecr.io",
        ] {
            assert!(text.contains(word), "{text}");
        }
    }
}

#[tokio::test]
async fn an_emptied_page_is_no_repository_without_tags() {
    for body in ["{}", "[]", r#"{"tags":[]}"#] {
        let fake = Fake::start(move |_, _| Reply::new(200, body)).await;
        let spec = format!("type=acr,registry={}", fake.host);
        let registry = build(&spec, RegistryCredentials::Anonymous);
        let text = shown(&registry.tags(&app()).await.unwrap_err());
        assert!(text.contains("not a list of tags"), "{text}");
    }
    let body = r#"{"registry":"r","imageName":"team/app","tags":[
        {"name":"no digest"},{"name":"b","digest":"md5:x"},{"name":"a"},{"name":"a"}]}"#;
    let fake = Fake::start(move |_, _| Reply::new(200, body)).await;
    let spec = format!("type=acr,registry={}", fake.host);
    let registry = build(&spec, RegistryCredentials::Anonymous);
    let tags = registry.tags(&app()).await.unwrap();
    let names: Vec<_> = tags.iter().map(|listed| listed.tag.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    assert!(tags.iter().all(|listed| listed.resolved.is_none()));
    assert_eq!(registry.stats().invalid_names, 1);
}
