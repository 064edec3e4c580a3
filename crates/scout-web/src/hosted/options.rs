//! What hosted mode is told about an organization.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use scout_api::hosted::Pace;
use scout_api::{MetricsText, ScoutServer};
use scout_envs::OrgName;
use secrecy::SecretString;

use crate::options::Clock;
use crate::source::BoxError;

/// An organization to be read from another server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HostedOptions {
    /// The organization.
    pub org: OrgName,
    /// The server.
    pub server: Arc<dyn MetricsServer>,
    /// Where the token is.
    pub token: TokenReader,
    /// How often it is read, and how long it may take.
    pub times: HostedTimes,
    /// The directory in which the last good answer is kept; without it, it is lost at the end.
    pub dir: Option<PathBuf>,
    /// What time it is.
    pub clock: Clock,
    /// What spreads the reads.
    pub random: Random,
}

impl HostedOptions {
    /// Returns the usual choices: nothing is kept on disk.
    #[must_use]
    pub fn new(
        org: OrgName,
        server: Arc<dyn MetricsServer>,
        token: TokenReader,
        clock: Clock,
        random: Random,
    ) -> Self {
        Self {
            org,
            server,
            token,
            times: HostedTimes::default(),
            dir: None,
            clock,
            random,
        }
    }

    /// Replaces how often it is read, and how long it may take.
    #[must_use]
    pub fn with_times(mut self, times: HostedTimes) -> Self {
        self.times = times;
        self
    }

    /// Keeps the last good answer in this directory.
    #[must_use]
    pub fn with_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.dir = Some(dir.into());
        self
    }
}

/// How often an organization is read, and how long it may take.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct HostedTimes {
    /// How often.
    pub pace: Pace,
    /// How long a read may take, from connecting to the last byte.
    pub timeout: Duration,
}

impl HostedTimes {
    /// A minute: an answer of 32 MiB over 10 Mbit/s takes 27 s.
    pub const TIMEOUT: Duration = Duration::from_secs(60);

    /// Returns these times.
    #[must_use]
    pub fn new(pace: Pace, timeout: Duration) -> Self {
        Self { pace, timeout }
    }
}

impl Default for HostedTimes {
    fn default() -> Self {
        Self::new(Pace::default(), Self::TIMEOUT)
    }
}

/// A server that has the metrics of organizations.
///
/// # Contract
///
/// - Methods may be called from several tasks at once.
/// - Dropping a returned future stops the work.
/// - The token is sent to this server only, and is in no error and no `Debug` output.
#[async_trait]
pub trait MetricsServer: Send + Sync + fmt::Debug + 'static {
    /// Returns the address, to be shown.
    fn address(&self) -> String;

    /// Fetches the metrics of an organization, once.
    async fn metrics(&self, org: &OrgName, token: &SecretString) -> scout_api::Result<MetricsText>;
}

#[async_trait]
impl MetricsServer for ScoutServer {
    fn address(&self) -> String {
        Self::address(self).to_string()
    }

    async fn metrics(&self, org: &OrgName, token: &SecretString) -> scout_api::Result<MetricsText> {
        Self::metrics(self, org, token).await
    }
}

/// Reads the token from where it is kept. Asked every second, where blocking is allowed.
#[derive(Clone)]
pub struct TokenReader(Arc<dyn Fn() -> Result<SecretString, BoxError> + Send + Sync>);

impl TokenReader {
    /// Returns the reader that calls `read`, whose errors hold no secret.
    #[must_use]
    pub fn new(read: impl Fn() -> Result<SecretString, BoxError> + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    pub(super) fn read(&self) -> Result<SecretString, BoxError> {
        (self.0)()
    }
}

impl fmt::Debug for TokenReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenReader")
    }
}

/// A source of random numbers.
#[derive(Clone)]
pub struct Random(Arc<dyn Fn() -> u64 + Send + Sync>);

impl Random {
    /// Returns the source that calls `next`.
    #[must_use]
    pub fn new(next: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(next))
    }

    /// Returns a number from 0 to 1.
    pub(super) fn chance(&self) -> f64 {
        let [a, b, c, d, ..] = (self.0)().to_be_bytes();
        f64::from(u32::from_be_bytes([a, b, c, d])) / f64::from(u32::MAX)
    }

    pub(super) fn bytes(&self) -> [u8; 8] {
        (self.0)().to_be_bytes()
    }
}

impl fmt::Debug for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Random")
    }
}
