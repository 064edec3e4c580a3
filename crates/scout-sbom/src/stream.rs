//! The uncompressed bytes of a layer: decompressed, counted, hashed and bounded on the way.

use std::io::Read;

use scout_envs::Digest;
use sha2::{Digest as _, Sha256};

mod codec;
mod gzip;
mod source;
mod zstd;

use codec::Codec;
use source::Source;

use crate::budget::Budget;
use crate::error::{Error, Result};
use crate::limits::Limits;

/// Uncompressed bytes handed out at a time: 128 KiB keeps them in the second-level cache.
const OUTPUT_BYTES: usize = 128 << 10;

/// A pull reader over a layer of any compression. Errors are ours, so nothing is lost on the way.
pub(crate) struct LayerStream<'a> {
    source: Source<'a>,
    codec: Codec,
    output: Box<[u8]>,
    start: usize,
    end: usize,
    hasher: Sha256,
    produced: u64,
    limits: &'a Limits,
}

impl<'a> LayerStream<'a> {
    /// Looks at the first bytes and waits for the memory that the decompression takes.
    pub(crate) fn open(
        input: &'a mut dyn Read,
        limits: &'a Limits,
        budget: &'a Budget,
    ) -> Result<Self, (Source<'a>, Error)> {
        let mut source = Source::new(input);
        let codec = match Codec::detect(&mut source, limits, budget) {
            Ok(codec) => codec,
            Err(error) => return Err((source, error)),
        };
        Ok(Self {
            source,
            codec,
            output: vec![0; OUTPUT_BYTES].into_boxed_slice(),
            start: 0,
            end: 0,
            hasher: Sha256::new(),
            produced: 0,
            limits,
        })
    }

    /// Returns bytes not consumed yet, none at the end.
    pub(crate) fn chunk(&mut self) -> Result<&[u8]> {
        if self.start == self.end {
            self.refill()?;
        }
        Ok(self.output.get(self.start..self.end).unwrap_or_default())
    }

    /// Marks bytes of the last chunk as used.
    pub(crate) fn consume(&mut self, count: usize) {
        self.start = self.end.min(self.start + count);
    }

    /// Fills the buffer unless the stream ends before; returns how much was filled.
    pub(crate) fn read_full(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let chunk = self.chunk()?;
            if chunk.is_empty() {
                break;
            }
            let count = copy(rest, chunk);
            self.consume(count);
            filled += count;
        }
        Ok(filled)
    }

    /// Skips up to `count` bytes; returns how many there were.
    pub(crate) fn skip(&mut self, count: u64) -> Result<u64> {
        let mut left = count;
        while left > 0 {
            let available = self.chunk()?.len();
            if available == 0 {
                break;
            }
            let step = usize::try_from(left).map_or(available, |left| left.min(available));
            self.consume(step);
            left -= step as u64;
        }
        Ok(count - left)
    }

    /// Returns how many uncompressed bytes were consumed.
    pub(crate) fn position(&self) -> u64 {
        self.produced - (self.end - self.start) as u64
    }

    /// Returns the error for content that is not what it should be, at the present position.
    pub(crate) fn corrupt(&self, reason: impl Into<String>) -> Error {
        Error::Corrupt {
            offset: self.position(),
            reason: reason.into(),
        }
    }

    /// Returns whether the bytes are taken as they come.
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self.codec, Codec::Plain(_))
    }

    /// Reads and hashes what is left, to the end of the input.
    pub(crate) fn finish(mut self) -> Result<Totals, (Source<'a>, Error)> {
        loop {
            match self.chunk().map(<[u8]>::len) {
                Ok(0) => break,
                Ok(count) => self.consume(count),
                Err(error) => return Err((self.source, error)),
            }
        }
        if let Err(error) = self.source.drain() {
            return Err((self.source, error));
        }
        Ok(Totals {
            diff_id: Digest::sha256(&self.hasher.finalize().into()),
            compressed_bytes: self.source.taken(),
            uncompressed_bytes: self.produced,
        })
    }

    /// Gives up decompressing; the rest of the input can still be drained.
    pub(crate) fn into_source(self) -> Source<'a> {
        self.source
    }

    fn refill(&mut self) -> Result<()> {
        (self.start, self.end) = (0, 0);
        let count = self
            .codec
            .decode(&mut self.source, &mut self.output)
            .map_err(|fault| fault.into_error(self.produced))?;
        let fresh = self.output.get(..count).unwrap_or_default();
        self.hasher.update(fresh);
        self.end = count;
        self.produced += count as u64;
        if self.produced > self.limits.uncompressed_bytes {
            return Err(Error::Limit {
                what: "uncompressed bytes",
                limit: self.limits.uncompressed_bytes,
            });
        }
        // What was read ahead counts as compressed bytes: that errs by one buffer, once.
        let allowed = self.source.taken().saturating_mul(self.limits.ratio);
        if self.produced > self.limits.ratio_after_bytes && self.produced > allowed {
            return Err(Error::Limit {
                what: "ratio of uncompressed to compressed bytes",
                limit: self.limits.ratio,
            });
        }
        Ok(())
    }
}

/// Copies as much as fits; returns how much that was.
pub(crate) fn copy(to: &mut [u8], from: &[u8]) -> usize {
    let count = to.len().min(from.len());
    if let (Some(to), Some(from)) = (to.get_mut(..count), from.get(..count)) {
        to.copy_from_slice(from);
    }
    count
}

/// What is known once a layer was read to its end.
#[derive(Debug)]
pub(crate) struct Totals {
    pub(crate) diff_id: Digest,
    pub(crate) compressed_bytes: u64,
    pub(crate) uncompressed_bytes: u64,
}

#[cfg(test)]
mod tests;
