//! Keys, certificates and signatures, made by the `openssl` program.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::program;

/// A certificate authority, and a server on this machine that it vouches for.
#[derive(Debug)]
pub(crate) struct Certificates {
    folder: TempDir,
}

impl Certificates {
    /// Makes fresh ones, for `localhost` and `127.0.0.1`.
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let names = "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n";
        fs::write(folder.path().join("names"), names).unwrap();
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
        run(
            folder.path(),
            &format!("req -x509 {key} -days 2 -subj /CN=authority -keyout ca.key -out ca.crt"),
        );
        run(
            folder.path(),
            &format!("req {key} -subj /CN=localhost -keyout server.key -out server.csr"),
        );
        run(
            folder.path(),
            "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 \
             -extfile names -out server.crt",
        );
        Self { folder }
    }

    /// Returns the authority's certificate.
    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.crt")
    }

    /// Returns the server's certificate.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.path().join("server.crt")
    }

    /// Returns the key to it.
    pub(crate) fn key(&self) -> PathBuf {
        self.folder.path().join("server.key")
    }
}

/// A key that signs, and a certificate of itself.
#[derive(Debug)]
pub(crate) struct Signer {
    folder: TempDir,
}

impl Signer {
    /// Makes a fresh one, for RS256.
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        run(
            folder.path(),
            "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=issuer -keyout key -out crt",
        );
        Self { folder }
    }

    /// Returns the certificate's file.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.path().join("crt")
    }

    /// Returns the certificate as one line of base64.
    pub(crate) fn certificate_line(&self) -> String {
        let text = fs::read_to_string(self.certificate()).unwrap();
        text.lines().filter(|line| !line.starts_with('-')).collect()
    }

    /// Signs bytes.
    pub(crate) fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        let mut command = Command::new("openssl");
        command
            .args(["dgst", "-sha256", "-sign", "key"])
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(bytes).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        output.stdout
    }
}

#[track_caller]
fn run(folder: &Path, arguments: &str) {
    let mut command = Command::new("openssl");
    command
        .args(arguments.split_whitespace())
        .current_dir(folder);
    program::wait(command, program::DEADLINE).expect_code(0);
}
