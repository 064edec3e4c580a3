//! Deliveries of three senders, genuine and not.

use scout_envs::RepositoryFilter;
use scout_http::{HeaderMap, Method, StatusCode};

use super::*;
use crate::events::{CONTENT_ID_PREFIX, EventAction};

const DIGEST: &str = "sha256:fea8895f450959fa676bcc1df0611ea93823a735a01205fd8622846041d0c7cf";
const V1: &str = "application/vnd.docker.distribution.events.v1+json";
const V2: &str = "application/vnd.docker.distribution.events.v2+json";
const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

fn source(host: &str) -> OciEvents {
    let secrets = WebhookSecrets::new(vec!["s3cret".into(), "old".into()]).unwrap();
    let filter = RepositoryFilter::new(&[], &["secret/*".to_owned()]).unwrap();
    OciEvents::new(secrets, host, Selection::new(host, filter, Vec::new()))
}

fn receive(
    source: &OciEvents,
    authorization: Option<&str>,
    query: Option<&str>,
    media_type: &str,
    body: Option<&str>,
) -> Reception {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", media_type.parse().unwrap());
    if let Some(value) = authorization {
        headers.insert("authorization", value.parse().unwrap());
    }
    source.receive(&Delivery {
        method: &Method::POST,
        query,
        headers: &headers,
        body: body.map(str::as_bytes),
    })
}

fn read(source: &OciEvents, media_type: &str, body: &str) -> (Vec<Event>, usize) {
    match receive(source, Some("Bearer s3cret"), None, media_type, Some(body)) {
        Reception::Events { events, ignored } => (events, ignored),
        other => panic!("{body}: {other:?}"),
    }
}

fn notification(action: &str, media_type: &str, repository: &str, tag: &str) -> String {
    format!(
        r#"{{"id":"320678d8-ca14-430f-8bb6-4ca139cd83f7","timestamp":"2016-03-09T14:44:26.402973972-08:00",
        "action":"{action}","target":{{"mediaType":"{media_type}","size":708,"digest":"{DIGEST}",
        "length":708,"repository":"{repository}","url":"http://evil.example.com/v2/x","tag":"{tag}"}},
        "request":{{"id":"6df24a34","addr":"192.168.64.11:42961","host":"evil.example.com",
        "method":"PUT","useragent":"curl/7.38.0"}},"actor":{{"name":"robot"}},
        "source":{{"addr":"xtal.local:5000","instanceID":"a53db899"}}}}"#
    )
}

