//! Go's build information: what `go version -m` prints. Since Go 1.18 the version and the list of
//! modules follow the mark; before, pointers to them do (see `old_go`).
//!
//! Format: `debug/buildinfo` of Go's library, and `cmd/go/internal/modload` for the list.

use memchr::memmem;
use scout_envs::{Package, PackageType};

use super::old_go::{self, OldGo};
use super::window::Window;
use crate::analysis::{Part, Parts};
use crate::limits::Limits;
use crate::reader::Unreadable;

/// Go's linker puts the mark at a multiple of 16; a program that merely looks for it does not.
const MAGIC: &[u8] = b"\xff Go buildinf:";
const ALIGNMENT: u64 = 16;
/// Where the size of a pointer stands, if pointers follow.
const POINTER_SIZE_AT: usize = 14;
/// Where the flags stand.
const FLAGS_AT: usize = 15;
/// The flag that the strings themselves follow, not pointers.
const INLINE: u8 = 2;
const HEADER_BYTES: usize = 32;
/// Longest version of Go, in bytes; a long one of a toolchain from a branch has 100.
const MAX_VERSION_BYTES: u64 = 512;
/// The linker puts 16 bytes before and behind the list.
const SENTINEL_BYTES: usize = 16;
/// The name of Go's standard library among modules, as advisories call it.
const STDLIB: &str = "stdlib";

/// Version of Go, and list of modules.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct BuildInfo {
    pub(super) version: String,
    pub(super) modules: String,
}

#[derive(Debug)]
pub(super) struct Search {
    state: State,
    old: OldGo,
    max_bytes: u64,
}

#[derive(Debug)]
enum State {
    /// Looking for the mark from this position on.
    Searching {
        from: u64,
        is_cut_off: bool,
    },
    /// The mark and what follows it so far, up to this position.
    Inline {
        bytes: Vec<u8>,
        end: u64,
    },
    /// The mark of an old program, from where pointers lead.
    Pointers,
    Done(Result<BuildInfo, Unreadable>),
}

impl Search {
    /// A list may have this many bytes.
    pub(super) fn new(max_bytes: u64) -> Self {
        Self {
            state: State::Searching {
                from: 0,
                is_cut_off: false,
            },
            old: OldGo::new(max_bytes),
            max_bytes,
        }
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self.state, State::Done(_))
    }

    pub(super) fn look(&mut self, window: &Window) {
        if matches!(self.state, State::Searching { .. } | State::Pointers) {
            self.old.look(window);
        }
        if let State::Searching { from, .. } = self.state {
            self.state = self.search(window, from);
            if matches!(self.state, State::Pointers) {
                // What they lead to may have come with them.
                self.old.look(window);
            }
        } else if let State::Inline { bytes, end } = &mut self.state {
            bytes.extend_from_slice(window.from(*end));
            *end = window.end();
        }
        match &self.state {
            State::Inline { bytes, .. } => {
                if let Some(done) = parse(bytes, self.max_bytes) {
                    self.state = State::Done(done);
                }
            }
            State::Pointers => {
                if let Some(done) = self.old.info() {
                    self.state = State::Done(done);
                }
            }
            _ => {}
        }
    }

    fn search(&mut self, window: &Window, from: u64) -> State {
        let (bytes, start) = (window.from(from), window.position(from));
        for at in memmem::find_iter(bytes, MAGIC) {
            let position = start + at as u64;
            if !position.is_multiple_of(ALIGNMENT) {
                continue;
            }
            let found = bytes.get(at..).unwrap_or_default();
            match judge(found) {
                Guess::TooShort => {
                    return State::Searching {
                        from: position,
                        is_cut_off: true,
                    };
                }
                Guess::Inline => {
                    return State::Inline {
                        bytes: found.to_vec(),
                        end: window.end(),
                    };
                }
                Guess::Pointers { size, is_big } => {
                    self.old.follow(position, found, size, is_big);
                    return State::Pointers;
                }
                Guess::SomethingElse => {}
            }
        }
        // A mark that is cut off here is found again with what follows.
        let seen = window.end().saturating_sub(MAGIC.len() as u64 - 1);
        State::Searching {
            from: seen.max(from),
            is_cut_off: false,
        }
    }

    /// Returns the packages of the program, nothing if it is none of Go.
    pub(super) fn finish(self, limits: &Limits) -> Option<Result<Parts, Unreadable>> {
        match self.state {
            State::Searching {
                is_cut_off: false, ..
            } => None,
            State::Searching { .. } | State::Inline { .. } => {
                Some(Err(Unreadable::new("its Go build information is cut off")))
            }
            State::Pointers => Some(Err(Unreadable::new(old_go::NOT_FOUND))),
            State::Done(done) => Some(done.map(|info| packages(&info, limits))),
        }
    }
}

enum Guess {
    TooShort,
    Inline,
    Pointers { size: usize, is_big: bool },
    SomethingElse,
}

