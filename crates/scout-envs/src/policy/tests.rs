use super::*;
use crate::coverage::Unknown;
use crate::finding::SeveritySource;
use crate::package::Ecosystem;
use crate::severity::Severity;
use crate::vulnerability::VulnerabilityId;

fn finding(id: &str, severity: Severity, fixed: &[&str]) -> Finding {
    Finding {
        vulnerability: VulnerabilityId::new(id),
        severity,
        severity_source: SeveritySource::CvssV3,
        records: vec![format!("GHSA-{id}")],
        fixed_versions: fixed.iter().map(|&version| version.to_owned()).collect(),
    }
}

fn complete() -> Coverage {
    Coverage {
        judged: true,
        unknown: Vec::new(),
    }
}

fn partial() -> Coverage {
    Coverage {
        judged: true,
        unknown: vec![Unknown::NoFeed(Ecosystem::new("npm"))],
    }
}

fn judge(policy: &Policy, findings: &[(Finding, bool)], coverage: &Coverage, kev: bool) -> Verdict {
    let findings: Vec<SubjectFinding<'_>> = findings
        .iter()
        .map(|(finding, known_exploited)| SubjectFinding {
            finding,
            package_type: PackageType::Deb,
            known_exploited: *known_exploited,
        })
        .collect();
    let config = ImageConfig::default();
    policy
        .evaluate(&Subject {
            config: &config,
            findings: &findings,
            licenses: None,
            coverage,
            kev_loaded: kev,
        })
        .verdict
}

#[test]
fn fixable_needs_severity_and_a_fix() {
    let policy = Policy::FixableVulnerabilities(FixableVulnerabilities::default());
    for (severity, fixed, violates) in [
        (Severity::Critical, &["2"][..], true),
        (Severity::High, &["2"], true),
        (Severity::High, &[], false),
        (Severity::Medium, &["2"], false),
        (Severity::Unspecified, &["2"], false),
    ] {
        let findings = [(finding("CVE-2024-0001", severity, fixed), false)];
        let verdict = judge(&policy, &findings, &complete(), true);
        let expected = if violates {
            Verdict::NonCompliant(vec![format!("CVE-2024-0001 ({severity})")])
        } else {
            Verdict::Compliant
        };
        assert_eq!(verdict, expected, "{severity} {fixed:?}");
    }
}

#[test]
fn a_violation_counts_even_if_not_all_is_known_and_nothing_else_does() {
    let policy = Policy::FixableVulnerabilities(FixableVulnerabilities::default());
    let bad = [(finding("CVE-2024-0001", Severity::High, &["2"]), false)];
    assert!(matches!(
        judge(&policy, &bad, &partial(), true),
        Verdict::NonCompliant(_)
    ));
    assert!(matches!(
        judge(&policy, &[], &partial(), true),
        Verdict::NoData(_)
    ));
    assert!(matches!(
        judge(&policy, &[], &Coverage::default(), true),
        Verdict::NoData(_)
    ));
    assert_eq!(judge(&policy, &[], &complete(), true), Verdict::Compliant);
}

#[test]
fn package_types_limit_what_counts() {
    let policy = Policy::FixableVulnerabilities(FixableVulnerabilities {
        package_types: vec![PackageType::Npm],
        ..FixableVulnerabilities::default()
    });
    let bad = [(finding("CVE-2024-0001", Severity::High, &["2"]), false)];
    assert_eq!(judge(&policy, &bad, &complete(), true), Verdict::Compliant);
}

#[test]
fn high_profile_needs_the_catalog_unless_something_listed_is_there() {
    let policy = Policy::HighProfile(HighProfile::default());
    let log4shell = [(finding("CVE-2021-44228", Severity::Critical, &[]), false)];
    let exploited = [(finding("CVE-2024-0002", Severity::Low, &[]), true)];
    let harmless = [(finding("CVE-2024-0003", Severity::Critical, &["1"]), false)];
    assert!(matches!(
        judge(&policy, &log4shell, &complete(), false),
        Verdict::NonCompliant(_)
    ));
    assert!(matches!(
        judge(&policy, &exploited, &complete(), true),
        Verdict::NonCompliant(_)
    ));
    assert!(matches!(
        judge(&policy, &harmless, &complete(), false),
        Verdict::NoData(_)
    ));
    assert_eq!(
        judge(&policy, &harmless, &complete(), true),
        Verdict::Compliant
    );

    let ignoring = Policy::HighProfile(HighProfile {
        ignored_cves: vec!["CVE-2021-44228".to_owned()],
        ..HighProfile::default()
    });
    assert_eq!(
        judge(&ignoring, &log4shell, &complete(), true),
        Verdict::Compliant
    );
}

#[test]
fn ids_serialize_as_documented() {
    for policy in Policy::defaults() {
        let id = policy.id();
        assert_eq!(
            serde_json::to_string(&id).unwrap(),
            format!("\"{}\"", id.as_str())
        );
    }
}
