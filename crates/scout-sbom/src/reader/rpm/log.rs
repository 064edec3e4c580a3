//! SQLite's write-ahead log (`rpmdb.sqlite-wal`): newer versions of pages, valid up to the last
//! commit whose checksums hold (<https://www.sqlite.org/fileformat2.html#walformat>).

use std::collections::HashMap;

use super::Unreadable;
use crate::budget::Stored;

const MAGIC_LITTLE: u32 = 0x377f_0682;
const MAGIC_BIG: u32 = 0x377f_0683;
const VERSION: u32 = 3_007_000;
const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;
/// Most frames of a log: 131,072, so 512 MiB in pages of 4 KiB, as much as a database may have.
const MAX_FRAMES: u64 = 131_072;

/// A log that was checked.
pub(super) struct Log<'a> {
    file: &'a mut Stored,
    page_bytes: usize,
    /// How many pages the database has with the log.
    pages: u32,
    /// Where the newest version of each page is.
    frames: HashMap<u32, u64>,
}

impl<'a> Log<'a> {
    /// Reads the log's frames; `None` if nothing in it was committed.
    pub(super) fn open(file: &'a mut Stored) -> Result<Option<Self>, Unreadable> {
        let mut header = [0; HEADER_BYTES];
        if file.len() < HEADER_BYTES as u64 {
            return Ok(None);
        }
        file.read_at(0, &mut header)?;
        let is_big = match number(&header, 0) {
            MAGIC_LITTLE => false,
            MAGIC_BIG => true,
            // SQLite takes such a log for an empty one: it was being reset.
            _ => return Ok(None),
        };
        if number(&header, 4) != VERSION {
            return Err(Unreadable::new("its version is not known"));
        }
        let page_bytes = number(&header, 8) as usize;
        if !(512..=65_536).contains(&page_bytes) || !page_bytes.is_power_of_two() {
            return Ok(None);
        }
        let mut sum = Sum {
            is_big,
            ..Sum::default()
        };
        sum.add(header.get(..24).unwrap_or_default());
        if !sum.is(&header, 24) {
            return Ok(None);
        }
        let salt = header.get(16..24).unwrap_or_default();
        let frame_bytes = (FRAME_HEADER_BYTES + page_bytes) as u64;
        let count = (file.len() - HEADER_BYTES as u64) / frame_bytes;
        if count > MAX_FRAMES {
            return Err(Unreadable::new(format!(
                "it has more than {MAX_FRAMES} pages"
            )));
        }
        let mut log = Self {
            file,
            page_bytes,
            pages: 0,
            frames: HashMap::new(),
        };
        let mut pending: Vec<(u32, u64)> = Vec::new();
        let mut frame = vec![0; FRAME_HEADER_BYTES + page_bytes];
        for index in 0..count {
            let offset = HEADER_BYTES as u64 + index * frame_bytes;
            log.file.read_at(offset, &mut frame)?;
            let (head, page) = frame.split_at(FRAME_HEADER_BYTES);
            if head.get(8..16) != Some(salt) {
                break;
            }
            sum.add(head.get(..8).unwrap_or_default());
            sum.add(page);
            if !sum.is(head, 16) {
                break;
            }
            pending.push((number(head, 0), offset + FRAME_HEADER_BYTES as u64));
            let pages = number(head, 4);
            if pages != 0 {
                log.frames.extend(pending.drain(..));
                log.pages = pages;
            }
        }
        Ok((log.pages != 0).then_some(log))
    }

    pub(super) fn page_bytes(&self) -> usize {
        self.page_bytes
    }

    /// Returns how many pages the database has, as the last commit claims.
    pub(super) fn pages(&self) -> u32 {
        self.pages
    }

    /// Returns how many pages the log has a version of.
    pub(super) fn frames(&self) -> u32 {
        self.frames.len() as u32
    }

    /// Reads a page into the buffer, which has a page's length, if the log has a version of it.
    pub(super) fn read(&mut self, page: u32, buffer: &mut [u8]) -> Result<bool, Unreadable> {
        let Some(&offset) = self.frames.get(&page) else {
            return Ok(false);
        };
        self.file.read_at(offset, buffer)?;
        Ok(true)
    }
}

/// The checksum of a log: two sums over pairs of words, each taking the other in.
#[derive(Default)]
struct Sum {
    is_big: bool,
    first: u32,
    second: u32,
}

impl Sum {
    fn add(&mut self, bytes: &[u8]) {
        let word = |bytes: [u8; 4]| {
            if self.is_big {
                u32::from_be_bytes(bytes)
            } else {
                u32::from_le_bytes(bytes)
            }
        };
        let (mut first, mut second) = (self.first, self.second);
        let (pairs, _) = bytes.as_chunks::<8>();
        for &[a, b, c, d, e, f, g, h] in pairs {
            first = first.wrapping_add(word([a, b, c, d])).wrapping_add(second);
            second = second.wrapping_add(word([e, f, g, h])).wrapping_add(first);
        }
        (self.first, self.second) = (first, second);
    }

    fn is(&self, bytes: &[u8], at: usize) -> bool {
        (number(bytes, at), number(bytes, at + 4)) == (self.first, self.second)
    }
}

/// A big-endian number; 0 where the bytes end.
fn number(bytes: &[u8], at: usize) -> u32 {
    let bytes = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>());
    bytes.map_or(0, |bytes| u32::from_be_bytes(*bytes))
}
