//! Access tokens.

use std::time::Duration;

use jiff::Timestamp;
use scout_envs::{OrgName, Role};

use crate::id::TokenId;

/// How exactly it is recorded when a token was used. What scrapes every few seconds leads to one
/// small write a minute, and who looks for tokens that nobody uses thinks in days.
pub const TOKEN_USE_INTERVAL: Duration = Duration::from_secs(60);

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
    /// From when on it grants nothing; never without it.
    pub expires_at: Option<Timestamp>,
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
    /// From when on it grants nothing; never without it.
    pub expires_at: Option<Timestamp>,
    /// When it was last used to [`TOKEN_USE_INTERVAL`]; nothing if no use was recorded.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
}

/// What the holder of a token that was not revoked was granted.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct TokenGrant {
    /// The organization the token belongs to.
    pub org: OrgName,
    /// What its holder may do there.
    pub role: Role,
    /// From when on it grants nothing; never without it.
    pub expires_at: Option<Timestamp>,
}

impl TokenGrant {
    /// Returns whether the token's time is over.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }
}

/// That a token was used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TokenUse {
    /// SHA-256 of the secret.
    pub hash: [u8; 32],
    /// When.
    pub used_at: Timestamp,
}
