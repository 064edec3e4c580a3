//! The routes' source over what is recorded.

use async_trait::async_trait;
use jiff::Timestamp;
use scout_envs::{OrgName, Snapshot, Upkeep};
use scout_platform::{Reader, RecordHealth};

use crate::source::{BoxError, MetricsSource, TokenGrant, TokenUse};

/// Serves what is recorded in a store.
#[derive(Clone, Debug)]
pub struct ReaderSource(Reader);

impl ReaderSource {
    /// Returns the source that asks this reader.
    #[must_use]
    pub fn new(reader: Reader) -> Self {
        Self(reader)
    }
}

#[async_trait]
impl MetricsSource for ReaderSource {
    async fn organizations_generations(&self) -> Result<Vec<(OrgName, u64)>, BoxError> {
        Ok(self.0.organizations().await?)
    }

    async fn snapshot(&self, org: &OrgName) -> Result<Option<Snapshot>, BoxError> {
        Ok(self.0.snapshot(org).await?)
    }

    async fn extended_snapshot(&self, org: &OrgName) -> Result<Option<Snapshot>, BoxError> {
        Ok(self.0.extended_snapshot(org).await?)
    }

    async fn upkeep(&self, org: &OrgName) -> Result<Upkeep, BoxError> {
        Ok(self.0.upkeep(org).await?)
    }

    async fn token(&self, hash: &[u8; 32]) -> Result<Option<TokenGrant>, BoxError> {
        let grant = self.0.token_grant(*hash).await?;
        let granted = grant.map(|grant| {
            let granted = TokenGrant::new(grant.org, grant.role);
            granted.with_end(grant.expires_at)
        });
        Ok(granted)
    }

    fn change_mark(&self) -> Option<u64> {
        self.0.change_mark()
    }

    async fn token_hashes(&self, limit: usize) -> Result<Option<Vec<[u8; 32]>>, BoxError> {
        Ok(Some(self.0.token_hashes(limit).await?))
    }

    async fn record_token_uses(&self, uses: Vec<TokenUse>) -> Result<(), BoxError> {
        Ok(self.0.record_token_uses(uses).await?)
    }

    async fn org_exists(&self, org: &OrgName) -> Result<bool, BoxError> {
        Ok(self.0.is_enrolled(org).await?)
    }

    async fn health(&self, now: Timestamp) -> Result<Option<RecordHealth>, BoxError> {
        Ok(Some(self.0.health(now).await?))
    }
}
