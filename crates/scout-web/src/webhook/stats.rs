//! What came, as plain numbers.

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
