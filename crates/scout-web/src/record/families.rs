//! The families of the record's health.

use jiff::Timestamp;
use scout_metrics::{CounterSchema, Family, FamilyDescription, GaugeSchema, counter, gauge};
use scout_platform::{ArtifactState, OrgHealth, RecordHealth, WorkClass, WorkState};

use crate::stats::seconds_since;

const READ_ERRORS: CounterSchema<0> = counter!(
    "scout_record_read_errors_total",
    "Questions how the record is doing that were not answered",
    []
);
const READ_AGE: GaugeSchema<0> = gauge!(
    "scout_record_read_age_seconds",
    "How long ago the record was asked for the other scout_record families",
    []
);
const LEFT_OUT: GaugeSchema<0> = gauge!(
    "scout_record_left_out",
    "Shares and channels that have no series because there are too many",
    []
);
const WORK: GaugeSchema<3> = gauge!(
    "scout_record_work",
    "Artifacts to be indexed, by why they are wanted and what happens to them",
    ["org", "class", "state"]
);
const ARTIFACTS: GaugeSchema<2> = gauge!(
    "scout_record_artifacts",
    "Artifacts that were seen, by how far their indexing is",
    ["org", "state"]
);
const EVENTS: GaugeSchema<1> = gauge!(
    "scout_record_events_pending",
    "Events of registries that were not looked at yet",
    ["org"]
);
const JUDGEMENT: GaugeSchema<1> = gauge!(
    "scout_record_judgement_pending",
    "Whether the organization is to be judged again",
    ["org"]
);
const SHARE_AGE: GaugeSchema<3> = gauge!(
    "scout_record_share_age_seconds",
    "How long ago a source last told what runs in an environment",
    ["org", "environment", "source"]
);
const SHARE_FAILING: GaugeSchema<3> = gauge!(
    "scout_record_share_failing",
    "Whether a source failed to tell what runs in an environment since it last did",
    ["org", "environment", "source"]
);
const NOTICES: GaugeSchema<2> = gauge!(
    "scout_record_notices_pending",
    "Notices that a channel was not told of yet",
    ["org", "channel"]
);
const DROPPED: GaugeSchema<2> = gauge!(
    "scout_record_notices_dropped",
    "Notices that were dropped and that a channel will not be told of one by one",
    ["org", "channel"]
);
const FAILURES: GaugeSchema<2> = gauge!(
    "scout_record_channel_failures",
    "How often in a row sending to a channel has failed",
    ["org", "channel"]
);
const SENT_AGE: GaugeSchema<2> = gauge!(
    "scout_record_channel_last_sent_age_seconds",
    "How long ago a message to a channel last arrived",
    ["org", "channel"]
);
const FEED_AGE: GaugeSchema<1> = gauge!(
    "scout_record_feed_age_seconds",
    "How long ago the advisories of an ecosystem were last loaded or found unchanged",
    ["feed"]
);

/// What is on `/metrics` of every program that has a record, and says the same on each: facts of
/// the service, not of the process.
pub const RECORD_FAMILIES: &[FamilyDescription] = &[
    READ_ERRORS.description(),
    READ_AGE.description(),
    LEFT_OUT.description(),
    WORK.description(),
    ARTIFACTS.description(),
    EVENTS.description(),
    JUDGEMENT.description(),
    SHARE_AGE.description(),
    SHARE_FAILING.description(),
    NOTICES.description(),
    DROPPED.description(),
    FAILURES.description(),
    SENT_AGE.description(),
    FEED_AGE.description(),
];

const STATES: [ArtifactState; 6] = [
    ArtifactState::BelowBaseline,
    ArtifactState::Waiting,
    ArtifactState::Indexed,
    ArtifactState::Skipped,
    ArtifactState::OtherPlatform,
    ArtifactState::Failed,
];

pub(super) fn families(
    told: Option<&(RecordHealth, Timestamp)>,
    failures: u64,
    now: Timestamp,
) -> Vec<Family> {
    let mut errors = READ_ERRORS.family();
    errors.set([], failures);
    let mut families = vec![errors.into()];
    if let Some((health, at)) = told {
        let (mut age, mut left_out) = (READ_AGE.family(), LEFT_OUT.family());
        age.set([], seconds_since(*at, now));
        left_out.set([], health.left_out);
        families.extend([age.into(), left_out.into()]);
        of_organizations(&health.organizations, &mut families);
        of_shares(health, now, &mut families);
        of_channels(health, now, &mut families);
        let mut feeds = FEED_AGE.family();
        for (name, loaded_at) in &health.feeds {
            feeds.set([name], seconds_since(*loaded_at, now));
        }
        families.push(feeds.into());
    }
    families
}

fn of_organizations(organizations: &[OrgHealth], families: &mut Vec<Family>) {
    let (mut work, mut artifacts) = (WORK.family(), ARTIFACTS.family());
    let (mut events, mut judgement) = (EVENTS.family(), JUDGEMENT.family());
    for health in organizations {
        let org = health.org.as_str();
        // All of them, so that a queue that empties goes to 0 and not away.
        for class in WorkClass::ALL {
            for state in WorkState::ALL {
                let found = health
                    .work
                    .iter()
                    .find(|one| (one.0, one.1) == (class, state));
                let count = found.map_or(0, |one| one.2);
                work.set([org, class.as_str(), state.as_str()], count);
            }
        }
        for state in STATES {
            let found = health.artifacts.iter().find(|one| one.0 == state);
            artifacts.set([org, state.as_str()], found.map_or(0, |one| one.1));
        }
        events.set([org], health.events);
        judgement.set([org], u64::from(health.is_judgement_due));
    }
    families.extend([
        work.into(),
        artifacts.into(),
        events.into(),
        judgement.into(),
    ]);
}

fn of_shares(health: &RecordHealth, now: Timestamp, families: &mut Vec<Family>) {
    let (mut age, mut failing) = (SHARE_AGE.family(), SHARE_FAILING.family());
    for share in &health.shares {
        let labels = [
            share.org.as_str(),
            share.environment.as_str(),
            share.source.as_str(),
        ];
        failing.set(labels, u64::from(share.is_failing));
        if let Some(synced_at) = share.synced_at {
            age.set(labels, seconds_since(synced_at, now));
        }
    }
    families.extend([age.into(), failing.into()]);
}

fn of_channels(health: &RecordHealth, now: Timestamp, families: &mut Vec<Family>) {
    let (mut notices, mut dropped) = (NOTICES.family(), DROPPED.family());
    let (mut failures, mut sent_age) = (FAILURES.family(), SENT_AGE.family());
    for channel in &health.channels {
        let labels = [channel.org.as_str(), channel.name.as_str()];
        notices.set(labels, channel.pending);
        dropped.set(labels, channel.dropped);
        failures.set(labels, channel.failures);
        if let Some(sent_at) = channel.last_sent_at {
            sent_age.set(labels, seconds_since(sent_at, now));
        }
    }
    families.extend([
        notices.into(),
        dropped.into(),
        failures.into(),
        sent_age.into(),
    ]);
}
