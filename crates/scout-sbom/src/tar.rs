//! A streaming, bounded tar walker: v7, ustar, star, GNU long names, PAX, base-256, sparse.
//!
//! It follows Go's archive/tar, which the container runtimes use, so that we see the files that
//! they would create. It does not clean names and knows nothing of whiteouts.

use std::io::{self, BufRead, Read};

mod header;
mod pax;

use header::{Header, TypeFlag};
use pax::Pax;

use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::stream::{LayerStream, copy};

pub(crate) const BLOCK_BYTES: usize = 512;

/// One entry of the archive, with raw names.
#[derive(Debug, Default)]
pub(crate) struct TarEntry {
    pub(crate) name: Vec<u8>,
    pub(crate) link: Vec<u8>,
    pub(crate) kind: TarKind,
    /// Bytes of content in the archive.
    pub(crate) size: u64,
    /// Whether the content has holes that the archive leaves out.
    pub(crate) is_sparse: bool,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum TarKind {
    #[default]
    File,
    Directory,
    Symlink,
    HardLink,
    Other,
}

/// Walks the entries of a layer in order.
pub(crate) struct TarWalker<'a> {
    stream: LayerStream<'a>,
    limits: &'a Limits,
    entry: TarEntry,
    remaining: u64,
    padding: u64,
    headers: u64,
}

impl<'a> TarWalker<'a> {
    pub(crate) fn new(stream: LayerStream<'a>, limits: &'a Limits) -> Self {
        Self {
            stream,
            limits,
            entry: TarEntry::default(),
            remaining: 0,
            padding: 0,
            headers: 0,
        }
    }

    /// Returns the entry that the last [`Self::advance`] found.
    pub(crate) fn entry(&self) -> &TarEntry {
        &self.entry
    }

    /// Steps to the next entry; `false` at the end of the archive.
    pub(crate) fn advance(&mut self) -> Result<bool> {
        let mut pax = Pax::default();
        let mut long_name = None;
        let mut long_link = None;
        loop {
            self.skip_content()?;
            let Some(header) = self.read_header()? else {
                return Ok(false);
            };
            self.headers += 1;
            if self.headers > self.limits.entries {
                return Err(limit("entries", self.limits.entries));
            }
            match header.flag {
                TypeFlag::PaxLocal => {
                    let body = self.read_body(
                        header.size,
                        self.limits.pax_bytes,
                        "bytes of a PAX header",
                    )?;
                    pax = Pax::parse(&body).map_err(|reason| self.stream.corrupt(reason))?;
                }
                TypeFlag::GnuLongName => long_name = Some(self.read_long_name(header.size)?),
                TypeFlag::GnuLongLink => long_link = Some(self.read_long_name(header.size)?),
                // Go hands global headers to its caller, and the runtimes ignore them: what they
                // say changes no file, so it must not change ours.
                TypeFlag::PaxGlobal => self.start_body(header.size),
                _ => {
                    self.start_entry(header, pax, long_name, long_link)?;
                    return Ok(true);
                }
            }
        }
    }

    /// Returns the content of the present entry; what is not read is skipped.
    pub(crate) fn content(&mut self) -> Content<'_, 'a> {
        Content {
            walker: self,
            failure: None,
        }
    }

