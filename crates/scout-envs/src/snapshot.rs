//! What the judge last found for one organization: everything the metrics endpoint serves.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::extended::Extended;
use crate::organization::OrgName;
use crate::policy::PolicyId;
use crate::severity::SeverityCounts;
use crate::stream::StreamName;

/// All numbers of one organization at one moment.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Snapshot {
    /// Whose numbers these are.
    pub org: OrgName,
    /// Grows by one with each snapshot of the organization.
    pub generation: u64,
    /// When it was made.
    pub judged_at: Timestamp,
    /// When the advisories it was judged with were last loaded; none were if absent.
    pub advisories_loaded_at: Option<Timestamp>,
    /// The first moment at which time alone may change a result.
    pub valid_until: Option<Timestamp>,
    /// The streams that exist, `latest-indexed` first, then by name.
    pub streams: Vec<StreamSnapshot>,
    /// What is known beyond that. It is kept apart from the rest, as it can be much larger and
    /// few ask for it: absent where the snapshot was read without it, or was made by a release
    /// that did not know it.
    #[serde(skip)]
    pub extended: Option<Extended>,
}

/// The numbers of one stream.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct StreamSnapshot {
    /// The stream.
    pub name: StreamName,
    /// How many (repository, image) pairs it holds.
    pub members: u64,
    /// How many of them could be judged at all.
    pub judged: u64,
    /// How many of them have something unknown about them.
    pub partial: u64,
    /// Distinct vulnerabilities in the stream; absent while nothing was judged.
    pub vulnerabilities: Option<SeverityCounts>,
    /// Those of them in packages that were seen loaded at run time; absent while nobody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_use: Option<SeverityCounts>,
    /// Results of each policy that had data, in the order of their ids.
    pub policies: Vec<PolicyCounts>,
}

/// How many members of a stream a policy looked at.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct PolicyCounts {
    /// The policy's stable id.
    pub id: PolicyId,
    /// The policy's name for people.
    pub display_name: String,
    /// Members for which the policy had data.
    pub evaluated: u64,
    /// Members among them that hold to it.
    pub compliant: u64,
    /// Members for which it had none.
    pub no_data: u64,
}
