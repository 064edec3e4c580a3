//! What cargo-auditable links into a Rust program: a section `.dep-v0` with a list of crates, as
//! JSON that zlib packed (<https://github.com/rust-secure-code/cargo-auditable>, `PARSING.md`).
//!
//! The names of sections come last in a file. So whatever looks like such a list is unpacked when
//! it comes by, and counts if a section of that name turns up.

use std::fmt;

use flate2::{Decompress, FlushDecompress, Status};
use memchr::{memchr_iter, memmem};
use scout_envs::{Package, PackageType};
use serde::Deserialize;

use super::window::Window;
use crate::analysis::{Part, Parts};
use crate::limits::Limits;
use crate::reader::Unreadable;

/// The section's name between the NULs of the table of section names, so no mere text constant.
const SECTION_NAME: &[u8] = b"\0.dep-v0\0";
/// The first byte that zlib writes, for the usual window of 32 KiB.
const ZLIB_METHOD: u8 = b'x';
/// The second one, for each of its levels.
const ZLIB_LEVELS: [u8; 4] = [0x01, 0x5e, 0x9c, 0xda];
/// Bytes of packed data within which the first unpacked ones must come. The longest table of
/// codes takes 300.
const PROBE_BYTES: usize = 1024;
/// Bytes unpacked to tell whether something is JSON.
const PROBED_BYTES: usize = 16;
/// How many times its packed size a list may have: 32, five times what crates' names give. More
/// is made to keep us busy.
const MAX_RATIO: u64 = 32;
/// Probes that each file is good for, and one more for so many bytes of it: ten times as many as
/// chance makes necessary.
const PROBES: u64 = 4096;
const BYTES_A_PROBE: u64 = 1024;
/// Bytes unpacked at a time.
const CHUNK_BYTES: usize = 8 << 10;

pub(super) struct Search {
    /// Where to look on, or what was not yet unpacked.
    next: u64,
    name_next: u64,
    has_name: bool,
    inflater: Option<Decompress>,
    /// What is unpacked so far of something that starts as JSON does.
    active: Option<Vec<u8>>,
    found: Option<Vec<Crate>>,
    probes: u64,
    max_bytes: u64,
}

#[derive(Deserialize)]
struct List {
    packages: Vec<Crate>,
}

#[derive(Deserialize)]
struct Crate {
    name: String,
    version: String,
    #[serde(default)]
    kind: Option<String>,
}

impl Search {
    /// An unpacked list may have this many bytes.
    pub(super) fn new(max_bytes: u64) -> Self {
        Self {
            next: 0,
            name_next: 0,
            has_name: false,
            inflater: None,
            active: None,
            found: None,
            probes: 0,
            max_bytes,
        }
    }

    pub(super) fn look(&mut self, window: &Window) {
        if !self.has_name {
            self.has_name = memmem::find(window.from(self.name_next), SECTION_NAME).is_some();
            self.name_next = window.end().saturating_sub(SECTION_NAME.len() as u64 - 1);
        }
        while self.found.is_none() {
            let is_more = match self.active.take() {
                Some(json) => self.unpack(window, json),
                None => self.search(window),
            };
            if !is_more {
                break;
            }
        }
    }

    /// Looks for the next start of a list; returns whether one was found.
    fn search(&mut self, window: &Window) -> bool {
        let (bytes, start) = (window.from(self.next), window.position(self.next));
        for at in memchr_iter(ZLIB_METHOD, bytes) {
            let position = start + at as u64;
            let packed = bytes.get(at..).unwrap_or_default();
            let Some(level) = packed.get(1) else {
                self.next = position;
                return false;
            };
            if !ZLIB_LEVELS.contains(level) {
                continue;
            }
            self.probes += 1;
            if self.probes > PROBES + position / BYTES_A_PROBE {
                break;
            }
            match self.probe(packed) {
                Probe::Json(json) => {
                    let read = self.inflater.as_ref().map_or(0, Decompress::total_in);
                    self.next = position + read;
                    self.active = Some(json);
                    return true;
                }
                Probe::TooShort => {
                    self.next = position;
                    return false;
                }
                Probe::SomethingElse => {}
            }
        }
        self.next = window.end();
        false
    }

    fn probe(&mut self, packed: &[u8]) -> Probe {
        let inflater = self.inflater.get_or_insert_with(|| Decompress::new(true));
        inflater.reset(true);
        let mut out = [0; PROBED_BYTES];
        let input = packed.get(..PROBE_BYTES).unwrap_or(packed);
        if inflater
            .decompress(input, &mut out, FlushDecompress::None)
            .is_err()
        {
            return Probe::SomethingElse;
        }
        let count = usize::try_from(inflater.total_out()).unwrap_or_default();
        let text = out.get(..count).unwrap_or_default();
        let is_json = match text.trim_ascii_start() {
            [b'{', rest @ ..] => rest
                .trim_ascii_start()
                .first()
                .is_none_or(|&next| next == b'"'),
            _ => false,
        };
        match text.trim_ascii_start() {
            _ if is_json => Probe::Json(text.to_vec()),
            [] if packed.len() < PROBE_BYTES => Probe::TooShort,
            _ => Probe::SomethingElse,
        }
    }

    /// Unpacks on; returns whether there is something left to look at.
    fn unpack(&mut self, window: &Window, mut json: Vec<u8>) -> bool {
        let Some(inflater) = &mut self.inflater else {
            return true;
        };
        loop {
            let input = window.from(self.next);
            if input.is_empty() {
                self.active = Some(json);
                return false;
            }
            let (read, written) = (inflater.total_in(), inflater.total_out());
            let mut out = [0; CHUNK_BYTES];
            let Ok(status) = inflater.decompress(input, &mut out, FlushDecompress::None) else {
                return true;
            };
            let read = inflater.total_in() - read;
            let written = usize::try_from(inflater.total_out() - written).unwrap_or_default();
            self.next += read;
            json.extend_from_slice(out.get(..written).unwrap_or_default());
            if status == Status::StreamEnd {
                self.found = serde_json::from_slice(&json)
                    .ok()
                    .map(|list: List| list.packages);
                return true;
            }
            let most = self.max_bytes.min((inflater.total_in() + 64) * MAX_RATIO);
            if json.len() as u64 > most || (read == 0 && written == 0) {
                return true;
            }
        }
    }

    /// Returns the crates of the program, nothing if it does not list them.
    pub(super) fn finish(self, limits: &Limits) -> Option<Result<Parts, Unreadable>> {
        if !self.has_name {
            return None;
        }
        let Some(crates) = self.found else {
            return Some(Err(Unreadable::new(
                "its list of Rust crates is damaged, too long or not where it should be",
            )));
        };
        let mut parts = Parts::default();
        // What only took part in building is not in the program.
        let is_linked = |found: &Crate| found.kind.as_deref() != Some("build");
        for found in crates.into_iter().filter(is_linked) {
            let package = Package::new(PackageType::Cargo, found.name, found.version);
            parts.push(Part::stated(package), limits);
        }
        Some(Ok(parts))
    }
}

enum Probe {
    Json(Vec<u8>),
    TooShort,
    SomethingElse,
}

impl fmt::Debug for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Search")
            .field("next", &self.next)
            .field("has_name", &self.has_name)
            .finish_non_exhaustive()
    }
}