/// Tells what follows a mark.
fn judge(found: &[u8]) -> Guess {
    let (Some(&size), Some(&flags)) = (found.get(POINTER_SIZE_AT), found.get(FLAGS_AT)) else {
        return Guess::TooShort;
    };
    if flags & INLINE != 0 {
        let Some((length, text)) = found.get(HEADER_BYTES..).and_then(varint) else {
            return Guess::TooShort;
        };
        let starts = |word: &[u8]| text.starts_with(word);
        let may_start = |word: &[u8]| word.starts_with(text);
        return if length > MAX_VERSION_BYTES {
            Guess::SomethingElse
        } else if length == 0 || starts(b"go") || starts(b"devel") {
            Guess::Inline
        } else if may_start(b"go") || may_start(b"devel") {
            Guess::TooShort
        } else {
            Guess::SomethingElse
        };
    }
    match size {
        4 | 8 if flags <= 1 && found.len() < HEADER_BYTES => Guess::TooShort,
        4 | 8 if flags <= 1 => Guess::Pointers {
            size: usize::from(size),
            is_big: flags == 1,
        },
        _ => Guess::SomethingElse,
    }
}

/// Reads the two texts behind a mark; nothing as long as they are not complete.
fn parse(bytes: &[u8], max_bytes: u64) -> Option<Result<BuildInfo, Unreadable>> {
    let (length, rest) = varint(bytes.get(HEADER_BYTES..)?)?;
    let version = rest.get(..usize::try_from(length).ok()?)?;
    let (length, rest) = varint(rest.get(version.len()..)?)?;
    if length > max_bytes {
        let reason = format!("its list of Go modules has more than {max_bytes} bytes");
        return Some(Err(Unreadable::new(reason)));
    }
    let modules = rest.get(..usize::try_from(length).ok()?)?;
    Some(Ok(BuildInfo::new(version, without_sentinels(modules))))
}

impl BuildInfo {
    pub(super) fn new(version: &[u8], modules: &[u8]) -> Self {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        Self {
            version: text(version),
            modules: text(modules),
        }
    }
}

/// The list between the linker's marks; as in Go's own reader, a text without them is none.
fn without_sentinels(modules: &[u8]) -> &[u8] {
    modules
        .get(SENTINEL_BYTES..modules.len().saturating_sub(SENTINEL_BYTES))
        .filter(|list| list.ends_with(b"\n"))
        .unwrap_or_default()
}

/// A number with seven bits a byte, lowest first.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    for (index, &byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f)
            .checked_shl(7 * index as u32)
            .unwrap_or(u64::MAX);
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(index + 1..)?));
        }
    }
    // Longer than any number: no length that is accepted.
    (bytes.len() >= 10).then_some((u64::MAX, bytes))
}

/// Returns the modules of a program, each at the version that was built: of a replaced one the
/// replacement. The standard library is a module named `stdlib`.
fn packages(info: &BuildInfo, limits: &Limits) -> Parts {
    let mut parts = Parts::default();
    let mut add = |name: &str, version: &str| {
        let package = Package::new(PackageType::Golang, name, version);
        parts.push(Part::stated(package), limits);
    };
    let mut last: Option<(&str, &str)> = None;
    let (mut has_modules, mut is_of_go) = (false, false);
    for line in info.modules.lines() {
        let mut fields = line.split('\t');
        let kind = fields.next().unwrap_or_default();
        let (path, version) = (fields.next(), fields.next().filter(|text| !text.is_empty()));
        // What comes from a directory has no version; `(devel)` is how Go says so.
        let version = version.unwrap_or(DEVEL);
        match (kind, path) {
            ("path", Some(path)) => is_of_go = is_of_go_itself(path),
            ("mod" | "dep", Some(path)) if !path.is_empty() => {
                has_modules = true;
                if let Some((path, version)) = last.replace((path, version)) {
                    add(path, version);
                }
            }
            ("=>", Some(path)) if !path.is_empty() => {
                if let Some((replaced, _)) = last.take() {
                    let name = if is_directory(path) { replaced } else { path };
                    add(name, version);
                }
            }
            _ => {}
        }
    }
    if let Some((path, version)) = last {
        add(path, version);
    }
    match go_version(&info.version) {
        Some(version) => add(STDLIB, version),
        None => parts.note_incomplete("it does not say with which Go it was built"),
    }
    // Built the way of before modules: what else is in it, nobody wrote down.
    if !has_modules && !is_of_go {
        parts.note_incomplete("it was built by Go without a list of its modules");
    }
    parts
}

/// Whether a program is one of Go's own: such packages have no domain in front.
fn is_of_go_itself(path: &str) -> bool {
    let first = path.split('/').next().unwrap_or_default();
    first == "cmd" || first == "std"
}

const DEVEL: &str = "(devel)";

/// Whether a replacement is a directory of the machine that built the program: such start with
/// `./`, `../` or `/`, or with a drive's letter.
fn is_directory(path: &str) -> bool {
    path.starts_with(['.', '/', '\\']) || path.get(1..2) == Some(":")
}

/// `go1.22.3 X:boringcrypto` is 1.22.3; a Go from a working copy is called `devel` and stays so.
fn go_version(version: &str) -> Option<&str> {
    let version = version.trim();
    if version.starts_with("devel") {
        return Some(version);
    }
    let first = version.split([' ', '\t']).next()?;
    first.strip_prefix("go").filter(|rest| !rest.is_empty())
}

#[cfg(test)]
mod tests;
