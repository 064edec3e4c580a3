//! Organizations.

use scout_envs::OrgName;

use crate::id::OrgId;

/// An organization that was enrolled.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Organization {
    /// Its number.
    pub id: OrgId,
    /// Its name.
    pub name: OrgName,
    /// The generation of its newest snapshot; 0 before the first.
    pub generation: u64,
}
