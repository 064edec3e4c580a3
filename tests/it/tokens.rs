//! Organizations and tokens from the command line.

mod guarding;
mod leaks;
mod making;

use std::path::{Path, PathBuf};

use crate::examples::indexed;
use crate::support::program;
use crate::support::scout::{ORG, Scout};
use crate::support::serving::Serving;

#[test]
fn tokens_are_made_listed_and_revoked() {
    let (scout, _) = indexed();
    let exporter = Serving::exporter(&scout);
    let first = scout.token(&[]);
    let second = scout.token(&[]);
    assert_ne!(first, second);
    assert!(first.len() >= 32, "{} characters", first.len());
    assert_eq!(exporter.ask(&first).status, 200);

    let list = scout.scout(&["token", "list"]).expect_code(0);
    assert!(!list.stdout.contains(&first), "a list shows a secret");
    // The identifier is the first column of the list.
    let ids: Vec<_> = list
        .stdout
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .filter(|word| word.chars().any(|c| c.is_ascii_digit()))
        .map(str::to_owned)
        .collect();
    assert_eq!(ids.len(), 2, "{list}");

    scout.scout(&["token", "revoke", &ids[0]]).expect_code(0);
    let statuses = [exporter.ask(&first).status, exporter.ask(&second).status];
    assert!(
        statuses == [401, 200] || statuses == [200, 401],
        "one of the two: {statuses:?}"
    );
}

#[test]
fn tokens_are_stored_hashed() {
    let (scout, _) = indexed();
    let token = scout.token(&[]);
    let body = token.rsplit('_').next().unwrap();
    for path in files_below(scout.dir()) {
        let content = std::fs::read(&path).unwrap();
        let found = content
            .windows(body.len())
            .any(|window| window == body.as_bytes());
        assert!(!found, "{} holds the token", path.display());
    }
}

/// A data directory with an organization, and nothing else.
fn enrolled() -> Scout {
    let scout = Scout::new();
    let dir = scout.dir().to_str().unwrap();
    let outcome = program::run("scout", Path::new("/"), ["enroll", ORG, "--data-dir", dir]);
    outcome.expect_code(0);
    scout
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let (folders, mut files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    files.extend(folders.iter().flat_map(|folder| files_below(folder)));
    files
}

#[test]
fn enrolling_makes_an_organization_and_twice_is_no_harm() {
    let scout = Scout::new();
    let dir = scout.dir().to_str().unwrap();
    for _ in 0..2 {
        let outcome = program::run("scout", Path::new("/"), ["enroll", ORG, "--data-dir", dir]);
        outcome.expect_code(0);
    }
    let exporter = Serving::exporter(&scout);
    let token = scout.token(&[]);
    let answer = exporter.ask(&token);
    // Enrolled, and nothing is known yet: an empty page, or one without series.
    assert_eq!(answer.status, 200, "{answer:?}");
    let series = answer.body.lines().filter(|line| !line.starts_with('#'));
    assert_eq!(series.filter(|line| !line.trim().is_empty()).count(), 0);
}

#[test]
fn wrong_words_are_refused_with_what_is_allowed() {
    let (scout, _) = indexed();
    for (arguments, expected) in [
        (&["token", "create", "--role", "boss"][..], "owner"),
        (&["token", "revoke", "no-such-token"], "no-such-token"),
        (&["sbom", "shop/nothing:1"], "shop/nothing"),
        (&["environment", "prod", "shop/nothing:1"], "shop/nothing"),
        (&["environment", "nowhere"], "nowhere"),
    ] {
        let outcome = scout.scout(arguments);
        assert_ne!(outcome.code, Some(0), "{arguments:?}\n{outcome}");
        assert!(
            outcome.stderr.contains(expected),
            "{arguments:?}\n{outcome}"
        );
    }
}

#[test]
fn an_organization_nobody_enrolled_is_named() {
    let (scout, _) = indexed();
    let dir = scout.dir().to_str().unwrap();
    let outcome = program::run(
        "scout",
        Path::new("/"),
        ["images", "--org", "nobody", "--data-dir", dir],
    );
    assert_eq!(outcome.code, Some(1), "{outcome}");
    outcome.says("nobody").says("enroll");
}
