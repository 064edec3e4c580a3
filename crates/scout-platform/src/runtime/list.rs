//! Lists of what runs: the output of `kubectl get pods -A -o json`, or plain lines.

use std::io::{self, BufRead, BufReader, Read};

use scout_envs::{Digest, ImageReference};
use scout_store::RunningImageRecord;

use super::kubernetes::Pods;

/// Longest list that is read, in bytes. A pod takes about 10 kB as JSON, and Kubernetes allows
/// 150,000 of them; they are read one after the other, and only what is needed is kept.
const MAX_BYTES: u64 = 2 << 30;
/// Longest line that is read, in bytes: a reference has some hundreds at most.
const MAX_LINE_BYTES: u64 = 8 << 10;
/// How much of a line is shown that cannot be read.
const SHOWN_CHARS: usize = 80;

/// Images that run, as somebody listed them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct RunningList {
    /// The images, in the order of the list; one may come several times.
    pub images: Vec<RunningImageRecord>,
    /// How many containers or lines told of an image.
    pub entries: u64,
    /// How many containers are not running, and were left out.
    pub not_running: u64,
    /// How many running containers name no image by which it can be found.
    pub unidentified: u64,
}

/// Why a list of what runs cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRunningList {
    /// The list could not be read to its end.
    #[error("it could not be read")]
    Read(#[source] io::Error),
    /// The list is longer than we read.
    #[error(
        "it has more than {limit} bytes; sync one namespace or cluster at a time, each with its \
         own --source"
    )]
    TooLong {
        /// The most we read, in bytes.
        limit: u64,
    },
    /// There is nothing in the list, perhaps because what makes it failed.
    #[error(
        "it is empty, perhaps because what makes it failed; if nothing runs any more, give the \
         output of `kubectl get pods -A -o json`"
    )]
    Empty,
    /// Text in an encoding of Windows, which its `>` writes.
    #[error("it is UTF-16, as PowerShell writes files; give it as UTF-8, or through a pipe")]
    Utf16,
    /// JSON that is not what kubectl prints for pods.
    #[error("it begins as JSON, but is not what `kubectl get pods -o json` prints")]
    Json(#[source] serde_json::Error),
    /// JSON that lists other things than pods.
    #[error("it holds {kind}, not pods; `kubectl get pods -A -o json` lists them")]
    NotPods {
        /// What it holds, as Kubernetes calls it.
        kind: String,
    },
    /// A line that names no image.
    #[error("line {line} ({text:?}) is not an image: REPOSITORY[:TAG][@DIGEST], or a digest")]
    Line {
        /// Which line, counted from 1.
        line: u64,
        /// How it begins.
        text: String,
    },
}

impl RunningList {
    /// Reads a list: JSON as `kubectl get pods -A -o json` prints it, or lines, each with
    /// `REPOSITORY[:TAG][@DIGEST]` or a digest; empty ones and those that begin with `#` are
    /// left out.
    ///
    /// # Errors
    ///
    /// If it is empty, too long, or something else.
    pub fn read(list: impl Read) -> Result<Self, InvalidRunningList> {
        Self::read_at_most(list, MAX_BYTES)
    }

    fn read_at_most(list: impl Read, limit: u64) -> Result<Self, InvalidRunningList> {
        let mut list = BufReader::new(Bounded {
            inner: list,
            left: limit,
        });
        let told = |error| told(error, limit);
        if let [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] = list.fill_buf().map_err(told)? {
            return Err(InvalidRunningList::Utf16);
        }
        match first(&mut list).map_err(told)? {
            None => Err(InvalidRunningList::Empty),
            Some((b'{', _)) => Pods::document(list),
            Some((b'[', _)) => Pods::array(list),
            Some((_, line)) => lines(list, line),
        }
        .map_err(|error| match error {
            InvalidRunningList::Json(error) if error.is_io() => told(error.into()),
            InvalidRunningList::Read(error) => told(error),
            other => other,
        })
    }
}

/// Returns the first byte that says something, without taking it, and the number of its line;
/// nothing if there is none.
fn first(list: &mut impl BufRead) -> io::Result<Option<(u8, u64)>> {
    /// UTF-8's byte order mark, with which some editors begin a file.
    const MARK: [u8; 3] = [0xEF, 0xBB, 0xBF];
    let mut line = 1;
    loop {
        let bytes = list.fill_buf()?;
        let skipped = bytes
            .iter()
            .take_while(|byte| byte.is_ascii_whitespace() || MARK.contains(byte))
            .count();
        if bytes.is_empty() {
            return Ok(None);
        }
        let ends = bytes.iter().take(skipped).filter(|byte| **byte == b'\n');
        line += ends.count() as u64;
        let found = bytes.get(skipped).copied();
        list.consume(skipped);
        if let Some(byte) = found {
            return Ok(Some((byte, line)));
        }
    }
}

