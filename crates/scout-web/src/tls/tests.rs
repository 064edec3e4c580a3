//! Certificates from files: what is usable, what is said of what is not, and renewal.

use scout_platform::chain;
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;
use tokio::io::duplex;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::*;

/// A certificate that nobody else has, with its key, in a directory.
pub(crate) struct Identity {
    directory: TempDir,
    certificate: CertificateDer<'static>,
}

impl Identity {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let certificate = write(directory.path());
        Self {
            directory,
            certificate,
        }
    }

    pub(crate) fn files(&self) -> TlsFiles {
        let path = self.directory.path();
        TlsFiles::new(path.join("tls.crt"), path.join("tls.key"))
    }

    /// Writes another certificate and its key.
    pub(crate) fn renew(&mut self) {
        self.certificate = write(self.directory.path());
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

fn write(directory: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = pem("CERTIFICATE", made.cert.der());
    let key = pem("PRIVATE KEY", made.signing_key.serialized_der());
    fs::write(directory.join("tls.crt"), certificate).unwrap();
    fs::write(directory.join("tls.key"), key).unwrap();
    made.cert.der().clone()
}

/// Returns a client that trusts this certificate alone.
pub(crate) fn connector(identity: &Identity) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(identity.certificate.clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

/// Whether a new handshake uses the certificate of this identity.
async fn shows(tls: &Tls, identity: &Identity) -> bool {
    let (client, server) = duplex(16 << 10);
    let acceptor = tls.acceptor().await;
    let name = "localhost".try_into().unwrap();
    let connect = connector(identity).connect(name, client);
    let (connected, _) = tokio::join!(connect, acceptor.accept(server));
    connected.is_ok()
}

#[tokio::test]
async fn new_handshakes_use_new_files() {
    let mut identity = Identity::new();
    let tls = Tls::load(identity.files()).await.unwrap();
    let tls = tls.with_reload_interval(Duration::ZERO);
    assert!(shows(&tls, &identity).await);
    for _ in 0..2 {
        identity.renew();
        assert!(shows(&tls, &identity).await);
    }
    assert!(!shows(&tls, &Identity::new()).await, "the check itself");
}

#[tokio::test(start_paused = true)]
async fn files_are_looked_at_once_a_minute() {
    let mut identity = Identity::new();
    let tls = Tls::load(identity.files()).await.unwrap();
    identity.renew();
    assert!(!shows(&tls, &identity).await);
    tokio::time::advance(RELOAD_INTERVAL).await;
    assert!(shows(&tls, &identity).await);
}

#[tokio::test]
async fn broken_files_leave_the_ones_before_them() {
    let identity = Identity::new();
    let files = identity.files();
    let tls = Tls::load(files.clone()).await.unwrap();
    let tls = tls.with_reload_interval(Duration::ZERO);
    let key = fs::read(&files.key).unwrap();
    let mut warnings = Vec::new();
    for broken in [b"".as_slice(), b"junk", &key[..key.len() / 2]] {
        fs::write(&files.key, broken).unwrap();
        assert!(shows(&tls, &identity).await);
        warnings.push(tls.state().warned.clone().unwrap());
    }
    fs::remove_file(&files.key).unwrap();
    assert!(shows(&tls, &identity).await);
    warnings.push(tls.state().warned.clone().unwrap());
    for (warning, expected) in warnings.iter().zip([
        "holds no private key",
        "holds no private key",
        "damaged or cut off",
        "cannot read",
    ]) {
        assert!(warning.contains(expected), "{warning}");
        assert!(warning.contains("tls.key"), "{warning}");
    }
    fs::write(&files.key, &key).unwrap();
    assert!(shows(&tls, &identity).await);
    assert_eq!(tls.state().warned, None);
}

#[tokio::test]
async fn what_is_wrong_with_files_is_said_with_what_to_do() {
    let identity = Identity::new();
    let good = identity.files();
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &[u8]| {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let secret = "canarykey";
    let with_key = |key| TlsFiles::new(good.certificate.clone(), key);
    let with_certificate = |certificate| TlsFiles::new(certificate, good.key.clone());
    let missing = directory.path().join("missing");
    let other = Identity::new();
    let encrypted = pem("ENCRYPTED PRIVATE KEY", secret.as_bytes());
    let old = format!(
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n{secret}\n\
         -----END RSA PRIVATE KEY-----\n"
    );
    let not_base64 = format!("-----BEGIN PRIVATE KEY-----\n{secret}!\n-----END PRIVATE KEY-----\n");
    let no_key = pem("PRIVATE KEY", secret.as_bytes());
    let no_certificate = pem("CERTIFICATE", secret.as_bytes());
    let long = vec![b'\n'; usize::try_from(MAX_PEM_BYTES).unwrap() + 1];
    let cases = [
        (with_certificate(missing.clone()), "missing", "cannot read"),
        (with_key(missing), "missing", "cannot read"),
        (
            with_certificate(good.key.clone()),
            "tls.key",
            "holds no certificate",
        ),
        (
            with_key(good.certificate.clone()),
            "tls.crt",
            "holds no private key",
        ),
        (
            with_certificate(file("empty.crt", b"")),
            "empty.crt",
            "holds no certificate",
        ),
        (
            with_certificate(file("long.crt", &long)),
            "long.crt",
            "longer than",
        ),
        (
            with_key(file("a.key", encrypted.as_bytes())),
            "a.key",
            "has a passphrase",
        ),
        (
            with_key(file("b.key", old.as_bytes())),
            "b.key",
            "has a passphrase",
        ),
        (
            with_key(file("c.key", not_base64.as_bytes())),
            "c.key",
            "damaged or cut off",
        ),
        (
            with_key(file("d.key", no_key.as_bytes())),
            "d.key",
            "cannot be used with the key",
        ),
        (
            with_certificate(file("e.crt", no_certificate.as_bytes())),
            "e.crt",
            "cannot be used",
        ),
        (
            with_key(other.files().key),
            "tls.key",
            "is not that of the first certificate",
        ),
    ];
    for (files, name, expected) in cases {
        let error = Tls::load(files).await.unwrap_err();
        let message = chain(&error);
        assert!(message.contains(name), "{name}: {message}");
        assert!(message.contains(expected), "{name}: {message}");
        let told = format!("{message} {error:?}");
        assert!(!told.contains(secret), "{told}");
    }
}
