//! Webhooks: those that the vendor documents, and those that nobody should send.

use hmac::{Hmac, KeyInit, Mac};
use scout_http::{HeaderMap, HeaderValue, Method, StatusCode};
use sha2::Sha256;

use super::{build, name};
use crate::artifactory::tests::fake::Server;
use crate::events::{Delivery, Event, EventAction, Reception};
use crate::integration::RegistryIntegration;
use crate::testing::Fake;

const SECRET: &str = "hook-secret";
const HEX: &str = "35c4a2c15539c6c1e4e5fa4e554dac323ad0107d8eb5c582d6ff386b383b7dce";

fn sign(body: &[u8]) -> String {
    let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(SECRET.as_bytes()).unwrap();
    hex::encode(mac.chain_update(body).finalize().into_bytes())
}

fn receive(
    integration: &dyn RegistryIntegration,
    auth: Option<&str>,
    body: Option<&[u8]>,
) -> Reception {
    let mut headers = HeaderMap::new();
    if let Some(auth) = auth {
        headers.insert("x-jfrog-event-auth", HeaderValue::from_str(auth).unwrap());
    }
    let delivery = Delivery {
        method: &Method::POST,
        query: None,
        headers: &headers,
        body,
    };
    integration.events().unwrap().receive(&delivery)
}

fn events(integration: &dyn RegistryIntegration, body: &str) -> (Vec<Event>, usize) {
    match receive(integration, Some(SECRET), Some(body.as_bytes())) {
        Reception::Events { events, ignored } => (events, ignored),
        other => panic!("{body}: {other:?}"),
    }
}

fn status(reception: &Reception) -> StatusCode {
    match reception {
        Reception::Answer(answer) => answer.status,
        Reception::Events { .. } => StatusCode::OK,
    }
}

/// `action repository:tag`, as short as tests can be.
fn short(events: &[Event]) -> Vec<String> {
    let tag = |event: &Event| event.tag.clone().unwrap();
    events
        .iter()
        .map(|event| format!("{:?} {}:{}", event.action, event.repository, tag(event)))
        .collect()
}

/// Nobody needs to be asked to read a webhook.
async fn offline(more: &str) -> (Fake, std::sync::Arc<dyn RegistryIntegration>) {
    let fake = Server::with_images().start().await;
    let integration = build(&fake, more);
    (fake, integration)
}

fn enveloped(kind: &str, data: &str) -> String {
    format!(
        r#"{{"domain":"docker","event_type":"{kind}","data":{data},"subscription_key":"scout-docker",
            "jpd_origin":"https://evil.example.invalid","source":"jfrog/user@example.com",
            "userContext":{{"id":"ci","isToken":true,"realm":"internal"}}}}"#
    )
}

fn data(repo: &str, image: &str, tag: &str) -> String {
    format!(
        r#"{{"repo_key":"{repo}","event_type":"pushed","path":"{image}/{tag}/manifest.json",
            "name":"manifest.json","sha256":"{HEX}","size":1206,"image_name":"{image}",
            "tag":"{tag}","image_type":"docker","platforms":[]}}"#
    )
}

