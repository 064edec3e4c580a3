//! Events of Azure, and of others in its name.

mod handshakes;
mod refusals;
mod vendor;

use std::sync::Arc;

use scout_http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use crate::events::{Delivery, Event, EventAction, MAX_EVENTS, Reception};
use crate::integration::RegistryIntegration;
use crate::spec::{BuildOptions, RegistrySpec};

use vendor::{DIGEST, TOPIC, cloud, deleted, native, pushed, single, target};

fn registry(more: &str) -> Arc<dyn RegistryIntegration> {
    let text = format!("type=acr,registry=demo,exclude=private/*{more}");
    let secrets = vec!["new-canary".into(), "old-canary".into()];
    let options = BuildOptions::new("test").with_webhook_secrets(secrets);
    RegistrySpec::parse(&text).unwrap().build(options).unwrap()
}

/// A request as a test writes it down.
#[derive(Clone, Default)]
struct Sent {
    method: Method,
    query: Option<String>,
    headers: Vec<(&'static str, String)>,
    body: Option<Vec<u8>>,
}

impl Sent {
    fn post(body: impl Into<Vec<u8>>) -> Self {
        Self {
            method: Method::POST,
            body: Some(body.into()),
            ..Self::default()
        }
    }

    fn options(origin: &str) -> Self {
        let sent = Self {
            method: Method::OPTIONS,
            body: Some(Vec::new()),
            ..Self::default()
        };
        sent.header("webhook-request-origin", origin)
    }

    fn query(mut self, query: &str) -> Self {
        self.query = Some(query.to_owned());
        self
    }

    fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    fn secret(self) -> Self {
        self.header("x-scout-webhook-secret", "new-canary")
    }

    fn to(&self, registry: &dyn RegistryIntegration) -> Reception {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let value = HeaderValue::from_str(value).unwrap();
            headers.append(HeaderName::from_static(name), value);
        }
        let delivery = Delivery {
            method: &self.method,
            query: self.query.as_deref(),
            headers: &headers,
            body: self.body.as_deref(),
        };
        registry.events().unwrap().receive(&delivery)
    }
}

fn events(reception: Reception) -> (Vec<Event>, usize) {
    match reception {
        Reception::Events { events, ignored } => (events, ignored),
        other => panic!("{other:?}"),
    }
}

/// Returns status, headers in order and body.
fn answer(reception: Reception) -> (u16, Vec<String>, String) {
    let Reception::Answer(answer) = reception else {
        panic!("{reception:?}");
    };
    assert!(!answer.body.contains("canary"), "{answer:?}");
    let headers = answer.headers.iter();
    let headers = headers.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()));
    (answer.status.as_u16(), headers.collect(), answer.body)
}

fn status(reception: Reception) -> StatusCode {
    StatusCode::from_u16(answer(reception).0).unwrap()
}

