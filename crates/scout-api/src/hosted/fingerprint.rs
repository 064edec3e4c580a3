//! Telling whether a token is the one of before, without keeping it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Eight bytes of the salted SHA-256 of a token.
///
/// Enough to see that a token was changed between two starts. Useless to find it: of a text with
/// over 150 random bits, 64 bits of a hash tell nothing that could be tried out.
#[derive(Clone, Copy, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct TokenFingerprint {
    salt: [u8; Self::LEN],
    digest: [u8; Self::LEN],
}

impl TokenFingerprint {
    /// How many bytes salt and digest have.
    pub const LEN: usize = 8;

    /// Returns the fingerprint of a token with this salt, which should be random.
    #[must_use]
    pub fn new(salt: [u8; Self::LEN], token: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(salt);
        hash.update(token.as_bytes());
        let mut digest = [0; Self::LEN];
        for (to, from) in digest.iter_mut().zip(hash.finalize()) {
            *to = from;
        }
        Self { salt, digest }
    }

    /// Returns whether it is this token's.
    #[must_use]
    pub fn is_of(&self, token: &str) -> bool {
        Self::new(self.salt, token) == *self
    }
}

impl fmt::Debug for TokenFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenFingerprint")
    }
}

impl From<TokenFingerprint> for String {
    fn from(fingerprint: TokenFingerprint) -> Self {
        let bytes = fingerprint.salt.iter().chain(&fingerprint.digest);
        bytes.map(|byte| format!("{byte:02x}")).collect()
    }
}

impl FromStr for TokenFingerprint {
    type Err = InvalidFingerprint;

    fn from_str(text: &str) -> Result<Self, InvalidFingerprint> {
        let number = |half: Option<&str>| {
            let half = half.filter(|half| half.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
            u64::from_str_radix(half, 16).ok().map(u64::to_be_bytes)
        };
        let middle = 2 * Self::LEN;
        let is_whole = text.len() == 2 * middle;
        match (number(text.get(..middle)), number(text.get(middle..))) {
            (Some(salt), Some(digest)) if is_whole => Ok(Self { salt, digest }),
            _ => Err(InvalidFingerprint),
        }
    }
}

impl TryFrom<String> for TokenFingerprint {
    type Error = InvalidFingerprint;

    fn try_from(text: String) -> Result<Self, InvalidFingerprint> {
        text.parse()
    }
}

/// A text that is no fingerprint.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a token's fingerprint is 32 hexadecimal digits")]
pub struct InvalidFingerprint;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_knows_its_token_again_and_does_not_show_it() {
        let fingerprint = TokenFingerprint::new([7; 8], "dckr_pat_canary");
        assert!(fingerprint.is_of("dckr_pat_canary"));
        assert!(!fingerprint.is_of("dckr_pat_canary2"));
        assert_ne!(
            fingerprint,
            TokenFingerprint::new([8; 8], "dckr_pat_canary")
        );
        let text = String::from(fingerprint);
        assert_eq!(text.len(), 32);
        assert_eq!(text.parse(), Ok(fingerprint));
        assert!(!text.contains("canary"));
        assert_eq!(format!("{fingerprint:?}"), "TokenFingerprint");
    }

    #[test]
    fn refuses_what_is_no_fingerprint() {
        let long = "0".repeat(33);
        let signed = format!("+{}", "0".repeat(31));
        for text in ["", "00", long.as_str(), signed.as_str(), &"ä".repeat(16)] {
            assert_eq!(
                text.parse::<TokenFingerprint>(),
                Err(InvalidFingerprint),
                "{text}"
            );
        }
    }
}
