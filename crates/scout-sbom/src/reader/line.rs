//! Lines of bounded length: text databases are read without holding them.

use std::io::BufRead;

use super::Unreadable;

/// Longest line in bytes: 1 MiB, far above dependency lists of any package.
const MAX_LINE_BYTES: usize = 1 << 20;

/// Reads the next line without its end; `false` at the end of the input.
pub(super) fn read_line(input: &mut dyn BufRead, line: &mut Vec<u8>) -> Result<bool, Unreadable> {
    line.clear();
    let mut has_any = false;
    loop {
        let chunk = input.fill_buf()?;
        if chunk.is_empty() {
            break;
        }
        has_any = true;
        let end = memchr::memchr(b'\n', chunk);
        let part = chunk.get(..end.unwrap_or(chunk.len())).unwrap_or_default();
        line.extend_from_slice(part);
        let used = part.len() + usize::from(end.is_some());
        input.consume(used);
        if line.len() > MAX_LINE_BYTES {
            return Err(Unreadable::new(format!(
                "a line has more than {MAX_LINE_BYTES} bytes"
            )));
        }
        if end.is_some() {
            break;
        }
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(has_any)
}

/// Splits `Name: value`; `None` for folded and other lines.
pub(super) fn split_field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    if line.first().is_none_or(u8::is_ascii_whitespace) {
        return None;
    }
    let colon = memchr::memchr(b':', line)?;
    Some((
        line.get(..colon)?.trim_ascii(),
        line.get(colon + 1..)?.trim_ascii(),
    ))
}

/// Returns a field's value as text; what is not UTF-8 is replaced.
pub(super) fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value).into_owned()
}