#[tokio::test]
async fn documented_deliveries_are_read() {
    let (_fake, all) = offline("").await;
    let (found, ignored) = events(
        &*all,
        &enveloped("pushed", &data("docker-local", "team/app", "1.0")),
    );
    assert_eq!(
        (short(&found), ignored),
        (vec!["Pushed docker-local/team/app:1.0".to_owned()], 0)
    );
    assert_eq!(found[0].digest.as_ref().unwrap().hex(), HEX);
    assert_eq!(found[0].occurred_at, None);
    let promoted = format!(
        r#"{{"repo_key":"docker-dev","event_type":"promoted","path":"app/1/manifest.json",
            "name":"manifest.json","sha256":"{HEX}","size":1,"image_name":"app","tag":"1",
            "platforms":[],"target_repo":"docker-prod","target_tag":"stable"}}"#
    );
    for (body, expected) in [
        // JFrog, "Domain: Docker": the examples have no envelope.
        (
            format!(
                r#"{{"repo_key":"docker-remote-cache","event_type":"pushed",
                    "path":"library/ubuntu/latest/list.manifest.json","name":"list.manifest.json",
                    "sha256":"{HEX}","size":1206,"image_name":"library/ubuntu","tag":"latest",
                    "platforms":[{{"architecture":"amd64","os":"linux"}},
                                 {{"architecture":"arm","os":"linux"}}]}}"#
            ),
            &["Pushed docker-remote/library/ubuntu:latest"][..],
        ),
        (
            enveloped("deleted", &data("docker-local", "team/app", "1.0")),
            &["Deleted docker-local/team/app:1.0"],
        ),
        (
            enveloped("promoted", &promoted),
            &["Pushed docker-prod/app:stable", "Deleted docker-dev/app:1"],
        ),
        (
            enveloped(
                "promoted",
                &promoted.replace(r#","target_tag":"stable""#, ""),
            ),
            &["Pushed docker-prod/app:1", "Deleted docker-dev/app:1"],
        ),
        // A chart is an artifact like others: its media type tells, once it is read.
        (
            enveloped(
                "pushed",
                &data("helm-oci", "charts/web", "0.1.0").replace("docker\"", "oci\""),
            ),
            &["Pushed helm-oci/charts/web:0.1.0"],
        ),
        // Of an image in folders the name is only the last part (akuity/kargo #4498).
        (
            enveloped(
                "pushed",
                &data("test-repo", "foo/bar/busybox", "latest").replace(
                    r#""image_name":"foo/bar/busybox""#,
                    r#""image_name":"busybox""#,
                ),
            ),
            &["Pushed test-repo/foo/bar/busybox:latest"],
        ),
        // A path of another form tells nothing.
        (
            enveloped(
                "pushed",
                &data("test-repo", "notbusybox", "latest")
                    .replace(r#""image_name":"notbusybox""#, r#""image_name":"busybox""#),
            ),
            &["Pushed test-repo/busybox:latest"],
        ),
        // The least there may be.
        (
            r#"{"domain":"docker","event_type":"pushed",
                "data":{"repo_key":"a","path":"b/c/1/manifest.json"}}"#
                .to_owned(),
            &["Pushed a/b/c:1"],
        ),
        // The dummy of the test button.
        (
            enveloped(
                "deleted",
                r#"{"repo_key":"sample_repo","event_type":"deleted","path":"path/sample.txt",
                    "name":"sample.txt","sha256":"sample_checksum","size":0,
                    "image_name":"sample_arch","tag":"sample_image",
                    "platforms":[{"architecture":"sample_os","os":"sample_tag"}]}"#,
            ),
            &["Deleted sample_repo/sample_arch:sample_image"],
        ),
    ] {
        let (found, _) = events(&*all, &body);
        assert_eq!(short(&found), expected, "{body}");
    }
}

#[tokio::test]
async fn a_secret_or_a_signature_lets_in() {
    let body = enveloped("pushed", &data("docker-local", "app", "1"));
    let body = body.as_bytes();
    let signature = sign(body);
    let other = sign(b"{}");
    for (more, auth, expected) in [
        ("", Some(SECRET), 200),
        ("", Some(&*signature), 200),
        (",webhook-auth=any", Some(SECRET), 200),
        (",webhook-auth=signed", Some(&*signature), 200),
        (",webhook-auth=signed", Some(SECRET), 401),
        ("", None, 401),
        ("", Some(""), 401),
        ("", Some("hook-secre"), 401),
        ("", Some(&*other), 401),
        ("", Some(&signature[..62]), 401),
        ("", Some(&*format!("sha1={signature}")), 401),
        ("", Some(&*format!("sha256={signature}")), 401),
    ] {
        let (_fake, integration) = offline(more).await;
        let reception = receive(&*integration, auth, Some(body));
        assert_eq!(status(&reception), expected, "{more} {auth:?}");
    }
}

