//! Environments recorded by hand become streams.

use std::time::Duration;

use crate::examples::{IMAGES, indexed};
use crate::support::program;
use crate::support::serving::Serving;

#[test]
fn an_environment_is_a_stream_once_it_has_an_analyzed_image() {
    let (scout, _) = indexed();
    let exporter = Serving::exporter(&scout);
    let token = scout.token(&[]);
    let streams = |name: &str| {
        let samples = exporter.samples(&token);
        let labels = [("streamName", name)];
        samples.of("scout_stream_vulnerabilities", &labels).count()
    };
    assert_eq!(streams("production"), 0);
    scout
        .scout(&["environment", "production", "shop/web:1.0"])
        .expect_code(0);
    // The judge may be whoever runs next; the exporter looks once a second.
    program::until("series of the environment", Duration::from_secs(20), || {
        (streams("production") == 5).then_some(())
    });
    let samples = exporter.samples(&token);
    assert_eq!(samples.severities("production"), IMAGES[0].1);
    for (policy, compliant) in [
        ("default-non-root-user", 0.0),
        ("fixable-vulnerabilities", 0.0),
        ("high-profile-vulnerabilities", 0.0),
    ] {
        let labels = [("streamName", "production"), ("id", policy)];
        let value = |family| samples.value(family, &labels);
        assert_eq!(value("scout_policy_evaluated_images"), 1.0, "{policy}");
        assert_eq!(
            value("scout_policy_compliant_images"),
            compliant,
            "{policy}"
        );
    }
    let list = scout.scout(&["environment"]).expect_code(0);
    list.says("production");
    let images = scout.scout(&["environment", "production"]).expect_code(0);
    images.says("shop/web");
}
