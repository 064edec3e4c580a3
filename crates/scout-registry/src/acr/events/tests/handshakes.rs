//! The two handshakes that come before events.

use scout_http::{Method, StatusCode};

use super::vendor::{pushed, validation};
use super::{Sent, answer, registry, status};

#[test]
fn an_event_subscription_is_confirmed_if_it_is_ours() {
    let type_is = |sent: Sent| sent.header("aeg-event-type", "SubscriptionValidation");
    let named =
        |name: &str| type_is(Sent::post(validation())).header("aeg-subscription-name", name);
    let confirmed = (
        200,
        vec!["content-type: application/json".to_owned()],
        r#"{"validationResponse":"512d38b6-c7b8-40c8-89fe-f46f9e9622b6"}"#.to_owned(),
    );
    let ours = registry("");
    for sent in [
        named("image-change"),
        named("IMAGE-CHANGE"),
        named("whatever").secret(),
        Sent::post(validation()).query("secret=old-canary"),
    ] {
        assert_eq!(answer(sent.to(&*ours)), confirmed);
    }
    for sent in [
        named("whatever"),
        named("image-change").query("secret=wrong"),
        type_is(Sent::post(validation())),
        Sent::post(validation()).header("aeg-subscription-name", "image-change"),
        Sent::post(validation()),
    ] {
        assert_eq!(status(sent.to(&*ours)), StatusCode::UNAUTHORIZED);
    }
    let other = registry(",event-subscription=scout-2");
    assert_eq!(answer(named("scout-2").to(&*other)), confirmed);
    assert_eq!(
        status(named("image-change").to(&*other)),
        StatusCode::UNAUTHORIZED
    );
    let quoted = validation().replace("512d38b6-c7b8-40c8-89fe-f46f9e9622b6\",", "\\\"<x>\\n\",");
    let (_, _, body) = answer(Sent::post(quoted).secret().to(&*ours));
    assert_eq!(body, r#"{"validationResponse":"\"<x>\n"}"#);
}

#[test]
fn a_sender_of_cloud_events_is_allowed_if_it_is_event_grid() {
    let registry = registry("");
    let allowed = |origin: &str| {
        let headers = vec![
            format!("webhook-allowed-origin: {origin}"),
            "webhook-allowed-rate: *".to_owned(),
            "allow: POST, OPTIONS".to_owned(),
        ];
        (200, headers, String::new())
    };
    let azure = "eventgrid.azure.net";
    for (sent, origin) in [
        (Sent::options(azure), azure),
        (Sent::options("EventGrid.azure.net"), "EventGrid.azure.net"),
        (
            Sent::options("rp-eastus2.eventgrid.azure.net"),
            "rp-eastus2.eventgrid.azure.net",
        ),
        (Sent::options("eventgrid.azure.cn"), "eventgrid.azure.cn"),
        (
            Sent::options("eventemitter.example.com").query("secret=new-canary"),
            "eventemitter.example.com",
        ),
        (
            Sent::options("eventemitter.example.com")
                .header("aeg-subscription-name", "image-change"),
            "eventemitter.example.com",
        ),
        (
            Sent::options(azure)
                .secret()
                .header("webhook-request-rate", "120")
                .header("webhook-request-callback", "http://169.254.169.254/confirm"),
            azure,
        ),
    ] {
        assert_eq!(answer(sent.to(&*registry)), allowed(origin));
    }
    for (sent, expected) in [
        (Sent::options("eventemitter.example.com"), 401),
        (Sent::options("eventgrid.azure.net.evil.example"), 401),
        (Sent::options("evil-eventgrid.azure.net"), 401),
        (Sent::options(azure).query("secret=wrong"), 401),
        (Sent::options("").secret(), 400),
        (Sent::options(&"x".repeat(257)).secret(), 400),
        (
            Sent {
                headers: Vec::new(),
                ..Sent::options(azure)
            }
            .secret(),
            400,
        ),
        (
            Sent {
                method: Method::GET,
                ..Sent::post(pushed()).secret()
            },
            405,
        ),
    ] {
        assert_eq!(answer(sent.to(&*registry)).0, expected);
    }
}
