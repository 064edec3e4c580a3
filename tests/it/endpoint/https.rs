//! The endpoint with a certificate.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::refused;
use crate::examples::indexed;
use crate::support::guard::Guarded;
use crate::support::program;

/// Writes a certificate for `localhost` and its key; returns the certificate.
fn write_pair(folder: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let pem = |label: &str, der: &[u8]| {
        let text = STANDARD.encode(der);
        format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
    };
    let certificate = pem("CERTIFICATE", made.cert.der());
    let key = pem("PRIVATE KEY", made.signing_key.serialized_der());
    fs::write(folder.join("tls.crt"), certificate).unwrap();
    fs::write(folder.join("tls.key"), key).unwrap();
    made.cert.der().clone()
}

/// Asks `https://localhost:PORT` for the metrics, trusting this certificate alone.
fn get(address: &str, token: &str, certificate: CertificateDer<'static>) -> String {
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().unwrap().block_on(async {
        let stream = TcpStream::connect(address).await.unwrap();
        let name = "localhost".try_into().unwrap();
        let mut stream = connector.connect(name, stream).await.unwrap();
        let request = format!(
            "GET /v1/exporter/org/acme/metrics HTTP/1.1\r\nHost: localhost\r\n\
             Authorization: Bearer {token}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    })
}

#[test]
fn the_metrics_come_over_tls() {
    let (scout, _) = indexed();
    let folder = TempDir::new().unwrap();
    let certificate = write_pair(folder.path());
    let mut command = program::ours("scout-exporter");
    command
        .args(["--listen", "127.0.0.1:0", "--data-dir"])
        .arg(scout.dir())
        .arg("--tls-cert")
        .arg(folder.path().join("tls.crt"))
        .arg("--tls-key")
        .arg(folder.path().join("tls.key"));
    let guard = Guarded::start(&command, &folder.path().join("log"));
    let address = guard.wait_for("address", Duration::from_secs(30), |text| {
        let (_, rest) = text.split_once("listening on https://")?;
        Some(rest.split_whitespace().next()?.to_owned())
    });
    let answer = get(&address, &scout.token(&[]), certificate);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(
        answer.contains("\nscout_stream_vulnerabilities{"),
        "{answer}"
    );
}

#[test]
fn what_is_wrong_with_a_certificate_is_told_before_anything_starts() {
    let folder = TempDir::new().unwrap();
    write_pair(folder.path());
    let other = TempDir::new().unwrap();
    write_pair(other.path());
    let path = |folder: &TempDir, name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (certificate, key) = (path(&folder, "tls.crt"), path(&folder, "tls.key"));
    let missing = path(&folder, "missing.pem");
    for (certificate, key, expected) in [
        (&missing, &key, "cannot read"),
        (
            &certificate,
            &path(&other, "tls.key"),
            "is not that of the first certificate",
        ),
        (&key, &key, "holds no certificate"),
        (&certificate, &certificate, "holds no private key"),
    ] {
        let outcome = refused(&["--tls-cert", certificate, "--tls-key", key]);
        outcome.expect_code(1).says(expected);
    }
    for alone in ["--tls-cert", "--tls-key"] {
        let outcome = refused(&[alone, &key]).expect_code(64);
        outcome.says("--tls-cert").says("--tls-key");
    }
}
