//! Setting up a cluster: what is asked for, what is wrong, and what is saved.

use super::*;
use tempfile::TempDir;

/// Usage faults end with this status.
const USAGE: i32 = 64;

#[track_caller]
fn check_nothing_saved(scout: &Scout, outcome: Outcome, code: i32, words: &[&str]) {
    let outcome = outcome.expect_code(code);
    for word in words {
        outcome.says(word);
    }
    assert!(!format!("{outcome}").contains("canary"), "{outcome}");
    assert!(!scout.dir().exists(), "{outcome}");
}

#[test]
fn without_a_cluster_the_clusters_are_listed_and_without_an_environment_one_is_asked_for() {
    let (scout, sysdig) = (Scout::new(), Sysdig::start());
    let none = add(&scout, &sysdig, "prod", &[]);
    check_nothing_saved(&scout, none, 1, &["knows no cluster", "clusterConfig.name"]);
    for cluster in ["prod-eu", "größe two", "it's"] {
        sysdig.run(cluster, &[running("shop/web:1.0")]);
    }
    for (more, words) in [
        (
            &[][..],
            &[
                "3 clusters",
                "\n  prod-eu\n",
                "Not saved",
                "cluster='größe two'",
            ][..],
        ),
        (
            &["environment=staging"],
            &["\n  it's\n", "choose a cluster, and add"],
        ),
        (
            &["cluster=prod-eu"],
            &["1 running image", "choose an environment", "environment="],
        ),
    ] {
        let outcome = add(&scout, &sysdig, "prod", more);
        check_nothing_saved(&scout, outcome, 1, words);
    }
    // Names are names, whatever is in them.
    for (name, cluster) in [("one", "größe two"), ("two", "it's")] {
        let cluster = format!("cluster={cluster}");
        let more = [cluster.as_str(), "environment=staging"];
        add(&scout, &sysdig, name, &more).expect_code(0);
    }
}

