//! The routes' source over what is recorded.

use async_trait::async_trait;
use scout_envs::{OrgName, Snapshot};
use scout_platform::Reader;

use crate::source::{BoxError, MetricsSource, TokenGrant};

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

    async fn token(&self, hash: &[u8; 32]) -> Result<Option<TokenGrant>, BoxError> {
        let grant = self.0.token_grant(*hash).await?;
        Ok(grant.map(|grant| TokenGrant {
            org: grant.org,
            role: grant.role,
        }))
    }

    async fn org_exists(&self, org: &OrgName) -> Result<bool, BoxError> {
        Ok(self.0.is_enrolled(org).await?)
    }
}
