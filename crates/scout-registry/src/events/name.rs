//! Names in webhooks, held to the OCI grammar before they are used anywhere.

use scout_envs::{Digest, RepositoryName, Tag};
use sha2::{Digest as _, Sha256};

/// Reads a repository's name.
pub(crate) fn repository(text: &str) -> Option<RepositoryName> {
    text.parse().ok()
}

/// Reads a tag. Some senders put a digest where the tag would be; that is none.
pub(crate) fn tag(text: &str) -> Option<Tag> {
    text.parse().ok()
}

/// Reads a digest, also one that comes as bare hexadecimal SHA-256.
pub(crate) fn digest(text: &str) -> Option<Digest> {
    match text.contains(':') {
        true => text.parse().ok(),
        false => format!("sha256:{text}").parse().ok(),
    }
}

/// How the id of an event begins whose sender gives it none.
///
/// It tells what the event says, not which one it is. A push, a deletion and a second push of the same image give the first and the
/// third event the same id, so such an id is good for finding repetitions among events that wait,
/// and must be forgotten once the event was worked on.
pub const CONTENT_ID_PREFIX: &str = "content:";

/// Returns the id of an event whose sender gives it none: [`CONTENT_ID_PREFIX`] and a hash of what
/// it says.
pub(crate) fn event_id(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    format!("{CONTENT_ID_PREFIX}{}", hex::encode(hash.finalize()))
}

/// Longest id of a sender that is taken as it is, in bytes: a UUID, and some room.
const MAX_SENDER_ID: usize = 64;

/// Returns the id that a sender gave an event, if it is a plain one that can be stored and shown.
pub(crate) fn sender_id(text: &str) -> Option<String> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let is_plain = (1..=MAX_SENDER_ID).contains(&text.len()) && text.bytes().all(is_word);
    is_plain.then(|| text.to_owned())
}
