//! The order of apk versions:
//! `number{.number}[letter]{_suffix[number]}[~hash][-rNUMBER]`.
//!
//! What follows the first character that breaks the rules is the *rest*. A version with a rest
//! sorts before the same version without; two such versions are compared as plain text, as
//! `apk version -t` of the 3.x line does.

use std::cmp::Ordering;

use super::number::{compare_digits, split_digits};

pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let (version_a, version_b) = (Version::parse(a), Version::parse(b));
    if version_a.is_invalid && version_b.is_invalid {
        return a.cmp(b);
    }
    version_a.compare(&version_b)
}

#[derive(Debug, Default)]
struct Version<'a> {
    numbers: Vec<&'a str>,
    letter: &'a str,
    suffixes: Vec<Suffix<'a>>,
    build: &'a str,
    has_rest: bool,
    /// Whether what ends the version is not even the start of a build number.
    is_invalid: bool,
}

#[derive(Clone, Copy, Debug)]
struct Suffix<'a> {
    rank: usize,
    number: &'a str,
}

impl Suffix<'_> {
    /// The rank of "no suffix": between `_rc` and `_cvs`.
    const NONE: Self = Self {
        rank: 4,
        number: "",
    };
}

/// Suffixes in order, with the rank of each.
const SUFFIXES: [(&str, usize); 9] = [
    ("_alpha", 0),
    ("_beta", 1),
    ("_pre", 2),
    ("_rc", 3),
    ("_cvs", 5),
    ("_svn", 6),
    ("_git", 7),
    ("_hg", 8),
    ("_p", 9),
];

impl<'a> Version<'a> {
    fn parse(text: &'a str) -> Self {
        let mut version = Self::default();
        let mut rest = version.take_numbers(text);
        if rest.starts_with(|char: char| char.is_ascii_lowercase()) {
            (version.letter, rest) = rest.split_at(1);
        }
        rest = version.take_suffixes(rest);
        rest = skip_hash(rest);
        match rest.strip_prefix("-r") {
            Some(build) => (version.build, rest) = split_digits(build),
            None => version.is_invalid = !rest.is_empty(),
        }
        version.has_rest = !rest.is_empty();
        version
    }

    fn take_numbers(&mut self, text: &'a str) -> &'a str {
        let (number, mut rest) = split_digits(text);
        if number.is_empty() {
            return text;
        }
        self.numbers.push(number);
        while let Some(behind_dot) = rest.strip_prefix('.') {
            let (number, behind) = split_digits(behind_dot);
            if number.is_empty() {
                break;
            }
            self.numbers.push(number);
            rest = behind;
        }
        rest
    }

    fn take_suffixes(&mut self, mut rest: &'a str) -> &'a str {
        while let Some((behind, rank)) = SUFFIXES
            .iter()
            // `_p` is also how `_pre` begins, and comes last.
            .find_map(|(suffix, rank)| Some((rest.strip_prefix(suffix)?, *rank)))
        {
            let (number, behind) = split_digits(behind);
            self.suffixes.push(Suffix { rank, number });
            rest = behind;
        }
        rest
    }

    fn compare(&self, other: &Self) -> Ordering {
        self.compare_numbers(other)
            .then_with(|| self.letter.cmp(other.letter))
            .then_with(|| self.compare_suffixes(other))
            .then_with(|| compare_digits(self.build, other.build))
            .then_with(|| other.has_rest.cmp(&self.has_rest))
    }

    fn compare_numbers(&self, other: &Self) -> Ordering {
        (0..self.numbers.len().max(other.numbers.len()))
            .map(|i| {
                match (self.numbers.get(i), other.numbers.get(i)) {
                    // Behind the first dot, a leading zero makes it a decimal fraction.
                    (Some(a), Some(b)) if i > 0 && (a.starts_with('0') || b.starts_with('0')) => {
                        a.cmp(b)
                    }
                    (a, b) => compare_digits(a.unwrap_or(&""), b.unwrap_or(&"")),
                }
            })
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    }

    fn compare_suffixes(&self, other: &Self) -> Ordering {
        (0..self.suffixes.len().max(other.suffixes.len()))
            .map(|i| {
                let a = self.suffixes.get(i).unwrap_or(&Suffix::NONE);
                let b = other.suffixes.get(i).unwrap_or(&Suffix::NONE);
                a.rank
                    .cmp(&b.rank)
                    .then_with(|| compare_digits(a.number, b.number))
            })
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    }
}

/// Commit hashes have no order.
fn skip_hash(rest: &str) -> &str {
    let Some(hash) = rest.strip_prefix('~') else {
        return rest;
    };
    let behind = hash.trim_start_matches(|char: char| matches!(char, '0'..='9' | 'a'..='f'));
    if behind.len() == hash.len() {
        rest
    } else {
        behind
    }
}
