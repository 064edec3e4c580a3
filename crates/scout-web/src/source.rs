//! What the routes ask of the rest of the system.

use async_trait::async_trait;
use jiff::Timestamp;
use scout_envs::{OrgName, Role, Snapshot, Upkeep};
use scout_platform::RecordHealth;
pub use scout_platform::TokenUse;

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

    /// Returns the newest snapshot of an organization with its extended part, if it has them.
    ///
    /// Asked only where more than the documented families is served.
    async fn extended_snapshot(&self, org: &OrgName) -> Result<Option<Snapshot>, BoxError> {
        self.snapshot(org).await
    }

    /// Returns what waits in an organization and how old its sources are; by default that nothing
    /// is known of it.
    ///
    /// Asked once in [`UPKEEP_INTERVAL`](crate::UPKEEP_INTERVAL), and only where more than the
    /// documented families is served.
    async fn upkeep(&self, org: &OrgName) -> Result<Upkeep, BoxError> {
        let _ = org;
        Ok(Upkeep::default())
    }

    /// Returns what a token allows, if it is known and not revoked. `hash` is the SHA-256 of its
    /// text.
    ///
    /// Asked in each request, so that revoking a token works at once, unless
    /// [`change_mark`](Self::change_mark) tells that the answer is still the same. Looking it up by equality is
    /// safe: who guesses tokens does not choose the bytes of their hashes, so the time of a
    /// comparison tells nothing about a token.
    async fn token(&self, hash: &[u8; 32]) -> Result<Option<TokenGrant>, BoxError>;

    /// Returns a mark that is another one after anything changed, a token in particular.
    ///
    /// If two calls return the same mark, then what [`token`](Self::token) answered between them is
    /// still right at the second call, whoever changes tokens, in whatever process. Called in each
    /// request, so it must take microseconds. Where that cannot be told there is no mark, and each
    /// request asks.
    fn change_mark(&self) -> Option<u64> {
        None
    }

    /// Returns the hashes of all tokens that were not revoked, of more than `limit` the newest;
    /// nothing if they cannot be listed.
    ///
    /// Asked at most once a second, while an address is refused too often: from there only these
    /// are looked up.
    async fn token_hashes(&self, limit: usize) -> Result<Option<Vec<[u8; 32]>>, BoxError> {
        let _ = limit;
        Ok(None)
    }

    /// Records that tokens were used. Called beside the requests, for each token at most once a
    /// minute. A source that has no place for it does nothing.
    async fn record_token_uses(&self, uses: Vec<TokenUse>) -> Result<(), BoxError> {
        drop(uses);
        Ok(())
    }

    /// Returns whether there is an organization of this name.
    async fn org_exists(&self, org: &OrgName) -> Result<bool, BoxError>;

    /// Returns how the record is doing; nothing where there is none. Asked every few seconds.
    async fn health(&self, now: Timestamp) -> Result<Option<RecordHealth>, BoxError> {
        let _ = now;
        Ok(None)
    }

    /// Tells one record from another that took its place: generations are compared within one
    /// epoch only. Asked after [`organizations_generations`](Self::organizations_generations).
    fn epoch(&self) -> u64 {
        0
    }
}

/// What the holder of a token may do, where, and until when.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct TokenGrant {
    /// The organization the token belongs to.
    pub org: OrgName,
    /// The role it was made with.
    pub role: Role,
    /// From when on it grants nothing; never without it.
    pub expires_at: Option<Timestamp>,
}

impl TokenGrant {
    /// Returns what a token without an end grants.
    #[must_use]
    pub fn new(org: OrgName, role: Role) -> Self {
        Self {
            org,
            role,
            expires_at: None,
        }
    }

    /// Sets when it ends, if it does.
    #[must_use]
    pub fn with_end(mut self, expires_at: Option<Timestamp>) -> Self {
        self.expires_at = expires_at;
        self
    }

    pub(crate) fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }
}
