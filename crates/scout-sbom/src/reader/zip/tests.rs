use std::io::Write;

use super::*;
use crate::budget::Budget;

/// Builds archives for tests of several readers.
#[derive(Default)]
pub(crate) struct Builder {
    bytes: Vec<u8>,
    table: Vec<u8>,
    count: u16,
}

impl Builder {
    pub(crate) fn stored(self, name: &str, content: &[u8]) -> Self {
        self.entry(name, content, content.len(), 0)
    }

    pub(crate) fn deflated(self, name: &str, content: &[u8]) -> Self {
        let mut encoder =
            flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(content).unwrap();
        let packed = encoder.finish().unwrap();
        self.entry(name, &packed, content.len(), 8)
    }

    /// Adds an entry whose table says what it likes.
    pub(crate) fn entry(mut self, name: &str, packed: &[u8], size: usize, method: u16) -> Self {
        let offset = self.bytes.len() as u32;
        let mut local = [0; LOCAL_BYTES];
        local[..4].copy_from_slice(&LOCAL_MAGIC.to_le_bytes());
        local[26..28].copy_from_slice(&(name.len() as u16).to_le_bytes());
        self.bytes.extend_from_slice(&local);
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.extend_from_slice(packed);
        let mut header = [0; ENTRY_BYTES];
        header[..4].copy_from_slice(&ENTRY_MAGIC.to_le_bytes());
        header[10..12].copy_from_slice(&method.to_le_bytes());
        header[20..24].copy_from_slice(&(packed.len() as u32).to_le_bytes());
        header[24..28].copy_from_slice(&(size as u32).to_le_bytes());
        header[28..30].copy_from_slice(&(name.len() as u16).to_le_bytes());
        header[42..46].copy_from_slice(&offset.to_le_bytes());
        self.table.extend_from_slice(&header);
        self.table.extend_from_slice(name.as_bytes());
        self.count += 1;
        self
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        let mut bytes = self.bytes;
        let start = bytes.len() as u32;
        bytes.extend_from_slice(&self.table);
        bytes.extend_from_slice(&END_MAGIC.to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&self.count.to_le_bytes());
        bytes.extend_from_slice(&self.count.to_le_bytes());
        bytes.extend_from_slice(&(self.table.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&start.to_le_bytes());
        bytes.extend_from_slice(&[0; 2]);
        bytes
    }
}

pub(crate) fn stored(bytes: &[u8]) -> Stored {
    let budget = Budget::new(std::env::temp_dir());
    let stored = budget.store(bytes.len() as u64, &mut &bytes[..]);
    stored.unwrap().unwrap()
}

/// Returns names and contents, or why not.
fn list(bytes: &[u8]) -> Result<Option<Vec<(String, String)>>, String> {
    let mut file = stored(bytes);
    let mut slice = Slice::whole(&mut file);
    let text = |Unreadable(reason)| reason;
    let Some(directory) = Directory::find(&mut slice).map_err(text)? else {
        return Ok(None);
    };
    let mut entries = Vec::new();
    directory
        .for_each(&mut slice, &mut |name, entry| {
            entries.push((String::from_utf8_lossy(name).into_owned(), entry));
            Ok(())
        })
        .map_err(text)?;
    let mut found = Vec::new();
    for (name, entry) in entries {
        let mut content = String::new();
        directory
            .open(&mut slice, &entry)
            .map_err(text)?
            .read_to_string(&mut content)
            .map_err(|error| error.to_string())?;
        assert_eq!(entry.size, content.len() as u64);
        found.push((name, content));
    }
    Ok(Some(found))
}

fn two() -> Vec<u8> {
    Builder::default()
        .stored("a", b"one")
        .deflated("b/c", "two ".repeat(100).as_bytes())
        .finish()
}

#[test]
fn contents_come_back_even_behind_something_else() {
    let expected = vec![
        ("a".to_owned(), "one".to_owned()),
        ("b/c".to_owned(), "two ".repeat(100)),
    ];
    assert_eq!(list(&two()), Ok(Some(expected.clone())));
    let launcher = [b"#!/bin/sh\nexec java\n".to_vec(), two()].concat();
    assert_eq!(list(&launcher), Ok(Some(expected)));
    assert_eq!(list(&Builder::default().finish()), Ok(Some(vec![])));
}

#[test]
fn sizes_of_64_bits_are_read() {
    let mut bytes = Builder::default().stored("a", b"one").finish();
    let end_at = bytes.len() - END_BYTES;
    let table_at = end_at - ENTRY_BYTES - 1;
    let mut table = bytes[table_at..end_at].to_vec();
    table[20..28].fill(0xff);
    table[30] = 20;
    table.extend_from_slice(&[1, 0, 16, 0]);
    table.extend_from_slice(&3_u64.to_le_bytes());
    table.extend_from_slice(&3_u64.to_le_bytes());
    let mut end64 = [0; END64_BYTES];
    end64[..4].copy_from_slice(&END64_MAGIC.to_le_bytes());
    end64[32..40].copy_from_slice(&1_u64.to_le_bytes());
    end64[40..48].copy_from_slice(&(table.len() as u64).to_le_bytes());
    end64[48..56].copy_from_slice(&(table_at as u64).to_le_bytes());
    let mut locator = [0; LOCATOR_BYTES as usize];
    locator[..4].copy_from_slice(&LOCATOR_MAGIC.to_le_bytes());
    let mut end = bytes.split_off(end_at);
    end[8..20].fill(0xff);
    bytes.truncate(table_at);
    let bytes = [&bytes, &table, &end64[..], &locator, &end].concat();
    let expected = vec![("a".to_owned(), "one".to_owned())];
    assert_eq!(list(&bytes), Ok(Some(expected)));
}

#[test]
fn what_is_no_archive_and_what_is_damaged_are_told_apart() {
    for bytes in [
        &b""[..],
        b"P",
        b"version https://git-lfs.github.com/spec/v1",
    ] {
        assert_eq!(list(bytes), Ok(None), "{bytes:?}");
    }
    let whole = two();
    assert!(list(&whole[..whole.len() - 30]).is_err());
    assert!(list(&whole[10..]).is_err());
    assert!(list(b"PK\x03\x04").is_err());
    for (name, method) in [("odd", 12), ("two sizes", 0)] {
        let bytes = Builder::default().entry(name, b"x", 2, method).finish();
        assert!(list(&bytes).is_err(), "{name}");
    }
    let not_packed = Builder::default()
        .entry("a", b"\xff\xff\xff", 2, 8)
        .finish();
    assert!(list(&not_packed).is_err());
    let encrypted = {
        let mut bytes = Builder::default().stored("a", b"one").finish();
        let at = bytes.len() - END_BYTES - ENTRY_BYTES - 1 + 8;
        bytes[at] |= 1;
        bytes
    };
    assert_eq!(list(&encrypted), Err("it is encrypted".to_owned()));
}

mod any_bytes {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn never_panic(at in any::<prop::sample::Index>(), value in any::<[u8; 4]>()) {
            let mut bytes = two();
            let at = at.index(bytes.len() - 4);
            bytes[at..at + 4].copy_from_slice(&value);
            let mut file = stored(&bytes);
            let mut slice = Slice::whole(&mut file);
            if let Ok(Some(directory)) = Directory::find(&mut slice) {
                let mut entries = Vec::new();
                let _ = directory.for_each(&mut slice, &mut |_, entry| {
                    entries.push(entry);
                    Ok(())
                });
                for entry in entries {
                    if let Ok(content) = directory.open(&mut slice, &entry) {
                        let _ = io::copy(&mut content.take(10_000), &mut io::sink());
                    }
                }
            }
        }
    }
}