#[test]
fn documented_events_are_read() {
    let grid_push = (
        "831e1650-001e-001b-66ab-eeb76e069631",
        EventAction::Pushed,
        "aci-helloworld",
        Some("v1"),
        "2018-04-25T21:39:47.276585742Z",
    );
    let grid_delete = (
        "f06e3921-301f-42ec-b368-212f7d5354bd",
        EventAction::Deleted,
        "aci-helloworld",
        None,
        "2018-04-26T17:56:00.996603117Z",
    );
    let native_id = "cb8c3971-9adc-488b-bdd8-43cbb4974ff5";
    let native_time = "2017-11-17T16:52:01.343145347Z";
    let repository = "team/hello-world";
    let native_push = |tag| (native_id, EventAction::Pushed, repository, tag, native_time);
    let native_delete = (
        native_id,
        EventAction::Deleted,
        repository,
        None,
        native_time,
    );
    let with_tag = target(r#", "tag": "v1""#);
    for (body, expected) in [
        (pushed(), grid_push),
        (single(&pushed()), grid_push),
        (
            pushed().replace("Microsoft.ContainerRegistry.Im", "Im"),
            grid_push,
        ),
        (
            pushed().replace("registries/demo", "Registries/Demo"),
            grid_push,
        ),
        (
            pushed().replace("demo.azurecr.io", "DEMO.azurecr.io"),
            grid_push,
        ),
        (
            pushed().replace("demo.azurecr", "demo.eastus.geo.azurecr"),
            grid_push,
        ),
        (pushed().replace(TOPIC, ""), grid_push),
        // Azure SDK, `ContainerRegistryEventData`: where it happened, and at which connected one.
        (
            pushed().replace(
                r#""action": "push","#,
                r#""action": "push", "location": "westus", "connectedRegistry": {"name": "edge"},"#,
            ),
            grid_push,
        ),
        (cloud(&pushed()), grid_push),
        (single(&cloud(&pushed())), grid_push),
        (deleted(), grid_delete),
        (single(&cloud(&deleted())), grid_delete),
        (native("push", &with_tag), native_push(Some("v1"))),
        (native("push", &target("")), native_push(None)),
        (native("delete", &target("")), native_delete),
    ] {
        let (found, ignored) = events(Sent::post(body.clone()).secret().to(&*registry("")));
        let [event] = found.as_slice() else {
            panic!("{found:?} {body}");
        };
        let (id, action, repository, tag, time) = expected;
        assert_eq!(
            (event.id.as_str(), event.action, ignored),
            (id, action, 0),
            "{body}"
        );
        assert_eq!(event.repository.as_str(), repository);
        assert_eq!(event.tag.as_ref().map(|tag| tag.as_str()), tag);
        assert_eq!(
            event.digest.as_ref().map(|digest| digest.as_str()),
            Some(DIGEST)
        );
        assert_eq!(event.occurred_at, Some(time.parse().unwrap()));
    }
}

#[test]
fn a_batch_is_read_as_far_as_it_is_for_us() {
    let foreign = pushed().replace("demo.azurecr.io", "other.azurecr.io");
    let chart = pushed().replace("ImagePushed", "ChartPushed");
    let all = [pushed(), deleted(), foreign, chart, cloud(&pushed())].map(|event| single(&event));
    let body = format!("[{},{{}},7]", all.join(","));
    let (found, ignored) = events(Sent::post(body).secret().to(&*registry("")));
    let actions: Vec<_> = found.iter().map(|event| event.action).collect();
    assert_eq!(
        actions,
        [
            EventAction::Pushed,
            EventAction::Deleted,
            EventAction::Pushed
        ]
    );
    assert_eq!(ignored, 4);
    let many = vec![native("push", &target("")); MAX_EVENTS + 5].join(",");
    let (found, ignored) = events(Sent::post(format!("[{many}]")).secret().to(&*registry("")));
    assert_eq!((found.len(), ignored), (MAX_EVENTS, 5));
}

#[test]
fn what_is_not_for_us_is_answered_200() {
    let other_name = TOPIC.replace("registries/demo", "registries/other");
    for body in [
        "[]".to_owned(),
        pushed().replace("aci-helloworld\"", "private/app\""),
        pushed().replace("aci-helloworld\"", "../../etc\""),
        pushed().replace("aci-helloworld\"", "Upper\""),
        pushed().replace(TOPIC, &other_name),
        pushed().replace("registries/demo", "registries/other/"),
        cloud(&pushed().replace(TOPIC, &other_name)),
        pushed().replace("demo.azurecr.io", "demo.azurecr.io.evil.example"),
        pushed().replace("demo.azurecr.io", "demo.azurecr.cn"),
        pushed().replace("demo.azurecr.io", "other.azurecr.io"),
        pushed().replace("demo.azurecr.io", "demo.evil.azurecr.io"),
        pushed().replace("ImagePushed", "ChartPushed"),
        pushed().replace("ImagePushed", "ChartDeleted"),
        pushed().replace(
            "Microsoft.ContainerRegistry.ImagePushed",
            "Microsoft.Storage.BlobCreated",
        ),
        pushed().replace(
            "Microsoft.ContainerRegistry.ImagePushed",
            "Microsoft.EventGrid.SubscriptionDeletedEvent",
        ),
        native("ping", "null"),
        native("quarantine", &target("")),
        native("chart_push", &target("")),
        native("chart_delete", &target("")),
        native(
            "push",
            r#"{"repository":"app","digest":"md5:1","tag":"a b"}"#,
        ),
        r#"{"id":"cb8c3971-9adc-488b-bdd8-43cbb4974ff5","action":"ping"}"#.to_owned(),
    ] {
        let (found, ignored) = events(Sent::post(body.clone()).secret().to(&*registry("")));
        let told = usize::from(body != "[]");
        assert_eq!((found, ignored), (Vec::new(), told), "{body}");
    }
}

#[test]
fn repositories_that_are_not_named_are_not_for_us() {
    let registry = registry(",repository=team/app");
    let sent = |body: String| events(Sent::post(body).secret().to(&*registry)).0.len();
    assert_eq!(sent(pushed()), 0);
    assert_eq!(sent(pushed().replace("aci-helloworld\"", "team/app\"")), 1);
}

#[test]
fn a_registry_is_known_by_all_its_names() {
    let build = |registry: &str| {
        let options = BuildOptions::new("test").with_webhook_secrets(vec!["new-canary".into()]);
        let spec = format!("type=acr,registry={registry}");
        RegistrySpec::parse(&spec).unwrap().build(options).unwrap()
    };
    for (registry, topic, host, expected) in [
        ("demo-a1b2.azurecr.io", "demo", "demo-a1b2.azurecr.io", 1),
        ("demo-a1b2.azurecr.io", "demo", "demo.azurecr.io", 0),
        ("images.example.com", "demo", "demo.azurecr.io", 0),
        (
            "images.example.com,allow-host=demo.azurecr.io",
            "demo",
            "demo.azurecr.io",
            1,
        ),
        ("127.0.0.1:5000", "demo", "127.0.0.1:5000", 1),
        ("127.0.0.1:5000", "demo", "127.0.0.1:5001", 0),
        ("demo.azurecr.cn", "demo", "demo.azurecr.cn", 1),
    ] {
        let body = pushed()
            .replace("registries/demo", &format!("registries/{topic}"))
            .replace("demo.azurecr.io", host);
        let (found, _) = events(Sent::post(body).secret().to(&*build(registry)));
        assert_eq!(found.len(), expected, "{registry} {topic} {host}");
    }
}

#[test]
fn a_repetition_has_the_same_id() {
    let registry = registry("");
    let id = |body: &str| {
        let (found, _) = events(Sent::post(body).secret().to(&*registry));
        found.into_iter().next().unwrap().id
    };
    assert_eq!(id(&pushed()), id(&pushed()));
    assert_ne!(id(&pushed()), id(&deleted()));
    let long = "x".repeat(257);
    let real = "831e1650-001e-001b-66ab-eeb76e069631";
    for without in [
        pushed().replace(real, ""),
        pushed().replace(real, &long),
        pushed().replace(&format!("\"{real}\""), "null"),
        pushed().replace(&format!("\"id\": \"{real}\","), ""),
    ] {
        let made = id(&without);
        assert!(made.len() <= 256 && !made.contains(&long), "{without}");
        assert_eq!(made, id(&without), "{without}");
        assert_ne!(made, id(&without.replace("\"v1\"", "\"v2\"")));
    }
}
