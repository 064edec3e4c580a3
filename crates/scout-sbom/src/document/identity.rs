//! Names of documents, made of what is in them.

use std::collections::HashMap;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::Document;

/// Returns a UUID (version 8: of our own making) from the SHA-256 of the document.
pub(super) fn uuid(document: &Document) -> String {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    };
    add(&document.image);
    add(&document.digest);
    add(&created(document));
    for found in &document.packages {
        add(&found.purl);
        add(&found.paths.join("\n"));
    }
    for gap in &document.gaps {
        add(&gap.to_string());
    }
    let full: [u8; 32] = hash.finalize().into();
    let mut bytes: [u8; 16] = full.first_chunk().copied().unwrap_or_default();
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let (a, rest) = hex.split_at(8);
    let (b, rest) = rest.split_at(4);
    let (c, rest) = rest.split_at(4);
    let (d, e) = rest.split_at(4);
    format!("{a}-{b}-{c}-{d}-{e}")
}

/// Returns the time of the image; the start of the epoch where it tells none, because a document
/// must have a time and the present one would make every document another.
pub(super) fn created(document: &Document) -> String {
    document
        .created
        .unwrap_or(Timestamp::UNIX_EPOCH)
        .to_string()
}

/// Gives each name out once: the second time with a number behind it.
#[derive(Default)]
pub(super) struct Unique {
    seen: HashMap<String, usize>,
}

impl Unique {
    pub(super) fn name(&mut self, name: &str) -> String {
        let count = self.seen.entry(name.to_owned()).or_default();
        *count += 1;
        match *count {
            1 => name.to_owned(),
            number => format!("{name}#{number}"),
        }
    }
}
