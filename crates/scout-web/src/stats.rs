//! What this process counts about itself, and the page that shows it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::StatusCode;
use jiff::Timestamp;
use scout_envs::OrgName;
use scout_metrics::{CounterSchema, Exposition, FamilyDescription, GaugeSchema, counter, gauge};

use crate::auth::{CHECKED, REFUSED};
use crate::body::MADE;
use crate::cache::State;

// No label here is called `id`, `job`, `instance`, `container`, `pod` or `namespace`: scrapers and
// the dashboards of Docker Scout give those a meaning of their own.
const BUILD: GaugeSchema<1> = gauge!(
    "scout_exporter_build_info",
    "The version that runs, always 1",
    ["version"]
);
const REQUESTS: CounterSchema<2> = counter!(
    "scout_exporter_requests_total",
    "Requests answered",
    ["route", "status"]
);
const SCRAPES: CounterSchema<1> = counter!(
    "scout_exporter_scrapes_total",
    "Scrapes of an organization that were answered with its metrics",
    ["org"]
);
const SOURCE_UP: GaugeSchema<0> = gauge!(
    "scout_exporter_source_up",
    "Whether the last look at the store read everything",
    []
);
const SOURCE_ERRORS: CounterSchema<1> = counter!(
    "scout_exporter_source_errors_total",
    "Questions that the store did not answer",
    ["operation"]
);
const LAST_SUCCESS: GaugeSchema<0> = gauge!(
    "scout_exporter_last_success_timestamp_seconds",
    "When the last look at the store that read everything ended",
    []
);
const GENERATION: GaugeSchema<1> = gauge!(
    "scout_exporter_snapshot_generation",
    "The generation of the snapshot that is served, 0 before the first",
    ["org"]
);
const AGE: GaugeSchema<1> = gauge!(
    "scout_exporter_snapshot_age_seconds",
    "How long ago the snapshot that is served was made",
    ["org"]
);
const ADVISORIES_AGE: GaugeSchema<1> = gauge!(
    "scout_exporter_advisories_age_seconds",
    "How long ago the advisories behind the snapshot were loaded",
    ["org"]
);
const HELD: GaugeSchema<0> = gauge!(
    "scout_exporter_cached_bytes",
    "Bytes of all pages that are kept ready, in all formats and codings made so far",
    []
);
const SERIES: GaugeSchema<1> = gauge!(
    "scout_exporter_snapshot_series",
    "Series in the snapshot that is served",
    ["org"]
);

/// What is on `/metrics` of every program that serves organizations' metrics.
pub const EXPORTER_FAMILIES: &[FamilyDescription] = &[
    BUILD.description(),
    REQUESTS.description(),
    SCRAPES.description(),
    SOURCE_UP.description(),
    SOURCE_ERRORS.description(),
    LAST_SUCCESS.description(),
    GENERATION.description(),
    AGE.description(),
    ADVISORIES_AGE.description(),
    HELD.description(),
    SERIES.description(),
    MADE.description(),
    REFUSED.description(),
    CHECKED.description(),
];

/// A question to the source.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Operation {
    /// Which organizations and generations there are.
    Generations,
    /// A snapshot.
    Snapshot,
    /// What a token allows.
    Token,
    /// Whether an organization exists.
    Organization,
}

impl Operation {
    const ALL: [Self; 4] = [
        Self::Generations,
        Self::Snapshot,
        Self::Token,
        Self::Organization,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Generations => "generations",
            Self::Snapshot => "snapshot",
            Self::Token => "token",
            Self::Organization => "organization",
        }
    }
}

/// Counters since the start. All label sets are bounded: routes and statuses by the router,
/// organizations by who was let in.
#[derive(Debug, Default)]
pub(crate) struct Stats(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// By route, then by class of status.
    requests: BTreeMap<String, BTreeMap<&'static str, u64>>,
    scrapes: BTreeMap<OrgName, u64>,
    errors: BTreeMap<Operation, u64>,
}

