//! What each kind of request is answered, counted as, and stored as.

use axum::http::Method;

use super::fake::Mood;
use super::*;

#[tokio::test]
async fn events_are_stored_and_then_acknowledged() {
    let setting = setting(&["acme"]);
    for (path, body, expected) in [
        (
            "/acme",
            "+1\n+2\nother",
            r#"{"stored":2,"duplicates":0,"ignored":1}"#,
        ),
        // A repetition is acknowledged, too; else the sender would never stop.
        (
            "/acme",
            "+1\n+3",
            r#"{"stored":1,"duplicates":1,"ignored":0}"#,
        ),
        ("/", "+4", r#"{"stored":1,"duplicates":0,"ignored":0}"#),
        ("/acme/", "+5", r#"{"stored":1,"duplicates":0,"ignored":0}"#),
        (
            "/acme?a=b",
            "other",
            r#"{"stored":0,"duplicates":0,"ignored":1}"#,
        ),
        ("/acme", "", r#"{"stored":0,"duplicates":0,"ignored":0}"#),
    ] {
        let answered = setting.ask(genuine(path, body)).await;
        assert_eq!(answered.status, StatusCode::OK, "{path} {body}");
        assert_eq!(answered.body.trim_end(), expected, "{path} {body}");
        assert_eq!(answered.header("content-type"), Some("application/json"));
        assert_eq!(answered.header("cache-control"), Some("no-store"));
    }
    let stored: Vec<_> = (1..=5).map(|id| format!("acme +{id}")).collect();
    assert_eq!(setting.sink.stored(), stored);
    let expected = WebhookStats {
        received: 6,
        stored: 5,
        duplicates: 1,
        ignored: 2,
        ..WebhookStats::default()
    };
    assert_eq!(setting.stats("acme"), expected);
}

#[tokio::test]
async fn the_integrations_own_answers_are_passed_on_and_counted() {
    let setting = setting(&["acme"]);
    let options = |query: &str| {
        Request::options(format!("/acme{query}"))
            .body(Body::empty())
            .unwrap()
    };
    let cases = [
        (genuine("/acme", "pong"), 200, "nothing to do"),
        (genuine("/acme", "malformed"), 400, "that is no event"),
        (genuine("/acme", "busy"), 503, "busy"),
        (forged("/acme", "+1"), 401, "the webhook's secret"),
        (
            forged(&format!("/acme?secret={SECRET}"), "+1"),
            200,
            "stored",
        ),
        (options(""), 401, "the webhook's secret"),
        (options(&format!("?secret={SECRET}")), 200, r#"{"hello":1}"#),
    ];
    for (request, status, text) in cases {
        let answered = setting.ask(request).await;
        assert_eq!(answered.status.as_u16(), status, "{answered:?}");
        assert!(answered.body.contains(text), "{answered:?}");
        let is_json = answered.header("content-type") == Some("application/json");
        assert_eq!(is_json, answered.body.starts_with('{'), "{answered:?}");
        let is_handshake = answered.body.contains("hello");
        let origin = answered.header("webhook-allowed-origin");
        assert_eq!(origin, is_handshake.then_some("sender.example"));
    }
    let expected = WebhookStats {
        received: 7,
        stored: 1,
        ignored: 2,
        unauthorized: 2,
        malformed: 1,
        unavailable: 1,
        ..WebhookStats::default()
    };
    assert_eq!(setting.stats("acme"), expected);
    assert_eq!(setting.sink.stored(), ["acme +1"]);
}

#[tokio::test]
async fn paths_belong_to_one_integration_or_to_none() {
    let two = setting(&["acme", "harbor.2"]);
    for (path, status) in [
        ("/acme", 200),
        ("/harbor.2", 200),
        ("/", 404),
        ("//", 404),
        ("/ACME", 404),
        ("/acme/x", 404),
        ("/acm", 404),
        ("/acme//", 404),
        ("/%61cme", 404),
        ("/webhook/acme", 404),
        ("/metrics", 404),
    ] {
        let answered = two.ask(genuine(path, "+1")).await;
        assert_eq!(answered.status.as_u16(), status, "{path}");
        let names_some = answered.body.contains("acme") || answered.body.contains("harbor");
        assert!(!names_some, "{path}: {}", answered.body);
    }
    assert_eq!(two.sink.stored(), ["acme +1", "harbor.2 +1"]);
    assert_eq!(two.integrations[0].asked().len(), 1, "nobody else is asked");
    assert_eq!(two.stats("acme").received, 1);
}

#[tokio::test]
async fn other_methods_are_told_which_ones_there_are() {
    let setting = setting(&["acme"]);
    for (method, path, status, allow) in [
        (Method::GET, "/acme", 405, Some("POST, OPTIONS")),
        (Method::HEAD, "/", 405, Some("POST, OPTIONS")),
        (Method::PUT, "/acme", 405, Some("POST, OPTIONS")),
        (Method::DELETE, "/acme", 405, Some("POST, OPTIONS")),
        (Method::POST, "/healthz", 405, Some("GET, HEAD")),
        (Method::GET, "/healthz", 200, None),
        (Method::HEAD, "/healthz", 200, None),
        (Method::GET, "/other", 404, None),
    ] {
        let request = Request::builder()
            .method(&method)
            .uri(path)
            .header(SECRET_HEADER, SECRET)
            .body(Body::empty());
        let answered = setting.ask(request.unwrap()).await;
        assert_eq!(answered.status.as_u16(), status, "{method} {path}");
        assert_eq!(answered.header("allow"), allow, "{method} {path}");
    }
    assert!(setting.integrations[0].asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_acknowledged_that_is_not_stored() {
    let setting = setting(&["acme"]);
    for mood in [Mood::Full, Mood::Failing, Mood::Hanging] {
        setting.sink.set(mood);
        let answered = setting.ask(genuine("/acme", "+1")).await;
        assert_eq!(answered.status.as_u16(), 503, "{mood:?}");
        assert_eq!(answered.header("retry-after"), Some("10"), "{mood:?}");
        assert!(!answered.body.contains("disk"), "{}", answered.body);
        assert!(setting.sink.stored().is_empty());
        // What needs no store is answered all the same.
        let answered = setting.ask(genuine("/acme", "pong")).await;
        assert_eq!(answered.status.as_u16(), 200, "{mood:?}");
        let answered = setting.ask(genuine("/acme", "other")).await;
        assert_eq!(answered.status.as_u16(), 200, "{mood:?}");
    }
    setting.sink.set(Mood::Good);
    let answered = setting.ask(genuine("/acme", "+1")).await;
    assert_eq!(answered.status.as_u16(), 200);
    assert_eq!(setting.stats("acme").unavailable, 3);
    assert_eq!(setting.stats("acme").stored, 1);
}

#[test]
fn integrations_that_cannot_share_a_port_are_refused() {
    let cases: [(&[&str], _, &str); 7] = [
        (&[], false, "no integration receives webhooks"),
        (&["a", "b", "a"], false, "two integrations are named a"),
        (&["a/b"], false, r#"an integration named "a/b""#),
        (&["a b"], false, "use letters, digits"),
        (&[""], false, "use letters, digits"),
        (&[".."], false, "use letters, digits"),
        (&["a"], true, "give it a webhook-secret"),
    ];
    for (names, is_deaf, expected) in cases {
        let routes = names.iter().map(|&name| {
            let integration = if is_deaf {
                FakeIntegration::deaf()
            } else {
                FakeIntegration::new()
            };
            WebhookRoute::new(name, integration)
        });
        let sink = Arc::new(FakeSink::default());
        let receiver = WebhookReceiver::new(routes.collect(), sink, WebhookOptions::default());
        let message = receiver.unwrap_err().to_string();
        assert!(message.contains(expected), "{names:?}: {message}");
    }
}
