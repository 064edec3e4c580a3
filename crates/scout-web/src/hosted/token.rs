//! The token that is used, and how it is told from others.

use scout_api::hosted::TokenFingerprint;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The token that is used.
#[derive(Clone)]
pub(super) struct Token {
    pub(super) secret: SecretString,
    /// The SHA-256 of its text, to compare with what scrapers send.
    hash: [u8; 32],
    pub(super) fingerprint: TokenFingerprint,
}

impl Token {
    pub(super) fn new(secret: SecretString, salt: [u8; TokenFingerprint::LEN]) -> Self {
        let text = secret.expose_secret().trim();
        Self {
            hash: Sha256::digest(text.as_bytes()).into(),
            fingerprint: TokenFingerprint::new(salt, text),
            secret,
        }
    }

    /// Whether a text with this hash is the token; takes the same time whatever it is.
    pub(super) fn has_hash(&self, hash: &[u8; 32]) -> bool {
        self.hash.ct_eq(hash).into()
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        self.has_hash(&other.hash)
    }

    /// Whether it is the one with this fingerprint.
    pub(super) fn was(&self, fingerprint: TokenFingerprint) -> bool {
        fingerprint.is_of(self.secret.expose_secret().trim())
    }
}
