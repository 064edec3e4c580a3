//! Events: what a registry told of itself. An event is a hint that sends somebody to look; what
//! is recorded is what the registry then answers.

use jiff::{SignedDuration, Timestamp};
use scout_envs::{Digest, RepositoryName, Tag};

use crate::id::EventId;

/// How many events an organization may have pending.
///
/// A registry that is cleaned up tells of some thousands of deletions at once; at about 500 bytes
/// each, this many are 5 MB. Beyond it senders are asked to come again, and the next sweep sees
/// what they had to say anyway.
pub const MAX_PENDING_EVENTS: u64 = 10_000;

/// Longest key of an event, in bytes. Senders' own are UUIDs or SHA-256 in hexadecimal; made-up
/// ones can be hashed to fit.
pub const MAX_EVENT_KEY_BYTES: usize = 256;

/// For how long the key of an event is remembered after it was worked on: twice the 24 hours for
/// which Azure Event Grid, the most patient of the senders, repeats a delivery.
pub const EVENTS_REMEMBERED_FOR: SignedDuration = SignedDuration::from_hours(48);

/// How a key begins that tells what an event says, not which one it is.
///
/// Its sender gives events no id. It finds repetitions while the event is pending, and is
/// forgotten when it was worked on, or what happens a second time (a tag is pushed, deleted, and
/// pushed again) would not be heard.
pub const CONTENT_KEY_PREFIX: &str = "content:";

/// How many keys are remembered of an organization at most: a full table, and one more.
pub const MAX_REMEMBERED_EVENTS: u64 = 2 * MAX_PENDING_EVENTS;

/// What happened to a tag or a manifest.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum EventAction {
    /// It was pushed, or appeared in another way: promoted, copied, restored.
    Pushed,
    /// It was deleted.
    Deleted,
}

impl EventAction {
    /// Returns the name stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pushed => "pushed",
            Self::Deleted => "deleted",
        }
    }
}

/// An event to be recorded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewEvent {
    /// What tells it from others of its registry; the same one sent again has the same key. At
    /// most [`MAX_EVENT_KEY_BYTES`]. One that begins with [`CONTENT_KEY_PREFIX`] is not
    /// remembered after the event was worked on.
    pub key: String,
    /// What happened.
    pub action: EventAction,
    /// The repository it happened in, whether it is known or not.
    pub repository: RepositoryName,
    /// The tag, where the event names one.
    pub tag: Option<Tag>,
    /// The digest, where the event names one.
    pub digest: Option<Digest>,
    /// When it happened, as the sender says.
    pub occurred_at: Option<Timestamp>,
}

/// What came of recording events. The set is closed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EventsRecorded {
    /// Each is pending, or was known.
    Stored {
        /// How many are pending from now on.
        stored: u64,
        /// How many were known, pending or worked on.
        duplicates: u64,
    },
    /// They do not fit beside the [`MAX_PENDING_EVENTS`]; none was recorded.
    Full,
}

/// An event to be worked on.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct PendingEvent {
    /// Its number; later ones are greater.
    pub id: EventId,
    /// What happened.
    pub action: EventAction,
    /// The repository it happened in, whether it is known or not.
    pub repository: RepositoryName,
    /// The tag, where the event names one.
    pub tag: Option<Tag>,
    /// The digest, where the event names one.
    pub digest: Option<Digest>,
    /// When it happened, as the sender says.
    pub occurred_at: Option<Timestamp>,
    /// When it was recorded.
    pub received_at: Timestamp,
    /// How often it was postponed.
    pub attempts: u32,
}
