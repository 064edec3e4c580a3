//! Just enough of the zip format to read a few entries of a stranger's archive
//! (<https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>).
//!
//! The table of contents is walked in pieces, never held: it may be as long as the archive. What
//! the table says is what counts, as for Java and Python; headers in front of the entries tell
//! only where the content starts.

use std::io::{self, BufReader, Read};

use flate2::bufread::DeflateDecoder;

use super::Unreadable;
use crate::budget::Stored;

const END_MAGIC: u32 = 0x0605_4b50;
const END_BYTES: usize = 22;
/// Longest comment behind the end record, which is looked for from the back.
const MAX_COMMENT_BYTES: u64 = 0xffff;
const LOCATOR_MAGIC: u32 = 0x0706_4b50;
const LOCATOR_BYTES: u64 = 20;
const END64_MAGIC: u32 = 0x0606_4b50;
const END64_BYTES: usize = 56;
const ENTRY_MAGIC: u32 = 0x0201_4b50;
const ENTRY_BYTES: usize = 46;
const LOCAL_MAGIC: u32 = 0x0403_4b50;
const LOCAL_BYTES: usize = 30;
/// The extra field with the sizes that need 64 bits.
const ZIP64_FIELD: u64 = 1;
/// What a size of 32 bits says if it stands there.
const IN_ZIP64: u64 = 0xffff_ffff;
/// What of the count of entries every tool writes.
const LOW_BITS: u64 = 0xffff;
const STORED: u64 = 0;
const DEFLATED: u64 = 8;
const ENCRYPTED: u64 = 1;
/// Bytes read at a time.
const BUFFER_BYTES: usize = 32 << 10;

/// A part of a stored file: an archive, or one that lies unpacked inside of another one.
#[derive(Debug)]
pub(super) struct Slice<'a> {
    file: &'a mut Stored,
    start: u64,
    len: u64,
}

impl<'a> Slice<'a> {
    pub(super) fn whole(file: &'a mut Stored) -> Self {
        let len = file.len();
        Self {
            file,
            start: 0,
            len,
        }
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<(), Unreadable> {
        let end = offset.checked_add(buffer.len() as u64);
        if end.is_none_or(|end| end > self.len) {
            return Err(damaged("it is cut off"));
        }
        Ok(self.file.read_at(self.start + offset, buffer)?)
    }

    fn part(&mut self, offset: u64, len: u64) -> Result<Slice<'_>, Unreadable> {
        let end = offset.checked_add(len);
        if end.is_none_or(|end| end > self.len) {
            return Err(damaged("an entry is cut off"));
        }
        Ok(Slice {
            file: self.file,
            start: self.start + offset,
            len,
        })
    }
}

impl Read for Slice<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = usize::try_from(self.len)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let part = buffer.get_mut(..count).unwrap_or_default();
        self.file.read_at(self.start, part)?;
        self.start += count as u64;
        self.len -= count as u64;
        Ok(count)
    }
}

/// What is done with the name of an entry, and the entry.
type Visit<'v> = dyn FnMut(&[u8], Entry) -> Result<(), Unreadable> + 'v;

/// Where an archive's table of contents lies.
#[derive(Debug)]
pub(super) struct Directory {
    start: u64,
    len: u64,
    entries: u64,
    /// Bytes in front of the archive, which its offsets do not count.
    before: u64,
}

/// One entry of the table.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Bytes of the content when unpacked, as the table says.
    pub(super) size: u64,
    packed: u64,
    offset: u64,
    method: u64,
    flags: u64,
}

/// The content of an entry.
pub(super) enum Content<'a> {
    /// As it is.
    Stored(Slice<'a>),
    /// To be unpacked.
    Packed(DeflateDecoder<BufReader<Slice<'a>>>),
}

impl Read for Content<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Stored(slice) => slice.read(buffer),
            Self::Packed(decoder) => decoder.read(buffer),
        }
    }
}

