//! Blobs that are cut, swapped, padded or sent elsewhere.

use futures_util::TryStreamExt;

use super::{anonymous, app, build, password, shown};
use crate::descriptor::Descriptor;
use crate::error::{Error, Result};
use crate::integration::RegistryIntegration;
use crate::testing::{Content, Fake, Reply, sha256};

fn descriptor(bytes: &[u8]) -> Descriptor {
    Descriptor::new("application/x", sha256(bytes), bytes.len() as u64)
}

async fn read(registry: &dyn RegistryIntegration, blob: &Descriptor) -> Result<usize> {
    let stream = registry.blob(&app(), blob).await?;
    let chunks: Vec<_> = stream.try_collect().await?;
    Ok(chunks.iter().map(bytes::Bytes::len).sum())
}

#[tokio::test]
async fn only_the_whole_right_blob_ends_well() {
    let layer = Content::new().layer;
    let blob = descriptor(&layer);
    let half = layer[..50_000].to_vec();
    let longer = [&layer[..], b"x"].concat();
    let mut other = layer.clone();
    other[99_999] = 8;
    for (reply, expected, is_retryable) in [
        (Reply::new(200, layer.clone()), "", false),
        (Reply::new(200, layer.clone()).without_length(), "", false),
        (
            Reply::new(200, half.clone()).header("content-length", "100000"),
            "broke off",
            true,
        ),
        (
            Reply::new(200, half.clone()).without_length(),
            "broke off after 50000 of 100000",
            true,
        ),
        (
            Reply::new(200, half),
            "should have 100000 bytes, but has 50000",
            false,
        ),
        (Reply::new(200, longer.clone()), "but has 100001", false),
        (
            Reply::new(200, longer).without_length(),
            "but has more",
            false,
        ),
        (
            Reply::new(200, other),
            "is damaged: it has the digest",
            false,
        ),
    ] {
        let fake = Fake::start(move |asked, _| match asked.target.contains("/blobs/") {
            true => reply.clone(),
            false => Reply::new(200, ""),
        })
        .await;
        let registry = anonymous(&fake);
        match read(&*registry, &blob).await {
            Ok(length) => assert_eq!((length, expected), (100_000, "")),
            Err(error) => {
                let text = shown(&error);
                assert!(
                    !expected.is_empty() && text.contains(expected),
                    "{expected}: {text}"
                );
                assert_eq!(error.is_retryable(), is_retryable, "{text}");
            }
        }
        assert!(registry.stats().blob_bytes <= 100_001);
    }
}

#[tokio::test]
async fn credentials_stay_behind_when_a_redirect_leaves() {
    let content = Content::new();
    let layer = content.layer.clone();
    let elsewhere = Fake::start(move |_, _| Reply::new(200, layer.clone())).await;
    let target = format!("http://{}/storage?sig=s3cret", elsewhere.host);
    let blob = descriptor(&content.layer);
    let fake = Fake::start(move |asked, host| match asked.target.as_str() {
        path if path.contains("/blobs/") => Reply::redirect("/internal/x"),
        "/internal/x" => Reply::redirect(target.clone()),
        _ => content.answer_with_token(asked, host, "t"),
    })
    .await;
    let registry = build(&fake.host, password("s3cret"));
    assert_eq!(read(&*registry, &blob).await.unwrap(), 100_000);
    let here = fake.asked();
    let internal = here
        .iter()
        .find(|asked| asked.target == "/internal/x")
        .unwrap();
    assert_eq!(internal.authorization.as_deref(), Some("Bearer t"));
    let there = elsewhere.asked();
    assert_eq!(there.len(), 1);
    assert_eq!(there[0].authorization, None);
    assert_eq!(there[0].target, "/storage?sig=s3cret");
}

#[tokio::test]
async fn a_host_behind_a_redirect_cannot_ask_for_credentials() {
    let elsewhere = Fake::start(|_, host| crate::testing::demand_token(host)).await;
    let target = format!("http://{}/storage", elsewhere.host);
    let content = Content::new();
    let blob = descriptor(&content.layer);
    let fake = Fake::start(move |asked, _| match asked.target.contains("/blobs/") {
        true => Reply::redirect(target.clone()),
        false => content.answer(asked),
    })
    .await;
    let error = read(&*build(&fake.host, password("s3cret")), &blob)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Denied { .. }), "{error:?}");
    assert_eq!(elsewhere.count("/token"), 0);
    assert!(
        elsewhere
            .asked()
            .iter()
            .all(|asked| asked.authorization.is_none())
    );
}

#[tokio::test]
async fn redirects_that_lead_astray_are_refused() {
    let blob = descriptor(b"x");
    for (location, reason) in [
        (
            "http://10.0.0.1/x?sig=s3cret",
            "another host over plain http",
        ),
        ("https://10.0.0.1/x?sig=s3cret", "private address"),
        (
            "https://169.254.169.254/latest/meta-data",
            "private address",
        ),
        ("https://u:s3cret@cdn.example.invalid/x", "user of its own"),
        ("file:///etc/passwd", "not an http address"),
        ("http://[", "names no address"),
        ("again", "too many"),
    ] {
        let content = Content::new();
        let fake = Fake::start(move |asked, _| match asked.target.as_str() {
            "/v2/" => content.answer(asked),
            _ => Reply::redirect(location),
        })
        .await;
        let error = read(&*anonymous(&fake), &blob).await.unwrap_err();
        let text = shown(&error);
        assert!(matches!(error, Error::RefusedRedirect { .. }), "{text}");
        assert!(
            text.contains(reason) && !text.contains("s3cret"),
            "{location}: {text}"
        );
        assert!(fake.asked().len() <= 7);
    }
    let fake =
        Fake::start(|asked, _| Reply::new(if asked.target == "/v2/" { 200 } else { 307 }, ""))
            .await;
    let error = read(&*anonymous(&fake), &blob).await.unwrap_err();
    assert!(shown(&error).contains("names no address"));
}

#[tokio::test]
async fn a_blob_over_the_limit_is_not_asked_for() {
    let fake = Fake::start(|_, _| Reply::new(200, "")).await;
    let blob = Descriptor {
        size: 11,
        ..descriptor(b"x")
    };
    let result = anonymous(&fake).blob_bytes(&app(), &blob, 10).await;
    assert!(matches!(result, Err(Error::TooLarge { limit: 10, .. })));
    assert!(fake.asked().is_empty());
}
