//! HTTPS: the certificate and its key.

use scout_config::ServingArguments;
use scout_web::{Tls, TlsError, TlsFiles};

/// Reads the files that the flags name, if they name some.
pub(crate) async fn open(serving: &ServingArguments) -> Result<Option<Tls>, TlsError> {
    match serving.tls() {
        Some((certificate, key)) => Tls::load(TlsFiles::new(certificate, key)).await.map(Some),
        None => Ok(None),
    }
}
