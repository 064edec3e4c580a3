//! Access tokens: 32 random bytes that can be told from a typing mistake.

mod base62;

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// A personal access token: `scout_pat_`, 43 letters and digits that hold the random bytes, and
/// 6 that hold the CRC-32 of everything before them.
#[derive(Clone)]
pub struct Token(SecretString);

impl Token {
    /// What every token starts with.
    pub const PREFIX: &'static str = "scout_pat_";
    /// How many random bytes a token is made of. With 256 bits nobody can guess one, so a plain
    /// SHA-256 is enough to store it: slow password hashes are for secrets that can be guessed.
    pub const RANDOM_BYTES: usize = 32;
    /// How many characters hold the random bytes: 62^43 > 2^256.
    const BODY_LEN: usize = 43;
    /// How many characters hold the checksum: 62^6 > 2^32.
    const CHECKSUM_LEN: usize = 6;
    /// How many characters of the body a hint shows.
    const HINT_LEN: usize = 4;

    /// Returns the token made of these bytes, which must come from a cryptographic source.
    #[must_use]
    pub fn from_random(bytes: &[u8; Self::RANDOM_BYTES]) -> Self {
        let mut text = String::from(Self::PREFIX);
        text.push_str(&base62::encode(bytes, Self::BODY_LEN));
        let checksum = checksum_of(&text);
        text.push_str(&checksum);
        Self(text.into())
    }

    /// Reads a token. White space around it is not part of it: trim before.
    ///
    /// # Errors
    ///
    /// If the text has not the form of a token, or if its checksum is wrong.
    pub fn parse(text: &str) -> Result<Self, InvalidToken> {
        let body = text
            .strip_prefix(Self::PREFIX)
            .ok_or(InvalidToken::Prefix)?;
        let is_body = body.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_body || body.len() != Self::BODY_LEN + Self::CHECKSUM_LEN {
            return Err(InvalidToken::Form);
        }
        let (checked, checksum) = text.split_at(text.len() - Self::CHECKSUM_LEN);
        if checksum_of(checked) != checksum {
            return Err(InvalidToken::Checksum);
        }
        Ok(Self(text.into()))
    }

    /// Returns the text, to be shown once to whom it was made for, or sent as a credential.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Returns the SHA-256 of the text, the only thing to store.
    ///
    /// Looking a token up by it in an index leaks nothing through time: who guesses does not choose
    /// the hash's bytes, so a partial match tells nothing about the token.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.expose().as_bytes()).into()
    }

    /// Returns what tells this token from others in a list: `scout_pat_AbCd…`.
    #[must_use]
    pub fn hint(&self) -> String {
        let shown = self
            .expose()
            .chars()
            .take(Self::PREFIX.len() + Self::HINT_LEN);
        shown.chain(['…']).collect()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({}…)", Self::PREFIX)
    }
}

fn checksum_of(text: &str) -> String {
    let checksum = crc32fast::hash(text.as_bytes());
    base62::encode(&checksum.to_be_bytes(), Token::CHECKSUM_LEN)
}

/// Why a text is not a token. The text itself is never told.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidToken {
    /// It does not start with `scout_pat_`.
    #[error("a token starts with {}", Token::PREFIX)]
    Prefix,
    /// It is too short, too long, or has a character that no token has.
    #[error("the token is not complete or has a character too many")]
    Form,
    /// It is mistyped.
    #[error("the token is mistyped: its checksum is wrong")]
    Checksum,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(byte: u8) -> Token {
        Token::from_random(&[byte; Token::RANDOM_BYTES])
    }

    #[test]
    fn every_token_has_the_same_form_and_is_read_back() {
        for byte in [0, 1, 7, 128, 255] {
            let token = token(byte);
            let text = token.expose();
            assert_eq!(text.len(), 10 + 43 + 6, "{byte}");
            let body = text.strip_prefix("scout_pat_").unwrap();
            assert!(
                body.bytes().all(|byte| byte.is_ascii_alphanumeric()),
                "{text}"
            );
            assert_eq!(Token::parse(text).unwrap().hash(), token.hash());
        }
    }

    #[test]
    fn the_form_does_not_change() {
        // Computed apart from this code, with Python's integers and zlib.crc32.
        assert_eq!(token(0xff).expose(), KNOWN_TOKEN);
        let hash: String = token(0xff)
            .hash()
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        assert_eq!(hash, KNOWN_HASH);
    }

    const KNOWN_TOKEN: &str = "scout_pat_yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp13dI7Qj";
    const KNOWN_HASH: &str = "b2b36149f15bed175edb3b265c8bb3d1a80fa6ff7e4007ffef24dff8dfa14878";

    #[test]
    fn a_changed_text_is_no_token() {
        let good = token(42).expose().to_owned();
        let mut wrong: Vec<(String, InvalidToken)> = vec![
            (String::new(), InvalidToken::Prefix),
            (
                "dckr_pat_AbCdEfGhIjKlMnOpQrStUvWxYz0".to_owned(),
                InvalidToken::Prefix,
            ),
            ("scout_pat_".to_owned(), InvalidToken::Form),
            (good[..good.len() - 1].to_owned(), InvalidToken::Form),
            (format!("{good}a"), InvalidToken::Form),
            (format!("{good}\n"), InvalidToken::Form),
            (
                format!("scout_pat_{}", "é".repeat(24) + "a"),
                InvalidToken::Form,
            ),
        ];
        for at in "scout_pat_".len()..good.len() {
            let mut text = good.clone().into_bytes();
            text[at] = if text[at] == b'a' { b'b' } else { b'a' };
            wrong.push((String::from_utf8(text).unwrap(), InvalidToken::Checksum));
        }
        for (text, expected) in wrong {
            assert_eq!(Token::parse(&text).unwrap_err(), expected, "{text:?}");
        }
    }

    #[test]
    fn nothing_shows_more_than_the_hint() {
        let token = token(9);
        let hint = token.hint();
        assert_eq!(hint.chars().count(), "scout_pat_AbCd…".chars().count());
        assert!(token.expose().starts_with(hint.trim_end_matches('…')));
        assert_eq!(format!("{token:?}"), "Token(scout_pat_…)");
    }
}
