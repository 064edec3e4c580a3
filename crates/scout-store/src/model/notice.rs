//! Notices: what stands of the newest images, what is new, and who is to be told.
//!
//! The store does not know what a notice says: subjects are names, bodies are JSON.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use scout_envs::IntegrationName;
use serde::{Deserialize, Serialize};

use crate::id::{IntegrationId, NoticeId, RepositoryId};

/// How many notices an organization keeps for channels that have not got them; beyond it the
/// oldest are dropped, and counted. At about 600 bytes each they are 12 MB; nobody reads so many.
pub const MAX_PENDING_NOTICES: u64 = 20_000;

/// How long a channel of a configuration file is remembered that no watcher has any more. As
/// long, its notices wait for it.
pub const CHANNELS_REMEMBERED_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What stands of an organization's newest images, as it was last judged.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Standings {
    /// Whether any advisories were loaded then.
    pub knows_findings: bool,
    /// Each repository that ever had an analyzed image.
    pub repositories: BTreeMap<RepositoryId, Standing>,
}

/// What stands of the newest image of one repository.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Standing {
    /// What tells the image from others: its digest, or those of its platforms.
    pub version: String,
    /// Whether the repository still has an analyzed image.
    pub is_present: bool,
    /// What was found in that image, each with how bad it is.
    pub subjects: BTreeMap<String, StandingLevel>,
}

/// How bad a subject is; 0 is not at all, and more is worse.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct StandingLevel {
    /// Now.
    pub now: u8,
    /// At its worst, since this image is the newest: so much was told.
    pub told: u8,
}

/// What changed about an organization's newest images.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct StandingsChange {
    /// Whether any advisories are loaded.
    pub knows_findings: bool,
    /// The repositories that changed, as they are now; the others stay.
    pub standings: Vec<(RepositoryId, Standing)>,
    /// What is new.
    pub notices: Vec<NewNotice>,
}

/// A notice to be recorded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewNotice {
    /// The repository.
    pub repository: RepositoryId,
    /// What it is about, a key of [`Standing::subjects`].
    pub subject: String,
    /// How bad it is.
    pub level: u8,
    /// When it was found.
    pub found_at: Timestamp,
    /// What it says, as JSON.
    pub body: String,
}

/// A notice that waits for a channel.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct PendingNotice {
    /// Its number.
    pub id: NoticeId,
    /// What was recorded.
    pub notice: NewNotice,
}

impl PendingNotice {
    /// Returns the notice of this number.
    #[must_use]
    pub fn new(id: NoticeId, notice: NewNotice) -> Self {
        Self { id, notice }
    }
}

/// What tells a channel from others, also from a later one of the same name.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ChannelKey {
    /// It is an integration of the store.
    Integration(IntegrationId),
    /// It is in a configuration file, under this name.
    File(IntegrationName),
}

impl fmt::Display for ChannelKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integration(id) => write!(f, "integration:{id}"),
            Self::File(name) => write!(f, "file:{name}"),
        }
    }
}

impl FromStr for ChannelKey {
    type Err = InvalidChannelKey;

    fn from_str(text: &str) -> Result<Self, InvalidChannelKey> {
        let key = match text.split_once(':') {
            Some(("integration", id)) => id.parse().ok().map(IntegrationId).map(Self::Integration),
            Some(("file", name)) => name.parse().ok().map(Self::File),
            _ => None,
        };
        key.ok_or_else(|| InvalidChannelKey(text.to_owned()))
    }
}

/// A text that is no key of a channel.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} is no key of a channel")]
pub struct InvalidChannelKey(pub String);

/// A channel as recorded.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ChannelRecord {
    /// Its key.
    pub key: ChannelKey,
    /// How many notices it is not done with; it may not want all of them.
    pub pending: u64,
    /// When the oldest and the newest of them were found.
    pub pending_between: Option<(Timestamp, Timestamp)>,
    /// How many notices were dropped that it was not told of.
    pub dropped: u64,
    /// When a message last arrived.
    pub last_sent_at: Option<Timestamp>,
    /// How often sending failed since then.
    pub failures: u32,
    /// The newest of these failures.
    pub failure: Option<ChannelFailure>,
}

/// A message that did not arrive.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ChannelFailure {
    /// When.
    pub at: Timestamp,
    /// Why, for people; no secret.
    pub reason: String,
    /// When it is tried again.
    pub not_before: Timestamp,
    /// Whether the receiver asked to wait so long.
    pub is_asked: bool,
}
