//! The example registry from end to end: packages, findings, summary, second run, missing data.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use serde_json::Value;

use crate::examples::{ADVISORIES, IMAGES, LATEST, REGISTRY, indexed, severities};
use crate::support::http;
use crate::support::layout::{self, Layout};
use crate::support::program;
use crate::support::scout::{Image, Scout};
use crate::support::serving::Serving;

#[test]
fn every_example_image_has_the_findings_its_readme_promises() {
    let (scout, _) = indexed();
    for (image, expected) in IMAGES {
        let cves = scout.cves(image);
        assert_eq!(severities(&cves), expected, "{image}: {cves:#}");
    }
}

#[test]
fn packages_are_those_of_the_databases() {
    let (scout, _) = indexed();
    for (image, expected) in [
        (
            "shop/web:1.1",
            &[
                ("deb", "base-files", "12.4+deb12u8"),
                ("deb", "libc-bin", "2.36-9+deb12u9"),
                ("deb", "libc6", "2.36-9+deb12u9"),
                ("deb", "libcurl4", "7.88.1-10+deb12u8"),
                ("deb", "libnghttp2-14", "1.52.0-1+deb12u2"),
                ("deb", "libssl3", "3.0.15-1~deb12u1"),
                ("deb", "libwebp7", "1.2.4-0.2+deb12u1"),
                ("deb", "nginx", "1.22.1-9"),
                ("deb", "zlib1g", "1:1.2.13.dfsg-1"),
            ][..],
        ),
        (
            "shop/api:2.1",
            &[
                ("apk", "alpine-baselayout", "3.6.5-r0"),
                ("apk", "busybox", "1.36.1-r28"),
                ("apk", "libcrypto3", "3.3.0-r2"),
                ("apk", "libssl3", "3.3.0-r2"),
                ("apk", "musl", "1.2.5-r0"),
                ("apk", "python3", "3.12.3-r1"),
                ("apk", "zlib", "1.3.1-r1"),
                ("pypi", "Jinja2", "3.1.4"),
                ("pypi", "gunicorn", "21.2.0"),
                ("pypi", "idna", "3.7"),
                ("pypi", "requests", "2.30.0"),
                ("pypi", "urllib3", "1.26.18"),
            ],
        ),
        (
            "shop/worker:0.9",
            &[
                ("maven", "app", "0.9"),
                ("maven", "org.apache.logging.log4j:log4j-core", "2.14.1"),
                ("npm", "@shop/queue", "1.4.0"),
                ("npm", "jquery", "3.4.1"),
                ("npm", "lodash", "4.17.21"),
                ("npm", "ms", "2.1.3"),
            ],
        ),
    ] {
        let sbom = scout.sbom(image);
        let found: BTreeSet<_> = sbom["packages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|package| {
                let text = |key: &str| package[key].as_str().unwrap();
                (text("type"), text("name"), text("version"))
            })
            .collect();
        assert_eq!(found, expected.iter().copied().collect(), "{image}");
    }
}

#[test]
fn what_cannot_be_compared_makes_the_image_partly_unknown() {
    let (scout, _) = indexed();
    let cves = scout.cves("shop/worker:0.9");
    let unknown = cves["coverage"]["unknown"].to_string();
    assert!(unknown.contains("Maven"), "{cves:#}");
    let patched = scout.cves("shop/web:1.1");
    assert_eq!(patched["coverage"]["unknown"], Value::Array(Vec::new()));
    assert_eq!(patched["coverage"]["judged"], true);
}

