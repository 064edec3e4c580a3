//! Golden texts of a small organization.

use scout_envs::{PolicyCounts, PolicyId, SeverityCounts, StreamName, StreamSnapshot};

use super::*;
use crate::format::Format;
use crate::render::render;

fn stream(
    name: &str,
    counts: Option<SeverityCounts>,
    policies: Vec<PolicyCounts>,
) -> StreamSnapshot {
    StreamSnapshot {
        name: name.parse().unwrap(),
        members: 3,
        judged: 3,
        partial: 0,
        vulnerabilities: counts,
        in_use: None,
        policies,
    }
}

fn policy(id: PolicyId, evaluated: u64, compliant: u64, no_data: u64) -> PolicyCounts {
    PolicyCounts {
        id,
        display_name: id.display_name().to_owned(),
        evaluated,
        compliant,
        no_data,
    }
}

fn snapshot(streams: Vec<StreamSnapshot>) -> Snapshot {
    Snapshot {
        org: "acme".parse().unwrap(),
        generation: 4,
        judged_at: jiff::Timestamp::UNIX_EPOCH,
        advisories_loaded_at: None,
        valid_until: None,
        extended: None,
        streams,
    }
}

fn acme() -> Snapshot {
    let counts = [Severity::Critical, Severity::Low, Severity::Low]
        .into_iter()
        .collect();
    snapshot(vec![
        stream(
            StreamName::LATEST_INDEXED,
            Some(counts),
            vec![
                policy(PolicyId::DefaultNonRootUser, 3, 1, 0),
                policy(PolicyId::FixableVulnerabilities, 2, 2, 1),
                policy(PolicyId::HighProfileVulnerabilities, 0, 0, 3),
            ],
        ),
        stream("eu \"west\" \\ 1", Some(SeverityCounts::default()), vec![]),
        stream(
            "unjudged",
            None,
            vec![policy(PolicyId::DefaultNonRootUser, 0, 0, 0)],
        ),
    ])
}

const GOLDEN_TEXT: &str = r#"# HELP scout_stream_vulnerabilities Vulnerabilities in a stream
# TYPE scout_stream_vulnerabilities gauge
scout_stream_vulnerabilities{streamName="latest-indexed",severity="CRITICAL"} 1
scout_stream_vulnerabilities{streamName="latest-indexed",severity="HIGH"} 0
scout_stream_vulnerabilities{streamName="latest-indexed",severity="MEDIUM"} 0
scout_stream_vulnerabilities{streamName="latest-indexed",severity="LOW"} 2
scout_stream_vulnerabilities{streamName="latest-indexed",severity="UNSPECIFIED"} 0
scout_stream_vulnerabilities{streamName="eu \"west\" \\ 1",severity="CRITICAL"} 0
scout_stream_vulnerabilities{streamName="eu \"west\" \\ 1",severity="HIGH"} 0
scout_stream_vulnerabilities{streamName="eu \"west\" \\ 1",severity="MEDIUM"} 0
scout_stream_vulnerabilities{streamName="eu \"west\" \\ 1",severity="LOW"} 0
scout_stream_vulnerabilities{streamName="eu \"west\" \\ 1",severity="UNSPECIFIED"} 0
# HELP scout_policy_compliant_images Compliant images for a policy in a stream
# TYPE scout_policy_compliant_images gauge
scout_policy_compliant_images{id="default-non-root-user",displayName="Default non-root user",streamName="latest-indexed"} 1
scout_policy_compliant_images{id="fixable-vulnerabilities",displayName="No fixable critical or high vulnerabilities",streamName="latest-indexed"} 2
# HELP scout_policy_evaluated_images Total images evaluated against a policy in a stream
# TYPE scout_policy_evaluated_images gauge
scout_policy_evaluated_images{id="default-non-root-user",displayName="Default non-root user",streamName="latest-indexed"} 3
scout_policy_evaluated_images{id="fixable-vulnerabilities",displayName="No fixable critical or high vulnerabilities",streamName="latest-indexed"} 2
"#;

#[test]
fn the_text_is_byte_exact() {
    assert_eq!(
        render(&scout_families(&acme()), Format::PrometheusText),
        GOLDEN_TEXT
    );
}

#[test]
fn openmetrics_differs_in_heads_and_end_only() {
    let samples = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines.map(str::to_owned).collect()
    };
    let text = render(&scout_families(&acme()), Format::OpenMetrics);
    assert_eq!(samples(&text), samples(GOLDEN_TEXT));
    assert!(text.starts_with(
        "# TYPE scout_stream_vulnerabilities gauge\n\
         # HELP scout_stream_vulnerabilities Vulnerabilities in a stream\n"
    ));
    assert!(text.ends_with("\n# EOF\n"));
}

#[test]
fn compliant_and_evaluated_have_equal_label_sets() {
    let exposition = scout_families(&acme());
    let label_sets = |name: &str| -> Vec<Vec<(String, String)>> {
        let samples = exposition.family(name).unwrap().samples();
        samples
            .map(|sample| {
                let labels = sample.labels();
                labels.map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
            })
            .collect()
    };
    let evaluated = label_sets("scout_policy_evaluated_images");
    assert_eq!(label_sets("scout_policy_compliant_images"), evaluated);
    assert_eq!(evaluated.len(), 2);
}

#[test]
fn a_snapshot_without_data_has_no_text() {
    for streams in [vec![], vec![stream("unjudged", None, vec![])]] {
        let exposition = scout_families(&snapshot(streams));
        assert_eq!(exposition.families().len(), 3);
        assert_eq!(render(&exposition, Format::PrometheusText), "");
    }
}

#[cfg(feature = "openmetrics-parser")]
#[test]
fn a_strict_parser_reads_the_same_values_back() {
    let written = scout_families(&acme());
    for format in Format::ALL {
        let read = crate::parse(&render(&written, format), format).unwrap();
        let names: Vec<_> = read
            .families()
            .map(|family| family.name().to_owned())
            .collect();
        let expected: Vec<_> = written
            .families()
            .map(|family| family.name().to_owned())
            .collect();
        assert_eq!(names, expected, "{format:?}");
        for family in written.families() {
            let same = read.family(family.name()).unwrap();
            assert_eq!((same.kind(), same.help()), (family.kind(), family.help()));
            assert_eq!(same.len(), family.len());
            for (ours, theirs) in family.samples().zip(same.samples()) {
                assert_eq!(ours.value(), theirs.value());
                for (label, value) in ours.labels() {
                    assert_eq!(theirs.label(label), Some(value), "{format:?}");
                }
            }
        }
    }
}
