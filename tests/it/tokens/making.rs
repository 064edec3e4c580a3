//! Making tokens: with an end, into a file, and what is refused.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use serde_json::Value;

use super::enrolled;
use crate::support::program::{self, DEADLINE};
use crate::support::scout::Scout;
use crate::support::serving::Serving;

/// Reads `scout token list --format json`.
#[track_caller]
pub(super) fn listed(scout: &Scout) -> Vec<Value> {
    let Value::Array(tokens) = scout.json(&["token", "list"]) else {
        panic!("`scout token list --format json` is not an array");
    };
    tokens
}

#[test]
fn a_token_is_good_until_its_end() {
    let scout = enrolled();
    let exporter = Serving::exporter(&scout);
    let outcome = scout.scout(&["token", "create", "--expires-in", "90d"]);
    let outcome = outcome.expect_code(0);
    outcome.says("It is good until ");
    let good = outcome.stdout.lines().last().unwrap().to_owned();
    let stays = scout.scout(&["token", "create"]).expect_code(0);
    stays.says("It does not expire.");
    assert_eq!(exporter.ask(&good).status, 200);

    let ends = scout.token(&["--expires-in", "1s"]);
    let answer = program::until("end of the token", DEADLINE, || {
        let answer = exporter.ask(&ends);
        (answer.status != 200).then_some(answer)
    });
    assert_eq!(answer.status, 401, "{answer:?}");
    assert!(answer.body.contains("has expired"), "{answer:?}");
    assert_eq!(exporter.ask(&good).status, 200);

    let states: Vec<_> = listed(&scout)
        .iter()
        .map(|token| {
            let has_end = token["expires_at"].is_string();
            (token["state"].as_str().unwrap().to_owned(), has_end)
        })
        .collect();
    let expected = [("valid", true), ("valid", false), ("expired", true)];
    assert_eq!(states, expected.map(|(state, end)| (state.to_owned(), end)));
    let list = scout.scout(&["token", "list"]).expect_code(0);
    list.says("EXPIRES").says("(over)").says("never");

    let later = scout.token(&["--expires-at", "2099-12-31"]);
    assert_eq!(exporter.ask(&later).status, 200);
    let end = listed(&scout)[3]["expires_at"].clone();
    assert_eq!(end, "2099-12-31T00:00:00Z");
    // An expired token can be revoked, too.
    scout.scout(&["token", "revoke", &ends]).expect_code(0);
    assert_eq!(listed(&scout)[2]["state"], "revoked");
}

#[test]
fn a_token_is_written_into_a_file_of_its_owner() {
    let scout = enrolled();
    let exporter = Serving::exporter(&scout);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let link = folder.path().join("link");
    symlink("token", &link).unwrap();
    // What is there is replaced, however public it was.
    fs::write(&file, "old").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    for path in [&file, &link] {
        let path = path.to_str().unwrap();
        let outcome = scout.scout(&["token", "create", "--output", path]);
        let outcome = outcome.expect_code(0);
        let text = fs::read_to_string(&file).unwrap();
        let token = text.strip_suffix('\n').unwrap();
        assert_eq!(exporter.ask(token).status, 200);
        for output in [&outcome.stdout, &outcome.stderr] {
            assert!(!output.contains("scout_pat_"), "{outcome}");
        }
        outcome.says(path);
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let names = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(names, 2, "nothing is left beside it");
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(listed(&scout).len(), 2);
}

#[test]
fn a_token_that_cannot_be_written_is_not_made() {
    let scout = enrolled();
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("no/such/folder/token");
    for (path, expected) in [
        (missing.as_path(), "no/such/folder/token"),
        (folder.path(), "it is no file"),
        ("/".as_ref(), "it is no file"),
        ("/dev/stdout".as_ref(), "it is no file"),
    ] {
        let path = path.to_str().unwrap();
        let outcome = scout.scout(&["token", "create", "--output", path]);
        let outcome = outcome.expect_code(1);
        assert!(outcome.stderr.contains(expected), "{path}\n{outcome}");
        assert!(!outcome.stdout.contains("scout_pat_"), "{outcome}");
    }
    assert_eq!(listed(&scout), [Value::Null; 0]);
}

#[test]
fn slips_are_named_with_what_is_meant() {
    let scout = enrolled();
    for (arguments, expected) in [
        (&["--expires-in", "90"][..], "90d for days"),
        (&["--expires-in", "soon"], "90d, 12h"),
        (&["--expires-in", "0d"], "good for some time"),
        (&["--expires-in=-1d"], "good for some time"),
        (&["--expires-in", "1000y"], "100 years"),
        (&["--expires-at", "2001-01-01"], "over already"),
        (&["--expires-at", "2027-02-30"], "2027-06-30"),
        (&["--expires-at", "2027-06-30T10:00"], "with its zone"),
        (&["--expires-at", "2999-01-01"], "100 years"),
        (
            &["--expires-at", "2099-01-01", "--expires-in", "1d"],
            "cannot be used with",
        ),
        (&["--output"], "--output"),
    ] {
        let all = [&["token", "create"], arguments].concat();
        let outcome = scout.scout(&all).expect_code(64);
        assert!(
            outcome.stderr.contains(expected),
            "{arguments:?}\n{outcome}"
        );
    }
    let outcome = scout.scout(&["token", "list", "--format", "xml"]);
    outcome.expect_code(64).says("json");
    assert_eq!(listed(&scout), [Value::Null; 0]);
}