#[test]
fn two_records_of_one_vulnerability_are_one_finding() {
    let (scout, _) = indexed();
    let cves = scout.cves("shop/api:2.1");
    let findings = cves["findings"].as_array().unwrap();
    let one: Vec<_> = findings
        .iter()
        .filter(|finding| finding["vulnerability"] == "CVE-2023-32681")
        .collect();
    assert_eq!(one.len(), 1, "{cves:#}");
    let records: BTreeSet<_> = one[0]["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record.as_str().unwrap())
        .collect();
    assert_eq!(
        records,
        BTreeSet::from(["GHSA-j8r2-6x86-q33q", "PYSEC-2023-74"])
    );
}

#[test]
fn exploited_vulnerabilities_and_fixes_are_told() {
    let (scout, _) = indexed();
    let cves = scout.cves("shop/web:1.0");
    let findings = cves["findings"].as_array().unwrap();
    let exploited: BTreeSet<_> = findings
        .iter()
        .filter(|finding| finding["known_exploited"] == true)
        .map(|finding| finding["vulnerability"].as_str().unwrap())
        .collect();
    assert_eq!(
        exploited,
        BTreeSet::from(["CVE-2023-44487", "CVE-2023-4863", "CVE-2023-4911"])
    );
    let curl = findings
        .iter()
        .find(|finding| finding["vulnerability"] == "CVE-2023-38545")
        .unwrap();
    assert_eq!(curl["severity"], "CRITICAL");
    assert_eq!(curl["fixed_versions"][0], "7.88.1-10+deb12u4");
    assert_eq!(curl["packages"][0]["source_name"], "curl");
}

#[test]
fn the_summary_tells_images_packages_findings_policies_and_the_unknown() {
    let (_, outcome) = indexed();
    for (image, findings) in IMAGES {
        let row = outcome
            .stdout
            .lines()
            .find(|line| line.contains(image))
            .unwrap_or_else(|| panic!("no line for {image} in\n{outcome}"));
        assert!(row.contains(findings), "{findings} not in {row:?}");
    }
    outcome.says(LATEST);
    for text in [
        "latest-indexed",
        "Default non-root user",
        "No fixable critical or high vulnerabilities",
        "No high-profile vulnerabilities",
        "versions of Maven cannot be compared yet",
    ] {
        assert!(outcome.stdout.contains(text), "no {text:?} in\n{outcome}");
    }
}

#[test]
fn a_second_run_finds_nothing_to_do_and_says_the_same() {
    let (scout, first) = indexed();
    let before: Vec<_> = IMAGES.map(|(image, _)| scout.cves(image)).into();
    let second = scout.sweep(REGISTRY, &ADVISORIES).expect_code(0);
    let after: Vec<_> = IMAGES.map(|(image, _)| scout.cves(image)).into();
    assert_eq!(before, after);
    assert!(second.stdout.contains(LATEST), "{second}\n{first}");
}

#[test]
fn without_all_images_the_first_sweep_is_the_baseline_and_later_pushes_count() {
    let mut registry = Layout::new();
    registry.image("team/old:1", &[layout::debian("old", "1-1")]);
    let scout = Scout::new();
    let command = scout.watch_command(&registry.registry(), &["--once"]);
    let first = program::wait(command, program::DEADLINE).expect_code(0);
    first.says("--all-images");
    let indexed = |scout: &Scout| {
        let images = scout.images();
        let analyzed = images
            .into_iter()
            .filter(|image| image.text("state") == "indexed");
        analyzed
            .flat_map(|image| Image::names(&image))
            .collect::<Vec<_>>()
    };
    assert_eq!(indexed(&scout), Vec::<String>::new());
    registry.image("team/new:1", &[layout::debian("new", "1-1")]);
    let command = scout.watch_command(&registry.registry(), &["--once"]);
    program::wait(command, program::DEADLINE).expect_code(0);
    assert_eq!(indexed(&scout), ["team/new:1"]);
}

#[test]
fn without_advisories_everything_is_unknown_loudly_and_nothing_is_zero() {
    let scout = Scout::new();
    let outcome = scout.sweep(REGISTRY, &[]).expect_code(0);
    outcome.says("curl ").says("all.zip").says("--advisories");
    for (image, _) in IMAGES {
        let cves = scout.cves(image);
        assert_eq!(cves["coverage"]["judged"], false, "{image}: {cves:#}");
        assert!(
            !cves["coverage"]["unknown"].as_array().unwrap().is_empty(),
            "{image}: {cves:#}"
        );
    }
    let exporter = Serving::exporter(&scout);
    let samples = exporter.samples(&scout.token(&[]));
    let zeros = samples.of("scout_stream_vulnerabilities", &[]).count();
    assert_eq!(zeros, 0, "no data is not zero: {samples:?}");
}

#[test]
fn one_missing_feed_is_named_with_the_line_that_fetches_it() {
    let advisories = tempfile::TempDir::new().unwrap();
    let source = crate::support::workspace::root().join("examples/advisories");
    for ecosystem in ["Debian", "PyPI", "npm"] {
        let folder = advisories.path().join(ecosystem);
        fs::create_dir(&folder).unwrap();
        fs::copy(
            source.join(ecosystem).join("all.zip"),
            folder.join("all.zip"),
        )
        .unwrap();
    }
    let scout = Scout::new();
    let folder = advisories.path().to_str().unwrap();
    let outcome = scout.sweep(REGISTRY, &["--advisories", folder]);
    let outcome = outcome.expect_code(0);
    outcome.says("Alpine").says("Alpine/all.zip");
    // No catalog of exploited vulnerabilities either: that policy has no data and no series.
    let exporter = Serving::exporter(&scout);
    let samples = exporter.samples(&scout.token(&[]));
    let id = [("id", "high-profile-vulnerabilities")];
    let evaluated: f64 = samples
        .of("scout_policy_evaluated_images", &id)
        .map(|(_, value)| value)
        .sum();
    assert_eq!(evaluated, 0.0, "{samples:?}");
}

#[test]
fn a_dry_run_says_what_it_would_do_and_does_nothing() {
    let scout = Scout::new();
    let outcome = scout.sweep(REGISTRY, &["--dry-run"]).expect_code(0);
    for (image, _) in IMAGES {
        outcome.says(image);
    }
    let indexed = scout.dir().join("scout.db").exists()
        && scout
            .images()
            .iter()
            .any(|image| image.text("state") == "indexed");
    assert!(!indexed, "a dry run indexed something\n{outcome}");
}

#[test]
fn repositories_tags_and_globs_choose() {
    let cases: [(&str, &[&str], &[&str]); 5] = [
        (REGISTRY, &["--repository", "shop/api"], &["shop/api:2.1"]),
        (REGISTRY, &["--tag", "^1\\.1$"], &["shop/web:1.1"]),
        (
            "type=oci-dir,path=examples/registry,include=*/w*,exclude=*/worker",
            &[],
            &["shop/web:1.0", "shop/web:1.1"],
        ),
        (
            "type=oci-dir,path=examples/registry,includes=shop/api",
            &[],
            &["shop/api:2.1"],
        ),
        (
            "\"type=oci-dir\",path=examples/registry,exclude=*",
            &[],
            &[],
        ),
    ];
    for (registry, more, expected) in cases {
        let scout = Scout::new();
        let outcome = scout.sweep(registry, more).expect_code(0);
        let mut found: Vec<_> = scout.images().iter().flat_map(Image::names).collect();
        found.sort();
        assert_eq!(found, expected, "{registry} {more:?}\n{outcome}");
    }
}

#[test]
fn serving_writes_a_private_token_prints_a_curl_line_and_reuses_the_token() {
    let scout = Scout::new();
    let more = ["--all-images", "--once", ADVISORIES[0], ADVISORIES[1]];
    let mut tokens = Vec::new();
    for _ in 0..2 {
        let watcher = Serving::watcher(&scout, REGISTRY, &more);
        let path = scout.dir().join("token");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let token = fs::read_to_string(&path).unwrap().trim().to_owned();
        let answer = program::until("metrics", Duration::from_secs(20), || {
            let answer = watcher.ask(&token);
            (answer.status == 200 && answer.body.contains("scout_stream")).then_some(answer)
        });
        let samples = crate::support::metrics::Samples::parse(&answer.body);
        assert_eq!(samples.severities("latest-indexed"), LATEST);
        let output = watcher.guard.terminate(Duration::from_secs(20));
        assert!(
            !output.stdout.contains(&token) && !output.stderr.contains(&token),
            "the token is in the output"
        );
        tokens.push(token);
    }
    assert_eq!(tokens[0], tokens[1]);
}

#[test]
fn the_printed_curl_line_works_as_printed() {
    if !crate::support::guard::exists("curl") {
        println!("skipped: curl not found");
        return;
    }
    let scout = Scout::new();
    let more = ["--all-images", "--once", ADVISORIES[0], ADVISORIES[1]];
    let watcher = Serving::watcher(&scout, REGISTRY, &more);
    let stdout = watcher.guard.stdout();
    let line = stdout.lines().find(|line| line.contains("curl ")).unwrap();
    let line = &line[line.find("curl ").unwrap()..];
    let mut shell = std::process::Command::new("sh");
    shell
        .args(["-c", line])
        .current_dir(crate::support::workspace::root());
    let outcome = program::wait(shell, program::DEADLINE).expect_code(0);
    assert!(
        outcome.stdout.contains("scout_stream_vulnerabilities{"),
        "{outcome}"
    );
    assert_eq!(
        http::get(&format!("{}/healthz", watcher.url), &[])
            .unwrap()
            .status,
        200
    );
}
