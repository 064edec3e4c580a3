//! PAX extended headers: `length key=value` records, of which few matter to us.

/// What an extended header says about the next entry.
#[derive(Debug, Default)]
pub(super) struct Pax {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link_path: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) is_sparse: bool,
}

impl Pax {
    pub(super) fn parse(mut body: &[u8]) -> Result<Self, String> {
        let mut pax = Self::default();
        let mut sparse_name = None;
        while !body.is_empty() {
            let (record, rest) = split_record(body).ok_or("a PAX record is malformed")?;
            body = rest;
            let equals = memchr::memchr(b'=', record).ok_or("a PAX record has no key")?;
            let (key, value) = record.split_at(equals);
            let value = value.get(1..).unwrap_or_default();
            // An empty value keeps what the plain header says.
            if value.is_empty() {
                continue;
            }
            match key {
                b"path" => pax.path = Some(name(value)?),
                b"linkpath" => pax.link_path = Some(name(value)?),
                b"size" => pax.size = Some(decimal(value).ok_or("a PAX size is not a number")?),
                b"GNU.sparse.name" => sparse_name = Some(name(value)?),
                _ if key.starts_with(b"GNU.sparse.") => pax.is_sparse = true,
                _ => {}
            }
        }
        if sparse_name.is_some() {
            pax.path = sparse_name;
        }
        Ok(pax)
    }
}

/// Splits the first record off, without its length and line end.
fn split_record(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = memchr::memchr(b' ', body)?;
    let length = usize::try_from(decimal(body.get(..space)?)?).ok()?;
    let record = body.get(space + 1..length)?.strip_suffix(b"\n")?;
    Some((record, body.get(length..)?))
}

fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    let value = digits.iter().try_fold(0_u64, |value, &byte| {
        if !byte.is_ascii_digit() {
            return None;
        }
        value.checked_mul(10)?.checked_add(u64::from(byte - b'0'))
    })?;
    (value <= i64::MAX as u64).then_some(value)
}

fn name(value: &[u8]) -> Result<Vec<u8>, String> {
    if value.contains(&0) {
        return Err("a PAX name has a NUL in it".to_owned());
    }
    Ok(value.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_strictly() {
        for (body, expected) in [
            (&b"10 path=a\n"[..], Ok((Some(&b"a"[..]), None))),
            (b"12 size=512\n10 path=b\n", Ok((Some(b"b"), Some(512)))),
            (b"9 path=\n", Err("a PAX record is malformed")),
            (b"8 path=\n", Ok((None, None))),
            (b"99 path=a\n", Err("a PAX record is malformed")),
            (b"0 path=a\n", Err("a PAX record is malformed")),
            (
                b"99999999999999999999 path=a\n",
                Err("a PAX record is malformed"),
            ),
            (b"10 pathxa\n", Err("a PAX record has no key")),
            (b"11 size=-1\n", Err("a PAX size is not a number")),
            (
                b"29 size=9223372036854775808\n",
                Err("a PAX record is malformed"),
            ),
            (
                b"28 size=9223372036854775808\n",
                Err("a PAX size is not a number"),
            ),
            (b"11 path=a\0\n", Err("a PAX name has a NUL in it")),
        ] {
            let got = Pax::parse(body);
            let got = got.as_ref().map(|pax| (pax.path.as_deref(), pax.size));
            assert_eq!(got.map_err(String::as_str), expected, "{body:?}");
        }
    }
}
