//! The licence of a Debian package: `usr/share/doc/NAME/copyright` in Debian's machine-readable
//! format 1.0 (<https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/>).
//!
//! A licence in the header speaks of the whole; else those of all `Files` paragraphs hold
//! together. Copyright files in other forms are prose and tell nothing here.

use std::io::BufRead;

use scout_envs::license::{Dialect, License};

use super::super::Unreadable;
use super::super::line::{read_line, split_field, text};

/// Most different licences of one package: 1,000; Chromium has 60.
const MAX_LICENSES: usize = 1000;

#[derive(Default)]
struct Paragraph {
    has_fields: bool,
    has_format: bool,
    has_files: bool,
    license: Option<String>,
}

/// Reads a copyright file; `None` if it is not in the machine-readable form.
pub(in crate::reader) fn read(input: &mut dyn BufRead) -> Result<Option<License>, Unreadable> {
    let mut stated: Vec<String> = Vec::new();
    let mut paragraph = Paragraph::default();
    let mut is_first = true;
    let mut line = Vec::new();
    loop {
        let more = read_line(input, &mut line)?;
        if more && !line.trim_ascii().is_empty() {
            paragraph.add(&line);
            continue;
        }
        let Paragraph {
            has_fields,
            has_format,
            has_files,
            license,
        } = std::mem::take(&mut paragraph);
        if has_fields && is_first {
            if !has_format {
                return Ok(None);
            }
            if license.is_some() {
                return Ok(license.and_then(|name| License::stated(&name, Dialect::Debian)));
            }
            is_first = false;
        } else if has_files
            && let Some(license) = license
            && !stated.contains(&license)
        {
            if stated.len() >= MAX_LICENSES {
                return Ok(None);
            }
            stated.push(license);
        }
        if !more {
            break;
        }
    }
    let licenses = stated
        .iter()
        .filter_map(|name| License::stated(name, Dialect::Debian));
    Ok(License::all_of(licenses))
}

impl Paragraph {
    fn add(&mut self, line: &[u8]) {
        self.has_fields = true;
        let Some((name, value)) = split_field(line) else {
            return;
        };
        match name.to_ascii_lowercase().as_slice() {
            b"format" | b"format-specification" => {
                let value = value.to_ascii_lowercase();
                self.has_format = [&b"copyright-format"[..], b"dep5", b"dep-5"]
                    .iter()
                    .any(|mark| memchr::memmem::find(&value, mark).is_some());
            }
            b"files" => self.has_files = true,
            b"license" if !value.is_empty() => self.license = Some(text(value)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        let license = read(&mut text.as_bytes()).unwrap();
        assert_eq!(license.as_ref().map(License::as_str), expected, "{text}");
    }

    #[test]
    fn all_files_paragraphs_hold_together_unless_the_header_speaks() {
        let format = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n";
        let files = "\nFiles: *\nCopyright: x\nLicense: GPL-2+ or Artistic\n\n\
                     Files: debian/*\nLicense: Expat\n Permission is hereby granted\n .\n License: no\n\n\
                     Files: lib/*\nLicense: Expat\n\nLicense: BSD-3-clause\n text\n";
        let expected = "(GPL-2.0-or-later OR Artistic-1.0) AND MIT";
        check(&format!("{format}{files}"), Some(expected));
        check(&format!("{format}License: ISC\n{files}"), Some("ISC"));
        check(&format!("\n\n{format}Upstream-Name: x\n\n"), None);
    }

    #[test]
    fn prose_tells_nothing() {
        check(
            "This package was debianized by x.\n\nLicense: GPL-2\n",
            None,
        );
        check("", None);
        check("Format: other\nLicense: MIT\n", None);
    }

    #[test]
    fn an_unknown_name_is_kept() {
        let text = "Format: http://dep.debian.net/deps/dep5\n\nFiles: *\nLicense: public-domain\n";
        check(text, Some("public-domain"));
    }
}
