//! Wrong tokens, wrong servers, wrong answers.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::sysdig::tests::imitation::refused;
use crate::testing::Reply;

#[tokio::test]
async fn a_wrong_token_is_told_with_the_right_one() {
    let fake = shop().start().await;
    for (token, api, advice) in [
        ("wr0ng", "", "Integrations > Risk Spotlight"),
        ("wr0ng", "risk-spotlight", "API token together with api=v1"),
        ("wr0ng", "v1", "give an API token"),
    ] {
        for cluster in ["prod", ""] {
            let runtime = sysdig(&fake, token, &[("api", api), ("cluster", cluster)]);
            let error = runtime.check().await.unwrap_err();
            assert!(error.is_unauthorized(), "{error}");
            let text = shown(&test_runtime(&*runtime).await.unwrap_err());
            for part in [
                "connecting failed; check token=",
                advice,
                &fake.host,
                "region",
            ] {
                assert!(text.contains(part), "{text}");
            }
            assert!(
                !format!("{text} {error:?} {runtime:?}").contains("wr0ng"),
                "{text}"
            );
        }
    }
    let asked = fake.asked();
    assert!(asked.iter().all(|it| !it.target.contains("wr0ng")));
    assert!(
        asked.iter().all(|it| it.before < 4),
        "a wrong token is not tried again and again"
    );
}

#[tokio::test]
async fn who_has_no_token_is_told_so() {
    let fake = shop().start().await;
    let spec = RuntimeSpec::new(&parameters(&fake, &[])).unwrap();
    let runtime = spec.build(options(RegistryCredentials::Anonymous)).unwrap();
    let error = runtime.check().await.unwrap_err();
    assert!(error.is_unauthorized(), "{error}");
    assert!(error.to_string().contains("anonymous"), "{error}");
}

#[tokio::test]
async fn passing_faults_are_repeated_and_lasting_ones_told() {
    for status in [429, 500, 502, 503, 504] {
        let imitation = shop().with_fault(move |asked| {
            (asked.before == 0).then(|| refused(status).header("retry-after", "0"))
        });
        let fake = imitation.start().await;
        for token in [SPOTLIGHT_TOKEN, API_TOKEN] {
            let runtime = sysdig(&fake, token, &[]);
            let running = runtime.running_images().await.unwrap();
            assert_eq!(running.images.len(), 2, "{status}");
            assert!(runtime.stats().retries > 0);
        }
        let fake = shop()
            .with_fault(move |_| Some(refused(status)))
            .start()
            .await;
        let runtime = sysdig(&fake, SPOTLIGHT_TOKEN, &[]);
        let error = runtime.running_images().await.unwrap_err();
        assert!(error.is_retryable(), "{error}");
        assert_eq!(fake.asked().len(), 5, "{status}");
        assert_eq!(
            fake.count("vulnerability"),
            0,
            "an outage is no reason to ask elsewhere"
        );
    }
}

#[tokio::test]
async fn a_long_wait_is_left_to_the_caller() {
    let fault = |_: &_| Some(refused(429).header("retry-after", "3600"));
    let fake = shop().with_fault(fault).start().await;
    let error = sysdig(&fake, SPOTLIGHT_TOKEN, &[])
        .running_images()
        .await
        .unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3600)));
    assert_eq!(fake.asked().len(), 1);
}

#[tokio::test]
async fn a_page_that_fails_fails_the_list() {
    for status in [400, 403, 404, 500] {
        let imitation = Imitation {
            page_rows: 1,
            ..shop()
        };
        let fault = move |asked: &crate::testing::Asked| {
            asked.target.contains("cursor=2").then(|| refused(status))
        };
        let fake = imitation.with_fault(fault).start().await;
        for token in [SPOTLIGHT_TOKEN, API_TOKEN] {
            let listed = sysdig(&fake, token, &[]).running_images().await;
            assert!(listed.is_err(), "{status} {token}: {listed:?}");
        }
        assert_eq!(fake.count("/results/"), 0);
    }
}

#[tokio::test]
async fn another_server_is_recognized() {
    let page = || Reply::new(200, "<html>Sign in</html>").header("content-type", "text/html");
    let fake = Fake::start(move |_, _| page()).await;
    let runtime = sysdig(&fake, SPOTLIGHT_TOKEN, &[]);
    let text = shown(&test_runtime(&*runtime).await.unwrap_err());
    for part in ["region= or url=", "Sysdig Secure", "web page"] {
        assert!(text.contains(part), "{text}");
    }
    let fake = Fake::start(|_, _| Reply::new(404, "no such page")).await;
    for api in ["risk-spotlight", "v1"] {
        let runtime = sysdig(&fake, SPOTLIGHT_TOKEN, &[("api", api)]);
        let error = runtime.check().await.unwrap_err();
        assert!(matches!(error, Error::WrongApi { .. }), "{error}");
    }
    for body in [
        "{}",
        "true",
        r#"{"data":{}}"#,
        r#"{"message":"soon"}"#,
        "Pong",
        "",
    ] {
        let fake = Fake::start(move |_, _| Reply::new(200, body)).await;
        let runtime = sysdig(&fake, SPOTLIGHT_TOKEN, &[]);
        for error in [
            runtime.check().await.unwrap_err(),
            runtime.clusters().await.unwrap_err(),
            runtime.running_images().await.unwrap_err(),
        ] {
            assert!(
                matches!(error, Error::InvalidAnswer { .. }),
                "{body}: {error}"
            );
        }
    }
}