#[tokio::test]
async fn one_bit_of_a_signed_body_may_not_change() {
    let (_fake, all) = offline("").await;
    let body = enveloped("pushed", &data("docker-local", "app", "1"));
    let signature = sign(body.as_bytes());
    let forged = body.replace("\"tag\":\"1\"", "\"tag\":\"2\"");
    assert_ne!(forged, body);
    let reception = receive(&*all, Some(&signature), Some(forged.as_bytes()));
    assert_eq!(reception, Reception::unauthorized());
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_for_good() {
    let (_fake, all) = offline("").await;
    let good = enveloped("pushed", &data("docker-local", "app", "1"));
    for (body, expected) in [
        (good[..good.len() / 2].to_owned(), 400),
        (String::new(), 400),
        ("null".to_owned(), 400),
        ("[]".to_owned(), 400),
        ("{}".to_owned(), 400),
        (r#"{"events":[]}"#.to_owned(), 400),
        (
            r#"{"domain":"docker","event_type":"pushed"}"#.to_owned(),
            400,
        ),
        (
            r#"{"domain":"docker","event_type":"pushed","data":[]}"#.to_owned(),
            400,
        ),
        (
            r#"{"domain":"docker","event_type":"pushed","data":{"repo_key":7,"path":"a/b/c"}}"#
                .to_owned(),
            400,
        ),
        (
            r#"{"domain":"docker","data":{"repo_key":"a","path":"a/b/c"}}"#.to_owned(),
            400,
        ),
        (
            r#"{"domain":"docker","event_type":"pushed","data":{"repo_key":"a"}}"#.to_owned(),
            400,
        ),
        (
            good.replace("\"pushed\",\"data\"", "\"pulled\",\"data\""),
            200,
        ),
        (
            good.replace(r#""domain":"docker""#, r#""domain":"artifact""#),
            200,
        ),
        (
            r#"{"domain":"build","event_type":"uploaded","data":{"build_name":"x"}}"#.to_owned(),
            200,
        ),
    ] {
        let reception = receive(&*all, Some(SECRET), Some(body.as_bytes()));
        assert_eq!(status(&reception), expected, "{body}");
        assert!(matches!(reception, Reception::Answer(_)), "{body}");
    }
    let too_long = receive(&*all, Some(SECRET), None);
    assert_eq!(status(&too_long), 413);
    assert_eq!(status(&receive(&*all, None, None)), 401);
}

#[tokio::test]
async fn names_that_break_the_grammar_are_ignored() {
    let (_fake, all) = offline("").await;
    for (repo, image, tag) in [
        ("docker-local", "../../etc", "1"),
        ("docker-local", "App", "1"),
        ("docker-local/x", "app", "1"),
        ("..", "app", "1"),
        ("Docker-Local", "app", "1"),
        ("docker-local", "app", "sha256:abc"),
        ("docker-local", "app?x=y", "1"),
        ("https://evil.example.invalid", "app", "1"),
    ] {
        let body = enveloped("pushed", &data(repo, image, tag));
        assert_eq!(
            events(&*all, &body),
            (Vec::new(), 1),
            "{repo} {image} {tag}"
        );
    }
    let body = enveloped(
        "pushed",
        &data("docker-local", "app", "1").replace(HEX, "zz"),
    );
    let (found, _) = events(&*all, &body);
    assert_eq!(found[0].digest, None, "a digest that is none is not needed");
}

#[tokio::test]
async fn events_go_to_the_repositories_that_show_the_image() {
    for (more, is_known, repo, expected) in [
        (
            ",repository=docker-local",
            true,
            "docker-local",
            &["docker-local/app"][..],
        ),
        (",repository=docker-local", true, "docker-fed", &[]),
        (
            ",repository=docker-local",
            false,
            "docker-local",
            &["docker-local/app"],
        ),
        (",repository=docker-local", false, "docker-fed", &[]),
        (
            ",repository=docker-remote",
            true,
            "docker-remote-cache",
            &["docker-remote/app"],
        ),
        (
            ",repository=docker-remote",
            false,
            "docker-remote-cache",
            &["docker-remote/app"],
        ),
        (
            ",repository=docker-remote",
            true,
            "docker-remote",
            &["docker-remote/app"],
        ),
        (
            ",repository=docker-remote-cache",
            true,
            "docker-remote-cache",
            &["docker-remote-cache/app"],
        ),
        (
            ",repository=docker-virtual",
            true,
            "docker-local",
            &["docker-virtual/app"],
        ),
        (
            ",repository=docker-virtual",
            true,
            "docker-remote-cache",
            &["docker-virtual/app"],
        ),
        (",repository=docker-virtual", true, "docker-fed", &[]),
        (
            r#","repository=docker-virtual,docker-local""#,
            true,
            "docker-local",
            &["docker-local/app", "docker-virtual/app"],
        ),
        ("", true, "docker-remote-cache", &["docker-remote/app"]),
        ("", false, "docker-new", &["docker-new/app"]),
        (",include=*/frontend*", true, "docker-local", &[]),
        (",exclude=*/app", true, "docker-local", &[]),
    ] {
        let (_fake, integration) = offline(more).await;
        if is_known {
            integration.check().await.unwrap();
        }
        let (found, ignored) = events(&*integration, &enveloped("pushed", &data(repo, "app", "1")));
        let names: Vec<_> = found.iter().map(|event| event.repository.clone()).collect();
        let expected: Vec<_> = expected.iter().map(|text| name(text)).collect();
        assert_eq!(names, expected, "{more} {repo}");
        assert_eq!(ignored, usize::from(expected.is_empty()), "{more} {repo}");
    }
}

#[tokio::test]
async fn without_members_every_event_is_a_hint_for_a_virtual_repository() {
    let server = Server::with_images();
    server.state.lock().unwrap().tells_members = false;
    let fake = server.start().await;
    let integration = build(&fake, ",repository=docker-virtual");
    integration.check().await.unwrap();
    let (found, _) = events(
        &*integration,
        &enveloped("pushed", &data("docker-fed", "fed", "1")),
    );
    assert_eq!(short(&found), ["Pushed docker-virtual/fed:1"]);
}

#[tokio::test]
async fn a_repetition_has_the_same_id_and_nothing_else_has() {
    let (_fake, integration) = offline(r#","repository=docker-virtual,docker-local""#).await;
    integration.check().await.unwrap();
    let body = enveloped("pushed", &data("docker-local", "app", "1"));
    let (first, _) = events(&*integration, &body);
    let (again, _) = events(&*integration, &body);
    assert_eq!(first, again);
    let mut ids: Vec<String> = first.into_iter().map(|event| event.id).collect();
    for body in [
        enveloped("deleted", &data("docker-local", "app", "1")),
        enveloped("pushed", &data("docker-local", "app", "2")),
        enveloped("pushed", &data("docker-local", "app2", "1")),
        body.replace(HEX, &HEX.replace('3', "4")),
        body.replace("scout-docker", "other-subscription"),
    ] {
        ids.extend(
            events(&*integration, &body)
                .0
                .into_iter()
                .map(|event| event.id),
        );
    }
    let count = ids.len();
    assert_eq!(count, 12);
    assert!(ids.iter().all(|id| id.len() <= 256));
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

#[tokio::test]
async fn the_action_is_known_without_a_digest() {
    let (_fake, all) = offline("").await;
    let body = enveloped("deleted", r#"{"repo_key":"a","image_name":"b","tag":"1"}"#);
    let (found, _) = events(&*all, &body);
    assert_eq!(
        (found[0].action, found[0].digest.clone()),
        (EventAction::Deleted, None)
    );
}

#[tokio::test]
async fn only_posts_are_deliveries() {
    let (_fake, all) = offline("").await;
    let mut headers = HeaderMap::new();
    headers.insert("x-jfrog-event-auth", HeaderValue::from_static(SECRET));
    let delivery = Delivery {
        method: &Method::OPTIONS,
        query: None,
        headers: &headers,
        body: Some(b"{}"),
    };
    assert_eq!(status(&all.events().unwrap().receive(&delivery)), 405);
}
