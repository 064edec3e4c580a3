//! A file kept for random access, in memory or in an unlinked temporary file.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::Permit;

#[derive(Debug)]
pub(crate) struct Stored {
    place: Place,
    len: u64,
    _permit: Permit,
}

#[derive(Debug)]
enum Place {
    Memory(Vec<u8>),
    File(File),
}

impl Stored {
    pub(super) fn in_memory(permit: Permit, len: u64, input: &mut dyn Read) -> io::Result<Self> {
        // The length is a stranger's claim, but the permit for it is already held.
        let mut bytes = Vec::with_capacity(usize::try_from(len).unwrap_or_default());
        let read = input.take(len).read_to_end(&mut bytes)?;
        check_length(read as u64, len)?;
        Ok(Self {
            place: Place::Memory(bytes),
            len,
            _permit: permit,
        })
    }

    pub(super) fn in_file(
        permit: Permit,
        dir: &Path,
        len: u64,
        input: &mut dyn Read,
    ) -> io::Result<Self> {
        let mut file = tempfile::tempfile_in(dir)?;
        let written = io::copy(&mut input.take(len), &mut file)?;
        check_length(written, len)?;
        Ok(Self {
            place: Place::File(file),
            len,
            _permit: permit,
        })
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Fills the buffer from this position on, or fails if the file is shorter.
    pub(crate) fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        match &mut self.place {
            Place::Memory(bytes) => {
                let part = usize::try_from(offset)
                    .ok()
                    .and_then(|start| Some(start..start.checked_add(buffer.len())?))
                    .and_then(|range| bytes.get(range))
                    .ok_or(io::ErrorKind::UnexpectedEof)?;
                buffer.copy_from_slice(part);
                Ok(())
            }
            Place::File(file) => {
                if offset > self.len {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                file.seek(SeekFrom::Start(offset))?;
                file.read_exact(buffer)
            }
        }
    }
}

fn check_length(got: u64, expected: u64) -> io::Result<()> {
    if got == expected {
        Ok(())
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}
