//! Berkeley DB's hash format (`Packages`), which rpm used until 4.16.
//!
//! Page 0 describes the file. Hash pages hold keys and values in turn; rpm's keys are numbers of
//! packages, its values headers. A value that is too long for its page lies in a chain of
//! overflow pages. Numbers are in the byte order of the machine that wrote the file, told by the
//! magic number. The buckets are not followed: each page says itself what it is.
//! Source: Berkeley DB 5.3, `dbinc/db_page.h`.

use super::pages::{Reads, damaged};
use super::{Unreadable, Visit};
use crate::budget::Stored;

const MAGIC: u32 = 0x0006_1561;
/// Versions of the hash format with this layout: Berkeley DB 3.1 (2000) to 18.
const VERSIONS: std::ops::RangeInclusive<u32> = 7..=10;
const META_BYTES: usize = 72;
const PAGE_HEADER_BYTES: usize = 26;
const FLAG_CHECKSUM: u8 = 0x01;

const HASH_UNSORTED: u8 = 2;
const OVERFLOW: u8 = 7;
const HASH_META: u8 = 8;
const HASH: u8 = 13;

const ITEM_INLINE: u8 = 1;
const ITEM_OFF_PAGE: u8 = 3;

/// Visits the header of every package, in the order of the pages.
pub(super) fn for_each_row(
    file: &mut Stored,
    max_row_bytes: u64,
    visit: &mut Visit<'_>,
) -> Result<(), Unreadable> {
    let mut database = Database::open(file, max_row_bytes)?;
    for number in 1..database.pages {
        let page = database.page(number)?;
        if !matches!(page.get(25), Some(&HASH | &HASH_UNSORTED)) {
            continue;
        }
        let items = database.order.short(&page, 20).unwrap_or_default();
        for pair in 0..items / 2 {
            let key = database.item(&page, pair * 2);
            let value = database.item(&page, pair * 2 + 1);
            let (Some(key), Some(value)) = (key, value) else {
                visit(Err(damaged("an item is cut off")))?;
                continue;
            };
            // Package 0 is where rpm notes the next free number.
            if key.iter().skip(1).all(|&byte| byte == 0) {
                continue;
            }
            match database.value(value) {
                Ok(row) => visit(Ok(&row))?,
                Err(error) => visit(Err(error))?,
            }
        }
    }
    Ok(())
}

struct Database<'a> {
    file: Reads<'a>,
    order: Order,
    page_bytes: usize,
    pages: u32,
    max_row_bytes: u64,
}

impl<'a> Database<'a> {
    fn open(file: &'a mut Stored, max_row_bytes: u64) -> Result<Self, Unreadable> {
        // Every page once as such, and once as a part of a value.
        let mut file = Reads::new(file, 2);
        let meta = file
            .part(0, META_BYTES)
            .map_err(|_cut_off| Unreadable::new("the database has no header"))?;
        let order = [Order::Little, Order::Big]
            .into_iter()
            .find(|order| order.number(&meta, 12) == Some(MAGIC))
            .filter(|_| meta.get(25) == Some(&HASH_META))
            .ok_or_else(|| Unreadable::new("not a Berkeley DB database of the hash format"))?;
        let version = order.number(&meta, 16).unwrap_or_default();
        if !VERSIONS.contains(&version) {
            return Err(Unreadable::new(format!(
                "a Berkeley DB database of the unknown version {version}"
            )));
        }
        let has_sums = meta.get(26).is_some_and(|flags| flags & FLAG_CHECKSUM != 0);
        if meta.get(24) != Some(&0) || has_sums {
            return Err(Unreadable::new(
                "a Berkeley DB database with encryption or checksums, which rpm never makes",
            ));
        }
        let page_bytes = order.number(&meta, 20).unwrap_or_default() as usize;
        if !(512..=65_536).contains(&page_bytes) || !page_bytes.is_power_of_two() {
            return Err(damaged("its page size is invalid"));
        }
        let last = order.number(&meta, 32).unwrap_or_default();
        let present = u32::try_from(file.len() / page_bytes as u64).unwrap_or(u32::MAX);
        if last >= present {
            return Err(damaged("it is cut off"));
        }
        Ok(Self {
            file,
            order,
            page_bytes,
            pages: last + 1,
            max_row_bytes,
        })
    }

    fn page(&mut self, number: u32) -> Result<Vec<u8>, Unreadable> {
        if number == 0 || number >= self.pages {
            return Err(damaged("a page does not exist"));
        }
        let offset = u64::from(number) * self.page_bytes as u64;
        self.file.part(offset, self.page_bytes)
    }

    /// Returns an item of a page with its kind in front. Items lie from the end of the page on.
    fn item<'p>(&self, page: &'p [u8], index: u16) -> Option<&'p [u8]> {
        let place = |index: u16| {
            let at = PAGE_HEADER_BYTES + usize::from(index) * 2;
            self.order.short(page, at).map(usize::from)
        };
        let end = match index.checked_sub(1) {
            None => page.len(),
            Some(before) => place(before)?,
        };
        page.get(place(index)?..end).filter(|item| !item.is_empty())
    }

    fn value(&mut self, item: &[u8]) -> Result<Vec<u8>, Unreadable> {
        let cut_off = || damaged("an item is cut off");
        match item.first() {
            Some(&ITEM_INLINE) => Ok(item.get(1..).unwrap_or_default().to_vec()),
            Some(&ITEM_OFF_PAGE) => {
                let first = self.order.number(item, 4).ok_or_else(cut_off)?;
                let length = self.order.number(item, 8).ok_or_else(cut_off)?;
                self.chain(first, length)
            }
            _ => Err(damaged("a package is stored as duplicates")),
        }
    }

    fn chain(&mut self, first: u32, length: u32) -> Result<Vec<u8>, Unreadable> {
        if u64::from(length) > self.max_row_bytes.min(self.file.len()) {
            return Err(damaged("a row is too long"));
        }
        let length = length as usize;
        let mut row = Vec::with_capacity(length);
        let mut next = first;
        while row.len() < length {
            let page = self.page(next)?;
            let used = self.order.short(&page, 22).map_or(0, usize::from);
            let content = page
                .get(PAGE_HEADER_BYTES..)
                .and_then(|rest| rest.get(..used))
                .filter(|content| !content.is_empty() && page.get(25) == Some(&OVERFLOW))
                .ok_or_else(|| damaged("a page is not part of a package"))?;
            let count = content.len().min(length - row.len());
            row.extend_from_slice(content.get(..count).unwrap_or_default());
            next = self.order.number(&page, 16).unwrap_or_default();
        }
        Ok(row)
    }
}

/// The byte order of a file.
#[derive(Clone, Copy)]
enum Order {
    Little,
    Big,
}

impl Order {
    fn number(self, bytes: &[u8], at: usize) -> Option<u32> {
        let bytes = *bytes.get(at..)?.first_chunk::<4>()?;
        Some(match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        })
    }

    fn short(self, bytes: &[u8], at: usize) -> Option<u16> {
        let bytes = *bytes.get(at..)?.first_chunk::<2>()?;
        Some(match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        })
    }
}