fn lines(mut list: impl BufRead, first: u64) -> Result<RunningList, InvalidRunningList> {
    let mut found = RunningList::default();
    for number in first.. {
        let mut line = Vec::new();
        let mut bounded = list.by_ref().take(MAX_LINE_BYTES);
        let read = bounded
            .read_until(b'\n', &mut line)
            .map_err(InvalidRunningList::Read)?;
        if read == 0 {
            break;
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let image = image(text).ok_or_else(|| InvalidRunningList::Line {
            line: number,
            text: text.chars().take(SHOWN_CHARS).collect(),
        })?;
        found.images.push(image);
        found.entries += 1;
    }
    match found.entries {
        0 => Err(InvalidRunningList::Empty),
        _ => Ok(found),
    }
}

/// Reads `REPOSITORY[:TAG][@DIGEST]`, or a digest.
fn image(text: &str) -> Option<RunningImageRecord> {
    if let Ok(digest) = text.parse::<Digest>() {
        return Some(RunningImageRecord {
            image_id: Some(digest),
            ..RunningImageRecord::default()
        });
    }
    let reference: ImageReference = text.parse().ok()?;
    Some(RunningImageRecord {
        manifest: reference.digest().cloned(),
        reference: Some(text.to_owned()),
        ..RunningImageRecord::default()
    })
}

/// A reader that fails once more than its bound is read.
struct Bounded<R> {
    inner: R,
    left: u64,
}

/// That more was there than is read.
#[derive(Debug, thiserror::Error)]
#[error("it is too long")]
struct TooLong;

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.left = self
            .left
            .checked_sub(read as u64)
            .ok_or_else(|| io::Error::other(TooLong))?;
        Ok(read)
    }
}

fn told(error: io::Error, limit: u64) -> InvalidRunningList {
    match error.get_ref().is_some_and(|cause| cause.is::<TooLong>()) {
        true => InvalidRunningList::TooLong { limit },
        false => InvalidRunningList::Read(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<RunningList, InvalidRunningList> {
        RunningList::read(text.as_bytes())
    }

    #[test]
    fn lines_are_references_or_digests() {
        let hex = "a".repeat(64);
        let text = format!(
            "\u{feff}# what runs\r\n\nregistry.test/app:1@sha256:{hex}\r\n  app:2  \nsha256:{hex}\n"
        );
        let list = read(&text).unwrap();
        let digest: Digest = format!("sha256:{hex}").parse().unwrap();
        let shown: Vec<_> = list
            .images
            .iter()
            .map(|image| (image.reference.as_deref(), &image.manifest, &image.image_id))
            .collect();
        let pinned = format!("registry.test/app:1@sha256:{hex}");
        assert_eq!(
            shown,
            [
                (Some(pinned.as_str()), &Some(digest.clone()), &None),
                (Some("app:2"), &None, &None),
                (None, &None, &Some(digest)),
            ]
        );
        assert_eq!(list.entries, 3);
    }

    #[test]
    fn what_is_no_list_is_told() {
        let long = "x".repeat(10_000);
        for (text, expected) in [
            ("", "it is empty"),
            (" \n\r\n# nothing\n", "it is empty"),
            ("app:1\nApp:1\n", "line 2 (\"App:1\")"),
            ("\n\nApp:1\n", "line 3 (\"App:1\")"),
            ("No resources found\n", "line 1 (\"No resources found\")"),
            ("app@sha256:123\n", "line 1"),
            (&long, "line 1 (\"xxxx"),
            ("\u{0}\u{0}\n", "line 1"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text:.20}: {error}");
            assert!(error.len() < 300, "{error}");
        }
        for bytes in [[0xFF_u8, 0xFE, b'a', 0], [0xFE, 0xFF, 0, b'a']] {
            let error = RunningList::read(&bytes[..]).unwrap_err().to_string();
            assert!(error.contains("UTF-16"), "{error}");
        }
    }

    #[test]
    fn a_list_is_read_up_to_a_bound() {
        for text in ["app:1\napp:2\n", "{\"kind\":\"List\",\"items\":[      ]}"] {
            let length = text.len() as u64;
            assert!(RunningList::read_at_most(text.as_bytes(), length).is_ok());
            let error = RunningList::read_at_most(text.as_bytes(), length - 1).unwrap_err();
            assert!(
                matches!(error, InvalidRunningList::TooLong { .. }),
                "{error}"
            );
        }
    }

    #[test]
    fn what_breaks_off_is_not_taken_for_all() {
        struct Broken(&'static [u8]);
        impl Read for Broken {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                match self.0.read(buffer)? {
                    0 => Err(io::ErrorKind::ConnectionReset.into()),
                    read => Ok(read),
                }
            }
        }
        for text in ["app:1\n", "{\"kind\":\"List\",\"items\":[", ""] {
            let error = RunningList::read(Broken(text.as_bytes())).unwrap_err();
            assert!(
                matches!(error, InvalidRunningList::Read(_)),
                "{text}: {error}"
            );
        }
    }
}
