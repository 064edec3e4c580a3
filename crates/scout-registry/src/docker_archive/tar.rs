//! Where the members of a tar archive are: one bounded walk over its headers.
//!
//! Nothing is unpacked, so a member's name is a key and never a path. Source: POSIX.1-2024 `pax`
//! (ustar and extended headers) and the GNU tar manual (long names, base-256 numbers).

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Seek};

/// A block, in bytes: headers are one, contents are padded to them.
const BLOCK: u64 = 512;
const BLOCK_BYTES: usize = 512;
/// Most headers read: an image has up to some hundred members, an archive some hundred images.
const MAX_HEADERS: usize = 100_000;
/// Most bytes of names kept: they are held in memory.
const MAX_NAMES: usize = 32 * 1024 * 1024;
/// Longest name, in bytes: Linux' own limit for paths.
const MAX_NAME: usize = 4096;
/// Longest extended header, in bytes: a name, a link and some numbers.
const MAX_EXTENDED: u64 = 64 * 1024;
/// Most links followed from one name.
const MAX_LINKS: usize = 8;

/// Where a member's content is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct Member {
    /// From the start of the archive, in bytes.
    pub(super) offset: u64,
    /// In bytes.
    pub(super) size: u64,
}

/// The members of an archive by name. Of two with one name the later counts, as for those who
/// unpack it.
#[derive(Debug, Default)]
pub(super) struct Members {
    files: HashMap<String, Member>,
    /// Symbolic links and hard links, by the name they lead to.
    links: HashMap<String, String>,
}

/// Why a file cannot be read as a tar archive.
#[derive(Debug, thiserror::Error)]
pub(super) enum InvalidTar {
    /// It cannot be read at all.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is something else, or damaged.
    #[error("{0}")]
    Malformed(String),
}

fn malformed<T>(reason: impl Into<String>) -> Result<T, InvalidTar> {
    Err(InvalidTar::Malformed(reason.into()))
}

impl Members {
    /// Walks over the headers of an archive of `length` bytes.
    pub(super) fn read(file: impl Read + Seek, length: u64) -> Result<Self, InvalidTar> {
        let mut walk = Walk {
            input: BufReader::new(file),
            position: 0,
            length,
        };
        if let Some(program) = compression(walk.input.fill_buf()?) {
            return malformed(format!(
                "it is compressed with {program}; unpack it first ({program} -d)"
            ));
        }
        walk.members()
    }

    /// Finds a member's content. Links are followed inside the archive only.
    pub(super) fn find(&self, name: &str) -> Option<Member> {
        let mut name = normalized(name)?;
        for _ in 0..=MAX_LINKS {
            if let Some(member) = self.files.get(&name) {
                return Some(*member);
            }
            name = self.links.get(&name)?.clone();
        }
        None
    }
}

struct Walk<R> {
    input: BufReader<R>,
    position: u64,
    length: u64,
}

/// What extended headers say about the next member.
#[derive(Default)]
struct Extended {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
}

impl<R: Read + Seek> Walk<R> {
    fn members(&mut self) -> Result<Members, InvalidTar> {
        let mut members = Members::default();
        let mut extended = Extended::default();
        let mut kept = 0;
        for _ in 0..MAX_HEADERS {
            let Some(header) = self.header()? else {
                return Ok(members);
            };
            let kind = header.kind();
            let own_size = header.size()?;
            match kind {
                b'L' | b'K' => {
                    let mut text = self.body(own_size, MAX_NAME as u64 + 1)?;
                    text.truncate(text.iter().position(|&b| b == 0).unwrap_or(text.len()));
                    match kind {
                        b'L' => extended.name = Some(text),
                        _ => extended.link = Some(text),
                    }
                    continue;
                }
                b'x' => {
                    let body = self.body(own_size, MAX_EXTENDED)?;
                    extended.add(&body)?;
                    continue;
                }
                _ => {}
            }
            let extended = std::mem::take(&mut extended);
            let name = extended.name.unwrap_or_else(|| header.name());
            let link = extended.link.unwrap_or_else(|| header.link());
            if name.len().max(link.len()) > MAX_NAME {
                return malformed(format!("it has a name of more than {MAX_NAME} bytes"));
            }
            kept += name.len() + link.len();
            if kept > MAX_NAMES {
                return malformed(format!("its names have more than {MAX_NAMES} bytes"));
            }
            // Links, devices and directories have no content, whatever their headers say.
            let size = match kind {
                b'1'..=b'6' => 0,
                _ => extended.size.unwrap_or(own_size),
            };
            let offset = self.position;
            self.skip(size, &name)?;
            members.add(kind, &name, &link, Member { offset, size });
        }
        malformed(format!("it has more than {MAX_HEADERS} members"))
    }

