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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_the_tokens_only_if_all_of_it_is() {
        let token = Token::new("dckr_pat_x\n".into(), [0; TokenFingerprint::LEN]);
        let hash: [u8; 32] = Sha256::digest(b"dckr_pat_x").into();
        assert!(token.has_hash(&hash), "a line feed is not part of it");
        for place in 0..hash.len() {
            let mut other = hash;
            other[place] ^= 1;
            assert!(!token.has_hash(&other), "{place}");
        }
        assert!(!token.has_hash(&[0; 32]));
    }
}
