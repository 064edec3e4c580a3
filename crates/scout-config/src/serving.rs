//! The flags of serving organizations' metrics, which every program has that does.

use std::path::PathBuf;

use clap::Args;
use scout_api::{CacheMode, CacheTtl};

/// How organizations' metrics are served.
#[derive(Clone, Debug, Default, Args)]
pub struct ServingArguments {
    /// How long a cached answer is good, as in 60m: what --cache-mode ttl keeps to, and the pause
    /// between two reads of a hosted endpoint [default: 1h]
    #[arg(long, value_name = "TIME")]
    cache_ttl: Option<CacheTtl>,

    /// When new numbers are served: `snapshot` (at once) or `ttl` (when the ones before are as old
    /// as --cache-ttl) [default: snapshot]
    #[arg(long, value_name = "MODE")]
    cache_mode: Option<CacheMode>,

    /// Serve HTTPS with this certificate, and those of its issuers after it (PEM); read again
    /// within a minute after it changed
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,

    /// The key of --tls-cert (PEM, without passphrase); read again with it
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
}

impl ServingArguments {
    /// Returns how long a cached answer is good.
    #[must_use]
    pub fn cache_ttl(&self) -> CacheTtl {
        self.cache_ttl.unwrap_or_default()
    }

    /// Returns when new numbers are served.
    #[must_use]
    pub fn cache_mode(&self) -> CacheMode {
        self.cache_mode.unwrap_or_default()
    }

    /// Returns the files of the certificate and of its key, if HTTPS is served.
    #[must_use]
    pub fn tls(&self) -> Option<(&PathBuf, &PathBuf)> {
        self.tls_cert.as_ref().zip(self.tls_key.as_ref())
    }

    /// Returns a flag that was given, if one was: for a program that does not always serve.
    #[must_use]
    pub fn given(&self) -> Option<&'static str> {
        let flags = [
            (self.cache_ttl.is_some(), "--cache-ttl"),
            (self.cache_mode.is_some(), "--cache-mode"),
            (self.tls_cert.is_some(), "--tls-cert"),
            (self.tls_key.is_some(), "--tls-key"),
        ];
        let mut given = flags.into_iter().filter(|(is_given, _)| *is_given);
        given.next().map(|(_, flag)| flag)
    }

    /// Says what there is to say about [`has_idle_ttl`](Self::has_idle_ttl).
    #[must_use]
    pub fn idle_ttl(&self) -> String {
        format!(
            "--cache-ttl changes nothing here: new numbers are served at once; add --cache-mode \
             ttl to serve the same ones for {}",
            self.cache_ttl()
        )
    }

    /// Returns whether --cache-ttl was given and changes nothing, where nothing else reads it.
    #[must_use]
    pub fn has_idle_ttl(&self) -> bool {
        self.cache_mode() == CacheMode::Snapshot && self.cache_ttl() != CacheTtl::DEFAULT
    }
}
