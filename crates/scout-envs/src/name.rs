//! What organizations and integrations may be called: what fits into a path and a label as it is.

/// Longest name, in bytes; Docker's own namespaces stay below 30.
pub(crate) const MAX_LEN: usize = 64;

/// Returns whether this has 1 to [`MAX_LEN`] lower-case letters, digits, `-`, `_` or `.`, and
/// starts with a letter or digit.
pub(crate) fn is_plain(name: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_part = |byte: u8| is_word(byte) || matches!(byte, b'-' | b'_' | b'.');
    name.len() <= MAX_LEN && name.bytes().next().is_some_and(is_word) && name.bytes().all(is_part)
}
