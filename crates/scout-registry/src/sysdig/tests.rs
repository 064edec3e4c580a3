//! What the adapter makes of right answers; see the files beside it for wrong ones.

mod fallback;
mod imitation;
mod limits;
mod refusals;
mod spec;

use std::sync::Arc;

use crate::credentials::RegistryCredentials;
use crate::error::Error;
use crate::runtime::{
    PackageInUse, RunningImage, RuntimeIntegration, RuntimeSpec, conformance, test_runtime,
};
use crate::spec::Parameters;
use crate::sysdig::tests::imitation::{
    API_TOKEN, Imitation, SPOTLIGHT_TOKEN, container, image_id, json_reply, manifest,
};
use crate::testing::{Fake, options, shown};

/// Returns parameters for a server on loopback, the cluster `prod` unless another is given.
fn parameters(fake: &Fake, more: &[(&str, &str)]) -> Parameters {
    let url = format!("http://{}/", fake.host);
    let mut pairs = vec![("token", "env:TOKEN"), ("url", &url)];
    if !more.iter().any(|(key, _)| *key == "cluster") {
        pairs.push(("cluster", "prod"));
    }
    let pairs = pairs.into_iter().chain(more.iter().copied());
    let pairs = pairs.filter(|(_, value)| !value.is_empty());
    let owned = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
    Parameters::new("sysdig", owned)
}

fn sysdig(fake: &Fake, token: &str, more: &[(&str, &str)]) -> Arc<dyn RuntimeIntegration> {
    let spec = RuntimeSpec::new(&parameters(fake, more)).unwrap();
    let credentials = RegistryCredentials::Bearer(token.into());
    spec.build(options(credentials)).unwrap()
}

/// Image 1 runs twice with a profile, image 2 without one.
fn shop() -> Imitation {
    Imitation::new(vec![
        container(1, "cart", Some(&["openssl", "zlib"])),
        container(2, "db", None),
        container(1, "pay", Some(&["libc6", "openssl"])),
        container(1, "cart", Some(&["openssl", "zlib"])),
    ])
}

fn shape(image: &RunningImage) -> (Option<String>, Vec<&str>, Option<Vec<&str>>) {
    let workloads = image.workloads.iter().map(|it| it.name.as_str()).collect();
    let packages = image.packages_in_use.as_ref();
    let names = packages.map(|all| all.iter().map(|it| it.name.as_str()).collect());
    (
        image.image_id.as_ref().map(ToString::to_string),
        workloads,
        names,
    )
}

#[tokio::test]
async fn both_apis_pass_the_checks_for_every_runtime() {
    let fake = shop().start().await;
    for (token, api) in [
        (SPOTLIGHT_TOKEN, ""),
        (SPOTLIGHT_TOKEN, "risk-spotlight"),
        (API_TOKEN, ""),
        (API_TOKEN, "v1"),
    ] {
        let runtime = sysdig(&fake, token, &[("api", api)]);
        let checked = conformance::check_all(&*runtime).await;
        checked.unwrap_or_else(|broken| panic!("{token} {api}: {}", shown(&broken)));
        assert_eq!(runtime.key(), format!("sysdig:{}/prod", fake.host));
    }
}

#[tokio::test]
async fn rows_are_merged_over_pages_and_empty_pages() {
    for (page_rows, has_empty_pages) in [(usize::MAX, false), (1, false), (1, true), (3, true)] {
        let imitation = Imitation {
            page_rows,
            has_empty_pages,
            ..shop()
        };
        let fake = imitation.start().await;
        for token in [SPOTLIGHT_TOKEN, API_TOKEN] {
            let runtime = sysdig(&fake, token, &[]);
            let running = runtime.running_images().await.unwrap();
            let found: Vec<_> = running.images.iter().map(shape).collect();
            let expected = [
                (
                    Some(image_id(1)),
                    vec!["cart", "pay"],
                    Some(vec!["libc6", "openssl", "zlib"]),
                ),
                (Some(image_id(2)), vec!["db"], None),
            ];
            assert_eq!(found, expected, "{token} {page_rows}");
            assert_eq!(running.containers, 4, "the repetition counts");
            let left_out = (
                running.unidentified,
                running.skipped_rows,
                running.without_details,
            );
            assert_eq!(left_out, (0, 0, 0));
            let workload = &running.images[0].workloads[0];
            assert_eq!(
                (&*workload.kind, &*workload.namespace),
                ("Deployment", "shop")
            );
            assert_eq!(workload.container, "main");
        }
    }
}

#[tokio::test]
async fn each_api_tells_what_it_knows_of_images_and_packages() {
    let fake = shop().start().await;
    let running = sysdig(&fake, SPOTLIGHT_TOKEN, &[])
        .running_images()
        .await
        .unwrap();
    let image = &running.images[0];
    assert_eq!((&image.manifest, &image.reference), (&None, &None));
    let mut expected = PackageInUse::new("libc6", "1");
    expected.os_family = Some("debian".to_owned());
    expected.os_version = Some("11".to_owned());
    expected.architecture = Some("amd64".to_owned());
    assert_eq!(image.packages_in_use.as_ref().unwrap()[0], expected);

    let running = sysdig(&fake, API_TOKEN, &[])
        .running_images()
        .await
        .unwrap();
    let image = &running.images[0];
    assert_eq!(image.manifest.as_ref().unwrap().as_str(), manifest(1));
    let reference = image.reference.as_deref();
    assert_eq!(reference, Some("registry.example.com/shop/app-1:1.0"));
    let mut expected = PackageInUse::new("libc6", "1");
    expected.kind = Some("os".to_owned());
    expected.architecture = Some("amd64".to_owned());
    assert_eq!(image.packages_in_use.as_ref().unwrap()[0], expected);
    let unprofiled = &running.images[1];
    assert_eq!(unprofiled.manifest.as_ref().unwrap().as_str(), manifest(2));
    assert_eq!(unprofiled.packages_in_use, None);
}

