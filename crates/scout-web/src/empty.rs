//! The source of a program that has no store.

use async_trait::async_trait;
use scout_envs::{OrgName, Snapshot};

use crate::source::{BoxError, MetricsSource, TokenGrant};

/// A source that knows no organization and no token.
#[derive(Clone, Copy, Debug, Default)]
pub struct EmptySource;

#[async_trait]
impl MetricsSource for EmptySource {
    async fn organizations_generations(&self) -> Result<Vec<(OrgName, u64)>, BoxError> {
        Ok(Vec::new())
    }

    async fn snapshot(&self, _: &OrgName) -> Result<Option<Snapshot>, BoxError> {
        Ok(None)
    }

    async fn token(&self, _: &[u8; 32]) -> Result<Option<TokenGrant>, BoxError> {
        Ok(None)
    }

    async fn org_exists(&self, _: &OrgName) -> Result<bool, BoxError> {
        Ok(false)
    }
}
