//! The part of a stream that is looked at: the piece that came last, and a little of what came
//! before, so that nothing is cut in two.

/// Bytes kept of what came before: more than any mark with what must follow it at once.
const KEPT_BYTES: usize = 4096;

#[derive(Debug, Default)]
pub(super) struct Window {
    offset: u64,
    bytes: Vec<u8>,
}

impl Window {
    pub(super) fn push(&mut self, piece: &[u8]) {
        self.bytes.extend_from_slice(piece);
    }

    /// Forgets all but the last bytes.
    pub(super) fn slide(&mut self) {
        let beyond = self.bytes.len().saturating_sub(KEPT_BYTES);
        // Small pieces gather first: moving the rest for each would cost more than the search.
        if beyond >= KEPT_BYTES {
            self.bytes.drain(..beyond);
            self.offset += beyond as u64;
        }
    }

    /// Returns the start of the file, while the window is there.
    pub(super) fn head(&self) -> Option<&[u8]> {
        (self.offset == 0).then_some(&self.bytes)
    }

    /// Returns the position behind the last byte.
    pub(super) fn end(&self) -> u64 {
        self.offset + self.bytes.len() as u64
    }

    /// Returns the bytes from this position of the file on; of what is forgotten, nothing.
    pub(super) fn from(&self, position: u64) -> &[u8] {
        let start = position.saturating_sub(self.offset);
        usize::try_from(start)
            .ok()
            .and_then(|start| self.bytes.get(start..))
            .unwrap_or_default()
    }

    /// Returns the position in the file of the first byte of a slice that [`Self::from`] gave.
    pub(super) fn position(&self, wanted: u64) -> u64 {
        wanted.max(self.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_stay_those_of_the_file() {
        let bytes: Vec<u8> = (0..100_000_u32).map(|index| (index % 251) as u8).collect();
        let mut window = Window::default();
        let mut sent = 0;
        for piece in bytes.chunks(5000) {
            window.push(piece);
            sent += piece.len();
            assert_eq!(window.end(), sent as u64);
            let wanted = sent - piece.len().min(3000);
            assert_eq!(window.from(wanted as u64), &bytes[wanted..sent]);
            window.slide();
        }
        assert!(window.head().is_none());
        assert!(window.bytes.len() < 4 * KEPT_BYTES);
        assert_eq!(window.from(u64::MAX), b"");
        assert_eq!(window.position(0), window.offset);
    }
}
