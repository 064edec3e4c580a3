//! The health of hosted mode, as metrics.

use jiff::Timestamp;
use scout_api::hosted::{Problem, ScheduleState, Standing};
use scout_envs::OrgName;
use scout_metrics::{CounterSchema, Family, FamilyDescription, GaugeSchema, counter, gauge};

const UP: GaugeSchema<1> = gauge!(
    "scout_exporter_hosted_up",
    "Whether the last read of the organization from the hosted endpoint gave its metrics",
    ["org"]
);
const READS: CounterSchema<2> = counter!(
    "scout_exporter_hosted_reads_total",
    "Reads from the hosted endpoint, by how they ended",
    ["org", "outcome"]
);
const LAST_SUCCESS: GaugeSchema<1> = gauge!(
    "scout_exporter_hosted_last_success_timestamp_seconds",
    "When the answer that is served was read from the hosted endpoint",
    ["org"]
);
const AGE: GaugeSchema<1> = gauge!(
    "scout_exporter_hosted_age_seconds",
    "How long ago the answer that is served was read from the hosted endpoint",
    ["org"]
);
const NEXT_READ: GaugeSchema<1> = gauge!(
    "scout_exporter_hosted_next_read_timestamp_seconds",
    "When the hosted endpoint is asked again at the earliest",
    ["org"]
);
const TOKEN_ACCEPTED: GaugeSchema<1> = gauge!(
    "scout_exporter_hosted_token_accepted",
    "Whether the hosted endpoint accepted the token when it was used last",
    ["org"]
);

/// What is on `/metrics` of an exporter in hosted mode, besides.
pub const HOSTED_FAMILIES: &[FamilyDescription] = &[
    UP.description(),
    READS.description(),
    LAST_SUCCESS.description(),
    AGE.description(),
    NEXT_READ.description(),
    TOKEN_ACCEPTED.description(),
];

/// What an organization's feed tells of itself.
#[derive(Clone, Debug)]
pub(super) struct Report {
    pub(super) schedule: ScheduleState,
    /// When the answer that is served was read.
    pub(super) read_at: Option<Timestamp>,
    /// Reads that gave the metrics.
    pub(super) successes: u64,
    /// Reads that gave nothing.
    pub(super) failures: [u64; Problem::ALL.len()],
}

/// Returns the families. What is not known yet has no series.
pub(super) fn families<'o>(
    reports: impl Iterator<Item = (&'o OrgName, Report)>,
    now: Timestamp,
) -> Vec<Family> {
    let mut up = UP.family();
    let mut reads = READS.family();
    let mut last_success = LAST_SUCCESS.family();
    let mut age = AGE.family();
    let mut next_read = NEXT_READ.family();
    let mut token_accepted = TOKEN_ACCEPTED.family();
    for (org, report) in reports {
        let org = org.as_str();
        let state = &report.schedule;
        if state.asked_at.is_some() {
            up.set([org], u64::from(state.problem.is_none()));
        }
        // From 0 on, so that the first failure is already an increase.
        reads.set([org, "ok"], report.successes);
        for (problem, count) in Problem::ALL.into_iter().zip(report.failures) {
            reads.set([org, problem.as_str()], count);
        }
        if let Some(read_at) = report.read_at {
            last_success.set([org], read_at.as_second());
            // The clock may have been set back: an age is never negative.
            let seconds = now.as_second().saturating_sub(read_at.as_second());
            age.set([org], seconds.max(0));
        }
        if let Some(next_at) = state.next_at {
            next_read.set([org], next_at.as_second());
        }
        match state.standing {
            Standing::Accepted => token_accepted.set([org], 1_u64),
            Standing::Unauthorized | Standing::Forbidden => token_accepted.set([org], 0_u64),
            _ => {}
        }
    }
    vec![
        up.into(),
        reads.into(),
        last_success.into(),
        age.into(),
        next_read.into(),
        token_accepted.into(),
    ]
}
