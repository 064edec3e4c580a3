//! Listings that do not end, and answers that are too long.

use std::sync::Mutex;

use serde_json::json;

use super::*;
use crate::runtime::RuntimeSettings;
use crate::spec::Fields;
use crate::sysdig::api::Limits;
use crate::sysdig::spec::SysdigSettings;

fn limited(fake: &Fake, token: &str, limits: Limits) -> Arc<dyn RuntimeIntegration> {
    let fields = Fields::new(&parameters(fake, &[])).unwrap();
    let settings = SysdigSettings::for_test(&fields, limits);
    let credentials = RegistryCredentials::Bearer(token.into());
    settings.build(Some("prod"), options(credentials)).unwrap()
}

#[tokio::test]
async fn cursors_that_lead_in_a_circle_are_not_followed() {
    for (length, requests) in [(1_usize, 3), (3, 5)] {
        let seen = Mutex::new(0);
        let fault = move |asked: &crate::testing::Asked| {
            let mut seen = seen.lock().unwrap();
            *seen = if asked.target.contains("cursor") {
                *seen + 1
            } else {
                0
            };
            let next = format!("c{}", *seen % length);
            Some(json_reply(&json!({"data": [], "page": {"next": next}})))
        };
        let fake = shop().with_fault(fault).start().await;
        let runtime = sysdig(&fake, SPOTLIGHT_TOKEN, &[]);
        let error = runtime.running_images().await.unwrap_err();
        assert!(matches!(error, Error::RefusedLink { .. }), "{error}");
        // One of them is the probe.
        assert_eq!(fake.asked().len(), requests, "{length}");
    }
    let fault = |_: &_| {
        let next = "x".repeat(5_000);
        Some(json_reply(&json!({"data": [], "page": {"next": next}})))
    };
    let fake = shop().with_fault(fault).start().await;
    let error = sysdig(&fake, SPOTLIGHT_TOKEN, &[])
        .running_images()
        .await
        .unwrap_err();
    assert!(error.to_string().contains("too long"), "{error}");
}

#[tokio::test]
async fn what_grows_has_bounds() {
    let many = (1..=20).map(|image| container(image, "w", Some(&["a", "b"])));
    let imitation = Imitation {
        page_rows: 2,
        ..Imitation::new(many.collect())
    };
    let fake = imitation.start().await;
    let limits = Limits::default();
    for (token, limits, unit) in [
        (SPOTLIGHT_TOKEN, Limits { pages: 5, ..limits }, "5 pages"),
        (API_TOKEN, Limits { pages: 5, ..limits }, "5 pages"),
        (
            SPOTLIGHT_TOKEN,
            Limits {
                images: 9,
                ..limits
            },
            "9 images",
        ),
        (
            API_TOKEN,
            Limits {
                images: 9,
                ..limits
            },
            "9 images",
        ),
        (
            SPOTLIGHT_TOKEN,
            Limits {
                containers: 9,
                ..limits
            },
            "9 containers",
        ),
        (
            API_TOKEN,
            Limits {
                containers: 9,
                ..limits
            },
            "9 containers",
        ),
        (
            SPOTLIGHT_TOKEN,
            Limits {
                packages: 9,
                ..limits
            },
            "9 packages in use",
        ),
        (
            API_TOKEN,
            Limits {
                packages: 9,
                ..limits
            },
            "9 packages in use",
        ),
        (
            SPOTLIGHT_TOKEN,
            Limits {
                page_packages: 3,
                ..limits
            },
            "3 packages on one page",
        ),
    ] {
        let error = limited(&fake, token, limits)
            .running_images()
            .await
            .unwrap_err();
        assert!(matches!(error, Error::EndlessListing { .. }), "{error}");
        assert!(error.to_string().contains(unit), "{error}");
    }
    for token in [SPOTLIGHT_TOKEN, API_TOKEN] {
        let limits = Limits {
            clusters: 1,
            ..limits
        };
        let error = limited(&fake, token, limits).clusters().await.unwrap_err();
        assert!(error.to_string().contains("1 clusters"), "{error}");
        let running = limited(&fake, token, Limits::default())
            .running_images()
            .await
            .unwrap();
        assert_eq!(running.images.len(), 20);
    }
}

#[tokio::test]
async fn long_pages_are_asked_for_in_parts_and_long_rows_refused() {
    let many = (1..=200).map(|image| container(image, "w", Some(&["a", "b"])));
    let fake = Imitation::new(many.collect()).start().await;
    for (token, path) in [
        (SPOTLIGHT_TOKEN, "runtimeimages"),
        (API_TOKEN, "runtime-results"),
    ] {
        let limits = Limits {
            page_bytes: 30_000,
            ..Limits::default()
        };
        let running = limited(&fake, token, limits)
            .running_images()
            .await
            .unwrap();
        assert_eq!(running.images.len(), 200);
        assert!(fake.count(&format!("{path}?")) > 6, "{token}");
        let limits = Limits {
            page_bytes: 100,
            ..Limits::default()
        };
        let error = limited(&fake, token, limits)
            .running_images()
            .await
            .unwrap_err();
        assert!(
            matches!(error, Error::TooLarge { limit: 100, .. }),
            "{error}"
        );
    }
    let limits = Limits {
        result_bytes: 100,
        ..Limits::default()
    };
    let running = limited(&fake, API_TOKEN, limits)
        .running_images()
        .await
        .unwrap();
    assert_eq!((running.images.len(), running.without_details), (200, 200));
}
