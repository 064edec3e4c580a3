//! What people are told: wrong usage, and trouble with the endpoint.

use std::fs;

use super::{CANARY, ORG, TOKEN, Walk, wait_for_critical, wait_for_reads};
use crate::support::program::{self, Outcome};
use crate::support::workspace;

/// Usage faults end with this status.
const USAGE: i32 = 64;

fn run(arguments: &[&str]) -> Outcome {
    program::run("scout-exporter", workspace::root(), arguments)
}

#[test]
fn wrong_usage_is_named_with_what_to_do() {
    let walk = Walk::new();
    let token = walk.token_file();
    let token = token.to_str().unwrap();
    let config = walk.folder.path().join("scout.toml");
    let config = config.to_str().unwrap();
    let dir = walk.scout.dir().to_str().unwrap();
    fs::write(
        config,
        "[[hosted]]\norg = \"acme\"\ntoken = \"dckr_pat_canary-x\"\n",
    )
    .unwrap();
    let hosted = ["--source", "hosted", "--data-dir", dir];
    let cases: [(&[&str], i32, &[&str]); 11] = [
        (
            &[],
            USAGE,
            &["--org ORG", "--token-file FILE", "[[hosted]]"],
        ),
        (&["--org", ORG], USAGE, &["--org needs --token-file"]),
        (
            &["--token-file", token],
            USAGE,
            &["--token-file needs --org"],
        ),
        (
            &["--org", ORG, "--token-file", "/nonexistent/token"],
            1,
            &["cannot read token=file:/nonexistent/token"],
        ),
        (
            &["--org", ORG, "--token-file", "dckr_pat_canary-y"],
            USAGE,
            &["looks like a token", "revoke it"],
        ),
        (
            &["--org", ORG, "--token-file", token, "--api", "http://h"],
            USAGE,
            &["cannot be read from h over plain http", "write https"],
        ),
        (
            &["--org", "not an org", "--token-file", token],
            USAGE,
            &["not an org"],
        ),
        (
            &[
                "--org",
                ORG,
                "--token-file",
                token,
                "--api",
                "https://u:canary-p@h",
            ],
            USAGE,
            &["--api", "there is a user in it"],
        ),
        (
            &["--org", ORG, "--token-file", token, "--cache-ttl", "60"],
            USAGE,
            &["--cache-ttl", "60m"],
        ),
        (
            &["--config", config],
            USAGE,
            &["line 3", "token: a secret is never written here"],
        ),
        (&["--source-x"], USAGE, &["--source-x"]),
    ];
    for (arguments, code, expected) in cases {
        let outcome = run(&[&hosted[..], arguments].concat()).expect_code(code);
        for text in expected {
            outcome.says(text);
        }
        let shown = outcome.stderr.replace("https://u:canary-p@h", "");
        assert!(!shown.contains(CANARY), "{outcome}");
    }
    let outcome = run(&["--org", ORG, "--data-dir", dir]).expect_code(USAGE);
    outcome.says("--source hosted");
    let outcome = run(&["--source", "both"]).expect_code(USAGE);
    outcome.says("store").says("hosted");
}

#[test]
fn trouble_is_told_once_with_its_cause_and_what_is_served() {
    let walk = Walk::new();
    let mut command = walk.command(&["--cache-ttl", "1s"]);
    command.env("SCOUT_LOG", "info");
    let exporter = crate::support::serving::Serving::exporting(command);
    wait_for_critical(&exporter, TOKEN, 1.0);
    walk.endpoint.own(&[]);
    wait_for_reads(&exporter, "unauthorized", 3.0);
    let said = exporter.guard.stderr();
    let warnings: Vec<_> = said.lines().filter(|line| line.contains("WARN")).collect();
    let refused: Vec<_> = warnings
        .iter()
        .filter(|line| line.contains("refused the token"))
        .collect();
    assert_eq!(refused.len(), 1, "{said}");
    for text in [
        "cannot read acme: http://127.0.0.1:",
        "revoked",
        "asking again in 1 s",
        "scrapers that send this token get 401, those that send one of ours the answer of",
    ] {
        assert!(refused[0].contains(text), "no {text} in {}", refused[0]);
    }
    // A token that is not Docker's is not warned of where the endpoint is not Docker's.
    assert_eq!(warnings.len(), 1, "{said}");
    walk.end(exporter);
}