#[test]
fn what_is_wrong_is_told_and_nothing_is_saved() {
    let sysdig = Sysdig::start();
    sysdig.run("prod", &[running("shop/web:1.0")]);
    let all = ["cluster=prod", "environment=production"];
    let with = |more: &[&'static str]| -> Vec<&'static str> { [&all[..], more].concat() };
    for (more, code, words) in [
        (with(&["region=us1"]), USAGE, &["region=", "url="][..]),
        (with(&["cluser=prod"]), USAGE, &["cluser", "cluster, env"]),
        (with(&["token=env:NO_SUCH"]), USAGE, &["token= is given"]),
        (with(&["api=v2"]), USAGE, &["risk-spotlight, v1"]),
        (with(&["cluster=b"]), USAGE, &["cluster= is given"]),
        (
            vec!["cluster=prod", "environment=latest-indexed"],
            USAGE,
            &["latest-indexed"],
        ),
        (
            vec!["cluster=prd", "environment=production"],
            1,
            &["nothing was saved", "no cluster \"prd\"", "\"prod\""],
        ),
        (
            with(&["api=v1"]),
            1,
            &["nothing was saved", "connecting failed"],
        ),
    ] {
        let scout = Scout::new();
        let outcome = add(&scout, &sysdig, "prod", &more);
        check_nothing_saved(&scout, outcome, code, words);
    }
    let of = |pairs: &[&str], token: &str| {
        let scout = Scout::new();
        let mut arguments = vec!["integration", "add", "sysdig", "--name", "prod"];
        for pair in pairs.iter().chain(&all) {
            arguments.extend(["--parameter", pair]);
        }
        let mut command = scout.command(&arguments);
        command.env("TEST_TOKEN", token);
        (scout, program::wait(command, program::DEADLINE))
    };
    let url = format!("url={}", sysdig.url());
    for (pairs, token, code, words) in [
        (
            vec!["token=env:TEST_TOKEN", "region=us9"],
            "t",
            USAGE,
            &["us9", "us1, us2", "url="][..],
        ),
        (
            vec!["token=env:NO_SUCH", &url],
            "t",
            USAGE,
            &["NO_SUCH", "not set"],
        ),
        (
            vec!["token=canary", &url],
            "t",
            USAGE,
            &["env:NAME", "file:PATH"],
        ),
        (vec![&url], "t", USAGE, &["needs token="]),
        (
            vec!["token=env:TEST_TOKEN"],
            "t",
            USAGE,
            &["needs region= or url="],
        ),
        (
            vec!["token=env:TEST_TOKEN", &url],
            "wrong-canary",
            1,
            &["nothing was saved", "check token=", "Risk Spotlight"],
        ),
        (
            vec!["token=env:TEST_TOKEN", "url=http://127.0.0.1:1"],
            "t",
            1,
            &["nothing was saved", "cannot be reached"],
        ),
    ] {
        let (scout, outcome) = of(&pairs, token);
        check_nothing_saved(&scout, outcome, code, words);
    }
}

#[test]
fn a_cluster_belongs_to_one_integration_and_can_be_changed() {
    let (scout, sysdig) = (Scout::new(), Sysdig::start());
    sysdig.run("east", &[running("shop/web:1.0")]);
    sysdig.run("west", &[running("shop/api:2.1")]);
    add_examples(&scout);
    join(&scout, &sysdig, "east", "production");
    let more = ["cluster=east", "environment=staging"];
    let again = add(&scout, &sysdig, "again", &more).expect_code(1);
    again
        .says("integration east watches")
        .says("nothing was saved");
    once(&scout, &["--all-images"]).expect_code(0);
    let update = |more: &[&str]| {
        let arguments = [&["integration", "update", "--name", "east"], more].concat();
        let mut command = scout.command(&arguments);
        command.env("TEST_TOKEN", SPOTLIGHT_TOKEN);
        program::wait(command, program::DEADLINE)
    };
    update(&[]).expect_code(USAGE).says("nothing to change");
    let unset = update(&["--unset", "environment"]).expect_code(1);
    unset.says("nothing was saved").says("environment=");
    let moved = update(&["--parameter", "environment=staging"]).expect_code(0);
    moved.says("share of environment production is removed, with 1 image");
    check_no_environment(&scout);
    once(&scout, &[]).expect_code(0);
    let staging = environment(&scout, "staging")["images"].clone();
    assert_eq!(staging[0]["repository"], "shop/web");
    let moved = update(&["--parameter", "cluster=west"]).expect_code(0);
    moved.says("share of environment staging is removed");
    once(&scout, &[]).expect_code(0);
    let staging = environment(&scout, "staging")["images"].clone();
    assert_eq!(staging[0]["repository"], "shop/api");
    assert_eq!(staging.as_array().unwrap().len(), 1);
    let listed = &scout.json(&["integration", "list", "sysdig"])[0];
    assert_eq!(listed["cluster"], "west");
    assert_eq!(listed["environment"], "staging");
    assert_eq!(listed["sync"]["images"], 1);
    let repositories = ["repo", "enable", "--all", "--integration", "east"];
    let refused = scout.scout(&repositories).expect_code(1);
    refused.says("has no repositories");
}

#[test]
fn a_cluster_may_stand_in_the_file() {
    let (scout, sysdig, dir) = (Scout::new(), Sysdig::start(), TempDir::new().unwrap());
    sysdig.run("east", &[running("shop/web:1.0")]);
    let file = dir.path().join("scout.toml");
    let write = |cluster: &str, environment: &str| {
        let text = format!(
            "runtime-interval = 1\n\n[[integration]]\nname = \"images\"\ntype = \"oci-dir\"\n\
             path = \"examples/registry\"\n\n[[integration]]\nname = \"east\"\n\
             type = \"sysdig\"\nurl = \"{}\"\ntoken = \"env:TEST_TOKEN\"\n{cluster}\
             environment = \"{environment}\"\n",
            sysdig.url()
        );
        fs::write(&file, text).unwrap();
    };
    let config = ["--all-images", "--config", file.to_str().unwrap()];
    write("", "production");
    let incomplete = once(&scout, &config).expect_code(USAGE);
    incomplete.says("integration east").says("needs cluster=");
    write("cluster = \"east\"\n", "production");
    let dry = [&["--dry-run"], &config[..]].concat();
    let planned = program::wait(watch_command(&scout, &dry), program::DEADLINE);
    planned
        .expect_code(0)
        .says("0 of 1 running images would be assigned");
    let watched = once(&scout, &config).expect_code(0);
    watched.says("1 image running, 1 analyzed, 0 waiting");
    let planned = program::wait(watch_command(&scout, &dry), program::DEADLINE);
    planned
        .expect_code(0)
        .says("1 of 1 running images would be assigned");
    // Its share goes along to another environment.
    write("cluster = \"east\"\n", "staging");
    once(&scout, &config).expect_code(0);
    let listed = scout.scout(&["environment"]).expect_code(0);
    assert!(listed.stdout.contains("staging"), "{listed}");
    assert!(!listed.stdout.contains("production"), "{listed}");
}
