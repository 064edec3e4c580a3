//! What real databases write, one variant after the other.

use scout_envs::{Severity, SeveritySource};

use super::*;

#[test]
fn a_fix_ends_the_range_and_is_not_affected() {
    let simple = record(
        "CVE-2024-0001",
        "npm",
        "SEMVER",
        r#"{"introduced": "0"}, {"fixed": "1.2.0"}"#,
    );
    check(
        "npm",
        &[&simple],
        &[
            ("0.0.0-0", "CVE-2024-0001>1.2.0"),
            ("1.1.9", "CVE-2024-0001>1.2.0"),
            ("1.2.0-rc.1", "CVE-2024-0001>1.2.0"),
            ("1.2.0", ""),
            ("1.2.1", ""),
        ],
    );
}

#[test]
fn rustsec_begins_with_the_smallest_semantic_version() {
    let simple = record(
        "CVE-2024-0001",
        "crates.io",
        "SEMVER",
        r#"{"introduced": "0.0.0-0"}, {"fixed": "1.0.0"}"#,
    );
    check(
        "crates.io",
        &[&simple],
        &[("0.0.0-0", "CVE-2024-0001>1.0.0"), ("1.0.0", "")],
    );
}

#[test]
fn the_last_affected_version_is_affected() {
    let simple = record(
        "CVE-2024-0001",
        "npm",
        "SEMVER",
        r#"{"introduced": "1.0.0"}, {"last_affected": "1.2.0"}"#,
    );
    check(
        "npm",
        &[&simple],
        &[
            ("0.9.0", ""),
            ("1.0.0", "CVE-2024-0001>"),
            ("1.2.0", "CVE-2024-0001>"),
            ("1.2.1", ""),
        ],
    );
    let one = record(
        "CVE-2024-0001",
        "npm",
        "SEMVER",
        r#"{"last_affected": "1.0.0"}, {"introduced": "1.0.0"}"#,
    );
    check(
        "npm",
        &[&one],
        &[("0.9.0", ""), ("1.0.0", "CVE-2024-0001>"), ("1.0.1", "")],
    );
}

#[test]
fn events_may_come_in_any_order() {
    let events =
        r#"{"fixed": "10.2.0"}, {"introduced": "0"}, {"introduced": "9.0.0"}, {"fixed": "2.0.0"}"#;
    check(
        "npm",
        &[&record("CVE-2024-0001", "npm", "SEMVER", events)],
        &[
            ("1.0.0", "CVE-2024-0001>2.0.0"),
            ("2.0.0", ""),
            ("8.0.0", ""),
            ("9.5.0", "CVE-2024-0001>10.2.0"),
            ("10.2.0", ""),
        ],
    );
}

#[test]
fn events_at_one_version_count_in_the_order_they_are_written() {
    let reopened =
        r#"{"introduced": "0"}, {"fixed": "2.0.0"}, {"introduced": "2.0.0"}, {"fixed": "3.0.0"}"#;
    check(
        "npm",
        &[&record("CVE-2024-0001", "npm", "SEMVER", reopened)],
        &[
            ("1.0.0", "CVE-2024-0001>2.0.0"),
            ("2.0.0", "CVE-2024-0001>3.0.0"),
            ("3.0.0", ""),
        ],
    );
    let empty = r#"{"introduced": "1.0.0"}, {"fixed": "1.0.0"}"#;
    check(
        "npm",
        &[&record("CVE-2024-0001", "npm", "SEMVER", empty)],
        &[("0.5.0", ""), ("1.0.0", ""), ("2.0.0", "")],
    );
}

