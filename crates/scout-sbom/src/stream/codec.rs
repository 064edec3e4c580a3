//! Which compression a layer has, told by its first bytes and never by its media type.

use super::gzip::Gzip;
use super::source::Source;
use super::zstd::Zstd;
use crate::budget::{Budget, Permit};
use crate::error::{Error, Result};
use crate::limits::Limits;

/// A decoder with the memory it was granted.
pub(super) enum Codec {
    Plain(#[expect(dead_code, reason = "held for its buffers until the layer is read")] Permit),
    Gzip(Gzip),
    Zstd(Box<Zstd>),
}

/// Why decoding stopped, before the position in the output is added.
pub(super) enum Fault {
    Damaged(String),
    Whole(Error),
}

impl Fault {
    pub(super) fn into_error(self, offset: u64) -> Error {
        match self {
            Self::Damaged(reason) => Error::Corrupt { offset, reason },
            Self::Whole(error) => error,
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Whole(error)
    }
}

impl Codec {
    pub(super) fn detect(
        source: &mut Source<'_>,
        limits: &Limits,
        budget: &Budget,
    ) -> Result<Self> {
        let head = source.peek(Zstd::HEADER_BYTES)?;
        if Gzip::matches(head) {
            let permit = budget.wait_for_memory("memory for a layer", Budget::LAYER_BYTES)?;
            Ok(Self::Gzip(Gzip::new(permit)))
        } else if Zstd::matches(head) {
            Zstd::new(head, limits, budget).map(|codec| Self::Zstd(Box::new(codec)))
        } else {
            let permit = budget.wait_for_memory("memory for a layer", Budget::LAYER_BYTES)?;
            Ok(Self::Plain(permit))
        }
    }

    /// Writes decoded bytes to the front of `output`; 0 means that the content has ended.
    pub(super) fn decode(
        &mut self,
        source: &mut Source<'_>,
        output: &mut [u8],
    ) -> Result<usize, Fault> {
        match self {
            Self::Plain(_) => {
                let count = super::copy(output, source.chunk()?);
                source.consume(count);
                Ok(count)
            }
            Self::Gzip(gzip) => gzip.decode(source, output),
            Self::Zstd(zstd) => zstd.decode(source, output),
        }
    }
}
