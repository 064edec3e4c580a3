//! What the families of a watcher are called.

use scout_metrics::{CounterSchema, FamilyDescription, GaugeSchema, counter, gauge};

use crate::webhook::{DELIVERIES, EVENTS};

// The label `integration` is a name out of the configuration or the record; all other labels have
// values that are listed in the code.
pub(super) const BUILD: GaugeSchema<1> = gauge!(
    "scout_watch_build_info",
    "The version that runs, always 1",
    ["version"]
);
pub(super) const INTEGRATION_UP: GaugeSchema<2> = gauge!(
    "scout_watch_integration_up",
    "Whether the registry or runtime answered when it was last asked",
    ["integration", "kind"]
);
pub(super) const REQUESTS: CounterSchema<2> = counter!(
    "scout_watch_requests_total",
    "Requests to a registry or runtime, by what they are for",
    ["integration", "request"]
);
pub(super) const RETRIES: CounterSchema<1> = counter!(
    "scout_watch_retries_total",
    "Requests to a registry or runtime that were sent again after a failure",
    ["integration"]
);
pub(super) const THROTTLED: CounterSchema<1> = counter!(
    "scout_watch_throttled_total",
    "Answers of a registry or runtime that asked to slow down",
    ["integration"]
);
pub(super) const UNCHANGED_PAGES: CounterSchema<1> = counter!(
    "scout_watch_unchanged_pages_total",
    "Pages of listings that were not sent again because nothing had changed",
    ["integration"]
);
pub(super) const BLOB_BYTES: CounterSchema<1> = counter!(
    "scout_watch_blob_bytes_total",
    "Bytes of layers and configurations received, broken transfers included",
    ["integration"]
);
pub(super) const SWEEPS: CounterSchema<2> = counter!(
    "scout_watch_sweeps_total",
    "Sweeps of a registry, by how they ended",
    ["integration", "outcome"]
);
pub(super) const SWEEP_AGE: GaugeSchema<1> = gauge!(
    "scout_watch_last_complete_sweep_age_seconds",
    "How long ago a sweep of the registry ended that saw everything",
    ["integration"]
);
pub(super) const TAGS: CounterSchema<2> = counter!(
    "scout_watch_tags_total",
    "Tags that sweeps looked at, by whether they were known with their digest",
    ["integration", "outcome"]
);
pub(super) const ERRORS: CounterSchema<2> = counter!(
    "scout_watch_errors_total",
    "Failures of a registry and of what is in it, by kind, after requests were repeated",
    ["integration", "error"]
);
pub(super) const ATTEMPTS: CounterSchema<2> = counter!(
    "scout_watch_images_total",
    "Attempts to index an artifact, by how they ended",
    ["integration", "outcome"]
);
pub(super) const IN_FLIGHT: GaugeSchema<2> = gauge!(
    "scout_watch_in_flight",
    "Artifacts that are being indexed, by why they are wanted",
    ["integration", "class"]
);
pub(super) const LAYERS: CounterSchema<2> = counter!(
    "scout_watch_layers_total",
    "Layers of images that were indexed: fetched, or reused because they were read before",
    ["integration", "outcome"]
);
pub(super) const LAYER_BYTES: CounterSchema<2> = counter!(
    "scout_watch_layer_bytes_total",
    "Compressed bytes of layers: fetched, or avoided because the layer was read before",
    ["integration", "outcome"]
);
pub(super) const AVOIDED: CounterSchema<2> = counter!(
    "scout_watch_pulls_avoided_total",
    "Pulls that were not needed, by what was known already",
    ["integration", "reason"]
);
pub(super) const RUNTIME_SYNCS: CounterSchema<2> = counter!(
    "scout_watch_runtime_syncs_total",
    "Questions to a runtime what runs, by how they ended",
    ["integration", "outcome"]
);
pub(super) const JUDGEMENTS: CounterSchema<1> = counter!(
    "scout_watch_judgements_total",
    "Judgements of this process, by how they ended",
    ["outcome"]
);
pub(super) const JUDGED_AGE: GaugeSchema<0> = gauge!(
    "scout_watch_last_judgement_age_seconds",
    "How long ago this process last judged something",
    []
);
pub(super) const JUDGED_TOOK: GaugeSchema<0> = gauge!(
    "scout_watch_last_judgement_duration_seconds",
    "How long that judgement took",
    []
);
pub(super) const BUDGET: GaugeSchema<1> = gauge!(
    "scout_watch_budget_bytes",
    "Bytes of memory and of spool on disk that layers being read hold",
    ["pool"]
);
pub(super) const BUDGET_PEAK: GaugeSchema<1> = gauge!(
    "scout_watch_budget_peak_bytes",
    "Most bytes of memory and of spool on disk that layers being read held at once",
    ["pool"]
);
pub(super) const SPILLED: CounterSchema<0> = counter!(
    "scout_watch_spilled_bytes_total",
    "Bytes written to the spool on disk",
    []
);

/// What is on `/metrics` of a watcher, beside [`RECORD_FAMILIES`](crate::RECORD_FAMILIES).
pub const WATCHER_FAMILIES: &[FamilyDescription] = &[
    BUILD.description(),
    INTEGRATION_UP.description(),
    REQUESTS.description(),
    RETRIES.description(),
    THROTTLED.description(),
    UNCHANGED_PAGES.description(),
    BLOB_BYTES.description(),
    SWEEPS.description(),
    SWEEP_AGE.description(),
    TAGS.description(),
    ERRORS.description(),
    ATTEMPTS.description(),
    IN_FLIGHT.description(),
    LAYERS.description(),
    LAYER_BYTES.description(),
    AVOIDED.description(),
    RUNTIME_SYNCS.description(),
    JUDGEMENTS.description(),
    JUDGED_AGE.description(),
    JUDGED_TOOK.description(),
    BUDGET.description(),
    BUDGET_PEAK.description(),
    SPILLED.description(),
    DELIVERIES.description(),
    EVENTS.description(),
];