    /// Reads a header; nothing at the end.
    fn header(&mut self) -> Result<Option<Header>, InvalidTar> {
        if self.position >= self.length {
            return Ok(None);
        }
        let mut block = [0; BLOCK_BYTES];
        if self.input.read_exact(&mut block).is_err() {
            return malformed("it is cut off in a header");
        }
        let is_first = self.position == 0;
        self.position += BLOCK;
        if block.iter().all(|&byte| byte == 0) {
            return Ok(None);
        }
        let header = Header(block);
        if !header.has_checksum() {
            return malformed(match is_first {
                true => "it is not a tar archive",
                false => "a header in it is damaged",
            });
        }
        Ok(Some(header))
    }

    fn body(&mut self, size: u64, limit: u64) -> Result<Vec<u8>, InvalidTar> {
        if size > limit {
            return malformed(format!("it has a name or note of more than {limit} bytes"));
        }
        let mut body = Vec::new();
        (&mut self.input).take(size).read_to_end(&mut body)?;
        if body.len() as u64 != size {
            return malformed("it is cut off in a header");
        }
        self.position += size;
        let padding = size.wrapping_neg() % BLOCK;
        self.forward(padding)?;
        Ok(body)
    }

    fn skip(&mut self, size: u64, name: &[u8]) -> Result<(), InvalidTar> {
        let fits = self
            .position
            .checked_add(size)
            .is_some_and(|end| end <= self.length);
        if !fits {
            let name: String = String::from_utf8_lossy(name).chars().take(100).collect();
            return malformed(format!("it is cut off: {name:?} goes on behind its end"));
        }
        // The padding of the last member may be missing.
        let padded = size + size.wrapping_neg() % BLOCK;
        self.forward(padded.min(self.length - self.position))
    }

    fn forward(&mut self, bytes: u64) -> Result<(), InvalidTar> {
        let distance = i64::try_from(bytes).map_err(io::Error::other)?;
        self.input.seek_relative(distance)?;
        self.position += bytes;
        Ok(())
    }
}

impl Members {
    fn add(&mut self, kind: u8, name: &[u8], link: &[u8], member: Member) {
        let (Ok(name), Ok(link)) = (std::str::from_utf8(name), std::str::from_utf8(link)) else {
            return;
        };
        let Some(key) = normalized(name) else {
            return;
        };
        let target = match kind {
            // An old header calls a directory a file, and ends its name with a slash.
            b'0' | 0 | b'7' if !name.ends_with('/') => {
                self.links.remove(&key);
                self.files.insert(key, member);
                return;
            }
            b'1' => normalized(link),
            b'2' => normalized(&beside(&key, link)),
            _ => return,
        };
        if let Some(target) = target {
            self.files.remove(&key);
            self.links.insert(key, target);
        }
    }
}

/// Where a symbolic link leads: from the directory it is in.
fn beside(name: &str, link: &str) -> String {
    match name.rsplit_once('/') {
        Some((directory, _)) if !link.starts_with('/') => format!("{directory}/{link}"),
        _ => link.to_owned(),
    }
}

/// Returns a name without `.` and `..`; nothing if it leads out of the archive.
fn normalized(name: &str) -> Option<String> {
    let mut segments = Vec::new();
    for segment in name.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop()?;
            }
            segment => segments.push(segment),
        }
    }
    (!segments.is_empty()).then(|| segments.join("/"))
}

/// Names the program that unpacks what starts like this, if it is compressed.
fn compression(start: &[u8]) -> Option<&'static str> {
    let known: [(&[u8], &str); 4] = [
        (b"\x1f\x8b", "gzip"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"\xfd7zXZ\0", "xz"),
        (b"BZh", "bzip2"),
    ];
    let found = known.iter().find(|(magic, _)| start.starts_with(magic));
    found.map(|(_, program)| *program)
}

