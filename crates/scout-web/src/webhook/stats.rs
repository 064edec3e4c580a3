//! What came, as plain numbers and as metrics.

use std::collections::BTreeMap;

use scout_metrics::{CounterSchema, Family, counter};

/// Counts of one integration since the receiver was made. Everything only grows.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct WebhookStats {
    /// Deliveries and handshakes that came, whatever became of them.
    pub received: u64,
    /// Events that were stored.
    pub stored: u64,
    /// Events that had been stored before.
    pub duplicates: u64,
    /// Things in genuine deliveries that were not for us, and whole deliveries that were answered
    /// with success and told nothing: pings, handshakes.
    pub ignored: u64,
    /// Deliveries without the right secret or signature.
    pub unauthorized: u64,
    /// Deliveries that the integration refused for another reason.
    pub malformed: u64,
    /// Deliveries whose body was too long.
    pub too_large: u64,
    /// Deliveries whose body did not arrive whole, or not in time.
    pub incomplete: u64,
    /// Deliveries of a sender that was too fast.
    pub throttled: u64,
    /// Deliveries that could not be stored when they came.
    pub unavailable: u64,
}

pub(crate) const DELIVERIES: CounterSchema<2> = counter!(
    "scout_watch_webhook_deliveries_total",
    "Deliveries of webhooks: all that came, and those that were refused, by why",
    ["integration", "outcome"]
);
pub(crate) const EVENTS: CounterSchema<2> = counter!(
    "scout_watch_webhook_events_total",
    "Events in deliveries of webhooks: stored, or known already",
    ["integration", "outcome"]
);

impl WebhookStats {
    /// Returns both together: what one receiver counted, and another that took its place.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            received: self.received + other.received,
            stored: self.stored + other.stored,
            duplicates: self.duplicates + other.duplicates,
            ignored: self.ignored + other.ignored,
            unauthorized: self.unauthorized + other.unauthorized,
            malformed: self.malformed + other.malformed,
            too_large: self.too_large + other.too_large,
            incomplete: self.incomplete + other.incomplete,
            throttled: self.throttled + other.throttled,
            unavailable: self.unavailable + other.unavailable,
        }
    }
}

/// Returns the families of what came, by integration.
#[must_use]
pub fn webhook_families(stats: &BTreeMap<String, WebhookStats>) -> Vec<Family> {
    let (mut deliveries, mut events) = (DELIVERIES.family(), EVENTS.family());
    for (name, stats) in stats {
        for (outcome, count) in [
            ("received", stats.received),
            ("ignored", stats.ignored),
            ("unauthorized", stats.unauthorized),
            ("malformed", stats.malformed),
            ("too-large", stats.too_large),
            ("incomplete", stats.incomplete),
            ("throttled", stats.throttled),
            ("unavailable", stats.unavailable),
        ] {
            deliveries.set([name.as_str(), outcome], count);
        }
        events.set([name.as_str(), "stored"], stats.stored);
        events.set([name.as_str(), "known"], stats.duplicates);
    }
    vec![deliveries.into(), events.into()]
}
