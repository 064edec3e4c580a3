//! How the record itself is doing: what waits, what failed, and how old what is known is.

use jiff::Timestamp;
use scout_envs::{EnvironmentName, OrgName};

use crate::model::artifact::ArtifactState;
use crate::model::work::WorkClass;

/// How many shares, and how many channels, are told of at most. A thousand environments with two
/// sources each are told whole; whoever has more sees how many are left out.
pub const MAX_HEALTH_ROWS: u32 = 2_000;

/// How the record is doing, all organizations together, as of one moment.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct RecordHealth {
    /// Each organization, by name.
    pub organizations: Vec<OrgHealth>,
    /// The shares of environments by organization, environment and source.
    pub shares: Vec<ShareHealth>,
    /// The channels by organization and key.
    pub channels: Vec<ChannelHealth>,
    /// When each feed of advisories was last found unchanged or loaded, by name.
    pub feeds: Vec<(String, Timestamp)>,
    /// Shares and channels beyond [`MAX_HEALTH_ROWS`] of each.
    pub left_out: u64,
}

/// How one organization is doing.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct OrgHealth {
    /// Its name.
    pub org: OrgName,
    /// Index work by class and state; what there is none of is not listed.
    pub work: Vec<(WorkClass, WorkState, u64)>,
    /// Artifacts by how far their indexing is; those no tag points to any more are among them.
    /// What there is none of is not listed.
    pub artifacts: Vec<(ArtifactState, u64)>,
    /// Events that were not looked at yet.
    pub events: u64,
    /// Whether it is to be judged.
    pub is_judgement_due: bool,
}

impl OrgHealth {
    /// Returns an organization that has nothing.
    #[must_use]
    pub fn new(org: OrgName) -> Self {
        Self {
            org,
            work: Vec::new(),
            artifacts: Vec::new(),
            events: 0,
            is_judgement_due: false,
        }
    }
}

/// What index work is doing. The set is closed.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum WorkState {
    /// It is due, and nobody has it.
    Waiting,
    /// Somebody has it.
    InFlight,
    /// It was put back: its registry is out of reach, or the time of its next attempt has not come.
    Deferred,
}

impl WorkState {
    /// All states.
    pub const ALL: [Self; 3] = [Self::Waiting, Self::InFlight, Self::Deferred];

    /// Returns the name shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::InFlight => "in-flight",
            Self::Deferred => "deferred",
        }
    }
}

/// How old a share of an environment is.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ShareHealth {
    /// The organization.
    pub org: OrgName,
    /// The environment.
    pub environment: EnvironmentName,
    /// Whose share it is.
    pub source: String,
    /// When it was last replaced; absent if it never was.
    pub synced_at: Option<Timestamp>,
    /// Whether replacing it failed since.
    pub is_failing: bool,
}

/// How a channel is doing.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ChannelHealth {
    /// The organization.
    pub org: OrgName,
    /// The channel's name.
    pub name: String,
    /// How many notices it is not done with.
    pub pending: u64,
    /// How many notices were dropped that it was not told of.
    pub dropped: u64,
    /// How often in a row sending has failed.
    pub failures: u64,
    /// When a message last arrived.
    pub last_sent_at: Option<Timestamp>,
}
