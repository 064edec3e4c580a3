//! What a watcher did, as metrics. Counts are those of one process since it started.

mod schemas;

use jiff::Timestamp;
use scout_metrics::{CounterFamily, Family};
use scout_platform::{
    AttemptOutcome, ErrorKind, JudgeStats, RegistryStats, RuntimeStats, SweepOutcome, WatchStats,
    WorkClass,
};
use scout_registry::Stats;

use crate::stats::seconds_since;
pub use schemas::WATCHER_FAMILIES;
use schemas::{
    ATTEMPTS, AVOIDED, BLOB_BYTES, BUDGET, BUDGET_PEAK, BUILD, ERRORS, IN_FLIGHT, INTEGRATION_UP,
    JUDGED_AGE, JUDGED_TOOK, JUDGEMENTS, LAYER_BYTES, LAYERS, REQUESTS, RETRIES, RUNTIME_SYNCS,
    SPILLED, SWEEP_AGE, SWEEPS, TAGS, THROTTLED, UNCHANGED_PAGES,
};

/// Returns the families of a watcher of this version.
#[must_use]
pub fn watcher_families(stats: &WatchStats, version: &str, now: Timestamp) -> Vec<Family> {
    let mut build = BUILD.family();
    build.set([version], 1_u64);
    let mut families = vec![build.into()];
    of_all(stats, &mut families);
    of_sweeps(&stats.registries, now, &mut families);
    of_indexing(&stats.registries, &mut families);
    of_runtimes(&stats.runtimes, &mut families);
    of_judge(&stats.judge, now, &mut families);
    of_budget(stats, &mut families);
    families
}

/// What registries and runtimes have in common: whether they answer, and what they were asked.
fn of_all(stats: &WatchStats, families: &mut Vec<Family>) {
    let mut up = INTEGRATION_UP.family();
    let (mut requests, mut retries) = (REQUESTS.family(), RETRIES.family());
    let (mut throttled, mut unchanged) = (THROTTLED.family(), UNCHANGED_PAGES.family());
    let mut bytes = BLOB_BYTES.family();
    let mut asked = |name: &str, asked: &Stats| {
        retries.set([name], asked.retries);
        throttled.set([name], asked.throttled);
        count_requests(&mut requests, name, asked);
    };
    for registry in &stats.registries {
        let name = registry.name.as_str();
        asked(name, &registry.asked);
        unchanged.set([name], registry.asked.unchanged_pages);
        bytes.set([name], registry.asked.blob_bytes);
        if let Some(is_up) = registry.done.is_up {
            up.set([name, registry.kind], u64::from(is_up));
        }
    }
    for runtime in &stats.runtimes {
        asked(&runtime.name, &runtime.asked);
        if let Some(is_up) = runtime.is_up {
            up.set([runtime.name.as_str(), runtime.kind], u64::from(is_up));
        }
    }
    families.extend([
        up.into(),
        requests.into(),
        retries.into(),
        throttled.into(),
        unchanged.into(),
        bytes.into(),
    ]);
}

fn count_requests(requests: &mut CounterFamily<2>, name: &str, asked: &Stats) {
    for (request, count) in [
        ("ping", asked.ping_requests),
        ("token", asked.token_requests),
        ("catalog", asked.catalog_requests),
        ("tags", asked.tag_requests),
        ("head", asked.head_requests),
        ("manifest", asked.manifest_requests),
        ("blob", asked.blob_requests),
        ("runtime", asked.runtime_requests),
        ("runtime-image", asked.runtime_image_requests),
    ] {
        requests.set([name, request], count);
    }
}

fn of_sweeps(registries: &[RegistryStats], now: Timestamp, families: &mut Vec<Family>) {
    let (mut sweeps, mut age) = (SWEEPS.family(), SWEEP_AGE.family());
    let (mut tags, mut errors) = (TAGS.family(), ERRORS.family());
    for RegistryStats { name, done, .. } in registries {
        for (outcome, count) in SweepOutcome::ALL.into_iter().zip(done.sweeps) {
            sweeps.set([name, outcome.as_str()], count);
        }
        if let Some(at) = done.last_complete_sweep {
            age.set([name], seconds_since(at, now));
        }
        tags.set([name, "new"], done.new_tags);
        tags.set([name, "unchanged"], done.unchanged_tags);
        for (kind, count) in ErrorKind::ALL.into_iter().zip(done.errors) {
            errors.set([name, kind.as_str()], count);
        }
    }
    families.extend([sweeps.into(), age.into(), tags.into(), errors.into()]);
}

fn of_indexing(registries: &[RegistryStats], families: &mut Vec<Family>) {
    let (mut attempts, mut in_flight) = (ATTEMPTS.family(), IN_FLIGHT.family());
    let (mut layers, mut bytes) = (LAYERS.family(), LAYER_BYTES.family());
    let mut avoided = AVOIDED.family();
    for RegistryStats { name, done, .. } in registries {
        for (outcome, count) in AttemptOutcome::ALL.into_iter().zip(done.attempts) {
            attempts.set([name, outcome.as_str()], count);
        }
        for (class, count) in WorkClass::ALL.into_iter().zip(done.in_hand) {
            in_flight.set([name, class.as_str()], count);
        }
        layers.set([name, "fetched"], done.layers_fetched);
        layers.set([name, "reused"], done.layers_reused);
        bytes.set([name, "fetched"], done.layer_bytes_fetched);
        bytes.set([name, "avoided"], done.layer_bytes_avoided);
        avoided.set([name, "unchanged-tag"], done.unchanged_tags);
        avoided.set([name, "known-image"], done.images_reused);
        avoided.set([name, "known-layer"], done.layers_reused);
    }
    families.extend([
        attempts.into(),
        in_flight.into(),
        layers.into(),
        bytes.into(),
        avoided.into(),
    ]);
}

fn of_runtimes(runtimes: &[RuntimeStats], families: &mut Vec<Family>) {
    let mut syncs = RUNTIME_SYNCS.family();
    for runtime in runtimes {
        syncs.set([runtime.name.as_str(), "ok"], runtime.synced);
        syncs.set([runtime.name.as_str(), "failed"], runtime.failed);
    }
    families.push(syncs.into());
}

fn of_judge(judge: &JudgeStats, now: Timestamp, families: &mut Vec<Family>) {
    let mut judgements = JUDGEMENTS.family();
    judgements.set(["ok"], judge.judged);
    judgements.set(["failed"], judge.failed);
    let (mut age, mut took) = (JUDGED_AGE.family(), JUDGED_TOOK.family());
    if let Some(at) = judge.last_at {
        age.set([], seconds_since(at, now));
        took.set([], judge.last_took.as_secs_f64());
    }
    families.extend([judgements.into(), age.into(), took.into()]);
}

fn of_budget(stats: &WatchStats, families: &mut Vec<Family>) {
    let budget = &stats.budget;
    let (mut used, mut peak) = (BUDGET.family(), BUDGET_PEAK.family());
    used.set(["memory"], budget.memory_bytes);
    used.set(["spool"], budget.spool_bytes);
    peak.set(["memory"], budget.memory_peak_bytes);
    peak.set(["spool"], budget.spool_peak_bytes);
    let mut spilled = SPILLED.family();
    spilled.set([], budget.spilled_bytes);
    families.extend([used.into(), peak.into(), spilled.into()]);
}