impl Directory {
    /// Finds the table of an archive; `None` if the file is no archive at all.
    pub(super) fn find(file: &mut Slice<'_>) -> Result<Option<Self>, Unreadable> {
        let Some((end_at, end)) = find_end(file)? else {
            let mut magic = [0; 2];
            let is_cut_off = file.read_at(0, &mut magic).is_ok() && magic == *b"PK";
            return if is_cut_off {
                Err(damaged("it has no table of contents"))
            } else {
                Ok(None)
            };
        };
        let (mut entries, mut len, mut start) = (
            number(&end, 10, 2)?,
            number(&end, 12, 4)?,
            number(&end, 16, 4)?,
        );
        let mut behind = end_at;
        if let Some((at, end64)) = find_end64(file, end_at)? {
            entries = number(&end64, 32, 8)?;
            len = number(&end64, 40, 8)?;
            start = number(&end64, 48, 8)?;
            behind = at;
        }
        // A program in front of the archive moves everything; the table still ends at the end.
        let actual = behind.checked_sub(len);
        let actual = actual.ok_or_else(|| damaged("its table of contents is cut off"))?;
        let before = actual.checked_sub(start);
        let before = before.ok_or_else(|| damaged("its table of contents is not where it says"))?;
        Ok(Some(Self {
            start: actual,
            len,
            entries,
            before,
        }))
    }

    /// Calls `visit` with the name of each entry, until it fails.
    pub(super) fn for_each(
        &self,
        file: &mut Slice<'_>,
        visit: &mut Visit<'_>,
    ) -> Result<(), Unreadable> {
        let table = file.part(self.start, self.len)?;
        let mut table = BufReader::with_capacity(BUFFER_BYTES, table);
        let mut header = [0; ENTRY_BYTES];
        let (mut name, mut extra) = (Vec::new(), Vec::new());
        let (mut read, mut visited) = (0, 0_u64);
        // Not as many as it says: tools that do not know 64 bits write only the low 16 of that.
        while read < self.len {
            let cut_off = |_end| damaged("its table of contents is cut off");
            table.read_exact(&mut header).map_err(cut_off)?;
            if number(&header, 0, 4)? != u64::from(ENTRY_MAGIC) {
                return Err(damaged("its table of contents has an invalid entry"));
            }
            let lengths = [
                number(&header, 28, 2)?,
                number(&header, 30, 2)?,
                number(&header, 32, 2)?,
            ];
            let [name_bytes, extra_bytes, comment_bytes] = lengths;
            read += ENTRY_BYTES as u64 + lengths.iter().sum::<u64>();
            visited += 1;
            read_into(&mut table, name_bytes, &mut name).map_err(cut_off)?;
            read_into(&mut table, extra_bytes, &mut extra).map_err(cut_off)?;
            io::copy(&mut (&mut table).take(comment_bytes), &mut io::sink()).map_err(cut_off)?;
            visit(&name, Entry::parse(&header, &extra)?)?;
        }
        if visited & LOW_BITS != self.entries & LOW_BITS {
            return Err(damaged("its table of contents misses entries"));
        }
        Ok(())
    }

    /// Opens the content of an entry.
    pub(super) fn open<'s>(
        &self,
        file: &'s mut Slice<'_>,
        entry: &Entry,
    ) -> Result<Content<'s>, Unreadable> {
        if entry.flags & ENCRYPTED != 0 {
            return Err(Unreadable::new("it is encrypted"));
        }
        let at = self.before.checked_add(entry.offset);
        let at = at.ok_or_else(|| damaged("an entry lies nowhere"))?;
        let mut header = [0; LOCAL_BYTES];
        file.read_at(at, &mut header)?;
        if number(&header, 0, 4)? != u64::from(LOCAL_MAGIC) {
            return Err(damaged("an entry does not start where it should"));
        }
        let names = number(&header, 26, 2)? + number(&header, 28, 2)?;
        let part = file.part(at + LOCAL_BYTES as u64 + names, entry.packed)?;
        match entry.method {
            STORED if entry.packed == entry.size => Ok(Content::Stored(part)),
            STORED => Err(damaged("an entry has two sizes")),
            DEFLATED => Ok(Content::Packed(DeflateDecoder::new(
                BufReader::with_capacity(BUFFER_BYTES, part),
            ))),
            _ => Err(Unreadable::new("it is packed by an unusual method")),
        }
    }
}

