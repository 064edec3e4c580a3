//! The caller's reader, buffered and counted. Its errors stay its own.

use std::io::{ErrorKind, Read};

use crate::error::{Error, Result};

/// Compressed bytes asked of the caller's reader at a time.
const INPUT_BYTES: usize = 64 << 10;

pub(crate) struct Source<'a> {
    input: &'a mut dyn Read,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    taken: u64,
}

impl<'a> Source<'a> {
    pub(crate) fn new(input: &'a mut dyn Read) -> Self {
        Self {
            input,
            buffer: vec![0; INPUT_BYTES].into_boxed_slice(),
            start: 0,
            end: 0,
            taken: 0,
        }
    }

    /// Returns bytes not consumed yet, none at the end of the input.
    pub(crate) fn chunk(&mut self) -> Result<&[u8]> {
        if self.start == self.end {
            self.read_more()?;
        }
        Ok(self.available())
    }

    /// Returns at least `count` bytes (a few only) unless the input ends before.
    pub(crate) fn peek(&mut self, count: usize) -> Result<&[u8]> {
        while self.end - self.start < count {
            if self.read_more()? == 0 {
                break;
            }
        }
        Ok(self.available())
    }

    pub(crate) fn consume(&mut self, count: usize) {
        self.start = self.end.min(self.start + count);
    }

    /// Skips bytes; returns how many there were.
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

    /// Reads the input to its end, so that its reader can verify a digest there.
    pub(crate) fn drain(&mut self) -> Result<()> {
        loop {
            self.start = self.end;
            if self.read_more()? == 0 {
                return Ok(());
            }
        }
    }

    /// Returns how many bytes came from the input.
    pub(crate) fn taken(&self) -> u64 {
        self.taken
    }

    fn available(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    fn read_more(&mut self) -> Result<usize> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        let Some(room) = self.buffer.get_mut(self.end..) else {
            return Ok(0);
        };
        let count = loop {
            match self.input.read(room) {
                Ok(count) => break count.min(room.len()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::Input(error)),
            }
        };
        self.end += count;
        self.taken += count as u64;
        Ok(count)
    }
}
