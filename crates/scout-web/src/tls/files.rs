//! Reading a certificate chain and a key, PEM, and saying what is wrong with them.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{Error as RustlsError, ServerConfig};

use crate::source::BoxError;

/// Longest file, in bytes. A chain has three certificates of 2 KiB; this leaves room for comments.
pub const MAX_PEM_BYTES: u64 = 1 << 20;

/// What both files held, so that a change is seen however they were replaced.
pub(super) type Fingerprint = [u8; 32];

/// Where a certificate and its key are.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct TlsFiles {
    /// The server's certificate and then those of its issuers, PEM.
    pub certificate: PathBuf,
    /// The key of the first certificate, PEM, without passphrase.
    pub key: PathBuf,
}

/// Why a certificate and its key cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A file is longer than [`MAX_PEM_BYTES`].
    #[error("{} is longer than {MAX_PEM_BYTES} bytes; it must be a PEM file", file.display())]
    TooLong {
        /// The file.
        file: PathBuf,
    },
    /// A file is not PEM, or is cut off.
    #[error("{} is damaged or cut off; write the whole PEM file again", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
    },
    /// There is no certificate in the file.
    #[error(
        "{} holds no certificate; it must hold the server's certificate and then those of its \
         issuers, each as -----BEGIN CERTIFICATE-----",
        file.display()
    )]
    NoCertificate {
        /// The file.
        file: PathBuf,
    },
    /// There is no key in the file.
    #[error(
        "{} holds no private key; it must hold the certificate's key as \
         -----BEGIN PRIVATE KEY-----",
        file.display()
    )]
    NoKey {
        /// The file.
        file: PathBuf,
    },
    /// The key is encrypted.
    #[error(
        "the key in {} has a passphrase; write it without one, for instance with openssl pkey",
        file.display()
    )]
    EncryptedKey {
        /// The file.
        file: PathBuf,
    },
    /// The key is another certificate's.
    #[error(
        "the key in {} is not that of the first certificate in {}; the server's own certificate \
         comes first",
        key.display(),
        certificate.display()
    )]
    Mismatch {
        /// The file with the certificate.
        certificate: PathBuf,
        /// The file with the key.
        key: PathBuf,
    },
    /// The pair is of a kind that cannot be used.
    #[error(
        "the certificate in {} cannot be used with the key in {}",
        certificate.display(),
        key.display()
    )]
    Unusable {
        /// The file with the certificate.
        certificate: PathBuf,
        /// The file with the key.
        key: PathBuf,
        /// The cause.
        source: BoxError,
    },
    /// The program ends while the files are read.
    #[error("reading the certificate was interrupted")]
    Interrupted,
}

/// Usable files.
pub(super) struct Loaded {
    pub(super) config: Arc<ServerConfig>,
    pub(super) fingerprint: Fingerprint,
}

impl TlsFiles {
    /// Returns the files at these paths. Nothing is read.
    #[must_use]
    pub fn new(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self {
            certificate: certificate.into(),
            key: key.into(),
        }
    }

    /// Reads both files; nothing if they hold what is known.
    pub(super) fn load(&self, known: Option<Fingerprint>) -> Result<Option<Loaded>, TlsError> {
        let chain = read(&self.certificate)?;
        let key = read(&self.key)?;
        let mut fingerprint = Sha256::new();
        fingerprint.update(Sha256::digest(&chain));
        fingerprint.update(Sha256::digest(&key));
        let fingerprint = fingerprint.finalize().into();
        if known == Some(fingerprint) {
            return Ok(None);
        }
        let chain = certificates(&self.certificate, &chain)?;
        let key = private_key(&self.key, &key)?;
        let config = self.config(chain, key)?;
        Ok(Some(Loaded {
            config: Arc::new(config),
            fingerprint,
        }))
    }

    fn config(
        &self,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<ServerConfig, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key));
        let (certificate, key) = (self.certificate.clone(), self.key.clone());
        let mut config = config.map_err(|error| match error {
            RustlsError::InconsistentKeys(_) => TlsError::Mismatch { certificate, key },
            error => TlsError::Unusable {
                certificate,
                key,
                source: error.into(),
            },
        })?;
        // HTTP/1.1 is all that is spoken here.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

fn read(file: &Path) -> Result<Vec<u8>, TlsError> {
    let unreadable = |source| TlsError::Unreadable {
        file: file.to_owned(),
        source,
    };
    let mut bytes = Vec::new();
    File::open(file)
        .and_then(|opened| opened.take(MAX_PEM_BYTES + 1).read_to_end(&mut bytes))
        .map_err(unreadable)?;
    if bytes.len() as u64 > MAX_PEM_BYTES {
        return Err(TlsError::TooLong {
            file: file.to_owned(),
        });
    }
    Ok(bytes)
}

fn certificates(file: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let file = || file.to_owned();
    let chain: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(pem).collect();
    match chain {
        Ok(chain) if chain.is_empty() => Err(TlsError::NoCertificate { file: file() }),
        Ok(chain) => Ok(chain),
        Err(_) => Err(TlsError::Damaged { file: file() }),
    }
}

fn private_key(file: &Path, pem: &[u8]) -> Result<PrivateKeyDer<'static>, TlsError> {
    let file = || file.to_owned();
    // PKCS #8 says it in the label (RFC 7468, 11), the older formats in a header (RFC 1421).
    let says = |word: &[u8]| pem.windows(word.len()).any(|found| found == word);
    if says(b"BEGIN ENCRYPTED PRIVATE KEY") || says(b"Proc-Type: 4,ENCRYPTED") {
        return Err(TlsError::EncryptedKey { file: file() });
    }
    // What is wrong is not told further: the reasons quote the file.
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| match error {
        pem::Error::NoItemsFound => TlsError::NoKey { file: file() },
        _ => TlsError::Damaged { file: file() },
    })
}
