//! The ndb format of SUSE's rpm (`Packages.db`), as rpm's own `rpmpkg.c` writes it.
//!
//! Pages of 4096 bytes; the first ones hold slots of 16 bytes, two of which are the file's
//! header. A slot names a package's number and where its blob is, in blocks of 16 bytes. All
//! numbers are little-endian.

use super::pages::{Reads, damaged};
use super::{Unreadable, Visit};
use crate::budget::Stored;

const FILE_MAGIC: u32 = u32::from_le_bytes(*b"RpmP");
const SLOT_MAGIC: u32 = u32::from_le_bytes(*b"Slot");
const BLOB_MAGIC: u32 = u32::from_le_bytes(*b"BlbS");
const VERSION: u32 = 0;
const PAGE_BYTES: usize = 4096;
const SLOT_BYTES: usize = 16;
const FILE_HEADER_BYTES: usize = 32;
const BLOCK_BYTES: u64 = 16;
const BLOB_HEADER_BYTES: u64 = 16;

/// Visits the header of every package, in the order of the slots.
pub(super) fn for_each_row(
    file: &mut Stored,
    max_row_bytes: u64,
    visit: &mut Visit<'_>,
) -> Result<(), Unreadable> {
    // Slot pages and blobs do not overlap in a sound file.
    let mut file = Reads::new(file, 1);
    let mut page = vec![0; PAGE_BYTES];
    if file.len() < PAGE_BYTES as u64 {
        return Err(damaged("it has no header"));
    }
    file.fill(0, &mut page)?;
    if number(&page, 0) != Some(FILE_MAGIC) {
        return Err(Unreadable::new("not an ndb database"));
    }
    if number(&page, 4) != Some(VERSION) {
        return Err(Unreadable::new("an ndb database of an unknown version"));
    }
    let pages = u64::from(number(&page, 12).unwrap_or_default());
    if pages == 0 || pages.saturating_mul(PAGE_BYTES as u64) > file.len() {
        return Err(damaged("its table of packages is cut off"));
    }
    for index in 0..pages {
        let mut start = 0;
        if index == 0 {
            start = FILE_HEADER_BYTES;
        } else {
            file.fill(index * PAGE_BYTES as u64, &mut page)?;
        }
        for slot in page.get(start..).unwrap_or_default().chunks(SLOT_BYTES) {
            if number(slot, 0) != Some(SLOT_MAGIC) {
                return Err(damaged("its table of packages has other things in it"));
            }
            let package = number(slot, 4).unwrap_or_default();
            let block = number(slot, 8).unwrap_or_default();
            if package == 0 || block == 0 {
                continue;
            }
            match read_blob(&mut file, package, block, max_row_bytes) {
                Ok(blob) => visit(Ok(&blob))?,
                Err(error) => visit(Err(error))?,
            }
        }
    }
    Ok(())
}

fn read_blob(
    file: &mut Reads<'_>,
    package: u32,
    block: u32,
    max_bytes: u64,
) -> Result<Vec<u8>, Unreadable> {
    let start = u64::from(block) * BLOCK_BYTES;
    let header = file.part(start, BLOB_HEADER_BYTES as usize)?;
    if number(&header, 0) != Some(BLOB_MAGIC) || number(&header, 4) != Some(package) {
        return Err(damaged("a package is not where it should be"));
    }
    let length = number(&header, 12).unwrap_or_default();
    if u64::from(length) > max_bytes {
        return Err(damaged("a row is too long"));
    }
    file.part(start + BLOB_HEADER_BYTES, length as usize)
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk::<4>()?;
    Some(u32::from_le_bytes(*bytes))
}
