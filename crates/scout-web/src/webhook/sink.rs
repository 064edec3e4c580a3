//! Where events go.

use async_trait::async_trait;
use scout_registry::events::Event;

use crate::source::BoxError;

/// What stores events and wakes who waits for them.
///
/// # Contract
///
/// - When [`record`](Self::record) has returned, the events survive a crash.
/// - All events of a call are stored, or none is. Dropping the returned future leaves one of the
///   two, never a part.
/// - An event that is known, by integration and [`id`](Event::id), is not stored again.
/// - Methods may be called from several tasks at once.
#[async_trait]
pub trait EventSink: Send + Sync + 'static {
    /// Stores the events of one delivery, and wakes the watcher.
    ///
    /// # Errors
    ///
    /// [`SinkError`], after which nothing is stored and the sender is told to try again.
    async fn record(&self, integration: &str, events: Vec<Event>) -> Result<Recorded, SinkError>;
}

/// What became of the events of a delivery.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Recorded {
    /// How many are stored now.
    pub stored: u64,
    /// How many had been stored before.
    pub duplicates: u64,
}

/// Why events could not be stored now.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// There are too many events that nobody has looked at.
    #[error("too many events wait to be looked at")]
    Full,
    /// The store failed. The cause is shown in the log, so it holds no secret.
    #[error("events cannot be stored")]
    Failed(#[source] BoxError),
}
