//! What a new user gets wrong: each slip is named, with what to do.

use std::path::Path;

use super::indexed;
use crate::support::program;
use crate::support::scout::Scout;

#[test]
fn nothing_recorded_yet_and_unknown_names_are_told() {
    let scout = Scout::new();
    for arguments in [
        &["environment"][..],
        &["environment", "prod"],
        &["environment", "sync", "prod", "--from", "-"],
        &["environment", "compare", "a", "b"],
        &["stream", "list"],
        &["images", "retry", "--failed"],
    ] {
        let outcome = scout.scout(arguments).expect_code(1);
        outcome.says("nothing is recorded in").says("scout enroll");
    }
    assert!(!scout.dir().exists());

    let scout = indexed();
    let dir = scout.dir().to_str().unwrap();
    let nobody = ["environment", "--org", "nobody", "--data-dir", dir];
    let nobody = program::run("scout", Path::new("/"), nobody).expect_code(1);
    nobody.says("organization nobody is not enrolled; `scout enroll nobody` does it");
    let first = scout.scout(&["environment", "prod"]).expect_code(1);
    first.says("there is none yet; `scout environment NAME IMAGE` makes one");
    scout
        .scout(&["environment", "production", "shop/web:1.0"])
        .expect_code(0);
    let near = scout.scout(&["environment", "prodution"]).expect_code(1);
    near.says("has no environment prodution; did you mean production?");
    let far = scout.scout(&["environment", "qa"]).expect_code(1);
    far.says("`scout environment` lists them");
    let image = scout.scout(&["environment", "production", "shop/web:9"]);
    image.expect_code(1).says("`scout images` lists what was");
}

#[test]
fn wrong_usage_is_named() {
    let scout = indexed();
    for (arguments, expected) in [
        (
            &["environment", "latest-indexed"][..],
            "filled by Scout itself",
        ),
        (&["environment", " "], "the name is empty"),
        (&["environment", "prod", "Shop/Web"], "Shop/Web"),
        (
            &["environment", "prod", "--platform", "arm"],
            "not a platform",
        ),
        (
            &["environment", "--platform", "linux/amd64"],
            "<ENVIRONMENT>",
        ),
        (&["environment", "--format", "json"], "<ENVIRONMENT>"),
        (
            &["environment", "prod", "--format", "xml"],
            "[possible values: list, table, json]",
        ),
        (
            &["environment", "prod", "shop/web:1.0", "--format", "json"],
            "cannot be used with",
        ),
        (&["environment", "sync", "prod"], "--from <FILE>"),
        (
            &["environment", "remove", "prod"],
            "remove [OPTIONS] <ENVIRONMENT> <IMAGE|--source <NAME>|--all>",
        ),
        (&["environment", "compare", "a"], "<TO>"),
        (
            &["environment", "prod", "compare", "a", "b"],
            "write the command first",
        ),
        (
            &["environment", "--output", "x", "compare", "a", "b"],
            "only --org and --data-dir may stand before a command",
        ),
        (
            &["stream", "prod", "list"],
            "only --org and --data-dir may stand before",
        ),
        (&["stream", "list", "prod"], "prod"),
    ] {
        let outcome = scout.scout(arguments).expect_code(super::USAGE);
        outcome.says(expected);
    }
}

/// An environment may have the name of a command: behind `--` a word is a name.
#[test]
fn an_environment_may_be_called_like_a_command() {
    let scout = indexed();
    for name in ["sync", "remove", "compare"] {
        let recorded = scout.behind_dashes("environment", &[name, "shop/web:1.1"]);
        recorded
            .expect_code(0)
            .says(&format!("environment {name}."));
        let images = scout.behind_dashes("environment", &[name]).expect_code(0);
        assert!(images.stdout.starts_with("shop/web:1.1@"), "{images}");
    }
    scout.sync("list", "shop/web:1.1\n");
    let stream = scout.behind_dashes("stream", &["list"]).expect_code(0);
    assert!(stream.stdout.starts_with("shop/web:1.1@"), "{stream}");
    let compared = scout.scout(&["environment", "compare", "sync", "remove"]);
    compared.expect_code(0).says("sync → remove");
    let help = scout.scout(&["environment", "--help"]).expect_code(0);
    help.says("scout environment -- sync");
}
