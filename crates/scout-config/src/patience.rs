//! How patient we are with whom we ask, and other ways in which we ask everybody.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use scout_http::{Hosts, IDLE_TIMEOUT, Jitter, RetryPolicy, Slowing};
use scout_registry::BuildOptions;

use crate::error::{Error, Result};
use crate::file::read_file;
use crate::secret::SecretFiles;

/// How we call ourselves; some registries refuse callers without a name.
pub(crate) const USER_AGENT: &str = concat!("scout-watch/", env!("CARGO_PKG_VERSION"));
/// Longest file of certificate authorities, in bytes; those of a whole system have a quarter.
const MAX_CA: u64 = 1024 * 1024;

/// The hosts that this process asks: all its integrations share places and pace there, also when
/// they are opened anew.
static HOSTS: LazyLock<Hosts> = LazyLock::new(|| {
    let mut slowing = Slowing::default();
    slowing.jitter = Jitter::new(random_fraction);
    Hosts::new(slowing)
});

/// How long an answer is waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// How often a request is tried in all.
    attempts: u32,
    /// How long an answer may be silent.
    silence: Duration,
}

impl Patience {
    pub(crate) const OF_A_SERVICE: Self = Self {
        attempts: RetryPolicy::ATTEMPTS,
        silence: IDLE_TIMEOUT,
    };
    /// A server that hangs is told of within a minute.
    pub(crate) const OF_A_PERSON: Self = Self {
        attempts: 2,
        silence: Duration::from_secs(20),
    };

    /// Returns options without anything that belongs to one integration.
    pub(crate) fn options(self) -> BuildOptions {
        BuildOptions::new(USER_AGENT)
            .with_idle_timeout(self.silence)
            .with_hosts(HOSTS.clone())
            .with_retry(RetryPolicy {
                attempts: self.attempts,
                jitter: Jitter::new(random_fraction),
                ..RetryPolicy::default()
            })
    }
}

/// Returns a number between 0 and 1. It spreads what many watchers repeat; without random bytes
/// they are not spread.
#[must_use]
pub fn random_fraction() -> f64 {
    let mut bytes = [0; 4];
    match getrandom::fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX),
        Err(_) => 1.0,
    }
}

/// Reads the certificate authorities of `ca=`.
pub(crate) fn read_ca(path: &Path, files: &mut SecretFiles) -> Result<Vec<u8>> {
    files.remember(path);
    read_file(path, MAX_CA).map_err(|source| Error::File {
        action: "read the authorities of ca= in",
        path: PathBuf::from(path),
        source,
    })
}