    /// Gives the stream back, positioned behind the end mark.
    pub(crate) fn into_stream(self) -> LayerStream<'a> {
        self.stream
    }

    fn start_entry(
        &mut self,
        header: Header,
        pax: Pax,
        long_name: Option<Vec<u8>>,
        long_link: Option<Vec<u8>>,
    ) -> Result<()> {
        let mut is_sparse = pax.is_sparse;
        if header.flag == TypeFlag::GnuSparse {
            is_sparse = true;
            if header.has_more_sparse {
                self.skip_sparse_blocks()?;
            }
        }
        let name = long_name.or(pax.path).unwrap_or(header.name);
        let link = long_link.or(pax.link_path).unwrap_or(header.link);
        let name_limit = self.limits.name_bytes;
        if name.len().max(link.len()) as u64 > name_limit {
            return Err(limit("bytes of a name", name_limit));
        }
        let kind = match header.flag {
            TypeFlag::OldFile if name.ends_with(b"/") => TarKind::Directory,
            TypeFlag::OldFile | TypeFlag::File | TypeFlag::GnuSparse => TarKind::File,
            TypeFlag::Directory => TarKind::Directory,
            TypeFlag::Symlink => TarKind::Symlink,
            TypeFlag::HardLink => TarKind::HardLink,
            _ => TarKind::Other,
        };
        let size = if header.flag.has_no_content() {
            0
        } else {
            pax.size.unwrap_or(header.size)
        };
        self.start_body(size);
        self.entry = TarEntry {
            name,
            link,
            kind,
            size,
            is_sparse,
        };
        Ok(())
    }

    fn start_body(&mut self, size: u64) {
        self.remaining = size;
        self.padding = size.wrapping_neg() % BLOCK_BYTES as u64;
    }

    fn skip_content(&mut self) -> Result<()> {
        let skipped = self.stream.skip(self.remaining)?;
        if skipped < self.remaining {
            return Err(self.stream.corrupt("the content of an entry is cut off"));
        }
        self.remaining = 0;
        // The very last padding is sometimes missing; Go forgives that too.
        self.stream.skip(self.padding)?;
        self.padding = 0;
        Ok(())
    }

    fn read_header(&mut self) -> Result<Option<Header>> {
        let Some(block) = self.read_block()? else {
            return Ok(None);
        };
        if !is_zero(&block) {
            return Header::parse(&block).map(Some).map_err(|reason| {
                if self.headers == 0 && self.stream.is_plain() {
                    self.stream
                        .corrupt(format!("neither gzip nor zstd nor tar: {reason}"))
                } else {
                    self.stream.corrupt(reason)
                }
            });
        }
        match self.read_block()? {
            Some(second) if !is_zero(&second) => {
                Err(self.stream.corrupt("data follows a block of zeros"))
            }
            _ => Ok(None),
        }
    }

    fn read_block(&mut self) -> Result<Option<[u8; BLOCK_BYTES]>> {
        let mut block = [0; BLOCK_BYTES];
        match self.stream.read_full(&mut block)? {
            0 => Ok(None),
            BLOCK_BYTES => Ok(Some(block)),
            _ => Err(self.stream.corrupt("a header is cut off")),
        }
    }

    fn read_long_name(&mut self, size: u64) -> Result<Vec<u8>> {
        // One byte more for the NUL at its end.
        let mut name = self.read_body(
            size,
            self.limits.name_bytes.saturating_add(1),
            "bytes of a name",
        )?;
        if let Some(end) = memchr::memchr(0, &name) {
            name.truncate(end);
        }
        Ok(name)
    }

    fn read_body(&mut self, size: u64, max: u64, what: &'static str) -> Result<Vec<u8>> {
        if size > max {
            return Err(limit(what, max));
        }
        self.start_body(size);
        let mut body = Vec::new();
        while self.remaining > 0 {
            let chunk = self.stream.chunk()?;
            let count = usize::try_from(self.remaining).map_or(chunk.len(), |n| n.min(chunk.len()));
            if count == 0 {
                return Err(self.stream.corrupt("an extended header is cut off"));
            }
            body.extend_from_slice(chunk.get(..count).unwrap_or_default());
            self.stream.consume(count);
            self.remaining -= count as u64;
        }
        Ok(body)
    }

    /// Skips the blocks behind a GNU sparse header that continue its map.
    fn skip_sparse_blocks(&mut self) -> Result<()> {
        loop {
            self.headers += 1;
            if self.headers > self.limits.entries {
                return Err(limit("entries", self.limits.entries));
            }
            let Some(block) = self.read_block()? else {
                return Err(self.stream.corrupt("a sparse map is cut off"));
            };
            if !header::continues_sparse_map(&block) {
                return Ok(());
            }
        }
    }
}

fn is_zero(block: &[u8]) -> bool {
    block.iter().all(|&byte| byte == 0)
}

fn limit(what: &'static str, limit: u64) -> Error {
    Error::Limit { what, limit }
}

/// The content of one entry. A failure of the layer itself is kept aside for the walker's user;
/// the reader of the content sees only that it ends.
pub(crate) struct Content<'w, 'a> {
    walker: &'w mut TarWalker<'a>,
    failure: Option<Error>,
}

impl Content<'_, '_> {
    /// Returns why the layer itself failed while this content was read.
    pub(crate) fn into_failure(self) -> Option<Error> {
        self.failure
    }

    fn fail(&mut self, error: Error) -> io::Error {
        self.failure = Some(error);
        io::Error::new(io::ErrorKind::UnexpectedEof, "the layer ended here")
    }
}

impl Read for Content<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = copy(buffer, self.fill_buf()?);
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Content<'_, '_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let remaining = self.walker.remaining;
        if remaining == 0 {
            return Ok(&[]);
        }
        match self.walker.stream.chunk().map(<[u8]>::len) {
            Ok(0) => {
                let error = self
                    .walker
                    .stream
                    .corrupt("the content of an entry is cut off");
                Err(self.fail(error))
            }
            Ok(_) => {
                // The bytes are there, so this second call only borrows them.
                let chunk = self.walker.stream.chunk().unwrap_or_default();
                let count = usize::try_from(remaining).map_or(chunk.len(), |n| n.min(chunk.len()));
                Ok(chunk.get(..count).unwrap_or_default())
            }
            Err(error) => Err(self.fail(error)),
        }
    }

    fn consume(&mut self, count: usize) {
        let count = self.walker.remaining.min(count as u64);
        self.walker.stream.consume(count as usize);
        self.walker.remaining -= count;
    }
}

#[cfg(test)]
mod tests;
