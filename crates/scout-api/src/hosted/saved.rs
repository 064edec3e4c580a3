//! The form of what is kept on disk: a version, a checksum, facts, and a body.
//!
//! ```text
//! scout-hosted 1 <SHA-256 of all that follows this line, hexadecimal>
//! {"facts":"as JSON on one line"}
//! the body
//! ```

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

/// What every file begins with.
const MAGIC: &str = "scout-hosted ";
/// Grows when a file of before could not be read any more.
const VERSION: &str = "1";
/// Longest line of facts, in bytes. They are some hundred.
pub const MAX_META_BYTES: usize = 64 * 1024;

/// Returns the bytes to write.
///
/// # Errors
///
/// If the facts cannot be JSON on one line of [`MAX_META_BYTES`].
pub fn encode_saved(meta: &impl Serialize, body: &[u8]) -> Result<Vec<u8>, InvalidSaved> {
    let mut rest = serde_json::to_vec(meta).map_err(|source| InvalidSaved::Meta { source })?;
    if rest.len() > MAX_META_BYTES {
        return Err(InvalidSaved::Damaged);
    }
    rest.push(b'\n');
    rest.extend_from_slice(body);
    let mut bytes = format!("{MAGIC}{VERSION} {}\n", checksum(&rest)).into_bytes();
    bytes.append(&mut rest);
    Ok(bytes)
}

/// Reads what [`encode_saved`] made: the facts, and the body.
///
/// # Errors
///
/// If it is something else, of another version, or if one bit has changed.
pub fn decode_saved<M: DeserializeOwned>(bytes: &[u8]) -> Result<(M, &[u8]), InvalidSaved> {
    let (head, rest) = line(bytes, MAGIC.len() + 128).ok_or(InvalidSaved::Foreign)?;
    let head = std::str::from_utf8(head).ok();
    let head = head.and_then(|head| head.strip_prefix(MAGIC));
    let (version, sum) = head
        .and_then(|head| head.split_once(' '))
        .ok_or(InvalidSaved::Foreign)?;
    if version != VERSION {
        return Err(InvalidSaved::Version);
    }
    if checksum(rest) != sum {
        return Err(InvalidSaved::Damaged);
    }
    let (meta, body) = line(rest, MAX_META_BYTES + 1).ok_or(InvalidSaved::Damaged)?;
    let meta = serde_json::from_slice(meta).map_err(|source| InvalidSaved::Meta { source })?;
    Ok((meta, body))
}

/// Why a file is not used. It is then as if there were none.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSaved {
    /// It is no file of ours.
    #[error("it is not a file of this program")]
    Foreign,
    /// Another version of this program wrote it.
    #[error("another version of this program wrote it")]
    Version,
    /// Its checksum is wrong: it was changed, or not written to its end.
    #[error("it is damaged: its checksum is wrong")]
    Damaged,
    /// Its facts are not those we know.
    #[error("what it says of itself cannot be understood")]
    Meta {
        /// The cause.
        source: serde_json::Error,
    },
}

/// Splits off a line of at most `limit` bytes.
fn line(bytes: &[u8], limit: usize) -> Option<(&[u8], &[u8])> {
    let start = bytes.get(..limit).unwrap_or(bytes);
    let end = start.iter().position(|&byte| byte == b'\n')?;
    Some((bytes.get(..end)?, bytes.get(end + 1..)?))
}

fn checksum(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    struct Meta {
        org: String,
    }

    fn meta() -> Meta {
        Meta {
            org: "a\nc\u{2028}".to_owned(),
        }
    }

    #[test]
    fn what_was_written_is_read_back() {
        for body in [&b""[..], b"a 1\n", b"\n\n{}\n\xff\0"] {
            let bytes = encode_saved(&meta(), body).unwrap();
            let (read, found) = decode_saved::<Meta>(&bytes).unwrap();
            assert_eq!((read, found), (meta(), body));
        }
    }

    #[test]
    fn every_changed_or_missing_byte_is_seen() {
        let bytes = encode_saved(&meta(), b"a 1\n").unwrap();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                // Case does not matter nowhere: the checksum is written in one case.
                assert!(
                    decode_saved::<Meta>(&changed).is_err(),
                    "byte {at} bit {bit}"
                );
            }
            assert!(decode_saved::<Meta>(&bytes[..at]).is_err(), "first {at}");
        }
        let longer = [&bytes[..], b"x"].concat();
        assert!(decode_saved::<Meta>(&longer).is_err());
    }

    #[test]
    fn another_version_and_other_facts_are_told_apart() {
        let bytes = encode_saved(&meta(), b"").unwrap();
        let text = String::from_utf8(bytes.clone()).unwrap();
        let newer = text.replacen(" 1 ", " 2 ", 1);
        let error = decode_saved::<Meta>(newer.as_bytes()).unwrap_err();
        assert!(matches!(error, InvalidSaved::Version), "{error:?}");
        let error = decode_saved::<Vec<u8>>(&bytes).unwrap_err();
        assert!(matches!(error, InvalidSaved::Meta { .. }), "{error:?}");
        let error = decode_saved::<Meta>(&[b'x'; 4096]).unwrap_err();
        assert!(matches!(error, InvalidSaved::Foreign), "{error:?}");
    }
}