#[tokio::test]
async fn names_of_clusters_may_hold_anything() {
    for name in [
        "my cluster",
        "plus+percent%20&limit=1#x?y=z/..",
        r#"quote " and backslash \ and \""#,
        r"ends with \",
        "生产 ☸ é",
        "kubernetes.cluster.name=\"staging\"",
    ] {
        let mut imitation = shop();
        let containers = imitation.clusters.remove("prod").unwrap();
        imitation.clusters.insert(name.to_owned(), containers);
        let fake = imitation.start().await;
        for token in [SPOTLIGHT_TOKEN, API_TOKEN] {
            let runtime = sysdig(&fake, token, &[("cluster", name)]);
            assert_eq!(runtime.cluster(), Some(name));
            let clusters = runtime.clusters().await.unwrap();
            assert!(clusters.iter().any(|it| it == name), "{clusters:?}");
            let running = runtime.running_images().await.unwrap();
            assert_eq!(running.images.len(), 2, "{name} {token}");
        }
    }
}

#[tokio::test]
async fn without_a_cluster_the_clusters_are_listed_and_nothing_else() {
    let fake = shop().start().await;
    for token in [SPOTLIGHT_TOKEN, API_TOKEN] {
        let runtime = sysdig(&fake, token, &[("cluster", "")]);
        runtime.check().await.unwrap();
        assert_eq!(runtime.clusters().await.unwrap(), ["prod", "staging"]);
        let error = runtime.running_images().await.unwrap_err();
        assert!(matches!(error, Error::NoCluster { .. }), "{error}");
        let report = test_runtime(&*runtime).await.unwrap();
        assert_eq!(report.to_string(), "2 clusters");
    }
}

#[tokio::test]
async fn an_unknown_cluster_is_not_an_empty_one() {
    let mut imitation = shop();
    imitation.clusters.insert("empty".to_owned(), Vec::new());
    let fake = imitation.start().await;
    for token in [SPOTLIGHT_TOKEN, API_TOKEN] {
        let runtime = sysdig(&fake, token, &[("cluster", "empty")]);
        match runtime.running_images().await {
            Ok(running) => assert_eq!(running.images, []),
            // The public API tells only of clusters in which something runs; its host rows have
            // a cluster, so this one is known.
            Err(error) => panic!("{token}: {error}"),
        }
        let runtime = sysdig(&fake, token, &[("cluster", "Prod")]);
        let error = runtime.running_images().await.unwrap_err().to_string();
        let choices = r#"it knows "empty", "prod", "staging""#;
        assert!(
            error.contains("\"Prod\"") && error.contains(choices),
            "{error}"
        );
        let failed = shown(&test_runtime(&*runtime).await.unwrap_err());
        assert!(
            failed.contains("cluster=") && failed.contains(choices),
            "{failed}"
        );
    }
}

#[tokio::test]
async fn a_test_tells_what_was_found() {
    let fake = shop().start().await;
    let runtime = sysdig(&fake, SPOTLIGHT_TOKEN, &[]);
    let report = test_runtime(&*runtime).await.unwrap();
    assert_eq!(
        report.to_string(),
        "2 running images in 3 containers; packages in use are known of 1"
    );
    assert_eq!(report.clusters, ["prod", "staging"]);
}

#[tokio::test]
async fn lists_of_clusters_are_read_in_all_likely_shapes() {
    for (body, expected) in [
        (r#"["b","a","b"]"#, Some(vec!["a", "b"])),
        (r#"{"data":["b","a"]}"#, Some(vec!["a", "b"])),
        (
            r#"{"data":[{"name":"a"},{"clusterName":"b","x":1}]}"#,
            Some(vec!["a", "b"]),
        ),
        (r#"{"data":["a",7,{"id":1},"",null]}"#, Some(vec!["a"])),
        ("[]", Some(vec![])),
        (r#"{"data":null}"#, Some(vec![])),
        (r#"{"data":[7]}"#, None),
        (r#"{"clusters":["a"]}"#, None),
        (r#""prod""#, None),
    ] {
        let imitation = shop().with_fault(move |asked| {
            let is_asked = asked.target.ends_with("/runtimeclusters");
            is_asked.then(|| json_reply(&serde_json::from_str(body).unwrap()))
        });
        let fake = imitation.start().await;
        let runtime = sysdig(&fake, SPOTLIGHT_TOKEN, &[]);
        let clusters = runtime.clusters().await;
        let found = clusters
            .as_ref()
            .ok()
            .map(|names| names.iter().map(|it| &**it).collect());
        assert_eq!(found, expected, "{body} {clusters:?}");
    }
}

#[tokio::test]
async fn an_instance_at_ibm_is_named_with_each_request() {
    let fake = shop().start().await;
    let guid = "12345678-1234-1234-1234-123456789012";
    let runtime = sysdig(&fake, API_TOKEN, &[("ibm-instance", guid)]);
    runtime.running_images().await.unwrap();
    let named = fake
        .asked()
        .into_iter()
        .map(|it| it.headers.get("ibminstanceid").cloned());
    assert!(named.into_iter().all(|it| it.as_deref() == Some(guid)));
}
