//! Reading small files whole, with a limit.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// Reads a file of at most `limit` bytes.
///
/// # Errors
///
/// If it is no regular file, cannot be read, or is longer.
pub(crate) fn read_file(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    // Opening a pipe would wait for somebody to write into it.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|len| len <= limit) {
        return Ok(bytes);
    }
    let text = format!("it is longer than {} KiB", limit / 1024);
    Err(io::Error::new(io::ErrorKind::FileTooLarge, text))
}

/// Reads a text of at most `limit` bytes.
///
/// # Errors
///
/// If it cannot be read, is longer, or is not UTF-8.
pub(crate) fn read_text(path: &Path, limit: u64) -> io::Result<String> {
    // The error of the conversion holds the content; it ends here.
    String::from_utf8(read_file(path, limit)?)
        .ok()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_the_longest_accepted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        for (len, fits) in [(1024, true), (1025, false), (5000, false)] {
            fs::write(&path, vec![b'x'; len]).unwrap();
            let read = read_text(&path, 1024);
            assert_eq!(read.is_ok(), fits, "{len}");
            if let Err(error) = read {
                assert_eq!(error.to_string(), "it is longer than 1 KiB");
            }
        }
        let error = read_text(dir.path(), 1024).unwrap_err();
        assert_eq!(error.to_string(), "it is not a file");
        fs::write(&path, b"secret\xff").unwrap();
        let error = format!("{:?}", read_text(&path, 1024).unwrap_err());
        assert!(error.contains("not UTF-8") && !error.contains("secret"));
    }
}
