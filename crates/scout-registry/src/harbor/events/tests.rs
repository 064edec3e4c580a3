//! Deliveries in both formats, genuine and not.

use scout_envs::RepositoryFilter;
use scout_http::{HeaderMap, Method, StatusCode};

use super::*;

const DIGEST: &str = "sha256:dde8e930c7b6a490f728e66292bc9bce42efc9bbb5278bae40e4f30f6e00fe8c";

fn receive(authorization: Option<&str>, body: Option<&str>) -> Reception {
    let secrets = WebhookSecrets::new(vec!["token foo".into(), "old".into()]).unwrap();
    let filter = RepositoryFilter::new(&[], &["secret/*".to_owned()]).unwrap();
    let selection = Selection::new("harbor.example.com", filter, Vec::new());
    let events = HarborEvents::new(secrets, selection);
    let mut headers = HeaderMap::new();
    if let Some(value) = authorization {
        headers.insert("authorization", value.parse().unwrap());
    }
    events.receive(&Delivery {
        method: &Method::POST,
        query: None,
        headers: &headers,
        body: body.map(str::as_bytes),
    })
}

fn genuine(body: &str) -> (Vec<Event>, usize) {
    match receive(Some("token foo"), Some(body)) {
        Reception::Events { events, ignored } => (events, ignored),
        other => panic!("{body}: {other:?}"),
    }
}

fn status(reception: &Reception) -> Option<StatusCode> {
    match reception {
        Reception::Answer(answer) => Some(answer.status),
        Reception::Events { .. } => None,
    }
}

/// As in the comments of `default.go` and `cloudevents.go`.
fn default_format(kind: &str, tag: &str, repository: &str) -> String {
    format!(
        r#"{{"type":"{kind}","occur_at":1678082303,"operator":"admin","event_data":{{"resources":[
        {{"digest":"{DIGEST}","tag":"{tag}","resource_url":"evil.example.com/{repository}:{tag}"}}],
        "repository":{{"date_created":1677053165,"name":"busybox","namespace":"library",
        "repo_full_name":"{repository}","repo_type":"public"}}}}}}"#
    )
}

fn cloud_event(kind: &str, tag: &str) -> String {
    format!(
        r#"{{"specversion":"1.0","requestid":"2eedfab8-61d3-4f3c-8ec3-8f82d1ec4c84",
        "id":"4b2f89a6-548d-4c12-9993-a1f5790b97d2","source":"/projects/1/webhook/policies/3",
        "type":"{kind}","datacontenttype":"application/json","time":"2023-03-06T06:08:43Z",
        "data":{{"resources":[{{"digest":"{DIGEST}","tag":"{tag}","resource_url":"x"}}],
        "repository":{{"name":"busybox","namespace":"library","repo_full_name":"library/busybox",
        "repo_type":"public"}}}},"operator":"robot$library+ci"}}"#
    )
}

#[test]
fn both_formats_say_the_same() {
    for (body, seconds) in [
        (
            default_format("PUSH_ARTIFACT", "latest", "library/busybox"),
            1_678_082_303,
        ),
        (
            cloud_event("harbor.artifact.pushed", "latest"),
            1_678_082_923,
        ),
    ] {
        let (events, ignored) = genuine(&body);
        assert_eq!(ignored, 0);
        let [event] = events.as_slice() else {
            panic!("{events:?}")
        };
        assert_eq!(event.action, EventAction::Pushed);
        assert_eq!(event.repository.as_str(), "library/busybox");
        assert_eq!(event.tag.as_ref().unwrap().as_str(), "latest");
        assert_eq!(event.digest.as_ref().unwrap().as_str(), DIGEST);
        assert_eq!(event.occurred_at.unwrap().as_second(), seconds);
        assert_eq!(genuine(&body).0, events, "a repetition has the same id");
    }
}

#[test]
fn a_deleted_artifact_takes_all_its_tags() {
    for body in [
        default_format("DELETE_ARTIFACT", "latest", "library/busybox"),
        cloud_event("harbor.artifact.deleted", DIGEST),
    ] {
        let (events, _) = genuine(&body);
        assert_eq!(events[0].action, EventAction::Deleted);
        assert_eq!(events[0].tag, None);
        assert!(events[0].digest.is_some());
    }
}

