//! Paths as tar archives write them: raw bytes, made relative to the image's root.

use std::borrow::Cow;

/// Longest path that Linux can open, in bytes (`PATH_MAX`). A longer one in a list of files names
/// no file, and joining such costs time that an attacker chooses.
pub(crate) const MAX_OPEN_BYTES: usize = 4096;

/// Writes the clean form of a raw name to `out`: no leading `/`, no `.`, no empty part, and `..`
/// taken back lexically, as the runtimes do. Returns whether the name stays inside the root.
pub(crate) fn clean(raw: &[u8], out: &mut Vec<u8>) -> bool {
    out.clear();
    for part in raw.split(|&byte| byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                if out.is_empty() {
                    return false;
                }
                let parent = out.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
                out.truncate(parent);
            }
            _ => {
                if !out.is_empty() {
                    out.push(b'/');
                }
                out.extend_from_slice(part);
            }
        }
    }
    true
}

/// Splits a clean path in its directory (empty for the root) and its last part.
pub(crate) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memrchr(b'/', path) {
        Some(slash) => (
            path.get(..slash).unwrap_or_default(),
            path.get(slash + 1..).unwrap_or_default(),
        ),
        None => (&[], path),
    }
}

/// Returns the path as people read it: absolute, with what is not UTF-8 replaced.
pub(crate) fn display(path: &[u8]) -> String {
    let text: Cow<'_, str> = String::from_utf8_lossy(path);
    format!("/{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_relative_to_the_root_and_never_leave_it() {
        for (raw, expected) in [
            (&b"./usr//lib/./x"[..], Some(&b"usr/lib/x"[..])),
            (b"/etc/passwd", Some(b"etc/passwd")),
            (b"usr/", Some(b"usr")),
            (b"./", Some(b"")),
            (b"a/../b", Some(b"b")),
            (b"a/b/../../c", Some(b"c")),
            (b"..", None),
            (b"a/../../etc/passwd", None),
            (b"/../etc", None),
            (b"a/..b/...", Some(b"a/..b/...")),
            (b"\xff/\xfe", Some(b"\xff/\xfe")),
        ] {
            let mut out = vec![1];
            let inside = clean(raw, &mut out);
            assert_eq!(inside.then_some(&out[..]), expected, "{raw:?}");
        }
    }

    #[test]
    fn splits_at_the_last_slash() {
        assert_eq!(split(b"a/b/c"), (&b"a/b"[..], &b"c"[..]));
        assert_eq!(split(b"c"), (&b""[..], &b"c"[..]));
        assert_eq!(display(b"a/\xff"), "/a/\u{fffd}");
    }
}
