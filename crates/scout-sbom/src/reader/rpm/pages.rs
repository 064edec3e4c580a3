//! Positional reads with a bound: what a hostile file names twice is not read twice as often.

use super::Unreadable;
use crate::budget::Stored;

/// A file from which no more bytes are read than a multiple of its length.
pub(super) struct Reads<'a> {
    file: &'a mut Stored,
    left: u64,
}

impl<'a> Reads<'a> {
    /// Allows each byte to be read this many times on average.
    pub(super) fn new(file: &'a mut Stored, times: u64) -> Self {
        let left = file.len().saturating_mul(times);
        Self { file, left }
    }

    pub(super) fn len(&self) -> u64 {
        self.file.len()
    }

    pub(super) fn fill(&mut self, offset: u64, buffer: &mut [u8]) -> Result<(), Unreadable> {
        let Some(left) = self.left.checked_sub(buffer.len() as u64) else {
            return Err(damaged("its parts overlap"));
        };
        self.left = left;
        self.file
            .read_at(offset, buffer)
            .map_err(|error| match error.kind() {
                std::io::ErrorKind::UnexpectedEof => damaged("it is cut off"),
                _ => Unreadable::from(error),
            })
    }

    /// Reads a part; its length must have been checked against a limit.
    pub(super) fn part(&mut self, offset: u64, length: usize) -> Result<Vec<u8>, Unreadable> {
        if offset.saturating_add(length as u64) > self.len() {
            return Err(damaged("it is cut off"));
        }
        let mut part = vec![0; length];
        self.fill(offset, &mut part)?;
        Ok(part)
    }
}

pub(super) fn damaged(reason: &str) -> Unreadable {
    Unreadable::new(format!("the database is damaged: {reason}"))
}
