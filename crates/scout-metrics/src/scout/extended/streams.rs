//! Families of streams, policies and sources.

use std::collections::HashSet;

use scout_envs::{Severity, SeverityCounts, Snapshot, StreamName, Upkeep};

use super::schemas;
use crate::family::{Family, GaugeFamily};

/// Returns these families in their order, those without series too.
///
/// A stream that the snapshot does not have is not told of: an environment has no name before its
/// first analyzed image.
pub(super) fn families(snapshot: &Snapshot, upkeep: &Upkeep) -> Vec<Family> {
    let streams: HashSet<&StreamName> = snapshot.streams.iter().map(|one| &one.name).collect();
    let mut families = sources(upkeep, &streams);
    families.extend(counts(snapshot));
    families.push(not_analyzed(upkeep, &streams));
    families
}

/// Times are told in whole seconds since 1970, which is as exact as an age needs to be.
fn sources(upkeep: &Upkeep, streams: &HashSet<&StreamName>) -> Vec<Family> {
    let mut advisories = schemas::ADVISORIES_LOADED.family();
    for (ecosystem, loaded_at) in &upkeep.advisories {
        advisories.set([ecosystem], loaded_at.as_second());
    }
    let mut known_exploited = schemas::KNOWN_EXPLOITED_LOADED.family();
    if let Some(loaded_at) = upkeep.known_exploited {
        known_exploited.set([], loaded_at.as_second());
    }
    let mut registries = schemas::REGISTRY_LISTED.family();
    for (registry, listed_at) in &upkeep.registries {
        registries.set([registry], listed_at.as_second());
    }
    let mut runtimes = schemas::RUNTIME_SYNCED.family();
    for sync in &upkeep.runtimes {
        if streams.contains(&sync.stream) {
            runtimes.set(
                [sync.stream.as_str(), &sync.source],
                sync.synced_at.as_second(),
            );
        }
    }
    vec![
        advisories.into(),
        known_exploited.into(),
        registries.into(),
        runtimes.into(),
    ]
}

fn counts(snapshot: &Snapshot) -> Vec<Family> {
    let mut images = schemas::IMAGES.family();
    let mut judged = schemas::JUDGED.family();
    let mut partial = schemas::PARTIAL.family();
    let mut in_use = schemas::IN_USE.family();
    let mut no_data = schemas::NO_DATA.family();
    for stream in &snapshot.streams {
        let name = stream.name.as_str();
        images.set([name], stream.members);
        judged.set([name], stream.judged);
        partial.set([name], stream.partial);
        set(&mut in_use, name, stream.in_use.as_ref());
        for policy in &stream.policies {
            let labels = [policy.id.as_str(), &policy.display_name, name];
            no_data.set(labels, policy.no_data);
        }
    }
    let mut exposures = schemas::EXPOSURES.family();
    let mut fixable = schemas::FIXABLE.family();
    let mut known_exploited = schemas::KNOWN_EXPLOITED.family();
    for stream in snapshot.extended.iter().flat_map(|one| &one.streams) {
        let name = stream.name.as_str();
        set(&mut exposures, name, stream.exposures.as_ref());
        set(&mut fixable, name, stream.fixable.as_ref());
        set(&mut known_exploited, name, stream.known_exploited.as_ref());
    }
    vec![
        images.into(),
        judged.into(),
        partial.into(),
        exposures.into(),
        fixable.into(),
        known_exploited.into(),
        in_use.into(),
        no_data.into(),
    ]
}

fn not_analyzed(upkeep: &Upkeep, streams: &HashSet<&StreamName>) -> Family {
    let mut family = schemas::NOT_ANALYZED.family();
    for line in &upkeep.not_analyzed {
        if streams.contains(&line.stream) {
            family.set([line.stream.as_str(), line.reason], line.images);
        }
    }
    family.into()
}

/// Sets all five severities, or none while they are not known.
fn set(family: &mut GaugeFamily<2>, stream: &str, counts: Option<&SeverityCounts>) {
    let Some(counts) = counts else { return };
    for severity in Severity::ALL {
        family.set([stream, severity.as_str()], counts.of(severity));
    }
}
