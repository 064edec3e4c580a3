//! Who may send webhooks: secrets and signatures, compared in constant time.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

/// The secrets with which a sender may authenticate itself: the current one, and the one before
/// it while the sender is being changed.
#[derive(Clone)]
pub struct WebhookSecrets(Vec<SecretString>);

impl WebhookSecrets {
    /// Returns the secrets; nothing if there is none. An empty secret does not count.
    #[must_use]
    pub fn new(secrets: Vec<SecretString>) -> Option<Self> {
        let usable: Vec<_> = secrets
            .into_iter()
            .filter(|secret| !secret.expose_secret().trim().is_empty())
            .collect();
        (!usable.is_empty()).then_some(Self(usable))
    }

    /// Returns whether this is one of the secrets.
    #[must_use]
    pub fn matches(&self, shown: &str) -> bool {
        let shown = Sha256::digest(shown.as_bytes());
        // No early end: how many were compared tells nothing.
        self.0.iter().fold(false, |found, secret| {
            let secret = Sha256::digest(secret.expose_secret().as_bytes());
            found | bool::from(secret.ct_eq(&shown))
        })
    }

    /// Returns whether this is the hexadecimal HMAC-SHA256 of the body under one of the secrets.
    #[must_use]
    pub fn signed_sha256(&self, signature: &str, body: &[u8]) -> bool {
        self.signed::<Hmac<Sha256>>(signature, body)
    }

    /// Returns whether this is the hexadecimal HMAC-SHA1 of the body under one of the secrets.
    /// Sonatype Nexus signs so; HMAC does not need SHA-1 to be free of collisions.
    #[must_use]
    pub fn signed_sha1(&self, signature: &str, body: &[u8]) -> bool {
        self.signed::<Hmac<Sha1>>(signature, body)
    }

    fn signed<M: Mac + KeyInit>(&self, signature: &str, body: &[u8]) -> bool {
        let Ok(signature) = hex::decode(signature.trim()) else {
            return false;
        };
        self.0.iter().fold(false, |found, secret| {
            let key = secret.expose_secret().as_bytes();
            let Ok(mac) = <M as KeyInit>::new_from_slice(key) else {
                return found;
            };
            found | mac.chain_update(body).verify_slice(&signature).is_ok()
        })
    }
}

impl fmt::Debug for WebhookSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebhookSecrets({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(texts: &[&str]) -> Option<WebhookSecrets> {
        WebhookSecrets::new(texts.iter().map(|&text| text.into()).collect())
    }

    #[test]
    fn an_empty_secret_is_none() {
        assert!(secrets(&[]).is_none());
        assert!(secrets(&["", " \n"]).is_none());
        assert!(!secrets(&["", "s"]).unwrap().matches(""));
    }

    #[test]
    fn the_current_and_the_previous_secret_match_and_nothing_else() {
        let both = secrets(&["new", "old"]).unwrap();
        for (shown, expected) in [
            ("new", true),
            ("old", true),
            ("", false),
            ("ne", false),
            ("new ", false),
            ("NEW", false),
        ] {
            assert_eq!(both.matches(shown), expected, "{shown}");
        }
        assert_eq!(format!("{both:?}"), "WebhookSecrets(2)");
    }

    // RFC 4231 test case 2 and RFC 2202 test case 2.
    #[test]
    fn signatures_are_those_of_the_standards() {
        let jefe = secrets(&["other", "Jefe"]).unwrap();
        let body = b"what do ya want for nothing?";
        let sha256 = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        let sha1 = "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79";
        assert!(jefe.signed_sha256(sha256, body));
        assert!(jefe.signed_sha1(sha1, body));
        for bad in ["", "zz", sha1, &sha256[..62], &format!("sha256={sha256}")] {
            assert!(!jefe.signed_sha256(bad, body), "{bad}");
        }
        assert!(!jefe.signed_sha256(sha256, b"what do ya want for nothing!"));
    }
}
