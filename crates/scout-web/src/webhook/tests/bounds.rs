//! Lengths, rates, and how many at a time.

use axum::body::Bytes;
use futures_util::stream;
use scout_registry::events::MAX_BODY;

use super::fake::Mood;
use super::*;

/// A body in chunks, without a length that is told before.
fn chunked(length: usize) -> Body {
    let chunk = Bytes::from(vec![b'x'; 1000]);
    let chunks = (0..length / 1000).map(move |_| chunk.clone());
    let rest = Bytes::from(vec![b'x'; length % 1000]);
    Body::from_stream(stream::iter(
        chunks.chain([rest]).map(Ok::<_, std::io::Error>),
    ))
}

#[tokio::test]
async fn a_body_is_at_most_so_long_however_it_comes() {
    let setting = setting(&["acme"]);
    let whole = |length| Body::from(vec![b'x'; length]);
    for (body, status, seen) in [
        (whole(100_000), 200, Some(100_000)),
        (whole(MAX_BODY), 200, Some(MAX_BODY)),
        (whole(MAX_BODY + 1), 413, None),
        (whole(MAX_BODY * 20), 413, None),
        (chunked(MAX_BODY), 200, Some(MAX_BODY)),
        (chunked(MAX_BODY + 1), 413, None),
        (chunked(MAX_BODY * 20), 413, None),
    ] {
        let answered = setting.ask(genuine("/acme", body)).await;
        assert_eq!(answered.status.as_u16(), status, "{seen:?}");
        assert_eq!(setting.integrations[0].asked().pop(), Some(seen));
    }
    assert_eq!(setting.stats("acme").too_large, 4);
    // What a sender without secret learns is only that.
    let answered = setting.ask(forged("/acme", whole(MAX_BODY + 1))).await;
    assert_eq!(answered.status.as_u16(), 401);
    assert_eq!(setting.stats("acme").unauthorized, 1);
    let all = setting.receiver.0.long_bodies.available_permits();
    assert_eq!(all, body::MAX_LONG_BODIES, "every place is free again");
}

#[tokio::test]
async fn who_waits_to_be_asked_is_not_asked_for_a_body_that_is_too_long() {
    let setting = setting(&["acme"]);
    let mut request = genuine("/acme", vec![b'x'; MAX_BODY + 1]);
    let expect = axum::http::HeaderValue::from_static("100-continue");
    request.headers_mut().insert("expect", expect);
    assert_eq!(setting.ask(request).await.status.as_u16(), 413);
    assert_eq!(setting.integrations[0].asked(), [None]);
}