#[test]
fn a_limit_ends_what_is_said() {
    for (events, above) in [
        (r#"{"introduced": "1.0.0"}, {"limit": "2.0.0"}"#, ""),
        (
            r#"{"introduced": "1.0.0"}, {"limit": "*"}"#,
            "CVE-2024-0001>",
        ),
        (
            r#"{"introduced": "1.0.0"}, {"limit": "2.0.0"}, {"limit": "4.0.0"}"#,
            "CVE-2024-0001>",
        ),
        (
            r#"{"introduced": "1.0.0"}, {"limit": "*"}, {"limit": "2.0.0"}"#,
            "CVE-2024-0001>",
        ),
    ] {
        let limited = record("CVE-2024-0001", "npm", "SEMVER", events);
        check(
            "npm",
            &[&limited],
            &[("1.5.0", "CVE-2024-0001>"), ("3.0.0", above)],
        );
    }
}

#[test]
fn a_range_without_a_beginning_begins_at_the_beginning() {
    let simple = record("CVE-2024-0001", "npm", "SEMVER", r#"{"fixed": "2.0.0"}"#);
    check(
        "npm",
        &[&simple],
        &[("1.0.0", "CVE-2024-0001>2.0.0"), ("2.0.0", "")],
    );
}

#[test]
fn commits_are_ignored_and_listed_versions_count() {
    let listed = r#"{"id": "PYSEC-1", "aliases": ["CVE-2024-0001"], "affected": [
        {"package": {"ecosystem": "PyPI", "name": "P"}, "versions": ["1.0", "0.9-odd", "3.0rc1"],
         "ranges": [{"type": "GIT", "repo": "x", "events": [{"introduced": "0"}, {"fixed": "ab12"}]},
                    {"type": "ECOSYSTEM", "events": [{"introduced": "2.0"}, {"fixed": "2.4"}]}]}]}"#;
    check(
        "PyPI",
        &[listed],
        &[
            ("1.0.0", "CVE-2024-0001>2.4"),
            ("1.1", ""),
            ("0.9-odd", "CVE-2024-0001>2.4"),
            ("2.3", "CVE-2024-0001>2.4"),
            ("2.4", ""),
            ("3.0.RC1", "CVE-2024-0001>"),
        ],
    );
    let commits_only = record("CVE-2024-0001", "PyPI", "GIT", r#"{"introduced": "0"}"#);
    check("PyPI", &[&commits_only], &[("1.0", "")]);
}

#[test]
fn several_statements_on_one_package_add_up() {
    let overlapping = r#"{"id": "GHSA-1", "aliases": ["CVE-2024-0001"], "affected": [
        {"package": {"ecosystem": "npm", "name": "p"},
         "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.5.0"}]}]},
        {"package": {"ecosystem": "npm", "name": "p"},
         "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "1.0.0"}, {"fixed": "10.0.0"}]}]},
        {"package": {"ecosystem": "npm", "name": "P"},
         "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]},
        {"package": {"ecosystem": "NuGet", "name": "p"},
         "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]}]}"#;
    check(
        "npm",
        &[overlapping],
        &[
            ("0.5.0", "CVE-2024-0001>1.5.0"),
            ("1.2.0", "CVE-2024-0001>1.5.0,10.0.0"),
            ("9.0.0", "CVE-2024-0001>10.0.0"),
            ("10.0.0", ""),
        ],
    );
}

#[test]
fn records_of_one_vulnerability_become_one_finding() {
    let ghsa = r#"{"id": "GHSA-2", "aliases": ["CVE-2024-0001"],
        "severity": [{"type": "CVSS_V3", "score": "CVSS:3.0/AV:N/AC:H/PR:N/UI:N/S:U/C:N/I:N/A:H"}],
        "database_specific": {"severity": "CRITICAL"},
        "affected": [{"package": {"ecosystem": "npm", "name": "p"},
            "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "2.0.0"}]}]}]}"#;
    let other = r#"{"id": "ECO-1", "aliases": ["CVE-2024-0001"],
        "database_specific": {"severity": "HIGH"},
        "affected": [{"package": {"ecosystem": "npm", "name": "p"},
            "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.9.0"}]}]}]}"#;
    let index = index_of("npm", &[ghsa, other]);
    let expected = |severity, severity_source, records: &[&str], fixed: &[&str]| Finding {
        vulnerability: scout_envs::VulnerabilityId::new("CVE-2024-0001"),
        severity,
        severity_source,
        records: records.iter().map(|id| (*id).to_owned()).collect(),
        fixed_versions: fixed.iter().map(|id| (*id).to_owned()).collect(),
    };
    assert_eq!(
        index.find(&key("npm", "p", "1.0.0")),
        [expected(
            Severity::Medium,
            SeveritySource::CvssV3,
            &["ECO-1", "GHSA-2"],
            &["1.9.0", "2.0.0"]
        )]
    );
    // Only records that match are asked for their rating.
    assert_eq!(
        index.find(&key("npm", "p", "1.9.5")),
        [expected(
            Severity::Medium,
            SeveritySource::CvssV3,
            &["GHSA-2"],
            &["2.0.0"]
        )]
    );
}

