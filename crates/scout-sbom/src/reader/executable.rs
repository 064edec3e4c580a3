//! Programs that carry a list of what was linked into them: Go's build information and the
//! section that cargo-auditable adds.
//!
//! A layer comes as a stream, and where a program keeps such a list is written at its other end.
//! Keeping every program at hand until then would cost hundreds of megabytes, so both lists are
//! recognized by what they look like while the program passes by, through a window of bounded size.

mod auditable;
mod go;
mod old_go;
mod window;

use super::{Class, Unreadable};
use crate::analysis::{Finding, Parts};
use crate::limits::Limits;
use window::Window;

const ELF_MAGIC: [u8; 4] = *b"\x7fELF";
/// Windows programs; two bytes, since what follows them differs.
const PE_MAGIC: [u8; 2] = *b"MZ";
/// macOS programs of 64 bits, for processors with the small end first.
const MACHO_MAGIC: [u8; 4] = [0xcf, 0xfa, 0xed, 0xfe];
/// The mark that UPX leaves behind the program headers of what it packed.
const UPX_MAGIC: &[u8] = b"UPX!";
/// How far from the start that mark is looked for, in bytes: the headers of an ELF file with a
/// dozen segments end before.
const UPX_WITHIN: usize = 1024;

/// Looks for both lists in a file that comes in pieces.
#[derive(Debug)]
pub(crate) struct ExecutableScan {
    window: Window,
    go: go::Search,
    auditable: auditable::Search,
    is_packed: bool,
}

impl ExecutableScan {
    /// Bytes at the start of a file that tell whether to scan it.
    pub(crate) const HEAD_BYTES: usize = 4;

    /// Returns whether a file that starts like this is a program.
    pub(crate) fn wants(head: [u8; Self::HEAD_BYTES]) -> bool {
        head == ELF_MAGIC || head == MACHO_MAGIC || head.starts_with(&PE_MAGIC)
    }

    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            window: Window::default(),
            go: go::Search::new(limits.record_bytes),
            auditable: auditable::Search::new(limits.record_bytes),
            is_packed: false,
        }
    }

    /// Takes the next piece; returns whether it wants more.
    pub(crate) fn push(&mut self, piece: &[u8]) -> bool {
        if self.go.is_done() {
            return false;
        }
        self.window.push(piece);
        if let Some(head) = self.window.head() {
            let head = head.get(..UPX_WITHIN.min(head.len())).unwrap_or_default();
            let is_elf = head.starts_with(&ELF_MAGIC);
            self.is_packed |= is_elf && memchr::memmem::find(head, UPX_MAGIC).is_some();
        }
        self.go.look(&self.window);
        self.auditable.look(&self.window);
        self.window.slide();
        !self.go.is_done()
    }

    /// Returns what the program carries.
    pub(crate) fn finish(self, limits: &Limits) -> Option<(Class, Finding)> {
        let (class, found) = if let Some(found) = self.go.finish(limits) {
            (Class::GoProgram, found)
        } else if let Some(found) = self.auditable.finish(limits) {
            (Class::AuditableProgram, found)
        } else if self.is_packed {
            return Some((Class::PackedProgram, Finding::Unread));
        } else {
            return None;
        };
        Some((class, finding(found)))
    }
}

fn finding(found: Result<Parts, Unreadable>) -> Finding {
    match found {
        Ok(parts) => parts.into_finding(),
        Err(Unreadable(reason)) => Finding::Damaged(reason),
    }
}

#[cfg(test)]
mod tests;
