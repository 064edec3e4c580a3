//! Content digests as OCI writes them: `sha256:<64 hex>` or `sha512:<128 hex>`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The digest of a blob, a manifest or an uncompressed layer.
///
/// Lower-case hexadecimal only, as the OCI image specification demands.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

/// The hash function of a [`Digest`]. The set is closed: OCI registers these two.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum DigestAlgorithm {
    /// SHA-256, 32 bytes.
    Sha256,
    /// SHA-512, 64 bytes.
    Sha512,
}

impl Digest {
    /// Returns the digest that has these 32 bytes of SHA-256.
    #[must_use]
    pub fn sha256(bytes: &[u8; 32]) -> Self {
        Self::from_bytes("sha256:", bytes)
    }

    /// Returns the digest that has these 64 bytes of SHA-512.
    #[must_use]
    pub fn sha512(bytes: &[u8; 64]) -> Self {
        Self::from_bytes("sha512:", bytes)
    }

    fn from_bytes(prefix: &str, bytes: &[u8]) -> Self {
        const HEX: [char; 16] = [
            '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
        ];
        let mut text = String::with_capacity(prefix.len() + bytes.len() * 2);
        text.push_str(prefix);
        for byte in bytes {
            text.push(HEX[usize::from(byte >> 4)]);
            text.push(HEX[usize::from(byte & 15)]);
        }
        Self(text)
    }

    /// Returns the whole text, `algorithm:hex`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the hash function.
    #[must_use]
    pub fn algorithm(&self) -> DigestAlgorithm {
        if self.0.starts_with("sha256:") {
            DigestAlgorithm::Sha256
        } else {
            DigestAlgorithm::Sha512
        }
    }

    /// Returns the hexadecimal part.
    #[must_use]
    pub fn hex(&self) -> &str {
        &self.0["sha256:".len()..]
    }

    /// Returns the first 12 hexadecimal digits, for people.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.hex()[..12]
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.0
    }
}

impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::try_from(text.to_owned())
    }
}

impl TryFrom<String> for Digest {
    type Error = InvalidDigest;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let expected = match text.split_once(':') {
            Some(("sha256", hex)) => (hex, 64),
            Some(("sha512", hex)) => (hex, 128),
            _ => return Err(InvalidDigest::Algorithm(text)),
        };
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if expected.0.len() != expected.1 || !expected.0.bytes().all(is_hex) {
            return Err(InvalidDigest::Hex(text));
        }
        Ok(Self(text))
    }
}

/// Why a text is not a digest.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidDigest {
    /// The part before the colon names no hash function we know.
    #[error("digest {0:?} does not start with sha256: or sha512:")]
    Algorithm(String),
    /// The part after the colon has the wrong length or characters.
    #[error("digest {0:?} is not lower-case hexadecimal of the right length")]
    Hex(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_the_two_registered_forms_only() {
        let good = format!("sha256:{}", "ab".repeat(32));
        assert_eq!(good.parse::<Digest>().unwrap().to_string(), good);
        assert_eq!(Digest::sha256(&[0xab; 32]).as_str(), good);
        assert_eq!(Digest::sha512(&[0xcd; 64]).hex().len(), 128);
        for bad in [
            "",
            "sha256:",
            "sha256:ab",
            &format!("sha256:{}", "AB".repeat(32)),
            &format!("md5:{}", "ab".repeat(16)),
            &format!("sha512:{}", "ab".repeat(32)),
            "sha256:../../../../etc/passwd",
        ] {
            assert!(bad.parse::<Digest>().is_err(), "{bad:?}");
        }
    }
}
