//! TLS for what listens: a certificate and its key from files, read again when they change.

mod files;

use scout_platform::chain;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use crate::tls::files::{Fingerprint, Loaded};
pub use crate::tls::files::{MAX_PEM_BYTES, TlsError, TlsFiles};

/// How long a handshake may take. It is two round trips; the slowest networks need 2 s.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How often the files are looked at, at most; they are when a connection comes. Certificates are
/// renewed days before they end, so a minute is soon.
pub const RELOAD_INTERVAL: Duration = Duration::from_secs(60);

/// A certificate with its key, as the files have it.
///
/// New handshakes use new files within [`RELOAD_INTERVAL`]; connections that are open stay. Files
/// that cannot be used, because they are half written for instance, change nothing: the ones
/// before them serve on, and a warning tells once why.
pub struct Tls {
    files: TlsFiles,
    interval: Duration,
    state: Mutex<State>,
}

struct State {
    config: Arc<ServerConfig>,
    fingerprint: Fingerprint,
    looked_at: Instant,
    /// The last warning, so that it is not repeated.
    warned: Option<String>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    ///
    /// [`TlsError`], which says which file is wrong and what it should hold.
    pub async fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let loaded = load(files.clone(), None).await?;
        let Some(Loaded {
            config,
            fingerprint,
        }) = loaded
        else {
            return Err(TlsError::Interrupted);
        };
        Ok(Self {
            files,
            interval: RELOAD_INTERVAL,
            state: Mutex::new(State {
                config,
                fingerprint,
                looked_at: Instant::now(),
                warned: None,
            }),
        })
    }

    /// Replaces [`RELOAD_INTERVAL`].
    #[must_use]
    pub fn with_reload_interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Returns what shakes hands with the newest usable files.
    pub(crate) async fn acceptor(&self) -> TlsAcceptor {
        if let Some(known) = self.due() {
            let loaded = load(self.files.clone(), Some(known)).await;
            self.replace(loaded);
        }
        TlsAcceptor::from(Arc::clone(&self.state().config))
    }

    /// Returns what is known of the files if they are to be looked at, by this caller alone.
    fn due(&self) -> Option<Fingerprint> {
        let now = Instant::now();
        let mut state = self.state();
        if now.duration_since(state.looked_at) < self.interval {
            return None;
        }
        state.looked_at = now;
        Some(state.fingerprint)
    }

    fn replace(&self, loaded: Result<Option<Loaded>, TlsError>) {
        let mut state = self.state();
        let warning = match loaded {
            Ok(None) => None,
            Ok(Some(loaded)) => {
                state.config = loaded.config;
                state.fingerprint = loaded.fingerprint;
                tracing::info!(certificate = %self.files.certificate.display(), "new certificate");
                None
            }
            Err(error) => Some(chain(&error)),
        };
        if let Some(reason) = &warning
            && state.warned != warning
        {
            tracing::warn!(%reason, "the new certificate cannot be used, the one before it serves on");
        }
        state.warned = warning;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each field is replaced whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tls").field(&self.files).finish()
    }
}

/// Reads the files where blocking is allowed. Returns nothing if they are what is known.
async fn load(files: TlsFiles, known: Option<Fingerprint>) -> Result<Option<Loaded>, TlsError> {
    spawn_blocking(move || files.load(known))
        .await
        .unwrap_or(Err(TlsError::Interrupted))
}

#[cfg(test)]
pub(crate) mod tests;
