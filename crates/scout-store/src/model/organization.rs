//! Organizations and their tokens.

use jiff::Timestamp;
use scout_envs::{OrgName, Role};

use crate::id::{OrgId, TokenId};

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

/// A token to be recorded. Only the hash of the secret is ever stored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewToken {
    /// SHA-256 of the secret.
    pub hash: [u8; 32],
    /// What people are shown to tell tokens apart; no secret.
    pub hint: String,
    /// What its holder may do.
    pub role: Role,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A token as it is listed.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct TokenRecord {
    /// Its number.
    pub id: TokenId,
    /// What people are shown to tell tokens apart.
    pub hint: String,
    /// What its holder may do.
    pub role: Role,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
}

/// What the holder of a valid token was granted.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct TokenGrant {
    /// The organization the token belongs to.
    pub org: OrgName,
    /// What its holder may do there.
    pub role: Role,
}
