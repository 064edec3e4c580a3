//! zstd with any number of frames (zstd:chunked has one a file) and skippable frames. The window
//! that a frame asks for is charged to the budget before the frame is decoded.

use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer};

use super::codec::Fault;
use super::source::Source;
use crate::budget::{Budget, Permit};
use crate::error::{Error, Result};
use crate::limits::Limits;

const FRAME_MAGIC: [u8; 4] = 0xFD2F_B528_u32.to_le_bytes();
/// Skippable frames start with 0x184D2A50 to 0x184D2A5F, little-endian.
const SKIPPABLE_TAIL: [u8; 3] = [0x2A, 0x4D, 0x18];

pub(super) struct Zstd {
    decoder: Option<(Decoder<'static>, Permit)>,
    in_frame: bool,
    window_log: u32,
    budget: Budget,
}

impl Zstd {
    /// Longest frame header: magic, descriptor, window, dictionary id, content size.
    pub(super) const HEADER_BYTES: usize = 18;

    pub(super) fn matches(head: &[u8]) -> bool {
        head.starts_with(&FRAME_MAGIC) || is_skippable(head)
    }

    /// Returns a decoder with the memory that its first frame needs.
    pub(super) fn new(head: &[u8], limits: &Limits, budget: &Budget) -> Result<Self> {
        let mut zstd = Self {
            decoder: None,
            in_frame: false,
            window_log: limits.zstd_window_log.clamp(10, 31),
            budget: budget.clone(),
        };
        // Nothing is held yet, so this is the place to wait.
        let bytes = zstd.charge_for(head)?;
        let permit = budget.wait_for_memory("bytes of a zstd window", bytes)?;
        zstd.decoder = Some((zstd.fresh_decoder()?, permit));
        Ok(zstd)
    }

    pub(super) fn decode(
        &mut self,
        source: &mut Source<'_>,
        output: &mut [u8],
    ) -> Result<usize, Fault> {
        loop {
            if !self.in_frame && !self.next_frame(source)? {
                return Ok(0);
            }
            let Some((decoder, _)) = &mut self.decoder else {
                return Ok(0);
            };
            let input = source.chunk()?;
            let at_end = input.is_empty();
            let mut from = InBuffer::around(input);
            let mut to = OutBuffer::around(&mut *output);
            let hint = decoder
                .run(&mut from, &mut to)
                .map_err(|error| Fault::Damaged(format!("the zstd stream is invalid: {error}")))?;
            let (consumed, produced) = (from.pos(), to.pos());
            source.consume(consumed);
            self.in_frame = hint != 0;
            if produced > 0 {
                return Ok(produced);
            }
            if self.in_frame && at_end {
                return Err(Fault::Damaged(
                    "the zstd stream is cut off in the middle".to_owned(),
                ));
            }
        }
    }

    /// Steps over skippable frames to the next real one; `false` at the end.
    fn next_frame(&mut self, source: &mut Source<'_>) -> Result<bool, Fault> {
        loop {
            let head = source.peek(Self::HEADER_BYTES)?;
            if let (true, Some(length)) = (is_skippable(head), number(head, 4, 4)) {
                source.consume(8);
                if source.skip(length)? < length {
                    return Err(Fault::Damaged(
                        "a skippable zstd frame is cut off".to_owned(),
                    ));
                }
                continue;
            }
            if !head.starts_with(&FRAME_MAGIC) {
                // Like gzip, ignore what follows the last frame.
                return Ok(false);
            }
            let bytes = self.charge_for(head)?;
            if self
                .decoder
                .as_ref()
                .is_none_or(|(_, permit)| permit.bytes() < bytes)
            {
                // A later frame with a larger window. Others may wait for what we hold, so do not
                // wait for them: free the old window, then take what is free or come back later.
                self.decoder = None;
                let permit = self
                    .budget
                    .take_memory(bytes)
                    .ok_or(Error::Busy { bytes })?;
                self.decoder = Some((self.fresh_decoder()?, permit));
            }
            self.in_frame = true;
            return Ok(true);
        }
    }

    /// Returns what the frame with this header costs, at least what every layer does.
    fn charge_for(&self, head: &[u8]) -> Result<u64> {
        let window = window_size(head).unwrap_or(0);
        let limit = (1_u64 << self.window_log).min(self.budget.memory_total());
        if window > limit {
            return Err(Error::Limit {
                what: "bytes of a zstd window",
                limit,
            });
        }
        Ok(window.max(Budget::LAYER_BYTES))
    }

    fn fresh_decoder(&self) -> Result<Decoder<'static>> {
        let failed = |error: std::io::Error| Error::Corrupt {
            offset: 0,
            reason: format!("no zstd decoder: {error}"),
        };
        let mut decoder = Decoder::new().map_err(failed)?;
        decoder
            .set_parameter(DParameter::WindowLogMax(self.window_log))
            .map_err(failed)?;
        Ok(decoder)
    }
}

fn is_skippable(head: &[u8]) -> bool {
    head.first().is_some_and(|byte| byte & 0xF0 == 0x50) && head.get(1..4) == Some(&SKIPPABLE_TAIL)
}

/// Returns the window size that a frame header states (RFC 8878, section 3.1.1.1).
fn window_size(head: &[u8]) -> Option<u64> {
    if !head.starts_with(&FRAME_MAGIC) {
        return None;
    }
    let descriptor = *head.get(4)?;
    let is_single_segment = descriptor & 0x20 != 0;
    if !is_single_segment {
        let window = *head.get(5)?;
        let base = 1_u64 << (10 + (window >> 3));
        return Some(base + base / 8 * u64::from(window & 7));
    }
    let dictionary_bytes = [0, 1, 2, 4].get(usize::from(descriptor & 3)).copied()?;
    let at = 5 + dictionary_bytes;
    match descriptor >> 6 {
        0 => number(head, at, 1),
        1 => number(head, at, 2).map(|size| size + 256),
        2 => number(head, at, 4),
        _ => number(head, at, 8),
    }
}

fn number(bytes: &[u8], at: usize, count: usize) -> Option<u64> {
    let part = bytes.get(at..at + count)?;
    Some(
        part.iter()
            .rev()
            .fold(0, |value, &byte| value << 8 | u64::from(byte)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_window_that_a_frame_asks_for() {
        for (rest, expected) in [
            (&[0x00, 0x00][..], Some(1 << 10)),
            (&[0x00, 0x88], Some(1 << 27)),
            (&[0x00, 0x89], Some((1 << 27) + (1 << 24))),
            (&[0x20, 0x10], Some(16)),
            (&[0x61, 0xAA, 0x00, 0x01], Some(512)),
            (&[0xE0, 0, 0, 0, 0, 1, 0, 0, 0], Some(1 << 32)),
            (&[0xE0, 0, 0], None),
            (&[], None),
        ] {
            let head = [&FRAME_MAGIC[..], rest].concat();
            assert_eq!(window_size(&head), expected, "{rest:?}");
        }
    }
}