#[test]
fn an_advisory_with_several_cves_gives_a_finding_for_each() {
    let advisory = r#"{"id": "ALSA-2024:0001", "summary": "Important: p security update",
        "related": ["CVE-2024-0002", "CVE-2024-0001"],
        "affected": [{"package": {"ecosystem": "AlmaLinux:9", "name": "p"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "0:1.0-2.el9"}]}]}]}"#;
    let index = index_of("AlmaLinux:9", &[advisory]);
    let findings = index.find(&key("AlmaLinux:9", "p", "1.0-1.el9"));
    assert_eq!(
        shown(&findings),
        "CVE-2024-0001>0:1.0-2.el9 CVE-2024-0002>0:1.0-2.el9"
    );
    for finding in &findings {
        assert_eq!(finding.severity, Severity::High);
        assert_eq!(finding.severity_source, SeveritySource::Distribution);
    }
    assert_eq!(index.find(&key("AlmaLinux:9", "p", "1.0-2.el9")), []);
    assert_eq!(index.find(&key("AlmaLinux:9", "p", "1:0.9-1.el9")), []);
}

#[test]
fn what_is_no_vulnerability_is_not_found() {
    let events = r#"{"introduced": "0"}"#;
    let with = |id: &str, member: &str| {
        record(id, "crates.io", "SEMVER", events).replacen('{', &format!("{{{member},"), 1)
    };
    let informational = |kind: &str, id: &str| {
        record(id, "crates.io", "SEMVER", events).replace(
            r#""ranges""#,
            &format!(r#""database_specific": {{"informational": {kind}}}, "ranges""#),
        )
    };
    for (json, expected) in [
        (
            with("CVE-2024-0001", r#""withdrawn": "2024-01-01T00:00:00Z""#),
            "",
        ),
        (
            with("CVE-2024-0001", r#""withdrawn": null"#),
            "CVE-2024-0001>",
        ),
        (with("ALBA-2024:1", r#""related": ["CVE-2024-0001"]"#), ""),
        (with("ALEA-2024:1", r#""aliases": ["CVE-2024-0001"]"#), ""),
        (informational(r#""unmaintained""#, "RUSTSEC-1"), ""),
        (informational(r#""notice""#, "RUSTSEC-1"), ""),
        (informational(r#""unsound""#, "RUSTSEC-1"), "RUSTSEC-1>"),
        (informational("null", "RUSTSEC-1"), "RUSTSEC-1>"),
    ] {
        let keep = record(
            "CVE-2024-9999",
            "crates.io",
            "SEMVER",
            r#"{"introduced": "99.0.0"}"#,
        );
        check("crates.io", &[&json, &keep], &[("1.0.0", expected)]);
    }
}

#[test]
fn a_release_sees_its_own_records_and_those_of_all_releases() {
    let events = r#"{"introduced": "0"}"#;
    let records = [
        record("CVE-2024-0012", "Debian:12", "ECOSYSTEM", events),
        record("CVE-2024-0013", "Debian:13", "ECOSYSTEM", events),
        record("CVE-2024-0099", "Debian", "ECOSYSTEM", events),
    ];
    let records: Vec<&str> = records.iter().map(String::as_str).collect();
    check(
        "Debian:12",
        &records,
        &[("1.0", "CVE-2024-0012> CVE-2024-0099>")],
    );
    let index = index_of("Debian:12", &records);
    for (ecosystem, expected) in [
        ("Debian:12", true),
        ("Debian:13", true),
        ("Debian:11", false),
        ("Ubuntu:22.04:LTS", false),
        ("npm", false),
    ] {
        assert_eq!(
            index.has_feed(&Ecosystem::new(ecosystem)),
            expected,
            "{ecosystem}"
        );
    }
}

#[test]
fn debian_and_alpine_are_asked_for_the_source_package() {
    for (ecosystem, old, new) in [
        ("Debian:12", "3.0-1", "4.0-1"),
        ("Alpine:v3.20", "3.0-r0", "4.0-r0"),
    ] {
        let fixed = record(
            "CVE-2024-0001",
            ecosystem,
            "ECOSYSTEM",
            &format!(r#"{{"introduced": "0"}}, {{"fixed": "{new}"}}"#),
        );
        let index = index_of(ecosystem, &[&fixed]);
        let package = |source_name: &str, source_version: &str| MatchKey {
            source_name: source_name.to_owned(),
            source_version: source_version.to_owned(),
            ..key(ecosystem, "p", "9.9-r9")
        };
        assert_eq!(index.find(&package("p", old)).len(), 1, "{ecosystem}");
        assert_eq!(index.find(&package("p", new)).len(), 0, "{ecosystem}");
        assert_eq!(index.find(&package("other", old)).len(), 0, "{ecosystem}");
    }
}

#[test]
fn rpm_ecosystems_are_asked_for_the_names_they_use() {
    let fixed = |ecosystem: &str| {
        record(
            "CVE-2024-0001",
            ecosystem,
            "ECOSYSTEM",
            r#"{"introduced": "0"}, {"fixed": "2:1.0-5.el9"}"#,
        )
    };
    for (ecosystem, name, source, found) in [
        ("AlmaLinux:9", "p", "x", true),
        ("AlmaLinux:9", "x", "p", false),
        ("Red Hat:enterprise_linux:9", "p", "x", true),
        ("Red Hat:enterprise_linux:9", "x", "p", true),
        ("Rocky Linux:9", "x", "p", true),
    ] {
        let index = index_of(ecosystem, &[&fixed(ecosystem)]);
        let mut key = key(ecosystem, name, "1.0-1.el9");
        key.source_name = source.to_owned();
        key.source_version = "1.0-1.el9".to_owned();
        assert_eq!(
            !index.find(&key).is_empty(),
            found,
            "{ecosystem} {name} {source}"
        );
        // The file name of a source package has no epoch.
        key.version = "2:1.0-5.el9".to_owned();
        key.source_version = "1.0-5.el9".to_owned();
        assert_eq!(index.find(&key), [], "{ecosystem} {name} {source}");
    }
}

#[test]
fn repositories_of_one_red_hat_release_are_one() {
    let other = record(
        "CVE-2024-0001",
        "Red Hat:enterprise_linux:9::appstream",
        "ECOSYSTEM",
        r#"{"introduced": "0"}"#,
    );
    check(
        "Red Hat:enterprise_linux:9",
        &[&other],
        &[("1.0-1.el9", "CVE-2024-0001>")],
    );
    let index = index_of("Red Hat:enterprise_linux:9", &[&other]);
    assert!(index.has_feed(&Ecosystem::new("Red Hat:enterprise_linux:9")));
    assert!(!index.has_feed(&Ecosystem::new("Red Hat:enterprise_linux:8")));
}

#[test]
fn modular_and_plain_builds_do_not_mix() {
    const MODULAR: &str = "1:18.14.2-2.module_el9.2.0+29+de583a0b";
    let fix = |id: &str, summary: &str, fixed: &str| {
        record(
            id,
            "AlmaLinux:9",
            "ECOSYSTEM",
            &format!(r#"{{"introduced": "0"}}, {{"fixed": "{fixed}"}}"#),
        )
        .replacen('{', &format!(r#"{{"summary": "{summary}","#), 1)
    };
    let index = index_of(
        "AlmaLinux:9",
        &[
            &fix(
                "ALSA-18",
                "Moderate: p:18 security update",
                "1:18.20.0-1.module_el9.2.0+30+e3312493",
            ),
            &fix(
                "ALSA-20",
                "Moderate: p:20 security update",
                "1:20.0.0-1.module_el9.3.0+88+29afeaa2",
            ),
            &fix(
                "ALSA-plain",
                "Moderate: p security update",
                "1:19.0.0-1.el9",
            ),
        ],
    );
    for (version, module, expected) in [
        ("1:16.14.0-4.el9", None, "ALSA-plain"),
        (MODULAR, Some("p:18"), "ALSA-18"),
        (MODULAR, Some("p:20"), "ALSA-20"),
        (MODULAR, None, "ALSA-18 ALSA-20"),
        // Labelled, and yet not built as a module.
        ("1:16.14.0-4.el9", Some("p:16"), "ALSA-plain"),
    ] {
        let mut key = key("AlmaLinux:9", "p", version);
        key.module = module.map(str::to_owned);
        let found = index.find(&key);
        let found: Vec<&str> = found
            .iter()
            .map(|finding| finding.vulnerability.as_str())
            .collect();
        assert_eq!(found.join(" "), expected, "{version} {module:?}");
    }
}

#[test]
fn ubuntu_pro_is_another_release() {
    let pro = record(
        "CVE-2024-0001",
        "Ubuntu:Pro:22.04:LTS",
        "ECOSYSTEM",
        r#"{"introduced": "0"}"#,
    );
    let plain = record(
        "CVE-2024-0002",
        "Ubuntu:22.04:LTS",
        "ECOSYSTEM",
        r#"{"introduced": "0"}"#,
    );
    check(
        "Ubuntu:22.04:LTS",
        &[&pro, &plain],
        &[("1.0", "CVE-2024-0002>")],
    );
}

#[test]
fn aliases_are_followed_from_feed_to_feed() {
    let folder = TempDir::new().unwrap();
    let named = record("PYSEC-1", "PyPI", "ECOSYSTEM", r#"{"introduced": "0"}"#).replacen(
        '{',
        r#"{"aliases": ["GHSA-1"],"#,
        1,
    );
    let ghsa = record("GHSA-1", "npm", "SEMVER", r#"{"introduced": "0"}"#).replacen(
        '{',
        r#"{"aliases": ["CVE-2024-0001"],"#,
        1,
    );
    write_dump(folder.path(), "PyPI", &[&named]);
    write_dump(folder.path(), "npm", &[&ghsa]);
    let (index, _) = load(folder.path());
    assert_eq!(
        shown(&index.find(&key("PyPI", "p", "1.0"))),
        "CVE-2024-0001>"
    );
}

#[test]
fn broken_versions_never_stop_matching() {
    let events: Vec<String> = ["", "..", "-r", "1-ruff", "0..1", "é", "~", "1_0"]
        .iter()
        .cycle()
        .take(200)
        .enumerate()
        .map(|(i, version)| {
            let kind = if i % 2 == 0 { "introduced" } else { "fixed" };
            format!(r#"{{"{kind}": "{version}"}}"#)
        })
        .collect();
    for ecosystem in ["Alpine:v3.20", "Debian:12", "AlmaLinux:9", "PyPI", "npm"] {
        let broken = record("CVE-2024-0001", ecosystem, "ECOSYSTEM", &events.join(","));
        let index = index_of(ecosystem, &[&broken]);
        for version in ["", "1.0", "1-ruff", "0...2"] {
            let _ = index.find(&key(ecosystem, "p", version));
        }
    }
}
