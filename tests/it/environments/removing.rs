//! `scout environment remove`: taking back what was recorded or listed.

use super::indexed;

#[test]
fn an_image_recorded_by_mistake_is_taken_back() {
    let scout = indexed();
    for image in ["shop/web:1.0", "shop/web:1.1"] {
        scout.scout(&["environment", "prod", image]).expect_code(0);
    }
    let remove = |image: &str| scout.scout(&["environment", "remove", "prod", image]);
    let wrong = remove("shop/api:2.1").expect_code(1);
    wrong.says("shop/api:2.1 was not recorded by hand in environment prod");
    let other = remove("shop/web:3").expect_code(1);
    other.says("of its repository there is shop/web:1.0@sha256:");
    let removed = remove("shop/web:1.0").expect_code(0);
    removed
        .says("shop/web:1.0@sha256:")
        .says("is not recorded in prod any more");
    let left = scout.lines(&["environment", "prod"]);
    assert!(
        left.len() == 1 && left[0].starts_with("shop/web:1.1@"),
        "{left:?}"
    );
    // By its digest, too.
    let digest = left[0].split_once('@').unwrap().1;
    let last = remove(&format!("shop/web@{digest}")).expect_code(0);
    last.says("Nothing is left in prod, so it is gone.");
    assert_eq!(scout.lines(&["environment"]), [] as [&str; 0]);
    assert_eq!(scout.lines(&["stream"]), ["latest-indexed"]);
    remove("shop/web:1.1")
        .expect_code(1)
        .says("has no environment prod");
}

#[test]
fn what_runs_leaves_with_its_list() {
    let scout = indexed();
    scout
        .scout(&["environment", "prod", "shop/web:1.1"])
        .expect_code(0);
    scout.sync("prod", "shop/web:1.1\nshop/api:2.1\n");
    let remove = |more: &[&str]| scout.scout(&[&["environment", "remove", "prod"], more].concat());
    let running = remove(&["shop/api:2.1"]).expect_code(1);
    running.says("if it runs there, list tells so");
    let by_hand = remove(&["shop/web:1.1"]).expect_code(0);
    by_hand.says("Still in it, because they run: shop/web:1.1@");
    assert_eq!(scout.lines(&["environment", "prod"]).len(), 2);
    let unknown = remove(&["--source", "east"]).expect_code(1);
    unknown.says("east put nothing into environment prod; its sources are list");
    let list = remove(&["--source", "list"]).expect_code(0);
    list.says("What list said of prod is removed.");
    assert_eq!(scout.lines(&["environment"]), [] as [&str; 0]);
}

#[test]
fn everything_is_removed_only_if_that_is_said() {
    let scout = indexed();
    scout
        .scout(&["environment", "prod", "shop/web:1.0"])
        .expect_code(0);
    scout.sync("prod", "shop/api:2.1\n");
    let all = ["environment", "remove", "prod"];
    scout.scout(&all).expect_code(super::USAGE).says("--all");
    assert_eq!(scout.lines(&["environment", "prod"]).len(), 2);
    let removed = scout.scout(&[&all[..], &["--all"]].concat()).expect_code(0);
    removed
        .says("shop/web:1.0@")
        .says("What list said of prod is removed.");
    let gone = scout.scout(&["environment", "prod"]).expect_code(1);
    gone.says("organization acme has no environment prod");
}