#[tokio::test]
async fn the_token_stays_where_it_belongs() {
    let other = Fake::start(|_, _| Reply::new(200, r#"{"data":[]}"#)).await;
    let target = format!(
        "http://{}/api",
        other.host.replace("127.0.0.1", "localhost")
    );
    let fake = Fake::start(move |_, _| Reply::redirect(target.clone())).await;
    let runtime = sysdig(&fake, SPOTLIGHT_TOKEN, &[]);
    let error = runtime.check().await.unwrap_err();
    assert!(matches!(error, Error::RefusedRedirect { .. }), "{error}");
    assert_eq!(other.asked().len(), 0);
}

#[tokio::test]
async fn a_bad_row_is_counted_and_harms_no_other() {
    let good = json!({"imageID": image_id(1), "namespace": "n", "workloadName": "w",
    "workloadKind": "Pod", "container": "c", "packages": [
        {"name": "a", "version": "1"},
        {"purl": "pkg:npm/b@2", "type": "npm"},
        {"name": 7}, "x", {}, {"name": "a\nb", "version": "1"}, null,
    ]});
    let rows = json!([
        good, 7, null, "x", {"imageID": 7}, {"imageID": image_id(2), "packages": {}},
        {"imageID": image_id(3), "namespace": "a\u{0}b", "workloadName": ["w"], "container": "c"},
        {"imageID": "something"}, {"namespace": "no image"}, {"imageID": null},
    ]);
    let fake = shop()
        .with_fault(move |_| Some(json_reply(&json!({"data": rows}))))
        .start()
        .await;
    let runtime = sysdig(&fake, SPOTLIGHT_TOKEN, &[]);
    let running = runtime.running_images().await.unwrap();
    let named = |image: &RunningImage| image.workloads[0].container.clone();
    let found: Vec<_> = running.images.iter().map(named).collect();
    assert_eq!(found, ["c", "", "c"], "an image is there without the rest");
    let packages = running.images[0].packages_in_use.as_ref().unwrap();
    let found: Vec<_> = packages
        .iter()
        .map(|it| (&*it.name, it.purl.as_deref()))
        .collect();
    assert_eq!(found, [("", Some("pkg:npm/b@2")), ("a", None)]);
    assert_eq!(running.skipped_packages, 5);
    assert_eq!(running.skipped_rows, 4);
    assert_eq!(running.unidentified, 3);
    assert_eq!(running.invalid_image_ids, 3);
    assert_eq!(running.containers, 6);
    assert_eq!(runtime.stats().invalid_rows, 4);
}

#[tokio::test]
async fn a_list_of_bad_rows_is_not_an_empty_list() {
    let fault = |_: &_| Some(json_reply(&json!({"data": [7, {"imageID": 7}]})));
    let fake = shop().with_fault(fault).start().await;
    let error = sysdig(&fake, SPOTLIGHT_TOKEN, &[])
        .running_images()
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("none of its rows can be read (2)"),
        "{error}"
    );
}

#[tokio::test]
async fn rows_without_any_image_are_not_an_empty_list() {
    let host = json!({"scope": {"asset.type": "host", "kubernetes.cluster.name": "prod"}});
    for (token, rows) in [
        (
            SPOTLIGHT_TOKEN,
            json!([{"imageId": image_id(1)}, {"imageID": "latest"}]),
        ),
        (SPOTLIGHT_TOKEN, json!([{"namespace": "n"}, 7])),
        (API_TOKEN, json!([host, {"resource": image_id(1)}])),
    ] {
        let told = rows.clone();
        let fault = move |_: &_| Some(json_reply(&json!({"data": rows})));
        let fake = shop().with_fault(fault).start().await;
        let runtime = sysdig(&fake, token, &[]);
        let error = runtime.running_images().await.unwrap_err().to_string();
        assert!(error.contains("none of its rows"), "{told}: {error}");
    }
}

#[tokio::test]
async fn rows_of_other_clusters_and_bad_rows_of_the_public_api_are_left_out() {
    let scope = |cluster: &str, kind: &str| {
        json!({"kubernetes.cluster.name": cluster, "asset.type": kind,
            "kubernetes.workload.type": "statefulset", "kubernetes.workload.name": "w"})
    };
    let rows = json!([
        {"resourceId": image_id(1), "resultId": "../../secrets", "scope": scope("prod", "workload")},
        {"resourceId": "no digest", "mainAssetName": "r/a:1", "scope": scope("prod", "container")},
        {"scope": scope("prod", "workload")},
        {"resourceId": image_id(3), "scope": scope("staging", "workload")},
        {"resourceId": image_id(4), "scope": scope("prod", "host")},
        {"resourceId": image_id(5)}, {"resourceId": image_id(5), "scope": {}}, {"resourceId": 5}, 7,
    ]);
    let fault = move |_: &_| Some(json_reply(&json!({"data": rows})));
    let fake = shop().with_fault(fault).start().await;
    let runtime = sysdig(&fake, API_TOKEN, &[("api", "v1")]);
    let running = runtime.running_images().await.unwrap();
    let found: Vec<_> = running.images.iter().map(shape).collect();
    assert_eq!(found[0].0, Some(image_id(1)));
    assert_eq!(running.images[1].reference.as_deref(), Some("r/a:1"));
    assert_eq!(found.len(), 2);
    assert_eq!(running.images[0].workloads[0].kind, "StatefulSet");
    assert_eq!((running.skipped_rows, running.unidentified), (4, 1));
    assert_eq!(fake.count("secrets"), 0, "an id is not a path");
}
