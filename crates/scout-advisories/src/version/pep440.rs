//! The order of Python versions: PEP 440, and before all of them the versions that break it,
//! ordered as setuptools ordered them.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::str::FromStr;

use pep440_rs::Version;

pub(super) fn compare(a: &str, b: &str) -> Ordering {
    match (Version::from_str(a), Version::from_str(b)) {
        (Ok(a), Ok(b)) => a.cmp(&b),
        (Err(_), Ok(_)) => Ordering::Less,
        (Ok(_), Err(_)) => Ordering::Greater,
        (Err(_), Err(_)) => legacy_key(a).cmp(&legacy_key(b)),
    }
}

/// Returns one spelling for all equal versions: `v1.0.0-RC1` and `1rc1` are the same.
pub(super) fn canonical(version: &str) -> Cow<'_, str> {
    let Ok(parsed) = Version::from_str(version) else {
        return Cow::Borrowed(version);
    };
    let release = parsed.release().to_vec();
    let kept = release
        .iter()
        .rposition(|number| *number != 0)
        .map_or(1, |last| last + 1);
    let trimmed: Vec<u64> = release.into_iter().take(kept).collect();
    let canonical = parsed.with_release(trimmed).to_string();
    if canonical == version {
        Cow::Borrowed(version)
    } else {
        Cow::Owned(canonical)
    }
}

/// The parts of a version in the order of setuptools before PEP 440. Words begin with `*`, so
/// that they sort before numbers, which are padded with zeros to a width of eight.
fn legacy_key(version: &str) -> Vec<String> {
    let mut key: Vec<String> = Vec::new();
    let version = version.to_lowercase();
    for part in legacy_parts(&version).chain(["final"]) {
        let part = match part {
            "" | "." => continue,
            "pre" | "preview" | "rc" => "c",
            "-" => "final-",
            "dev" => "@",
            part => part,
        };
        if part.starts_with(|char: char| char.is_ascii_digit()) {
            key.push(format!("{part:0>8}"));
            continue;
        }
        let part = format!("*{part}");
        if part.as_str() < "*final" {
            pop_while(&mut key, "*final-");
        }
        // Trailing zeros of a series of numbers do not count.
        pop_while(&mut key, "00000000");
        key.push(part);
    }
    key
}

fn pop_while(key: &mut Vec<String>, part: &str) {
    while key.last().is_some_and(|last| last == part) {
        key.pop();
    }
}

/// Splits into runs of digits, runs of letters, single dots and dashes, and runs of the rest.
fn legacy_parts(mut version: &str) -> impl Iterator<Item = &str> {
    #[derive(Eq, PartialEq)]
    enum Kind {
        Digit,
        Letter,
        Mark,
        Rest,
    }
    let kind = |char: char| match char {
        '0'..='9' => Kind::Digit,
        'a'..='z' => Kind::Letter,
        '.' | '-' => Kind::Mark,
        _ => Kind::Rest,
    };
    std::iter::from_fn(move || {
        let first = version.chars().next()?;
        let end = if kind(first) == Kind::Mark {
            first.len_utf8()
        } else {
            version
                .find(|char| kind(char) != kind(first))
                .unwrap_or(version.len())
        };
        let (part, rest) = version.split_at(end);
        version = rest;
        Some(part)
    })
}
