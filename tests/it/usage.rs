//! Wrong usage: each fault is named, with what is allowed, and the exit status is 64.

use std::path::Path;

use crate::support::program;
use crate::support::scout::Scout;
use crate::support::workspace;

/// Usage faults end with this status.
const USAGE: i32 = 64;

#[test]
fn what_scout_watch_does_not_know_is_named_with_what_is_allowed() {
    let good = "type=oci-dir,path=examples/registry";
    let cases: [(&[&str], &[&str]); 14] = [
        (&["--registry", good, "--nonsense"], &["--nonsense"]),
        (
            &["--registry", good, "--workers", "many"],
            &["--workers", "many"],
        ),
        (&["--registry", good, "--workers", "0"], &["--workers", "0"]),
        (
            &["--registry", good, "--interval", "soon"],
            &["--interval", "soon"],
        ),
        (
            &["--registry", good, "--log-format", "xml"],
            &["xml", "text", "json"],
        ),
        (
            &["--registry", good, "--org", "not an org"],
            &["not an org"],
        ),
        (
            &["--registry", good, "--platform", "linux"],
            &["--platform", "linux"],
        ),
        (&["--registry", good, "--tag", "("], &["--tag", "("]),
        (
            &["--registry", "type=nexuss,registry=localhost:1"],
            &["nexuss", "oci", "oci-dir"],
        ),
        (
            &["--registry", "type=oci,registry=localhost:1,colour=red"],
            &["colour", "registry", "include"],
        ),
        (&["--registry", "type=oci-dir"], &["path"]),
        (&["--registry", "type=oci"], &["registry"]),
        (
            &[
                "--registry",
                "type=oci-dir,path=examples/registry,include=[a",
            ],
            &["[a"],
        ),
        (
            &[
                "--registry",
                "type=oci,registry=registry.example.com,insecure=maybe",
            ],
            &["insecure", "maybe", "true"],
        ),
    ];
    for (arguments, expected) in cases {
        let scout = Scout::new();
        let dir = scout.dir().to_str().unwrap();
        let all = [arguments, &["--once", "--data-dir", dir]].concat();
        let outcome = program::run("scout-watch", workspace::root(), &all);
        assert_eq!(outcome.code, Some(USAGE), "{arguments:?}\n{outcome}");
        for text in expected {
            assert!(
                outcome.stderr.contains(text),
                "{arguments:?}: no {text:?}\n{outcome}"
            );
        }
        assert!(!scout.dir().exists(), "{arguments:?} made a data directory");
    }
}

#[test]
fn every_program_has_help_and_refuses_unknown_flags() {
    for name in ["scout", "scout-watch", "scout-exporter"] {
        let help = program::run(name, Path::new("/"), ["--help"]).expect_code(0);
        assert!(help.stdout.contains("Usage"), "{help}");
        let version = program::run(name, Path::new("/"), ["--version"]).expect_code(0);
        assert!(version.stdout.contains(name), "{version}");
        let wrong = program::run(name, Path::new("/"), ["--nonsense"]);
        let wrong = wrong.expect_code(USAGE);
        assert!(wrong.stderr.contains("--nonsense"), "{wrong}");
    }
}

#[test]
fn the_documented_flags_are_all_there() {
    let help = program::run("scout-watch", Path::new("/"), ["--help"]).expect_code(0);
    for flag in [
        "--advisories",
        "--all-images",
        "--config",
        "--data-dir",
        "--dry-run",
        "--integration",
        "--interval",
        "--log-format",
        "--once",
        "--org",
        "--platform",
        "--refresh-registry",
        "--registry",
        "--repository",
        "--sbom",
        "--serve",
        "--tag",
        "--webhook-address",
        "--workers",
    ] {
        assert!(help.stdout.contains(flag), "{flag} in\n{help}");
    }
    // The documented defaults.
    for (value, default) in [
        ("--interval <SECONDS>", "[default: 60]"),
        ("--workers <N>", "[default: 3]"),
        ("--sbom [<BOOL>]", "[default: true]"),
        ("--org <ORG>", "[default: default]"),
        ("--data-dir <DIR>", "[default: ./scout-data]"),
        ("--platform <OS/ARCH>", "[default: linux/amd64]"),
    ] {
        let rest = help.stdout.split(value).nth(1).unwrap_or_default();
        let paragraph = rest.split("\n      --").next().unwrap_or_default();
        assert!(paragraph.contains(default), "{value} {default} in\n{help}");
    }
}

#[test]
fn a_folder_that_is_no_layout_and_advisories_that_are_not_there_are_named() {
    let scout = Scout::new();
    let outcome = scout.sweep("type=oci-dir,path=/nonexistent/layout", &[]);
    assert!(matches!(outcome.code, Some(1 | USAGE)), "{outcome}");
    outcome.says("/nonexistent/layout");
    let scout = Scout::new();
    let outcome = scout.sweep(
        "type=oci-dir,path=examples/registry",
        &["--advisories", "/nonexistent/advisories"],
    );
    assert!(matches!(outcome.code, Some(1 | USAGE)), "{outcome}");
    outcome.says("/nonexistent/advisories");
}

#[test]
fn plain_http_to_another_machine_is_refused_before_anything_is_sent() {
    // 192.0.2.0/24 is reserved for documentation: nothing answers there.
    let scout = Scout::new();
    let registry = "type=oci,registry=http://192.0.2.1:5000";
    let outcome = scout.sweep(registry, &[]);
    assert!(matches!(outcome.code, Some(1 | USAGE)), "{outcome}");
    outcome.says("insecure=true");
}
