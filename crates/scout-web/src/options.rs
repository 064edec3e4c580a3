//! What can be chosen about an exporter.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use scout_api::{CacheMode, CacheTtl};
use scout_metrics::SeriesBudget;

use crate::discovery::PublicAddress;
use crate::own::OwnFamilies;
use crate::tls::Tls;

/// How often generations are asked for: what is recorded shall be visible within 2 s.
pub const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// How often it is asked what waits and how old sources are, where that is served: twice in a
/// minute, the pause between two scrapes, as it takes the source some tenths of a second.
pub const UPKEEP_INTERVAL: Duration = Duration::from_secs(30);

/// Choices of an [`Exporter`](crate::Exporter).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ExporterOptions {
    /// How long to wait between two looks at the source.
    pub poll_interval: Duration,
    /// The version shown in the server's own metrics.
    pub version: String,
    /// What time it is, for ages.
    pub clock: Clock,
    /// When a new body replaces the one that is served.
    pub cache_mode: CacheMode,
    /// For how long the same body is served with [`CacheMode::Ttl`].
    pub cache_ttl: CacheTtl,
    /// How many series the families beyond the documented ones may have; without it there are
    /// none of them. Organizations of another server have the documented ones alone.
    pub extended: Option<SeriesBudget>,
    /// What makes connections secret; without it they are plain.
    pub tls: Option<Arc<Tls>>,
    /// At which address others reach this server; without it, at the one they write.
    pub public_address: Option<PublicAddress>,
    /// What the program tells of itself beside the server's own metrics.
    pub own: Option<Arc<dyn OwnFamilies>>,
}

impl ExporterOptions {
    /// Returns the usual choices: [`POLL_INTERVAL`], this crate's version, new numbers at once, and
    /// plain connections.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            poll_interval: POLL_INTERVAL,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            clock,
            cache_mode: CacheMode::default(),
            cache_ttl: CacheTtl::default(),
            extended: None,
            tls: None,
            public_address: None,
            own: None,
        }
    }

    /// Chooses when a new body replaces the one that is served.
    #[must_use]
    pub fn with_cache(mut self, mode: CacheMode, ttl: CacheTtl) -> Self {
        self.cache_mode = mode;
        self.cache_ttl = ttl;
        self
    }

    /// Serves more than the documented families, if there is a budget for their series.
    #[must_use]
    pub fn with_extended(mut self, budget: Option<SeriesBudget>) -> Self {
        self.extended = budget;
        self
    }

    /// Serves over TLS, if there is any.
    #[must_use]
    pub fn with_tls(mut self, tls: Option<Tls>) -> Self {
        self.tls = tls.map(Arc::new);
        self
    }

    /// Tells scrapers this address in service discovery.
    #[must_use]
    pub fn with_public_address(mut self, address: Option<PublicAddress>) -> Self {
        self.public_address = address;
        self
    }

    /// Adds what the program tells of itself.
    #[must_use]
    pub fn with_own(mut self, own: Arc<dyn OwnFamilies>) -> Self {
        self.own = Some(own);
        self
    }

    /// Replaces [`POLL_INTERVAL`].
    #[must_use]
    pub fn with_poll_interval(mut self, poll_interval: Duration) -> Self {
        self.poll_interval = poll_interval;
        self
    }

    /// Replaces the version.
    #[must_use]
    pub fn with_version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }
}

/// A source of the time.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// Returns the clock that calls `now`.
    #[must_use]
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
