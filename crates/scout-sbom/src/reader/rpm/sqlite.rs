//! Just enough of the SQLite file format to read all rows of one table
//! (<https://www.sqlite.org/fileformat2.html>). Each page is read at most once, so loops and
//! shared pages of a hostile file end early.

use super::log::Log;
use super::{Unreadable, Visit};
use crate::budget::Stored;

const MAGIC: &[u8; 16] = b"SQLite format 3\0";
const HEADER_BYTES: usize = 100;
const LEAF: u8 = 13;
const INTERIOR: u8 = 5;
/// The page where the table of tables starts.
const SCHEMA_ROOT: u32 = 1;
const UTF8: u32 = 1;

pub(super) struct Database<'a> {
    file: &'a mut Stored,
    /// Newer versions of pages.
    log: Option<Log<'a>>,
    page_bytes: usize,
    /// Bytes of a page that hold content.
    usable: usize,
    pages: u32,
    visits: u32,
    max_row_bytes: u64,
}

impl<'a> Database<'a> {
    pub(super) fn open(
        file: &'a mut Stored,
        mut log: Option<Log<'a>>,
        max_row_bytes: u64,
    ) -> Result<Self, Unreadable> {
        let mut header = [0; HEADER_BYTES];
        let is_logged = match &mut log {
            Some(log) => log.read(SCHEMA_ROOT, &mut header)?,
            None => false,
        };
        if !is_logged {
            file.read_at(0, &mut header)
                .map_err(|_cut_off| Unreadable::new("the database has no header"))?;
        }
        if !header.starts_with(MAGIC) {
            return Err(Unreadable::new("not an SQLite database"));
        }
        let page_bytes = match number(&header, 16, 2) {
            Some(1) => 65_536,
            Some(size) if size >= 512 && size.is_power_of_two() => size as usize,
            _ => return Err(Unreadable::new("the database has an invalid page size")),
        };
        if number(&header, 56, 4) != Some(UTF8) {
            return Err(Unreadable::new("the database is not in UTF-8"));
        }
        let reserved = usize::from(header.get(20).copied().unwrap_or_default());
        let usable = page_bytes - reserved.min(page_bytes);
        if usable < 480 {
            return Err(Unreadable::new("the database reserves too much of a page"));
        }
        let stored = u32::try_from(file.len() / page_bytes as u64).unwrap_or(u32::MAX);
        let pages = match &log {
            Some(log) if log.page_bytes() != page_bytes => {
                return Err(damaged("its write-ahead log has pages of another size"));
            }
            // What the log claims bounds the reading, so there must be as many pages.
            Some(log) => log.pages().min(stored.saturating_add(log.frames())),
            None => stored,
        };
        Ok(Self {
            file,
            log,
            page_bytes,
            usable,
            pages,
            visits: 0,
            max_row_bytes,
        })
    }

    /// Returns the root page of the table with this name.
    pub(super) fn find_table(&mut self, name: &[u8]) -> Result<u32, Unreadable> {
        let mut root = None;
        self.for_each_row(SCHEMA_ROOT, &mut |row| {
            let row = row?;
            if column(row, 0)? == b"table" && column(row, 1)? == name {
                let bytes = column(row, 3)?;
                root = number(bytes, 0, bytes.len());
            }
            Ok(())
        })?;
        root.ok_or_else(|| Unreadable::new("the database has no table of packages"))
    }

    /// Visits the rows of a table in order.
    pub(super) fn for_each_row(
        &mut self,
        root: u32,
        visit: &mut Visit<'_>,
    ) -> Result<(), Unreadable> {
        let mut pending = vec![root];
        while let Some(number) = pending.pop() {
            let page = self.page(number)?;
            let start = if number == SCHEMA_ROOT {
                HEADER_BYTES
            } else {
                0
            };
            match page.get(start) {
                Some(&INTERIOR) => self.push_children(&page, start, &mut pending)?,
                Some(&LEAF) => {
                    for cell in cells(&page, start, 8)? {
                        let row = self.row(&page, cell);
                        match &row {
                            Ok(row) => visit(Ok(row))?,
                            Err(Unreadable(reason)) => visit(Err(Unreadable::new(reason)))?,
                        }
                    }
                }
                _ => return Err(damaged("a page is not part of a table")),
            }
        }
        Ok(())
    }

    fn push_children(
        &self,
        page: &[u8],
        start: usize,
        pending: &mut Vec<u32>,
    ) -> Result<(), Unreadable> {
        let last = number(page, start + 8, 4).ok_or_else(|| damaged("a page is cut off"))?;
        pending.push(last);
        for cell in cells(page, start, 12)?.into_iter().rev() {
            let child = number(page, cell, 4).ok_or_else(|| damaged("a cell is cut off"))?;
            pending.push(child);
        }
        if pending.len() > self.pages as usize {
            return Err(damaged("its pages form a loop"));
        }
        Ok(())
    }

