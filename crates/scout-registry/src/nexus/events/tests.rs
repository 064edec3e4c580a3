//! Deliveries that Nexus signed, and others.

use hmac::{Hmac, KeyInit, Mac};
use scout_envs::RepositoryFilter;
use scout_http::{HeaderMap, Method, StatusCode};
use sha1::Sha1;

use super::*;

const DELIVERY: &str = "7f4a6dde-5c68-4999-bcc0-a62f3fb8ae48";

fn sign(secret: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

struct Sent<'a> {
    repositories: &'a [&'a str],
    kind: &'a str,
    signature: Option<String>,
    delivery: Option<&'a str>,
    body: Option<&'a str>,
}

impl<'a> Sent<'a> {
    fn new(body: &'a str) -> Self {
        Self {
            repositories: &["docker-a"],
            kind: COMPONENT,
            signature: Some(sign("s3cret", body)),
            delivery: Some(DELIVERY),
            body: Some(body),
        }
    }

    fn receive(&self) -> Reception {
        let secrets = WebhookSecrets::new(vec!["s3cret".into(), "old".into()]).unwrap();
        let names: Vec<_> = self
            .repositories
            .iter()
            .map(|&name| name.to_owned())
            .collect();
        let filter = RepositoryFilter::new(&[], &["*secret/*".to_owned()]).unwrap();
        let selection = Selection::new("nexus.example.com", filter, Vec::new());
        let events = NexusEvents::new(secrets, Naming::new(&names), selection);
        let mut headers = HeaderMap::new();
        headers.insert("x-nexus-webhook-id", self.kind.parse().unwrap());
        if let Some(signature) = &self.signature {
            headers.insert("x-nexus-webhook-signature", signature.parse().unwrap());
        }
        if let Some(delivery) = self.delivery {
            headers.insert("x-nexus-webhook-delivery", delivery.parse().unwrap());
        }
        events.receive(&Delivery {
            method: &Method::POST,
            query: None,
            headers: &headers,
            body: self.body.map(str::as_bytes),
        })
    }

    fn read(&self) -> (Vec<Event>, usize) {
        match self.receive() {
            Reception::Events { events, ignored } => (events, ignored),
            other => panic!("{other:?}"),
        }
    }

    fn status(&self) -> Option<StatusCode> {
        match self.receive() {
            Reception::Answer(answer) => Some(answer.status),
            Reception::Events { .. } => None,
        }
    }
}

/// As on Sonatype's page of example payloads, of another format.
fn body(action: &str, format: &str, repository: &str, name: &str, version: &str) -> String {
    format!(
        r#"{{"timestamp":"2016-11-14T19:32:13.515+0000",
        "nodeId":"7FFA7361-6ED33978-36997BD4-47095CC4-331356BE","initiator":"anonymous/127.0.0.1",
        "repositoryName":"{repository}","action":"{action}","component":{{
        "id":"08909bf0c86cf6c9600aade89e1c5e25","componentId":"bnBtLXByb3h5","format":"{format}",
        "name":"{name}","group":null,"version":"{version}"}}}}"#
    )
}

#[test]
fn components_become_events() {
    for (action, expected) in [
        ("CREATED", EventAction::Pushed),
        ("UPDATED", EventAction::Pushed),
        ("DELETED", EventAction::Deleted),
        ("created", EventAction::Pushed),
    ] {
        for format in ["docker", "oci"] {
            let body = body(action, format, "docker-a", "team/app", "1.0");
            let (events, ignored) = Sent::new(&body).read();
            let [event] = events.as_slice() else {
                panic!("{body}")
            };
            assert_eq!((event.action, ignored), (expected, 0));
            assert_eq!(event.id, DELIVERY);
            assert_eq!(event.repository.as_str(), "team/app");
            assert_eq!(event.tag.as_ref().unwrap().as_str(), "1.0");
            assert_eq!(event.occurred_at.unwrap().as_second(), 1_479_151_933);
        }
    }
}

#[test]
fn repositories_are_mapped_as_listings_name_them() {
    let body = body("CREATED", "docker", "docker-b", "team/app", "1.0");
    for (repositories, expected) in [
        (&[][..], Some("team/app")),
        (&["docker-b"], Some("team/app")),
        (&["docker-a", "docker-b"], Some("docker-b/team/app")),
        (&["docker-a"], None),
        (&["docker-a", "docker-c"], None),
    ] {
        let (events, ignored) = Sent {
            repositories,
            ..Sent::new(&body)
        }
        .read();
        let found = events.first().map(|event| event.repository.as_str());
        assert_eq!(
            (found, ignored),
            (expected, usize::from(expected.is_none()))
        );
    }
}

