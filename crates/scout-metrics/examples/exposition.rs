//! Prints the metrics of a small organization: `exposition [openmetrics]`.

use scout_envs::{PolicyCounts, PolicyId, Severity, Snapshot, StreamName, StreamSnapshot};
use scout_metrics::{Format, render, scout_families};

#[expect(clippy::print_stdout, reason = "what the example is for")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let format = match std::env::args().nth(1).as_deref() {
        Some("openmetrics") => Format::OpenMetrics,
        _ => Format::PrometheusText,
    };
    let policy = PolicyId::FixableVulnerabilities;
    let snapshot = Snapshot {
        org: "acme".parse()?,
        generation: 1,
        judged_at: "2026-11-21T12:00:00Z".parse()?,
        advisories_loaded_at: None,
        valid_until: None,
        extended: None,
        streams: vec![StreamSnapshot {
            name: StreamName::latest_indexed(),
            members: 2,
            judged: 2,
            partial: 0,
            vulnerabilities: Some([Severity::Critical, Severity::Low].into_iter().collect()),
            in_use: None,
            policies: vec![PolicyCounts {
                id: policy,
                display_name: policy.display_name().to_owned(),
                evaluated: 2,
                compliant: 1,
                no_data: 0,
            }],
        }],
    };
    print!("{}", render(&scout_families(&snapshot), format));
    Ok(())
}
