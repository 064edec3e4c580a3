//! What is counted about who is let in.

use std::sync::atomic::{AtomicU64, Ordering};

use scout_metrics::{CounterSchema, Exposition, counter};

use crate::failure::Refusal;

pub(crate) const REFUSED: CounterSchema<1> = counter!(
    "scout_exporter_refused_total",
    "Requests for metrics that were refused for their token or for want of one",
    ["reason"]
);
pub(crate) const CHECKED: CounterSchema<1> = counter!(
    "scout_exporter_token_checks_total",
    "Well-formed tokens that were checked: in memory, while nothing was committed since they were \
     looked up, or in the store",
    ["place"]
);

/// Counters since the start.
#[derive(Debug, Default)]
pub(super) struct GateStats {
    refused: [AtomicU64; Refusal::ALL.len()],
    in_memory: AtomicU64,
    in_store: AtomicU64,
}

impl GateStats {
    pub(super) fn count_refusal(&self, refusal: Refusal) {
        let place = Refusal::ALL.iter().position(|one| *one == refusal);
        if let Some(count) = place.and_then(|place| self.refused.get(place)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn count_in_memory(&self) {
        self.in_memory.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_in_store(&self) {
        self.in_store.fetch_add(1, Ordering::Relaxed);
    }

    /// Adds everything as metrics, from 0 on, so that the first refusal is already an increase.
    pub(super) fn insert_into(&self, exposition: &mut Exposition) {
        let mut refused = REFUSED.family();
        for (refusal, count) in Refusal::ALL.iter().zip(&self.refused) {
            refused.set([refusal.as_str()], count.load(Ordering::Relaxed));
        }
        exposition.insert(refused);
        let mut checked = CHECKED.family();
        checked.set(["memory"], self.in_memory.load(Ordering::Relaxed));
        checked.set(["store"], self.in_store.load(Ordering::Relaxed));
        exposition.insert(checked);
    }
}
