//! `scout images retry`: what failed is tried again when somebody asks.

use crate::support::layout::{Layout, debian, digest, gzip};
use crate::support::scout::Scout;

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// Two damaged images and a good one.
fn damaged() -> (Scout, Layout) {
    let mut registry = Layout::new();
    let whole = gzip(&debian("a", "1-1"));
    let layer = registry.put(LAYER, &whole[..whole.len() / 2]);
    for name in ["bad/one:1", "bad/two:1"] {
        registry.image_of(
            name,
            std::slice::from_ref(&layer),
            &[digest(&debian("a", "1-1"))],
        );
    }
    registry.image("good/image:1", &[debian("openssl", "3.0.9-1")]);
    let scout = Scout::new();
    scout.sweep(&registry.registry(), &[]).expect_code(1);
    (scout, registry)
}

#[test]
fn what_failed_is_enqueued_again() {
    let (scout, registry) = damaged();
    let failed = scout.scout(&["images", "--failed"]).expect_code(0);
    failed.says("bad/one").says("bad/two");
    let state = |name: &str| scout.image(name).text("state").to_owned();
    let one = scout
        .scout(&["images", "retry", "bad/one:1"])
        .expect_code(0);
    one.says("bad/one:1 is enqueued; a running scout-watch takes it up.");
    assert_eq!(state("bad/one:1"), "waiting");
    let rest = scout.scout(&["images", "retry", "--failed"]).expect_code(0);
    rest.says("1 image is enqueued; a running scout-watch takes it up.");
    let none = scout.scout(&["images", "retry", "--all"]).expect_code(0);
    none.says("No image failed.");
    // It is damaged still.
    scout.sweep(&registry.registry(), &[]).expect_code(1);
    assert_eq!(state("bad/two:1"), "failed");
}

#[test]
fn what_cannot_be_retried_says_why() {
    let (scout, _registry) = damaged();
    let retry = |image: &str| scout.scout(&["images", "retry", image]).expect_code(1);
    retry("good/image:1").says("good/image:1 did not fail, it is indexed");
    retry("bad/three:1").says("no image bad/three:1 was seen");
    scout.scout(&["repo", "disable", "bad/one"]).expect_code(0);
    retry("bad/one:1").says("bad/one:1 is not watched any more; `scout repo enable`");
    let all = scout.scout(&["images", "retry", "--failed"]).expect_code(0);
    all.says("1 image is enqueued");
    for (arguments, expected) in [
        (&["images", "retry"][..], "<IMAGE|--failed>"),
        (
            &["images", "retry", "bad/two:1", "--all"],
            "cannot be used with",
        ),
        (
            &["images", "--failed", "retry", "bad/two:1"],
            "what stands before `retry`",
        ),
        (&["images", "--failed", "--waiting"], "cannot be used with"),
    ] {
        let wrong = scout.scout(arguments).expect_code(super::USAGE);
        wrong.says(expected);
    }
}