impl Stats {
    pub(crate) fn count_request(&self, route: &str, status: StatusCode) {
        let class = match status.as_u16() {
            100..=199 => "1xx",
            200..=299 => "2xx",
            300..=399 => "3xx",
            400..=499 => "4xx",
            _ => "5xx",
        };
        // Nothing is allocated for what was counted before.
        let requests = &mut self.counts().requests;
        match requests.get_mut(route) {
            Some(classes) => *classes.entry(class).or_default() += 1,
            None => {
                requests.insert(route.to_owned(), BTreeMap::from([(class, 1)]));
            }
        }
    }

    pub(crate) fn count_scrape(&self, org: &OrgName) {
        let scrapes = &mut self.counts().scrapes;
        match scrapes.get_mut(org) {
            Some(count) => *count += 1,
            None => {
                scrapes.insert(org.clone(), 1);
            }
        }
    }

    pub(crate) fn count_error(&self, operation: Operation) {
        *self.counts().errors.entry(operation).or_default() += 1;
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        // A panic between two additions leaves numbers that are still numbers.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns everything as metrics.
    pub(crate) fn exposition(&self, version: &str, state: &State, now: Timestamp) -> Exposition {
        let mut exposition = Exposition::new();
        let mut build = BUILD.family();
        build.set([version], 1_u64);
        exposition.insert(build);
        self.insert_counts(&mut exposition);
        insert_state(&mut exposition, state, now);
        exposition
    }

    fn insert_counts(&self, exposition: &mut Exposition) {
        let mut requests = REQUESTS.family();
        let mut scrapes = SCRAPES.family();
        let mut errors = SOURCE_ERRORS.family();
        let counts = self.counts();
        for (route, classes) in &counts.requests {
            for (status, count) in classes {
                requests.set([route, status], *count);
            }
        }
        for (org, count) in &counts.scrapes {
            scrapes.set([org.as_str()], *count);
        }
        // From 0 on, so that the first error is already an increase.
        for operation in Operation::ALL {
            let count = counts.errors.get(&operation).copied().unwrap_or_default();
            errors.set([operation.as_str()], count);
        }
        drop(counts);
        exposition.insert(requests);
        exposition.insert(scrapes);
        exposition.insert(errors);
    }
}

fn insert_state(exposition: &mut Exposition, state: &State, now: Timestamp) {
    let mut up = SOURCE_UP.family();
    up.set([], u64::from(state.up));
    exposition.insert(up);
    let mut last_success = LAST_SUCCESS.family();
    if let Some(time) = state.last_success {
        last_success.set([], time.as_second());
    }
    exposition.insert(last_success);

    let mut generation = GENERATION.family();
    let mut age = AGE.family();
    let mut advisories_age = ADVISORIES_AGE.family();
    let mut series = SERIES.family();
    for (org, page) in &state.pages {
        let org = [org.as_str()];
        generation.set(org, page.generation);
        series.set(org, u64::try_from(page.series).unwrap_or(u64::MAX));
        if let Some(judged_at) = page.judged_at {
            age.set(org, seconds_since(judged_at, now));
        }
        if let Some(loaded_at) = page.advisories_loaded_at {
            advisories_age.set(org, seconds_since(loaded_at, now));
        }
    }
    exposition.insert(generation);
    exposition.insert(age);
    exposition.insert(advisories_age);
    exposition.insert(series);
    let mut held = HELD.family();
    let bytes: usize = state.pages.values().map(|page| page.bodies.held()).sum();
    held.set([], u64::try_from(bytes).unwrap_or(u64::MAX));
    exposition.insert(held);
}

/// Clocks of two machines may differ: an age is never negative.
pub(crate) fn seconds_since(time: Timestamp, now: Timestamp) -> i64 {
    now.as_second().saturating_sub(time.as_second()).max(0)
}