impl Extended {
    /// Reads `LENGTH KEY=VALUE\n` records; keys that change nothing for us are passed over.
    fn add(&mut self, mut body: &[u8]) -> Result<(), InvalidTar> {
        while !body.is_empty() && body != [0] {
            let Some((key, value, rest)) = record(body) else {
                return malformed("an extended header in it is damaged");
            };
            match key {
                b"path" => self.name = Some(value.to_vec()),
                b"linkpath" => self.link = Some(value.to_vec()),
                b"size" => {
                    let text = std::str::from_utf8(value).unwrap_or_default();
                    let Ok(size) = text.parse() else {
                        return malformed("an extended header in it states no size");
                    };
                    self.size = Some(size);
                }
                _ => {}
            }
            body = rest;
        }
        Ok(())
    }
}

/// Splits the first record off: its key, its value, and what follows.
fn record(body: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = body.iter().position(|&byte| byte == b' ')?;
    let length: usize = std::str::from_utf8(body.get(..space)?).ok()?.parse().ok()?;
    let text = body.get(space + 1..length)?.strip_suffix(b"\n")?;
    let equals = text.iter().position(|&byte| byte == b'=')?;
    Some((
        text.get(..equals)?,
        text.get(equals + 1..)?,
        body.get(length..)?,
    ))
}

/// A header block.
struct Header([u8; BLOCK_BYTES]);

impl Header {
    fn field(&self, start: usize, length: usize) -> &[u8] {
        self.0.get(start..start + length).unwrap_or_default()
    }

    fn text(&self, start: usize, length: usize) -> &[u8] {
        let field = self.field(start, length);
        let end = field.iter().position(|&byte| byte == 0);
        field.get(..end.unwrap_or(length)).unwrap_or_default()
    }

    fn kind(&self) -> u8 {
        self.field(156, 1).first().copied().unwrap_or_default()
    }

    /// Only POSIX headers have a prefix; GNU's have times there.
    fn name(&self) -> Vec<u8> {
        let name = self.text(0, 100);
        match self.text(345, 155) {
            prefix if !prefix.is_empty() && self.field(257, 6) == b"ustar\0" => {
                [prefix, b"/", name].concat()
            }
            _ => name.to_vec(),
        }
    }

    fn link(&self) -> Vec<u8> {
        self.text(157, 100).to_vec()
    }

    fn size(&self) -> Result<u64, InvalidTar> {
        let field = self.field(124, 12);
        match number(field) {
            Some(size) => Ok(size),
            None => malformed("a header in it states no size"),
        }
    }

    /// The sum of all bytes, those of the sum itself taken for spaces. Some old programs added
    /// signed bytes.
    fn has_checksum(&self) -> bool {
        let Some(stated) = number(self.field(148, 8)) else {
            return false;
        };
        let bytes = || {
            let all = self.0.iter().enumerate();
            all.map(|(at, &byte)| if (148..156).contains(&at) { b' ' } else { byte })
        };
        let unsigned: u64 = bytes().map(u64::from).sum();
        let signed = || -> i64 { bytes().map(|byte| i64::from(byte.cast_signed())).sum() };
        stated == unsigned || i64::try_from(stated) == Ok(signed())
    }
}

/// Reads an octal number, or a binary one with the first bit set.
fn number(field: &[u8]) -> Option<u64> {
    let (&first, rest) = field.split_first()?;
    if first & 0x80 != 0 {
        // Negative, or too large for any file.
        let is_sane = first == 0x80;
        let folded = rest.iter().try_fold(0_u64, |value, &byte| {
            Some(value.checked_mul(256)? + u64::from(byte))
        });
        return folded.filter(|_| is_sane);
    }
    let text = std::str::from_utf8(field).ok()?;
    let digits = text.trim_matches(|c: char| c == '\0' || c == ' ');
    match digits {
        "" => Some(0),
        digits => u64::from_str_radix(digits, 8).ok(),
    }
}

#[cfg(test)]
mod tests;
