//! HTTPS: the certificate and its key.

use std::path::PathBuf;

use clap::Args;
use scout_web::{Tls, TlsError, TlsFiles};

#[derive(Debug, Args)]
pub(crate) struct TlsArguments {
    /// Serve HTTPS with this certificate, and those of its issuers after it (PEM); read again
    /// within a minute after it changed
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,

    /// The key of --tls-cert (PEM, without passphrase); read again with it
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
}

impl TlsArguments {
    /// Reads the files, if there are any.
    pub(crate) async fn open(&self) -> Result<Option<Tls>, TlsError> {
        match (&self.tls_cert, &self.tls_key) {
            (Some(certificate), Some(key)) => {
                let files = TlsFiles::new(certificate, key);
                Tls::load(files).await.map(Some)
            }
            _ => Ok(None),
        }
    }
}
