//! Text for a terminal: what came out of an image or from a server must not steer it.

use std::io::{self, ErrorKind, Write};

/// Writes the text and flushes. Control characters other than line ends are written as `?`. A
/// reader that has gone away is no failure.
///
/// # Errors
///
/// If the text cannot be written.
pub fn write_text(out: &mut impl Write, text: &str) -> io::Result<()> {
    let is_harmful = |c: char| c.is_control() && c != '\n';
    let written = if text.contains(is_harmful) {
        out.write_all(text.replace(is_harmful, "?").as_bytes())
    } else {
        out.write_all(text.as_bytes())
    };
    match written.and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_from_an_image_cannot_steer_the_terminal() {
        let mut out = Vec::new();
        write_text(&mut out, "a\u{1b}[2Jb\r\nc\u{9b}1md\n").unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "a?[2Jb?\nc?1md\n");
    }

    #[test]
    fn a_reader_that_has_gone_is_no_failure() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        assert!(write_text(&mut Gone, "text").is_ok());
    }
}
