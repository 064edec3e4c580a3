//! Which of the two APIs is asked, and what is remembered of the public one.

use super::*;
use crate::sysdig::tests::imitation::refused;
use crate::testing::Reply;

#[tokio::test]
async fn the_public_api_is_asked_where_risk_spotlight_is_not_offered() {
    for status in [403, 404] {
        let imitation = Imitation {
            spotlight_status: Some(status),
            ..shop()
        };
        let fake = imitation.start().await;
        let runtime = sysdig(&fake, API_TOKEN, &[]);
        for round in 1..=3 {
            let running = runtime.running_images().await.unwrap();
            assert_eq!(running.images.len(), 2, "{round}");
        }
        assert_eq!(
            fake.count("runtimeimages"),
            1,
            "what was found out is remembered"
        );
        runtime.check().await.unwrap();
        assert_eq!(fake.count("runtimeimages"), 2, "a check asks anew");
        assert_eq!(runtime.clusters().await.unwrap(), ["prod", "staging"]);
    }
}

#[tokio::test]
async fn the_list_of_clusters_alone_may_be_missing() {
    let imitation = Imitation {
        clusters_status: Some(404),
        ..shop()
    };
    let fake = imitation.start().await;
    let runtime = sysdig(&fake, SPOTLIGHT_TOKEN, &[]);
    runtime.check().await.unwrap();
    let error = runtime.clusters().await.unwrap_err();
    assert!(matches!(error, Error::Denied { .. }), "{error}");
    let report = test_runtime(&*runtime).await.unwrap();
    assert!(
        report.to_string().starts_with("2 running images"),
        "{report}"
    );
    assert_eq!(report.clusters, [""; 0]);
    assert_eq!(fake.count("/results/"), 0, "Risk Spotlight is asked");
    // Nothing runs, and nobody can say whether the cluster exists.
    let runtime = sysdig(&fake, SPOTLIGHT_TOKEN, &[("cluster", "none")]);
    assert_eq!(runtime.running_images().await.unwrap().images, []);
}

#[tokio::test]
async fn an_api_that_is_named_is_the_only_one_asked() {
    let fake = shop().start().await;
    for (token, api, other) in [
        (API_TOKEN, "risk-spotlight", "vulnerability"),
        (SPOTLIGHT_TOKEN, "v1", "eveintegration"),
    ] {
        let runtime = sysdig(&fake, token, &[("api", api)]);
        let before = fake.count(other);
        for error in [
            runtime.check().await.unwrap_err(),
            runtime.clusters().await.unwrap_err(),
            runtime.running_images().await.unwrap_err(),
        ] {
            assert!(matches!(error, Error::Denied { .. }), "{api}: {error}");
        }
        assert_eq!(fake.count(other), before, "{api}");
    }
}

#[tokio::test]
async fn both_refusals_are_told_where_neither_api_is_offered() {
    let imitation = Imitation {
        spotlight_status: Some(404),
        ..shop()
    };
    let fake = imitation.start().await;
    let runtime = sysdig(&fake, SPOTLIGHT_TOKEN, &[]);
    for error in [
        runtime.check().await.unwrap_err(),
        runtime.running_images().await.unwrap_err(),
    ] {
        let text = shown(&error);
        for part in [
            &fake.host,
            "neither Risk Spotlight (",
            "does not exist",
            "may not read",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }
}

#[tokio::test]
async fn results_are_asked_for_again_only_when_they_may_have_changed() {
    let imitation = shop();
    let running = Arc::clone(&imitation.running);
    let fake = imitation.start().await;
    let runtime = sysdig(&fake, API_TOKEN, &[]);
    let first = runtime.running_images().await.unwrap();
    assert_eq!(fake.count("/results/"), 2, "once for each image");
    assert_eq!(runtime.running_images().await.unwrap(), first);
    assert_eq!(fake.count("/results/"), 2);
    *running.lock().unwrap() = 7;
    runtime.running_images().await.unwrap();
    assert_eq!(
        fake.count("/results/"),
        3,
        "the one whose packages are observed"
    );
    for _ in 0..25 {
        runtime.running_images().await.unwrap();
    }
    assert_eq!(fake.count("/results/"), 4, "now and then in any case");
    assert_eq!(runtime.stats().runtime_image_requests, 4);
}

#[tokio::test]
async fn an_image_of_which_no_more_is_known_is_listed_all_the_same() {
    for (status, body, expected) in [
        (404, "{}", 1),
        (200, "{}", 1),
        (200, "{\"packages\":", 1),
        (403, "{}", 2),
    ] {
        let imitation = shop().with_fault(move |asked| {
            let is_asked = asked.target.ends_with("01") || status == 403;
            (is_asked && asked.target.contains("/results/"))
                .then(|| Reply::new(status, body).header("content-type", "application/json"))
        });
        let fake = imitation.start().await;
        let runtime = sysdig(&fake, API_TOKEN, &[]);
        let running = runtime.running_images().await.unwrap();
        assert_eq!(running.images.len(), 2);
        assert_eq!(running.without_details, expected, "{status} {body}");
        let image = &running.images[0];
        assert_eq!((&image.manifest, &image.packages_in_use), (&None, &None));
        assert!(image.reference.is_some(), "the listing tells it");
    }
    let imitation =
        shop().with_fault(|asked| asked.target.contains("/results/").then(|| refused(502)));
    let fake = imitation.start().await;
    let error = sysdig(&fake, API_TOKEN, &[])
        .running_images()
        .await
        .unwrap_err();
    assert!(error.is_retryable(), "an outage is no answer: {error}");
}
