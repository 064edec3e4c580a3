//! One 512-byte tar header.

use super::BLOCK_BYTES;

/// The parts of a header that decide what files there are.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) name: Vec<u8>,
    pub(super) link: Vec<u8>,
    pub(super) size: u64,
    pub(super) flag: TypeFlag,
    pub(super) has_more_sparse: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum TypeFlag {
    OldFile,
    File,
    HardLink,
    Symlink,
    Device,
    Directory,
    Fifo,
    PaxLocal,
    PaxGlobal,
    GnuLongName,
    GnuLongLink,
    GnuSparse,
    Unknown,
}

impl TypeFlag {
    fn parse(byte: u8) -> Self {
        match byte {
            0 => Self::OldFile,
            b'0' | b'7' => Self::File,
            b'1' => Self::HardLink,
            b'2' => Self::Symlink,
            b'3' | b'4' => Self::Device,
            b'5' => Self::Directory,
            b'6' => Self::Fifo,
            b'x' => Self::PaxLocal,
            b'g' => Self::PaxGlobal,
            b'L' => Self::GnuLongName,
            b'K' => Self::GnuLongLink,
            b'S' => Self::GnuSparse,
            _ => Self::Unknown,
        }
    }

    /// Returns whether no content follows, whatever the size field says. Archives with a size at
    /// such entries exist; Go ignores it, so must we to stay in step with the runtimes.
    pub(super) fn has_no_content(self) -> bool {
        matches!(
            self,
            Self::HardLink | Self::Symlink | Self::Device | Self::Directory | Self::Fifo
        )
    }
}

impl Header {
    pub(super) fn parse(block: &[u8; BLOCK_BYTES]) -> Result<Self, &'static str> {
        let field = |start: usize, end: usize| block.get(start..end).unwrap_or_default();
        let stated = octal(field(148, 156)).ok_or("a header checksum is not a number")?;
        if !checksums(block).contains(&i64::try_from(stated).unwrap_or(-1)) {
            return Err("a header checksum does not match");
        }
        let size = number(field(124, 136)).ok_or("a size is not a number from 0 to 2^63")?;
        let flag = TypeFlag::parse(block.get(156).copied().unwrap_or_default());
        let mut name = text(field(0, 100)).to_vec();
        let (magic, version) = (field(257, 263), field(263, 265));
        let is_gnu = magic == b"ustar " && version == b" \0";
        if magic == b"ustar\0" {
            let is_star = field(508, 512) == b"tar\0";
            let prefix = text(field(345, if is_star { 476 } else { 500 }));
            if !prefix.is_empty() {
                name = [prefix, b"/", &name].concat();
            }
        }
        Ok(Self {
            name,
            link: text(field(157, 257)).to_vec(),
            size,
            flag,
            has_more_sparse: is_gnu && block.get(482).is_some_and(|&byte| byte != 0),
        })
    }
}

/// Returns whether yet another block of a sparse map follows this one.
pub(super) fn continues_sparse_map(block: &[u8; BLOCK_BYTES]) -> bool {
    block.get(504).is_some_and(|&byte| byte != 0)
}

/// The sum of all bytes, unsigned and signed (old programs did that), the field itself as spaces.
fn checksums(block: &[u8; BLOCK_BYTES]) -> [i64; 2] {
    let mut sums = [0; 2];
    for (index, &byte) in block.iter().enumerate() {
        let byte = if (148..156).contains(&index) {
            b' '
        } else {
            byte
        };
        sums[0] += i64::from(byte);
        sums[1] += i64::from(byte as i8);
    }
    sums
}

/// The bytes up to the first NUL.
fn text(field: &[u8]) -> &[u8] {
    let end = memchr::memchr(0, field).unwrap_or(field.len());
    field.get(..end).unwrap_or_default()
}

/// A number in octal, or in base 256 when the first bit is set.
fn number(field: &[u8]) -> Option<u64> {
    match field.split_first() {
        Some((first, rest)) if first & 0x80 != 0 => {
            if first & 0x40 != 0 {
                return None;
            }
            let start = u64::from(first & 0x3f);
            let value = rest.iter().try_fold(start, |value, &byte| {
                Some(value.checked_mul(256)? | u64::from(byte))
            })?;
            (value <= i64::MAX as u64).then_some(value)
        }
        _ => octal(field),
    }
}

fn octal(field: &[u8]) -> Option<u64> {
    let is_filler = |byte: &u8| matches!(byte, b' ' | 0);
    let start = field.iter().position(|byte| !is_filler(byte));
    let digits = text(field.get(start.unwrap_or(field.len())..)?);
    digits
        .trim_ascii_end()
        .iter()
        .try_fold(0_u64, |value, &byte| {
            if !(b'0'..=b'7').contains(&byte) {
                return None;
            }
            value.checked_mul(8)?.checked_add(u64::from(byte - b'0'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_octal_or_base_256_and_never_wrap() {
        for (field, expected) in [
            (&b"00000000017\0"[..], Some(15)),
            (b"         17 ", Some(15)),
            (b"\0\0\0\0", Some(0)),
            (b"", Some(0)),
            (b"12x4", None),
            (b"777777777777", Some(0o777_777_777_777)),
            (b"\x80\0\0\0\0\0\0\0\0\0\x01\x00", Some(256)),
            (
                b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff",
                Some(i64::MAX as u64),
            ),
            (b"\x80\0\0\0\x80\0\0\0\0\0\0\0", None),
            (b"\x80\0\0\x01\0\0\0\0\0\0\0\0", None),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", None),
        ] {
            assert_eq!(number(field), expected, "{field:?}");
        }
    }
}
