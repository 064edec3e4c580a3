//! Organizations whose metrics another server knows: the second source of pages, beside the store.
//!
//! The whole boundary between hosted mode and the endpoint. Everything here is asked in memory.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use scout_envs::OrgName;
use scout_metrics::{Exposition, Family};

/// Organizations that another server has metrics of.
///
/// # Contract
///
/// - Methods may be called from several tasks at once, in each request, and answer at once.
/// - An organization named here is served from here, even if the store knows it, too.
pub trait Upstream: Send + Sync + fmt::Debug + 'static {
    /// Returns every organization.
    fn organizations(&self) -> Vec<OrgName>;

    /// Returns the last good answer of an organization, if there is one.
    fn metrics(&self, org: &OrgName) -> Option<UpstreamMetrics>;

    /// Returns what the token whose text has this SHA-256 is to the other server, as far as is
    /// known.
    fn token(&self, org: &OrgName, hash: &[u8; 32]) -> UpstreamToken;

    /// Returns what is known of the other server's health, for our own metrics.
    fn families(&self, now: Timestamp) -> Vec<Family>;
}

/// What another server said of an organization.
#[derive(Clone, Debug)]
pub struct UpstreamMetrics {
    /// Grows with each answer, from 1.
    pub generation: u64,
    /// When it was read.
    pub read_at: Timestamp,
    /// What it said.
    pub families: Arc<Exposition>,
}

/// What a token is to another server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum UpstreamToken {
    /// None that is used there: it may be one of ours.
    Other,
    /// Its last use was accepted.
    Accepted,
    /// It was not used yet, or no answer came: nobody can say.
    Unconfirmed,
    /// The other server does not know it (any more).
    Unauthorized,
    /// The other server knows it, but does not let it read this organization.
    Forbidden,
}
