//! The adapter against an imitation of Artifactory that refuses what Artifactory refuses.

mod changes;
mod connection;
mod fake;
mod sources;
mod strings;
mod webhooks;

use std::sync::Arc;

use scout_envs::{RepositoryName, Tag};

use crate::artifactory::tests::fake::{Login, Server};
use crate::conformance;
use crate::credentials::RegistryCredentials;
use crate::integration::RegistryIntegration;
use crate::spec::RegistrySpec;
use crate::testing::{Fake, basic, options, shown};

fn user() -> RegistryCredentials {
    basic("scout", "s3cret")
}

/// Returns what a registry string makes, `more` standing after the addresses.
fn build_with(
    fake: &Fake,
    more: &str,
    credentials: RegistryCredentials,
) -> Arc<dyn RegistryIntegration> {
    let host = &fake.host;
    let text = format!("type=artifactory,registry={host},api=http://{host}/artifactory{more}");
    let options = options(credentials).with_webhook_secrets(vec!["hook-secret".into()]);
    RegistrySpec::parse(&text).unwrap().build(options).unwrap()
}

fn build(fake: &Fake, more: &str) -> Arc<dyn RegistryIntegration> {
    build_with(fake, more, user())
}

fn name(text: &str) -> RepositoryName {
    text.parse().unwrap()
}

fn tag(text: &str) -> Tag {
    text.parse().unwrap()
}

#[tokio::test]
async fn conforms_in_every_layout_with_and_without_searching() {
    for layout in [
        "",
        ",subdomain-mode=true",
        ",layout=port,repository=docker-local",
        ",repository=docker-virtual",
        ",repository=docker-remote",
    ] {
        for search_status in [None, Some(403)] {
            let server = Server::with_images();
            server.state.lock().unwrap().search_status = search_status;
            let fake = server.start().await;
            let integration = build(&fake, layout);
            let checked = conformance::check_all(&*integration).await;
            checked.unwrap_or_else(|violation| panic!("{layout}: {}", shown(&violation)));
        }
    }
}

#[tokio::test]
async fn conforms_with_every_kind_of_credentials() {
    let token = || RegistryCredentials::Bearer("access-token".into());
    for (login, credentials) in [
        (Login::Basic, user()),
        (Login::Token, user()),
        (Login::Anonymous, user()),
        (Login::Basic, token()),
        (Login::Token, token()),
        (Login::Anonymous, token()),
    ] {
        let server = Server::with_images();
        server.state.lock().unwrap().login = login;
        let fake = server.start().await;
        let integration = build_with(&fake, "", credentials.clone());
        let checked = conformance::check_all(&*integration).await;
        checked.unwrap_or_else(|error| panic!("{login:?} {credentials:?}: {}", shown(&error)));
    }
}

#[tokio::test]
async fn credentials_go_to_the_rest_api_unasked() {
    let fake = Server::with_images().start().await;
    build(&fake, "").check().await.unwrap();
    let asked = fake.asked();
    let mut rest = asked
        .iter()
        .filter(|asked| asked.target.contains("/api/repositories"));
    assert!(rest.all(|asked| asked.authorization.is_some()), "{asked:?}");
}