#[tokio::test(start_paused = true)]
async fn long_bodies_wait_for_a_place_and_short_ones_do_not() {
    let setting = setting(&["acme"]);
    let places = Arc::clone(&setting.receiver.0.long_bodies);
    let all = places.acquire_many(32).await.unwrap();
    let long = || genuine("/acme", vec![b'x'; 100_000]);
    let answered = setting.ask(long()).await;
    assert_eq!(answered.status.as_u16(), 503);
    assert!(answered.header("retry-after").is_some());
    assert_eq!(setting.stats("acme").incomplete, 1);
    assert_eq!(setting.ask(genuine("/acme", "+1")).await.status, 200);
    drop(all);
    assert_eq!(setting.ask(long()).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_for_us_does_not_slow_its_sender_down() {
    let rate = SenderRate {
        per_second: 1,
        burst: 2,
    };
    let options = WebhookOptions::default().with_sender_rate(rate);
    let setting = setting_with(&["acme"], options);
    for number in 0..20 {
        let answered = setting.ask(genuine("/acme", "pong")).await;
        assert_eq!(answered.status, 200, "{number}");
    }
    let mut statuses = Vec::new();
    for _ in 0..4 {
        let answered = setting.ask(genuine("/acme", "+1")).await;
        statuses.push(answered.status.as_u16());
    }
    assert_eq!(statuses, [200, 200, 503, 503]);
    assert_eq!(setting.ask(genuine("/acme", "pong")).await.status, 503);
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_is_too_fast_waits_and_the_others_do_not() {
    let rate = SenderRate {
        per_second: 1,
        burst: 3,
    };
    let options = WebhookOptions::default().with_sender_rate(rate);
    let setting = setting_with(&["acme", "other"], options);
    let statuses = async |sender: &str, path: &str| {
        let mut statuses = Vec::new();
        for number in 0..5 {
            let mut request = genuine(path, "+1");
            // Anybody may write this, so it makes no other sender.
            let claimed = format!("203.0.113.{number}").parse().unwrap();
            request.headers_mut().insert("x-forwarded-for", claimed);
            let answered = setting.ask_as(sender, request).await;
            let wait = answered.header("retry-after").map(str::to_owned);
            assert_eq!(wait.is_some(), answered.status == 503, "{wait:?}");
            statuses.push(answered.status.as_u16());
        }
        statuses
    };
    assert_eq!(
        statuses("192.0.2.1", "/acme").await,
        [200, 200, 200, 503, 503]
    );
    assert_eq!(
        statuses("192.0.2.2", "/acme").await,
        [200, 200, 200, 503, 503]
    );
    assert_eq!(
        statuses("192.0.2.1", "/other").await,
        [200, 200, 200, 503, 503]
    );
    assert_eq!(
        statuses("192.0.2.1", "/none").await,
        [404, 404, 404, 503, 503]
    );
    // An IPv6 network is one sender.
    assert_eq!(
        statuses("2001:db8::1", "/acme").await,
        [200, 200, 200, 503, 503]
    );
    assert_eq!(statuses("2001:db8::2", "/acme").await, [503; 5]);
    tokio::time::advance(std::time::Duration::from_secs(1)).await;
    assert_eq!(
        statuses("192.0.2.1", "/acme").await,
        [200, 503, 503, 503, 503]
    );
    // Load balancers may look as often as they like.
    for _ in 0..20 {
        let health = Request::get("/healthz").body(Body::empty()).unwrap();
        assert_eq!(setting.ask(health).await.status, 200);
    }
    assert_eq!(setting.stats("acme").throttled, 2 + 2 + 2 + 5 + 4);
    assert_eq!(setting.stats("other").throttled, 2);
}

#[tokio::test(start_paused = true)]
async fn who_guesses_is_soon_not_listened_to() {
    let setting = setting(&["acme", "other"]);
    for _ in 0..200 {
        setting.ask(forged("/acme", "+1")).await;
    }
    let asked = setting.integrations[0].asked().len();
    assert!((2..=20).contains(&asked), "{asked} guesses");
    // Even the right secret helps no more, so nobody learns that it is right.
    let answered = setting.ask(genuine("/acme", "+1")).await;
    assert_eq!(answered.status.as_u16(), 503);
    // Other senders, and other integrations behind the same proxy, are not touched.
    let answered = setting.ask_as("192.0.2.2", genuine("/acme", "+1")).await;
    assert_eq!(answered.status.as_u16(), 200);
    let answered = setting.ask(genuine("/other", "+1")).await;
    assert_eq!(answered.status.as_u16(), 200);
    // Who has corrected the secret is let in again soon.
    tokio::time::advance(std::time::Duration::from_secs(60)).await;
    let answered = setting.ask(genuine("/acme", "+2")).await;
    assert_eq!(answered.status.as_u16(), 200);
}

#[tokio::test]
async fn so_many_deliveries_are_stored_at_a_time() {
    let options = WebhookOptions::default().with_max_recorders(2);
    let setting = Arc::new(setting_with(&["acme"], options));
    let all = setting.sink.gate.available_permits();
    setting.sink.gate.forget_permits(all);
    let deliveries: Vec<_> = (0..8)
        .map(|number| {
            let setting = Arc::clone(&setting);
            let request = genuine("/acme", format!("+{number}"));
            tokio::spawn(async move { setting.ask(request).await.status })
        })
        .collect();
    setting.sink.begun.notified().await;
    assert!(setting.sink.stored().is_empty());
    setting.sink.gate.add_permits(8);
    for delivery in deliveries {
        assert_eq!(delivery.await.unwrap(), 200);
    }
    assert_eq!(setting.sink.peak(), 2);
    assert_eq!(setting.sink.stored().len(), 8);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_holds_nobody_for_long() {
    let options = WebhookOptions::default().with_max_recorders(1);
    let setting = Arc::new(setting_with(&["acme"], options));
    setting.sink.set(Mood::Hanging);
    let before = tokio::time::Instant::now();
    let deliveries: Vec<_> = (0..5)
        .map(|number| {
            let setting = Arc::clone(&setting);
            let request = genuine("/acme", format!("+{number}"));
            tokio::spawn(async move { setting.ask(request).await.status })
        })
        .collect();
    for delivery in deliveries {
        assert_eq!(delivery.await.unwrap(), 503);
    }
    assert!(before.elapsed() <= 2 * WebhookOptions::default().record_timeout);
}