#[test]
fn a_digest_in_the_place_of_the_tag_is_none() {
    let (events, _) = genuine(&default_format("PUSH_ARTIFACT", DIGEST, "library/busybox"));
    assert_eq!(events[0].tag, None);
    assert!(events[0].digest.is_some());
}

#[test]
fn what_is_not_for_us_is_counted() {
    let replication = r#"{"type":"REPLICATION","occur_at":1,"event_data":{"replication":{}}}"#;
    for body in [
        &default_format("PULL_ARTIFACT", "latest", "library/busybox"),
        &default_format("SCANNING_COMPLETED", "latest", "library/busybox"),
        &default_format("PUSH_ARTIFACT", "latest", "secret/app"),
        &default_format("PUSH_ARTIFACT", "latest", "../../etc/passwd"),
        &default_format("PUSH_ARTIFACT", "latest", "Library/Busybox"),
        &cloud_event("harbor.artifact.pulled", "latest"),
        replication,
    ] {
        let (events, ignored) = genuine(body);
        assert_eq!((events.len(), ignored), (0, 1), "{body}");
    }
    let odd = default_format("PUSH_ARTIFACT", "not a tag", "library/busybox");
    let (events, ignored) = genuine(&odd.replace(DIGEST, "none"));
    assert_eq!((events.len(), ignored), (0, 1));
    let resource = r#"{"digest":"","tag":"1"},"#;
    let many = default_format("PUSH_ARTIFACT", "latest", "library/busybox");
    let many = many.replace(
        "\"resources\":[",
        &format!("\"resources\":[{}", resource.repeat(1_500)),
    );
    let (events, ignored) = genuine(&many);
    assert_eq!((events.len(), ignored), (MAX_EVENTS, 501));
}

#[test]
fn only_the_whole_configured_value_lets_in() {
    let body = default_format("PUSH_ARTIFACT", "latest", "library/busybox");
    for (value, expected) in [
        (Some("token foo"), None),
        (Some("old"), None),
        (None, Some(StatusCode::UNAUTHORIZED)),
        (Some("foo"), Some(StatusCode::UNAUTHORIZED)),
        (Some("Bearer token foo"), Some(StatusCode::UNAUTHORIZED)),
        (Some("token fo"), Some(StatusCode::UNAUTHORIZED)),
        (Some("TOKEN FOO"), Some(StatusCode::UNAUTHORIZED)),
    ] {
        assert_eq!(status(&receive(value, Some(&body))), expected, "{value:?}");
        let expected = expected.or(Some(StatusCode::PAYLOAD_TOO_LARGE));
        assert_eq!(status(&receive(value, None)), expected, "{value:?}");
    }
}

#[test]
fn only_posts_are_deliveries() {
    let secrets = WebhookSecrets::new(vec!["token foo".into()]).unwrap();
    let selection = Selection::new("h", RepositoryFilter::default(), Vec::new());
    let reception = HarborEvents::new(secrets, selection).receive(&Delivery {
        method: &Method::OPTIONS,
        query: None,
        headers: &HeaderMap::new(),
        body: Some(b""),
    });
    assert_eq!(reception, Reception::wrong_method());
}

#[test]
fn what_is_no_event_is_refused() {
    let cut = default_format("PUSH_ARTIFACT", "latest", "library/busybox");
    for body in [
        "",
        "{",
        "[]",
        "null",
        "{}",
        &cut[..100],
        r#"{"type":"PUSH_ARTIFACT"}"#,
        r#"{"type":"PUSH_ARTIFACT","event_data":{"resources":[]}}"#,
        r#"{"type":"PUSH_ARTIFACT","event_data":{"resources":{},"repository":{"repo_full_name":"a/b"}}}"#,
    ] {
        let reception = receive(Some("token foo"), Some(body));
        assert_eq!(status(&reception), Some(StatusCode::BAD_REQUEST), "{body}");
    }
}
