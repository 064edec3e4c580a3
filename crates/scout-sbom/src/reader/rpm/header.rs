//! The header of one package as rpm stores it: an index of tags and a data area, big-endian.
//! Every offset and count is a claim to be checked.

use super::Unreadable;

pub(super) const NAME: u32 = 1000;
pub(super) const VERSION: u32 = 1001;
pub(super) const RELEASE: u32 = 1002;
pub(super) const EPOCH: u32 = 1003;
pub(super) const LICENSE: u32 = 1014;
pub(super) const ARCHITECTURE: u32 = 1022;
pub(super) const SOURCE_RPM: u32 = 1044;
pub(super) const DIR_INDEXES: u32 = 1116;
pub(super) const BASE_NAMES: u32 = 1117;
pub(super) const DIR_NAMES: u32 = 1118;
pub(super) const MODULARITY_LABEL: u32 = 5096;

const TYPE_INT32: u32 = 4;
const TYPE_STRING: u32 = 6;
const TYPE_STRING_ARRAY: u32 = 8;
const TYPE_I18N_STRING: u32 = 9;

const ENTRY_BYTES: usize = 16;
/// Most tags of a header: 65,535, as in rpm itself.
const MAX_TAGS: usize = 0xFFFF;

/// A parsed header that borrows its data.
#[derive(Debug)]
pub(super) struct Header<'a> {
    index: &'a [u8],
    data: &'a [u8],
}

struct Entry<'a> {
    kind: u32,
    count: usize,
    data: &'a [u8],
}

impl<'a> Header<'a> {
    pub(super) fn parse(blob: &'a [u8]) -> Result<Self, Unreadable> {
        let damaged = || Unreadable::new("a package header is damaged");
        let tags = number(blob, 0).ok_or_else(damaged)? as usize;
        let length = number(blob, 4).ok_or_else(damaged)? as usize;
        if tags > MAX_TAGS {
            return Err(damaged());
        }
        let (index, data) = blob
            .get(8..)
            .and_then(|rest| rest.split_at_checked(tags * ENTRY_BYTES))
            .ok_or_else(damaged)?;
        let data = data.get(..length).ok_or_else(damaged)?;
        Ok(Self { index, data })
    }

    /// Returns a text; of several (translations), the first.
    pub(super) fn text(&self, tag: u32) -> Option<String> {
        let entry = self.find(tag)?;
        if !matches!(
            entry.kind,
            TYPE_STRING | TYPE_STRING_ARRAY | TYPE_I18N_STRING
        ) {
            return None;
        }
        let (text, _) = split_text(entry.data)?;
        Some(String::from_utf8_lossy(text).into_owned())
    }

    pub(super) fn texts(&self, tag: u32) -> Vec<&'a [u8]> {
        let mut texts = Vec::new();
        let Some(entry) = self.find(tag) else {
            return texts;
        };
        let mut rest = entry.data;
        if entry.kind == TYPE_STRING_ARRAY {
            while texts.len() < entry.count
                && let Some((text, behind)) = split_text(rest)
            {
                texts.push(text);
                rest = behind;
            }
        }
        texts
    }

    pub(super) fn number(&self, tag: u32) -> Option<u32> {
        self.numbers(tag).next()
    }

    pub(super) fn numbers(&self, tag: u32) -> impl Iterator<Item = u32> + use<'a> {
        let entry = self.find(tag).filter(|entry| entry.kind == TYPE_INT32);
        let (count, data) = entry.map_or((0, &[][..]), |entry| (entry.count, entry.data));
        let (numbers, _) = data.as_chunks::<4>();
        numbers
            .iter()
            .take(count)
            .map(|bytes| u32::from_be_bytes(*bytes))
    }

    fn find(&self, tag: u32) -> Option<Entry<'a>> {
        let entry = self
            .index
            .chunks_exact(ENTRY_BYTES)
            .find(|entry| number(entry, 0) == Some(tag))?;
        let offset = number(entry, 8)? as usize;
        Some(Entry {
            kind: number(entry, 4)?,
            count: number(entry, 12)? as usize,
            data: self.data.get(offset..)?,
        })
    }
}

/// Splits a NUL-terminated text off.
fn split_text(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(0, data)?;
    Some((data.get(..end)?, data.get(end + 1..)?))
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk::<4>()?;
    Some(u32::from_be_bytes(*bytes))
}
