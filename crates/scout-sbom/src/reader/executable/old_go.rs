//! Go's build information before Go 1.18: behind the mark stand pointers to two texts, which lie
//! before it in the file. What may be such a text is noted when it comes by.

use memchr::memmem;

use super::go::BuildInfo;
use super::window::Window;
use crate::reader::Unreadable;

/// What is told if the pointers lead nowhere.
pub(super) const NOT_FOUND: &str =
    "its Go build information, of Go before 1.18, does not lead to a version";
/// What every release of Go is called, and what stands before and behind the list of modules.
const VERSION: &[u8] = b"go1.";
const LIST_START: &[u8] = b"\x30\x77\xaf\x0c\x92\x74\x08\x02\x41\xe1\xc1\x07\xe6\xd6\x18\xe6";
const LIST_END: &[u8] = b"\xf9\x32\x43\x31\x86\x18\x20\x72\x00\x82\x42\x10\x41\x16\xd8\xf2";
/// The note that Go's linker puts in the first page of a program; only such are looked into.
const NOTE: &[u8] = b"Go\0\0";
/// Longest version in bytes.
const VERSION_BYTES: usize = 64;
/// Most texts noted that may be the version: 16 times those of the largest program seen.
const MAX_TEXTS: usize = 4096;
/// Most bytes between the mark and what the pointers lead to; both are in the data segment.
const MAX_DATA_BYTES: u64 = 16 << 20;
/// The kind of a segment that is loaded into memory.
const LOADED: u64 = 1;

#[derive(Debug, Default)]
pub(super) struct OldGo {
    /// The first page, with the program headers.
    head: Option<Vec<u8>>,
    next: u64,
    texts: Vec<(u64, Vec<u8>)>,
    list: Option<Vec<u8>>,
    /// The list while its end is still to come, and where it goes on.
    open_list: Option<(Vec<u8>, u64)>,
    pointers: Option<Pointers>,
    max_bytes: u64,
}

#[derive(Debug)]
struct Pointers {
    size: usize,
    is_big: bool,
    /// Where the text's own address and length stand.
    version_at: u64,
    /// That, once it came by.
    version: Option<(u64, u64)>,
}

impl OldGo {
    /// A list may have this many bytes.
    pub(super) fn new(max_bytes: u64) -> Self {
        Self {
            max_bytes,
            ..Self::default()
        }
    }

    pub(super) fn look(&mut self, window: &Window) {
        const PAGE: usize = 4096;
        if let Some(head) = window.head() {
            let page = head.get(..PAGE.min(head.len())).unwrap_or_default();
            let is_go = memmem::find(page, NOTE).is_some();
            self.head = is_go.then(|| page.to_vec());
        }
        if self.head.is_none() {
            return;
        }
        if let Some(pointers) = &mut self.pointers {
            pointers.look(window);
            return;
        }
        let (bytes, start) = (window.from(self.next), window.position(self.next));
        for at in memmem::find_iter(bytes, VERSION) {
            let text = bytes.get(at..).unwrap_or_default();
            let text = text.get(..VERSION_BYTES).unwrap_or(text);
            if self.texts.len() < MAX_TEXTS {
                self.texts.push((start + at as u64, text.to_vec()));
            }
        }
        if self.list.is_none() {
            self.look_for_list(window, bytes);
        }
        // What is cut off here is found again with what follows.
        let seen = window.end().saturating_sub(VERSION_BYTES as u64);
        self.next = seen.max(self.next);
        let next = self.next;
        self.texts.retain(|&(position, _)| position < next);
    }

    fn look_for_list(&mut self, window: &Window, bytes: &[u8]) {
        let mut list = match self.open_list.take() {
            Some((mut list, from)) => {
                list.extend_from_slice(window.from(from));
                list
            }
            None => match memmem::find(bytes, LIST_START) {
                Some(at) => bytes
                    .get(at + LIST_START.len()..)
                    .unwrap_or_default()
                    .to_vec(),
                None => return,
            },
        };
        if let Some(end) = memmem::find(&list, LIST_END) {
            list.truncate(end);
            self.list = Some(list);
        } else if list.len() as u64 <= self.max_bytes {
            self.open_list = Some((list, window.end()));
        }
    }

    /// Takes the mark at this position, with what follows it.
    pub(super) fn follow(&mut self, position: u64, mark: &[u8], size: usize, is_big: bool) {
        const POINTERS_AT: usize = 16;
        self.texts.sort_unstable();
        let found =
            number(mark, POINTERS_AT, size, is_big).and_then(|address| self.offset(address));
        let is_near = |&at: &u64| at > position && at - position < MAX_DATA_BYTES;
        self.pointers = found.filter(is_near).map(|version_at| Pointers {
            size,
            is_big,
            version_at,
            version: None,
        });
    }

    /// Returns version and list, once the pointers were followed.
    pub(super) fn info(&self) -> Option<Result<BuildInfo, Unreadable>> {
        let not_found = || Some(Err(Unreadable::new(NOT_FOUND)));
        let Some(pointers) = &self.pointers else {
            return not_found();
        };
        let (address, length) = pointers.version?;
        let text = self.offset(address).and_then(|offset| {
            let index = self
                .texts
                .binary_search_by_key(&offset, |(at, _)| *at)
                .ok()?;
            let (_, text) = self.texts.get(index)?;
            text.get(..usize::try_from(length).ok()?)
        });
        match text {
            Some(version) => {
                let list = self.list.as_deref().unwrap_or_default();
                Some(Ok(BuildInfo::new(version, list)))
            }
            None => not_found(),
        }
    }

    /// Returns where in the file an address of the running program is, by the program headers.
    fn offset(&self, address: u64) -> Option<u64> {
        let head = self.head.as_deref()?;
        let is_64 = *head.get(4)? == 2;
        let is_big = *head.get(5)? == 2;
        let read = |at: usize, size: usize| number(head, at, size, is_big);
        let (table, entry, count) = if is_64 {
            (read(32, 8)?, read(54, 2)?, read(56, 2)?)
        } else {
            (read(28, 4)?, read(42, 2)?, read(44, 2)?)
        };
        for index in 0..count {
            let at = usize::try_from(table.checked_add(index.checked_mul(entry)?)?).ok()?;
            let field = |offset_64: usize, offset_32: usize| {
                if is_64 {
                    read(at.checked_add(offset_64)?, 8)
                } else {
                    read(at.checked_add(offset_32)?, 4)
                }
            };
            let (offset, start, bytes) = (field(8, 4)?, field(16, 8)?, field(32, 16)?);
            if read(at, 4)? == LOADED && address >= start && address - start < bytes {
                return offset.checked_add(address - start);
            }
        }
        None
    }
}

impl Pointers {
    fn look(&mut self, window: &Window) {
        let end = self.version_at.saturating_add(2 * self.size as u64);
        if self.version.is_some() || window.end() < end {
            return;
        }
        let bytes = window.from(self.version_at);
        self.version = number(bytes, 0, self.size, self.is_big).zip(number(
            bytes,
            self.size,
            self.size,
            self.is_big,
        ));
    }
}

fn number(bytes: &[u8], at: usize, size: usize, is_big: bool) -> Option<u64> {
    let part = bytes.get(at..at.checked_add(size)?)?;
    let join = |value: u64, &byte: &u8| value << 8 | u64::from(byte);
    Some(if is_big {
        part.iter().fold(0, join)
    } else {
        part.iter().rev().fold(0, join)
    })
}
