//! Hosted mode: organizations whose metrics Docker's endpoint (or another Scout server) has.
//!
//! One task an organization reads them, and keeps the last good answer, in memory and on disk.
//! When it may ask is decided by [`scout_api::hosted`].

mod answer;
mod disk;
mod families;
mod feed;
mod kept;
mod options;
mod said;
mod token;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use futures_util::future::join_all;
use jiff::Timestamp;
use scout_envs::OrgName;
use scout_metrics::Family;

pub use crate::hosted::families::HOSTED_FAMILIES;
use crate::hosted::feed::Feed;
pub use crate::hosted::feed::LOOK_INTERVAL;
pub use crate::hosted::options::{HostedOptions, HostedTimes, MetricsServer, Random, TokenReader};
use crate::upstream::{Upstream, UpstreamMetrics, UpstreamToken};

/// Organizations that are read from another server. Cheap to clone; clones share everything.
///
/// Each organization is read by one task, so never twice at once. What scrapers ask for is in
/// memory: no request of theirs leads to one of ours.
#[derive(Clone, Debug)]
pub struct Hosted(Arc<BTreeMap<OrgName, Feed>>);

impl Hosted {
    /// Takes up what was kept of these organizations when the program ran last; asks nobody. Of
    /// two with the same name the later one counts.
    pub async fn open(organizations: Vec<HostedOptions>) -> Self {
        let mut feeds = BTreeMap::new();
        for options in organizations {
            feeds.insert(options.org.clone(), Feed::open(options).await);
        }
        Self(Arc::new(feeds))
    }

    /// Reads each organization whenever it is due. Never ends; dropping the future stops it and
    /// harms nothing.
    pub async fn run(&self) -> Infallible {
        join_all(self.0.values().map(Feed::run)).await;
        std::future::pending().await
    }

    /// Reads each organization that is due now, once.
    pub async fn look(&self) {
        join_all(self.0.values().map(Feed::look)).await;
    }
}

impl Upstream for Hosted {
    fn organizations(&self) -> Vec<OrgName> {
        self.0.keys().cloned().collect()
    }

    fn metrics(&self, org: &OrgName) -> Option<UpstreamMetrics> {
        self.0.get(org)?.answer()
    }

    fn token(&self, org: &OrgName, hash: &[u8; 32]) -> UpstreamToken {
        self.0
            .get(org)
            .map_or(UpstreamToken::Other, |feed| feed.token(hash))
    }

    fn families(&self, now: Timestamp) -> Vec<Family> {
        families::families(self.0.iter().map(|(org, feed)| (org, feed.report())), now)
    }
}

#[cfg(test)]
mod tests;
