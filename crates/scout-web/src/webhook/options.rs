//! What can be chosen about a webhook receiver.

use std::time::Duration;

/// Choices of a [`WebhookReceiver`](crate::WebhookReceiver).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WebhookOptions {
    /// How fast one sender may deliver.
    pub sender_rate: SenderRate,
    /// How long a body may take.
    pub body_timeout: Duration,
    /// How long storing the events of a delivery may take, waiting for a place included.
    pub record_timeout: Duration,
    /// How many deliveries may be stored at a time. Must be at least 1, else none is.
    pub max_recorders: usize,
}

impl Default for WebhookOptions {
    /// Returns the usual choices.
    ///
    /// A body has 10 s: at 1 MiB that is a slow line, and senders wait 3 s (Harbor) to 30 s (Event
    /// Grid). Storing has 10 s, for a sender that waits for less comes again and finds its events
    /// stored. 16 deliveries at a time are more than a store that syncs each can do.
    fn default() -> Self {
        Self {
            sender_rate: SenderRate::default(),
            body_timeout: Duration::from_secs(10),
            record_timeout: Duration::from_secs(10),
            max_recorders: 16,
        }
    }
}

impl WebhookOptions {
    /// Replaces the rate of a sender.
    #[must_use]
    pub fn with_sender_rate(mut self, rate: SenderRate) -> Self {
        self.sender_rate = rate;
        self
    }

    /// Replaces the time a body may take.
    #[must_use]
    pub fn with_body_timeout(mut self, timeout: Duration) -> Self {
        self.body_timeout = timeout;
        self
    }

    /// Replaces the time storing may take.
    #[must_use]
    pub fn with_record_timeout(mut self, timeout: Duration) -> Self {
        self.record_timeout = timeout;
        self
    }

    /// Replaces the number of deliveries that may be stored at a time.
    #[must_use]
    pub fn with_max_recorders(mut self, max_recorders: usize) -> Self {
        self.max_recorders = max_recorders;
        self
    }
}

/// How fast one sender, known by its address, may deliver to one integration.
///
/// Senders behind one proxy share its address, and so its rate: what a header says about a sender
/// is not believed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SenderRate {
    /// Deliveries a second in the long run. 0 counts as 1.
    pub per_second: u32,
    /// Deliveries at once after a pause. 0 counts as 1.
    pub burst: u32,
}

impl Default for SenderRate {
    /// Returns 50 deliveries a second, 200 at once: a release pushes some hundred tags, and each
    /// costs a durable write of some milliseconds.
    fn default() -> Self {
        Self {
            per_second: 50,
            burst: 200,
        }
    }
}
