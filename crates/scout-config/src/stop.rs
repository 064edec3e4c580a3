//! The signals that ask a program to stop.

use std::io;

use tokio::signal::ctrl_c;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Waits for `SIGTERM` and Ctrl-C.
#[derive(Debug)]
pub struct StopSignal(Signal);

impl StopSignal {
    /// Begins to catch the signals: from now on they end the process no more by themselves. Must
    /// be called within a runtime.
    ///
    /// # Errors
    ///
    /// If the operating system refuses.
    pub fn catch() -> io::Result<Self> {
        signal(SignalKind::terminate()).map(Self)
    }

    /// Returns when the process is asked to stop; once for each time it is.
    pub async fn wait(&mut self) {
        tokio::select! {
            _ = self.0.recv() => {}
            _ = ctrl_c() => {}
        }
    }
}
