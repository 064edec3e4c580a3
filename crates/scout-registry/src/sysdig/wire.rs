//! The shapes that both APIs have in common. Fields that are not known are ignored, a row that
//! cannot be read harms no other.

use scout_envs::Digest;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::runtime::Workload;

/// Longest name, version or path that is kept, in bytes: what labels, paths and package URLs need
/// several times over.
const MAX_TEXT: usize = 4096;

/// A page of a listing.
#[derive(Debug)]
pub(super) struct Page<'a> {
    pub(super) rows: Vec<&'a RawValue>,
    /// The cursor of the next page.
    pub(super) next: Option<String>,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    // Must be there: an answer without it is no list, least of all an empty one.
    #[serde(borrow, deserialize_with = "nullable")]
    data: Vec<&'a RawValue>,
    #[serde(default)]
    page: Option<Position>,
}

#[derive(Deserialize)]
struct Position {
    #[serde(default)]
    next: Option<String>,
}

/// Go writes an empty list as `null`, too.
fn nullable<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<&'de RawValue>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl<'a> Page<'a> {
    /// Reads `{"data":[…],"page":{"next":"…"}}`, or a bare array, which has no next page.
    pub(super) fn parse(body: &'a [u8]) -> serde_json::Result<Self> {
        if body.trim_ascii_start().starts_with(b"[") {
            return Ok(Self {
                rows: serde_json::from_slice(body)?,
                next: None,
            });
        }
        let envelope: Envelope<'a> = serde_json::from_slice(body)?;
        let next = envelope.page.and_then(|page| page.next);
        Ok(Self {
            rows: envelope.data,
            next: next.filter(|cursor| !cursor.is_empty()),
        })
    }
}

/// Reads an image ID: a digest, with or without its algorithm, in either case.
pub(super) fn digest(text: &str) -> Option<Digest> {
    let text = text.trim().to_ascii_lowercase();
    let found = text.parse().ok();
    found.or_else(|| format!("sha256:{text}").parse().ok())
}

/// Returns whether a text can be kept and shown.
pub(super) fn is_text(text: &str) -> bool {
    text.len() <= MAX_TEXT && !text.chars().any(char::is_control)
}

/// Reads a text that is not needed: of another kind, or not to be shown, it is empty.
pub(super) fn text(value: Option<&RawValue>) -> String {
    let text = value.and_then(|value| serde_json::from_str::<String>(value.get()).ok());
    text.filter(|text| is_text(text)).unwrap_or_default()
}

/// Returns whether all texts can be kept and shown.
pub(super) fn are_texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> bool {
    texts.into_iter().all(is_text)
}

/// Returns the texts of a workload.
pub(super) fn texts_of(workload: &Workload) -> [&str; 4] {
    [
        &workload.kind,
        &workload.namespace,
        &workload.name,
        &workload.container,
    ]
}

/// Returns an optional text; nothing if it is empty.
pub(super) fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_a_list_or_nothing() {
        for (body, expected) in [
            (
                r#"{"data":[{},1],"page":{"next":"c"}}"#,
                Some((2, Some("c"))),
            ),
            (
                r#"{"data":[],"page":{"returned":0,"next":""}}"#,
                Some((0, None)),
            ),
            (r#"{"data":null,"page":null,"more":{}}"#, Some((0, None))),
            (r#"{"data":[]}"#, Some((0, None))),
            (" [\"a\"]", Some((1, None))),
            ("{}", None),
            (r#"{"page":{}}"#, None),
            (r#"{"data":{}}"#, None),
            (r#"{"data":[],"page":{"next":7}}"#, None),
            (r#"{"data":[],"page":"last"}"#, None),
            (r#"{"message":"later"}"#, None),
            ("null", None),
            ("", None),
            ("<html>", None),
            (r#"{"data":[{}"#, None),
        ] {
            let page = Page::parse(body.as_bytes()).ok();
            let found = page.as_ref().map(|it| (it.rows.len(), it.next.as_deref()));
            assert_eq!(found, expected, "{body}");
        }
    }

    #[test]
    fn image_ids_are_digests() {
        let hex = "ab".repeat(32);
        let full = format!("sha256:{hex}");
        for (text, is_digest) in [
            (full.as_str(), true),
            (hex.as_str(), true),
            (&full.to_uppercase(), true),
            (&hex.to_uppercase(), true),
            (&format!(" {hex}\n"), true),
            (&hex[..12], false),
            ("something", false),
            ("sha256:a1b2c3d4e5f6g7h8", false),
            ("1489835514684399099", false),
            ("", false),
        ] {
            let expected = is_digest.then_some(full.as_str());
            assert_eq!(
                digest(text).as_ref().map(Digest::as_str),
                expected,
                "{text}"
            );
        }
    }
}
