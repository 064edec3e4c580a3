//! What the tests of several modules share: layers built entry by entry.

use crate::analysis::LayerAnalysis;
use crate::budget::Budget;
use crate::error::Result;
use crate::layer::{AnalyzedLayer, analyze_layer};
use crate::limits::Limits;

/// Builds a tar archive.
pub(crate) struct Archive {
    builder: tar::Builder<Vec<u8>>,
}

impl Archive {
    pub(crate) fn new() -> Self {
        Self {
            builder: tar::Builder::new(Vec::new()),
        }
    }

    pub(crate) fn file(self, path: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Self {
        self.entry(
            path.as_ref(),
            tar::EntryType::Regular,
            None,
            content.as_ref(),
        )
    }

    pub(crate) fn directory(self, path: &str) -> Self {
        self.entry(path.as_bytes(), tar::EntryType::Directory, None, b"")
    }

    pub(crate) fn symlink(self, path: &str, target: &str) -> Self {
        self.entry(path.as_bytes(), tar::EntryType::Symlink, Some(target), b"")
    }

    pub(crate) fn hard_link(self, path: &str, target: &str) -> Self {
        self.entry(path.as_bytes(), tar::EntryType::Link, Some(target), b"")
    }

    pub(crate) fn bytes(self) -> Vec<u8> {
        self.builder.into_inner().unwrap()
    }

    pub(crate) fn analysis(self) -> LayerAnalysis {
        analyze(&self.bytes()).unwrap().analysis
    }

    fn entry(
        mut self,
        path: &[u8],
        kind: tar::EntryType,
        target: Option<&str>,
        content: &[u8],
    ) -> Self {
        let target = target.unwrap_or_default().as_bytes();
        let out = self.builder.get_mut();
        for (kind, name) in [(b'L', path), (b'K', target)] {
            if name.len() > 100 {
                out.extend_from_slice(&raw_header(b"long", kind, name.len() as u64));
                out.extend_from_slice(name);
                out.resize(out.len().next_multiple_of(512), 0);
            }
        }
        let path = &path[..path.len().min(100)];
        let mut header = raw_header(path, kind.as_byte(), content.len() as u64);
        let target = &target[..target.len().min(100)];
        header[157..157 + target.len()].copy_from_slice(target);
        set_checksum(&mut header);
        out.extend_from_slice(&header);
        out.extend_from_slice(content);
        out.resize(out.len().next_multiple_of(512), 0);
        self
    }
}

/// A header made by hand, so that hostile ones are possible.
pub(crate) fn raw_header(path: &[u8], kind: u8, size: u64) -> [u8; 512] {
    let mut header = [0; 512];
    header[..path.len()].copy_from_slice(path);
    header[100..108].copy_from_slice(b"0000644\0");
    header[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    header[136..148].copy_from_slice(b"00000000000\0");
    header[156] = kind;
    header[257..265].copy_from_slice(b"ustar\x0000");
    set_checksum(&mut header);
    header
}

pub(crate) fn set_checksum(header: &mut [u8; 512]) {
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

pub(crate) fn analyze(bytes: &[u8]) -> Result<AnalyzedLayer> {
    analyze_with(bytes, &Limits::default())
}

pub(crate) fn analyze_with(bytes: &[u8], limits: &Limits) -> Result<AnalyzedLayer> {
    let dir = tempfile::tempdir().unwrap();
    analyze_layer(bytes, limits, &Budget::new(dir.path()))
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
