//! An order for ecosystems whose own order is not built in: numbers by value, words
//! alphabetically, words that announce a release before it. Right for plain dotted numbers.

use std::cmp::Ordering;

use super::number::{compare_digits, split_digits};

pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let (token_a, rest_a) = next(a);
        let (token_b, rest_b) = next(b);
        if token_a == Token::End && token_b == Token::End {
            return Ordering::Equal;
        }
        let order = token_a.compare(token_b);
        if order.is_ne() {
            return order;
        }
        (a, b) = (rest_a, rest_b);
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Token<'a> {
    Number(&'a str),
    Word(&'a str),
    End,
}

impl Token<'_> {
    fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => compare_digits(a, b),
            (Self::Word(a), Self::Word(b)) => {
                let lower = |text: &str| text.to_ascii_lowercase();
                (!announces_release(a))
                    .cmp(&!announces_release(b))
                    .then_with(|| lower(a).cmp(&lower(b)))
            }
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }

    /// Where tokens of different kinds stand: `rc` < end = 0 < other word < number.
    fn rank(self) -> u8 {
        match self {
            Self::Word(word) if announces_release(word) => 0,
            Self::End => 1,
            Self::Number(digits) if digits.bytes().all(|byte| byte == b'0') => 1,
            Self::Word(_) => 2,
            Self::Number(_) => 3,
        }
    }
}

fn announces_release(word: &str) -> bool {
    const WORDS: [&str; 13] = [
        "a",
        "alpha",
        "b",
        "beta",
        "c",
        "cr",
        "dev",
        "ea",
        "m",
        "milestone",
        "pre",
        "rc",
        "snapshot",
    ];
    WORDS
        .into_iter()
        .any(|known| known.eq_ignore_ascii_case(word))
}

fn next(text: &str) -> (Token<'_>, &str) {
    let text = text.trim_start_matches(|char: char| !char.is_alphanumeric());
    if text.is_empty() {
        return (Token::End, "");
    }
    let (digits, rest) = split_digits(text);
    if !digits.is_empty() {
        return (Token::Number(digits), rest);
    }
    let end = text
        .find(|char: char| char.is_ascii_digit() || !char.is_alphanumeric())
        .unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    (Token::Word(word), rest)
}