impl Entry {
    fn parse(header: &[u8], extra: &[u8]) -> Result<Self, Unreadable> {
        let mut entry = Self {
            flags: number(header, 8, 2)?,
            method: number(header, 10, 2)?,
            packed: number(header, 20, 4)?,
            size: number(header, 24, 4)?,
            offset: number(header, 42, 4)?,
        };
        let mut fields = extra;
        while fields.len() >= 4 {
            let (id, length) = (number(fields, 0, 2)?, number(fields, 2, 2)? as usize);
            // Padding of some tools (Android's) is no whole field; nothing follows it.
            let Some(field) = fields.get(4..4 + length) else {
                break;
            };
            fields = fields.get(4 + length..).unwrap_or_default();
            if id != ZIP64_FIELD {
                continue;
            }
            let wide = [&mut entry.size, &mut entry.packed, &mut entry.offset];
            let wide = wide.into_iter().filter(|value| **value == IN_ZIP64);
            for (index, value) in wide.enumerate() {
                *value = number(field, index * 8, 8)?;
            }
            break;
        }
        Ok(entry)
    }
}

/// Finds the record at the end of an archive, with its position.
fn find_end(file: &mut Slice<'_>) -> Result<Option<(u64, [u8; END_BYTES])>, Unreadable> {
    let tail_bytes = file.len.min(MAX_COMMENT_BYTES + END_BYTES as u64);
    let mut tail = vec![0; usize::try_from(tail_bytes).unwrap_or_default()];
    let start = file.len - tail_bytes;
    file.read_at(start, &mut tail)?;
    for at in memchr::memmem::rfind_iter(&tail, &END_MAGIC.to_le_bytes()) {
        let Some((end, comment)) = tail.get(at..).and_then(<[u8]>::split_first_chunk) else {
            continue;
        };
        if number(end, 20, 2)? <= comment.len() as u64 {
            return Ok(Some((start + at as u64, *end)));
        }
    }
    Ok(None)
}

/// Finds the record for archives whose numbers need 64 bits, with its position.
fn find_end64(
    file: &mut Slice<'_>,
    end_at: u64,
) -> Result<Option<(u64, [u8; END64_BYTES])>, Unreadable> {
    let mut locator = [0; LOCATOR_BYTES as usize];
    let Some(locator_at) = end_at.checked_sub(LOCATOR_BYTES) else {
        return Ok(None);
    };
    file.read_at(locator_at, &mut locator)?;
    if number(&locator, 0, 4)? != u64::from(LOCATOR_MAGIC) {
        return Ok(None);
    }
    // Right in front of its locator: where the locator says, a program in front of the archive
    // is not counted. An extensible part, which nobody writes, would be missed.
    let at = locator_at
        .checked_sub(END64_BYTES as u64)
        .ok_or_else(|| damaged("it is cut off"))?;
    let mut end = [0; END64_BYTES];
    file.read_at(at, &mut end)?;
    if number(&end, 0, 4)? != u64::from(END64_MAGIC) {
        return Err(damaged("its end record is missing"));
    }
    Ok(Some((at, end)))
}

fn read_into(input: &mut dyn Read, bytes: u64, out: &mut Vec<u8>) -> io::Result<()> {
    out.clear();
    let read = input.take(bytes).read_to_end(out)?;
    if read as u64 == bytes {
        Ok(())
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

fn damaged(reason: &str) -> Unreadable {
    Unreadable::new(format!("the archive is damaged: {reason}"))
}

/// A little-endian number.
fn number(bytes: &[u8], at: usize, size: usize) -> Result<u64, Unreadable> {
    let part = at.checked_add(size).and_then(|end| bytes.get(at..end));
    let part = part.ok_or_else(|| damaged("a number is cut off"))?;
    let join = |value: u64, &byte: &u8| value << 8 | u64::from(byte);
    Ok(part.iter().rev().fold(0, join))
}

#[cfg(test)]
pub(super) mod tests;