    /// Returns the content of the row whose cell starts here, with its overflow pages.
    fn row(&mut self, page: &[u8], cell: usize) -> Result<Vec<u8>, Unreadable> {
        let cut_off = || damaged("a cell is cut off");
        let rest = page.get(cell..self.usable).ok_or_else(cut_off)?;
        let (length, rest) = varint(rest).ok_or_else(cut_off)?;
        let (_row_id, rest) = varint(rest).ok_or_else(cut_off)?;
        if length > self.max_row_bytes {
            return Err(damaged("a row is too long"));
        }
        let length = usize::try_from(length).ok().ok_or_else(cut_off)?;
        let local = self.local_bytes(length);
        let mut row = rest.get(..local).ok_or_else(cut_off)?.to_vec();
        if local == length {
            return Ok(row);
        }
        let mut next = number(rest, local, 4).ok_or_else(cut_off)?;
        while row.len() < length {
            let page = self.page(next)?;
            next = number(&page, 0, 4).ok_or_else(cut_off)?;
            let content = page.get(4..self.usable).ok_or_else(cut_off)?;
            let count = content.len().min(length - row.len());
            row.extend_from_slice(content.get(..count).unwrap_or_default());
        }
        Ok(row)
    }

    /// How much of a row lies in its leaf page; the rest is in overflow pages.
    fn local_bytes(&self, length: usize) -> usize {
        let max = self.usable - 35;
        if length <= max {
            return length;
        }
        let min = (self.usable - 12) * 32 / 255 - 23;
        let fitting = min + (length - min) % (self.usable - 4);
        if fitting <= max { fitting } else { min }
    }

    fn page(&mut self, number: u32) -> Result<Vec<u8>, Unreadable> {
        if number == 0 || number > self.pages {
            return Err(damaged("a page does not exist"));
        }
        // The table of tables is read once more than a page may be.
        self.visits += 1;
        if self.visits > self.pages.saturating_add(1) {
            return Err(damaged("its pages form a loop"));
        }
        let mut page = vec![0; self.page_bytes];
        if let Some(log) = &mut self.log
            && log.read(number, &mut page)?
        {
            return Ok(page);
        }
        let offset = u64::from(number - 1) * self.page_bytes as u64;
        self.file.read_at(offset, &mut page)?;
        Ok(page)
    }
}

fn damaged(reason: &str) -> Unreadable {
    Unreadable::new(format!("the database is damaged: {reason}"))
}

/// Returns where the cells of a page start.
fn cells(page: &[u8], start: usize, header_bytes: usize) -> Result<Vec<usize>, Unreadable> {
    let cut_off = || damaged("a page is cut off");
    let count = number(page, start + 3, 2).ok_or_else(cut_off)? as usize;
    let pointers = page
        .get(start + header_bytes..)
        .and_then(|rest| rest.get(..count * 2))
        .ok_or_else(cut_off)?;
    let (pointers, _) = pointers.as_chunks::<2>();
    let position = |bytes: &[u8; 2]| usize::from(u16::from_be_bytes(*bytes));
    Ok(pointers.iter().map(position).collect())
}

/// Returns the bytes of one column of a row.
pub(super) fn column(row: &[u8], index: usize) -> Result<&[u8], Unreadable> {
    let cut_off = || damaged("a row is cut off");
    let (header_bytes, _) = varint(row).ok_or_else(cut_off)?;
    let header_bytes = usize::try_from(header_bytes).ok().ok_or_else(cut_off)?;
    let (header, mut content) = row.split_at_checked(header_bytes).ok_or_else(cut_off)?;
    let (_, mut types) = varint(header).ok_or_else(cut_off)?;
    for at in 0.. {
        let (kind, rest) = varint(types).ok_or_else(cut_off)?;
        types = rest;
        let length = match kind {
            0 | 8 | 9 => 0,
            1..=4 => kind,
            5 => 6,
            6 | 7 => 8,
            10 | 11 => return Err(damaged("a column has no type")),
            _ => (kind - 12) / 2,
        };
        let length = usize::try_from(length).ok().ok_or_else(cut_off)?;
        let (value, behind) = content.split_at_checked(length).ok_or_else(cut_off)?;
        if at == index {
            return Ok(value);
        }
        content = behind;
    }
    Err(cut_off())
}

/// A big-endian number of one to nine bytes: seven bits each, all eight of the ninth.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    for (index, &byte) in bytes.iter().take(9).enumerate() {
        let rest = bytes.get(index + 1..).unwrap_or_default();
        if index == 8 {
            return Some((value << 8 | u64::from(byte), rest));
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, rest));
        }
    }
    None
}

/// A big-endian number of up to four bytes.
fn number(bytes: &[u8], at: usize, count: usize) -> Option<u32> {
    if count > 4 {
        return None;
    }
    let part = bytes.get(at..at.checked_add(count)?)?;
    Some(
        part.iter()
            .fold(0, |value, &byte| value << 8 | u32::from(byte)),
    )
}
