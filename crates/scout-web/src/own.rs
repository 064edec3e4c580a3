//! What the program around the server tells of itself on `/metrics`.

use std::fmt;

use jiff::Timestamp;
use scout_metrics::Family;

/// Families that a program adds to the server's own metrics.
///
/// # Contract
///
/// - Asked in each request to `/metrics`, perhaps several at once: it answers at once, from memory.
/// - Every set of label values is bounded by what is configured, never by what is scanned.
/// - No label is called `id`, `job`, `instance`, `container`, `pod` or `namespace`.
pub trait OwnFamilies: fmt::Debug + Send + Sync + 'static {
    /// Returns the families, with what they are at this time.
    fn families(&self, now: Timestamp) -> Vec<Family>;
}
