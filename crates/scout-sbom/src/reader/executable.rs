//! Programs that carry a list of what was linked into them: Go's build information and the
//! section that cargo-auditable adds. Only their presence is looked for, in one pass.

use memchr::memmem;

use super::Class;

const ELF_MAGIC: [u8; 4] = *b"\x7fELF";
/// Go's linker puts the blob at a multiple of 16; a program that merely looks for it does not.
const GO_MAGIC: &[u8] = b"\xff Go buildinf:";
const GO_ALIGNMENT: u64 = 16;
/// The section's name between the NULs of the section name table, so no mere text constant.
const AUDITABLE_NAME: &[u8] = b"\0.dep-v0\0";
/// Bytes kept from one piece to the next: enough for the longest of both with what follows it.
const OVERLAP: usize = 16;

/// Looks for both marks in a file that comes in pieces.
#[derive(Debug, Default)]
pub(crate) struct ExecutableScan {
    found: Option<Class>,
    seen: u64,
    tail: Vec<u8>,
}

impl ExecutableScan {
    /// Bytes at the start of a file that tell whether to scan it.
    pub(crate) const HEAD_BYTES: usize = 4;

    /// Returns whether a file that starts like this is a program.
    pub(crate) fn wants(head: [u8; Self::HEAD_BYTES]) -> bool {
        head == ELF_MAGIC
    }

    /// Takes the next piece; returns whether it wants more.
    pub(crate) fn push(&mut self, piece: &[u8]) -> bool {
        if self.found.is_some() {
            return false;
        }
        let head = piece.get(..OVERLAP.min(piece.len())).unwrap_or_default();
        let border = [self.tail.as_slice(), head].concat();
        let before = self.seen - self.tail.len() as u64;
        self.found = find(&border, before).or_else(|| find(piece, self.seen));
        self.seen += piece.len() as u64;
        if piece.len() >= OVERLAP {
            self.tail.clear();
        }
        let kept = piece.len().saturating_sub(OVERLAP);
        self.tail
            .extend_from_slice(piece.get(kept..).unwrap_or_default());
        self.tail.drain(..self.tail.len().saturating_sub(OVERLAP));
        self.found.is_none()
    }

    /// Returns what the program carries.
    pub(crate) fn finish(self) -> Option<Class> {
        self.found
    }
}

fn find(piece: &[u8], offset: u64) -> Option<Class> {
    let is_go = memmem::find_iter(piece, GO_MAGIC)
        .any(|at| (offset + at as u64).is_multiple_of(GO_ALIGNMENT));
    if is_go {
        return Some(Class::GoProgram);
    }
    memmem::find(piece, AUDITABLE_NAME).map(|_| Class::AuditableProgram)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(bytes: &[u8], piece: usize) -> Option<Class> {
        let mut scan = ExecutableScan::default();
        for part in bytes.chunks(piece) {
            scan.push(part);
        }
        scan.finish()
    }

    #[test]
    fn marks_are_found_across_every_border() {
        let go = [&[0u8; 64][..], GO_MAGIC, &[8, 2, 0, 0]].concat();
        let text_only = [&[0u8; 65][..], GO_MAGIC, &[8, 2, 0, 0]].concat();
        let auditable = [&[1u8; 61][..], AUDITABLE_NAME, &[1; 30]].concat();
        let mention = [&[1u8; 61][..], b"a .dep-v0 b", &[1; 30]].concat();
        for piece in 1..=go.len() {
            assert_eq!(scan(&go, piece), Some(Class::GoProgram), "{piece}");
            assert_eq!(scan(&text_only, piece), None, "{piece}");
            assert_eq!(
                scan(&auditable, piece),
                Some(Class::AuditableProgram),
                "{piece}"
            );
            assert_eq!(scan(&mention, piece), None, "{piece}");
        }
    }
}
