//! What the routes ask of the rest of the system.

use async_trait::async_trait;
use scout_envs::{OrgName, Role, Snapshot};

/// The cause of a failure, whatever its type. Its text is shown on `/healthz` and in the log, so
/// it holds no secret.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Where organizations, tokens and snapshots are.
///
/// # Contract
///
/// - Methods may be called from several tasks at once.
/// - Dropping a returned future stops the work and harms nothing.
/// - What may block for long is done on threads where blocking is allowed.
#[async_trait]
pub trait MetricsSource: Send + Sync + 'static {
    /// Returns every organization with the generation of its snapshot, 0 while it has none.
    ///
    /// Asked every second: it should cost one small query.
    async fn organizations_generations(&self) -> Result<Vec<(OrgName, u64)>, BoxError>;

    /// Returns the newest snapshot of an organization, if it has one.
    async fn snapshot(&self, org: &OrgName) -> Result<Option<Snapshot>, BoxError>;

    /// Returns what a token allows, if it is known and not revoked. `hash` is the SHA-256 of its
    /// text.
    ///
    /// Asked in each request, so that revoking a token works at once. Looking it up by equality is
    /// safe: who guesses tokens does not choose the bytes of their hashes, so the time of a
    /// comparison tells nothing about a token.
    async fn token(&self, hash: &[u8; 32]) -> Result<Option<TokenGrant>, BoxError>;

    /// Returns whether there is an organization of this name.
    async fn org_exists(&self, org: &OrgName) -> Result<bool, BoxError>;
}

/// What the holder of a token may do, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TokenGrant {
    /// The organization the token belongs to.
    pub org: OrgName,
    /// The role it was made with.
    pub role: Role,
}