fn batch(events: &[String]) -> String {
    format!(r#"{{"events":[{}]}}"#, events.join(","))
}

#[test]
fn notifications_tell_what_happened_to_manifests() {
    let index = "application/vnd.oci.image.index.v1+json";
    for (action, media_type, tag, expected) in [
        ("push", MANIFEST, "latest", Some(EventAction::Pushed)),
        ("push", index, "", Some(EventAction::Pushed)),
        ("mount", MANIFEST, "latest", Some(EventAction::Pushed)),
        ("delete", "", "", Some(EventAction::Deleted)),
        ("delete", MANIFEST, "latest", Some(EventAction::Deleted)),
        ("push", LAYER, "", None),
        ("mount", LAYER, "", None),
        ("push", "application/octet-stream", "", None),
        ("delete", LAYER, "", None),
        ("pull", MANIFEST, "latest", None),
        ("", MANIFEST, "latest", None),
    ] {
        let body = batch(&[notification(action, media_type, "team/app", tag)]);
        for content_type in [V1, V2, "application/json; charset=utf-8"] {
            let (events, ignored) = read(&source("r.example.com"), content_type, &body);
            let found = events.first().map(|event| event.action);
            assert_eq!(
                (found, ignored),
                (expected, usize::from(expected.is_none())),
                "{body}"
            );
            let Some(event) = events.first() else {
                continue;
            };
            assert_eq!(event.id, "320678d8-ca14-430f-8bb6-4ca139cd83f7");
            assert_eq!(event.repository.as_str(), "team/app");
            assert_eq!(event.digest.as_ref().unwrap().as_str(), DIGEST);
            assert_eq!(event.tag.as_ref().map_or("", |tag| tag.as_str()), tag);
            assert_eq!(event.occurred_at.unwrap().as_second(), 1_457_563_466);
        }
    }
}

#[test]
fn a_deleted_tag_has_no_digest_and_a_deleted_repository_has_neither() {
    // As distribution sends them since #2648.
    let tag = notification("delete", "", "team/app", "old");
    let tag = tag.replace(&format!(r#""digest":"{DIGEST}","#), "");
    let repository = tag.replace(r#","tag":"old""#, "");
    let (events, ignored) = read(&source("r.example.com"), V2, &batch(&[tag, repository]));
    assert_eq!((events.len(), ignored), (1, 1));
    assert_eq!(events[0].action, EventAction::Deleted);
    assert_eq!(events[0].tag.as_ref().unwrap().as_str(), "old");
    assert_eq!(events[0].digest, None);
}

#[test]
fn what_is_damaged_in_a_batch_does_not_spoil_the_rest() {
    let good = notification("push", MANIFEST, "team/app", "latest");
    let body = batch(&[
        notification("push", MANIFEST, "../../etc/passwd", "latest"),
        notification("push", MANIFEST, "secret/app", "latest"),
        notification("delete", "", "team/app", "").replace(DIGEST, "none"),
        "{}".to_owned(),
        "7".to_owned(),
        r#"{"action":"push","target":[]}"#.to_owned(),
        good.clone(),
    ]);
    let (events, ignored) = read(&source("r.example.com"), V2, &body);
    assert_eq!((events.len(), ignored), (1, 6));
    let (events, ignored) = read(&source("r.example.com"), V2, &batch(&vec![good; 1_200]));
    assert_eq!((events.len(), ignored), (MAX_EVENTS, 200));
}

#[test]
fn an_event_without_a_usable_id_gets_one_of_what_it_says() {
    let uuid = "320678d8-ca14-430f-8bb6-4ca139cd83f7";
    let first = notification("push", MANIFEST, "team/app", "1").replace(uuid, "");
    let second = notification("push", MANIFEST, "team/app", "2").replace(uuid, "a b");
    let (events, _) = read(
        &source("r.example.com"),
        V2,
        &batch(&[first.clone(), second]),
    );
    assert_ne!(events[0].id, events[1].id);
    let (again, _) = read(&source("r.example.com"), V2, &batch(&[first]));
    assert_eq!(again[0].id, events[0].id);
}

#[test]
fn distribution_is_never_kept_waiting() {
    let cut = batch(&[notification("push", MANIFEST, "team/app", "latest")]);
    let source = source("r.example.com");
    for body in [
        "",
        "{",
        &cut[..200],
        "[]",
        "null",
        "{}",
        r#"{"events":7}"#,
        r#"{"foreign":true}"#,
    ] {
        for media_type in [V1, V2, "text/plain"] {
            let (events, ignored) = read(&source, media_type, body);
            assert_eq!((events.len(), ignored), (0, 1), "{body}");
        }
    }
    assert_eq!(read(&source, V2, r#"{"events":[]}"#), (Vec::new(), 0));
    // Too long, or cut.
    let reception = receive(&source, Some("s3cret"), None, V2, None);
    let expected = Reception::Events {
        events: Vec::new(),
        ignored: 1,
    };
    assert_eq!(reception, expected);
}

#[test]
fn quay_lists_tags_in_two_forms() {
    // As on docs.quay.io, with a name of our own.
    let quay = |tags: &str| {
        format!(
            r#"{{"name":"app","repository":"team/app","namespace":"team",
            "docker_url":"evil.example.com/team/app","homepage":"https://quay.io/repository/team/app",
            "updated_tags":{tags}}}"#
        )
    };
    let source = source("quay.io");
    let map = r#"{"latest":"b750fe79269d2ec9a3c593ef05b4332b1d1a02a62b4accb2c21d589ff2f5f2dc"}"#;
    for (tags, expected, expected_ignored) in [
        (r#"["latest"]"#, vec!["latest"], 0),
        (r#"["1.0","latest"]"#, vec!["1.0", "latest"], 0),
        (map, vec!["latest"], 0),
        (r#"["not a tag","latest"]"#, vec!["latest"], 1),
        ("[]", vec![], 0),
        ("7", vec![], 1),
    ] {
        let (events, ignored) = read(&source, "application/json", &quay(tags));
        let found: Vec<_> = events
            .iter()
            .map(|event| event.tag.as_ref().unwrap().as_str())
            .collect();
        assert_eq!((found, ignored), (expected, expected_ignored), "{tags}");
        assert!(
            events
                .iter()
                .all(|event| event.repository.as_str() == "team/app")
        );
        assert!(
            events
                .iter()
                .all(|event| event.action == EventAction::Pushed)
        );
    }
    // No time and no id: a second push says the same, so the id must be one that is forgotten.
    let (events, _) = read(&source, "application/json", &quay(r#"["latest","1.0"]"#));
    assert_ne!(events[0].id, events[1].id);
    assert!(
        events
            .iter()
            .all(|event| event.id.starts_with(CONTENT_ID_PREFIX))
    );
    for repository in ["secret/app", "Team/App", "../app"] {
        let body = quay(r#"["latest"]"#).replace("\"team/app\"", &format!("\"{repository}\""));
        let (events, ignored) = read(&source, "application/json", &body);
        assert_eq!((events.len(), ignored), (0, 1), "{repository}");
    }
}

#[test]
fn docker_hub_tells_of_one_tag() {
    // As on docs.docker.com, shortened; older pages write the time as below.
    let hub = |name: &str, at: &str| {
        format!(
            r#"{{"callback_url":"https://registry.hub.docker.com/u/svendowideit/testhook/hook/1/",
            "push_data":{{"pushed_at":{at},"pusher":"trustedbuilder","tag":"latest"}},
            "repository":{{"comment_count":0,"is_official":false,"name":"testhook",
            "namespace":"svendowideit","repo_name":"{name}","star_count":0,"status":"Active"}}}}"#
        )
    };
    let source = source("docker.io");
    for at in ["1417566161", "1.417566161e+09"] {
        let body = hub("svendowideit/testhook", at);
        let (events, ignored) = read(&source, "application/json", &body);
        assert_eq!((events.len(), ignored), (1, 0));
        assert_eq!(events[0].repository.as_str(), "svendowideit/testhook");
        assert_eq!(events[0].tag.as_ref().unwrap().as_str(), "latest");
        assert_eq!(events[0].occurred_at.unwrap().as_second(), 1_417_566_161);
        assert_eq!(read(&source, "application/json", &body).0, events);
    }
    let (events, _) = read(&source, "application/json", &hub("debian", "1"));
    assert_eq!(events[0].repository.as_str(), "library/debian");
    let (events, _) = read(&source, "application/json", &hub("a/b", "\"soon\""));
    assert_eq!(events[0].occurred_at, None);
    for body in [
        hub("UPPER/case", "1"),
        hub("secret/app", "1"),
        hub("a/b", "1").replace("latest", "a b"),
        // As it was before tags were told (docker/docs #3432).
        hub("a/b", "1").replace(r#","tag":"latest""#, ""),
    ] {
        let (events, ignored) = read(&source, "application/json", &body);
        assert_eq!((events.len(), ignored), (0, 1), "{body}");
    }
}

#[test]
fn only_posts_are_deliveries() {
    let reception = source("r.example.com").receive(&Delivery {
        method: &Method::OPTIONS,
        query: Some("secret=s3cret"),
        headers: &HeaderMap::new(),
        body: Some(b""),
    });
    assert_eq!(reception, Reception::wrong_method());
}

#[test]
fn the_secret_comes_in_a_header_or_in_the_address() {
    let body = batch(&[notification("push", MANIFEST, "team/app", "latest")]);
    let basic = |pair: &str| format!("Basic {}", BASE64_STANDARD.encode(pair));
    for (authorization, query, is_let_in) in [
        (Some("s3cret".to_owned()), None, true),
        (Some("old".to_owned()), None, true),
        (Some("Bearer s3cret".to_owned()), None, true),
        (Some("bearer s3cret".to_owned()), None, true),
        (Some(basic("scout:s3cret")), None, true),
        (Some(basic(":s3cret")), None, true),
        (None, Some("secret=s3cret"), true),
        (None, Some("a=b&secret=s3cret"), true),
        (Some("Bearer wrong".to_owned()), Some("secret=old"), true),
        (None, None, false),
        (Some(String::new()), None, false),
        (Some("Bearer ".to_owned()), None, false),
        (Some("Bearer s3cre".to_owned()), None, false),
        (Some("Digest s3cret".to_owned()), None, false),
        (Some("Basic s3cret".to_owned()), None, false),
        (Some(basic("s3cret:other")), None, false),
        (Some(basic("s3cret")), None, false),
        (None, Some("secret="), false),
        (None, Some("secret=S3CRET"), false),
        (None, Some("other=s3cret"), false),
        (None, Some("secret=wrong&secret=s3cret"), false),
    ] {
        let source = source("r.example.com");
        let reception = receive(&source, authorization.as_deref(), query, V2, Some(&body));
        match reception {
            Reception::Events { events, .. } => assert!(is_let_in && events.len() == 1),
            Reception::Answer(answer) => {
                assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
                assert!(!is_let_in, "{authorization:?} {query:?}");
            }
        }
        assert!(!format!("{source:?}").contains("s3cret"));
    }
}