#[test]
fn what_is_not_for_us_is_counted() {
    for (action, format, repository, name, version) in [
        ("CREATED", "npm", "docker-a", "team/app", "1.0"),
        ("PURGED", "docker", "docker-a", "team/app", "1.0"),
        ("CREATED", "docker", "docker-z", "team/app", "1.0"),
        ("CREATED", "docker", "docker-a", "secret/app", "1.0"),
        ("CREATED", "docker", "docker-a", "../../etc/passwd", "1.0"),
        ("CREATED", "docker", "docker-a", "Team/App", "1.0"),
        ("CREATED", "docker", "docker-a", "team/app", "sha256:abc"),
        ("CREATED", "docker", "docker-a", "team/app", ""),
    ] {
        let body = body(action, format, repository, name, version);
        let (events, ignored) = Sent::new(&body).read();
        assert_eq!((events.len(), ignored), (0, 1), "{body}");
    }
    let asset = r#"{"repositoryName":"docker-a","action":"CREATED","asset":{"format":"docker"}}"#;
    for kind in ["rm:repository:asset", "rm:global:audit", ""] {
        let (events, ignored) = Sent {
            kind,
            ..Sent::new(asset)
        }
        .read();
        assert_eq!((events.len(), ignored), (0, 1), "{kind}");
    }
}

#[test]
fn only_the_right_signature_lets_in() {
    let body = body("CREATED", "docker", "docker-a", "team/app", "1.0");
    let right = sign("s3cret", &body);
    for (signature, expected) in [
        (Some(right.clone()), None),
        (Some(right.to_uppercase()), None),
        (Some(sign("old", &body)), None),
        (None, Some(StatusCode::UNAUTHORIZED)),
        (Some(String::new()), Some(StatusCode::UNAUTHORIZED)),
        (Some("s3cret".to_owned()), Some(StatusCode::UNAUTHORIZED)),
        (Some(sign("s3cre", &body)), Some(StatusCode::UNAUTHORIZED)),
        (Some(sign("s3cret", "{}")), Some(StatusCode::UNAUTHORIZED)),
        (Some(right[..38].to_owned()), Some(StatusCode::UNAUTHORIZED)),
    ] {
        let sent = Sent {
            signature: signature.clone(),
            ..Sent::new(&body)
        };
        assert_eq!(sent.status(), expected, "{signature:?}");
    }
    // Another kind is not read without a signature either.
    let sent = Sent {
        kind: "rm:repository:asset",
        signature: None,
        ..Sent::new(&body)
    };
    assert_eq!(sent.status(), Some(StatusCode::UNAUTHORIZED));
}

#[test]
fn the_delivery_is_the_id_if_it_can_be_one() {
    let body = body("CREATED", "docker", "docker-a", "team/app", "1.0");
    let id = |delivery| {
        let sent = Sent {
            delivery,
            ..Sent::new(&body)
        };
        sent.read().0[0].id.clone()
    };
    assert_eq!(id(Some(DELIVERY)), DELIVERY);
    let made = id(None);
    assert_ne!(made, DELIVERY);
    assert!(made.len() <= 256);
    assert_eq!(id(Some("")), made);
    assert_eq!(id(Some("a b")), made);
    assert_eq!(id(Some(&"x".repeat(300))), made);
}

#[test]
fn only_posts_are_deliveries() {
    let secrets = WebhookSecrets::new(vec!["s3cret".into()]).unwrap();
    let selection = Selection::new("h", RepositoryFilter::default(), Vec::new());
    let reception = NexusEvents::new(secrets, Naming::new(&[]), selection).receive(&Delivery {
        method: &Method::OPTIONS,
        query: None,
        headers: &HeaderMap::new(),
        body: Some(b""),
    });
    assert_eq!(reception, Reception::wrong_method());
}

#[test]
fn what_is_no_event_is_refused() {
    for body in [
        "",
        "{",
        "[]",
        "{}",
        r#"{"repositoryName":"docker-a","action":"CREATED"}"#,
    ] {
        assert_eq!(
            Sent::new(body).status(),
            Some(StatusCode::BAD_REQUEST),
            "{body}"
        );
    }
    let sent = Sent {
        body: None,
        ..Sent::new("{}")
    };
    assert_eq!(sent.status(), Some(StatusCode::PAYLOAD_TOO_LARGE));
}
