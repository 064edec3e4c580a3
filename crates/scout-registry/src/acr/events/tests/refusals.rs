//! Deliveries that are refused: each answer is one after which Event Grid gives up.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use scout_http::StatusCode;

use super::vendor::{native, pushed, validation};
use super::{Sent, answer, events, registry, status};

#[test]
fn the_secret_is_shown_in_one_of_four_ways() {
    let basic = |pair: &str| format!("Basic {}", BASE64_STANDARD.encode(pair));
    let registry = registry("");
    let body = pushed;
    for sent in [
        Sent::post(body()).query("secret=new-canary"),
        Sent::post(body()).query("a=b&secret=old-canary"),
        Sent::post(body()).header("x-scout-webhook-secret", "old-canary"),
        Sent::post(body()).header("authorization", "Bearer new-canary"),
        Sent::post(body()).header("authorization", &basic("anybody:new-canary")),
        // A token of Entra beside our secret does no harm.
        Sent::post(body())
            .header("authorization", "Bearer eyJ")
            .query("secret=new-canary"),
    ] {
        assert_eq!(events(sent.to(&*registry)).0.len(), 1);
    }
    for sent in [
        Sent::post(body()),
        Sent::post(body()).query("secret="),
        Sent::post(body()).query("secret=new-canar"),
        Sent::post(body()).query("code=new-canary"),
        Sent::post(body()).query("secret=wrong&secret=new-canary"),
        Sent::post(body()).header("x-scout-webhook-secret", ""),
        Sent::post(body()).header("x-scout-webhook-secret", "NEW-CANARY"),
        Sent::post(body()).header("authorization", "new-canary"),
        Sent::post(body()).header("authorization", "Digest new-canary"),
        Sent::post(body()).header("authorization", &basic("new-canary:wrong")),
        Sent::post(body()).header("authorization", "Basic ???"),
        // The subscription's name is no secret.
        Sent::post(body())
            .header("aeg-event-type", "Notification")
            .header("aeg-subscription-name", "image-change"),
        Sent::post(body())
            .header("aeg-event-type", "SubscriptionValidation")
            .header("aeg-subscription-name", "image-change"),
        // Nothing is told about a body before the secret is shown.
        Sent::post("{"),
        Sent {
            body: None,
            ..Sent::post("")
        },
    ] {
        assert_eq!(status(sent.to(&*registry)), StatusCode::UNAUTHORIZED);
    }
}

#[test]
fn what_can_never_be_read_is_dropped() {
    let registry = registry("");
    let (whole, cut) = (pushed(), pushed().len() / 2);
    for body in [
        "".to_owned(),
        "{".to_owned(),
        "7".to_owned(),
        "\"text\"".to_owned(),
        "{}".to_owned(),
        "[{}]".to_owned(),
        "[7]".to_owned(),
        whole[..cut].to_owned(),
        format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000)),
        whole.replace("\"data\"", "\"date\""),
        whole.replace("\"repository\"", "\"image\""),
        whole.replace("\"aci-helloworld\",", "7,"),
        native("push", "null"),
        // Harbor, and a registry by the book.
        r#"{"type":"PUSH_ARTIFACT","occur_at":1,"event_data":[]"#.to_owned(),
        r#"{"events":[{"id":"1","action":"push"}]}"#.to_owned(),
        validation().replace("validationCode", "validationcode"),
        validation().replace(
            "512d38b6-c7b8-40c8-89fe-f46f9e9622b6\",",
            &format!("{}\",", "x".repeat(257)),
        ),
    ] {
        let (status, _, text) = answer(Sent::post(body.clone()).secret().to(&*registry));
        assert_eq!(status, 400, "{body}");
        assert!(!text.is_empty());
    }
    let binary = Sent::post([0xff, 0xfe, 0x00]).secret();
    assert_eq!(status(binary.to(&*registry)), StatusCode::BAD_REQUEST);
    let long = Sent {
        body: None,
        ..Sent::post("")
    };
    let too_large = StatusCode::PAYLOAD_TOO_LARGE;
    assert_eq!(status(long.secret().to(&*registry)), too_large);
}
