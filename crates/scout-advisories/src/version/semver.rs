//! The order of semantic versions, leniently: a leading `v` or `=`, missing or additional
//! numbers, and numbers of any length are accepted. Build metadata has no order.

use std::cmp::Ordering;

use super::number::{compare_digits, split_digits};

pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let (numbers_a, pre_a) = split(a);
    let (numbers_b, pre_b) = split(b);
    compare_numbers(numbers_a, numbers_b).then_with(|| compare_pre(pre_a, pre_b))
}

/// Returns the dotted numbers and the pre-release, which is empty for a release.
fn split(version: &str) -> (&str, &str) {
    let version = version.trim().trim_start_matches(['v', 'V', '=', ' ']);
    let version = version.split_once('+').map_or(version, |(core, _)| core);
    let end = version
        .bytes()
        .position(|byte| !byte.is_ascii_digit() && byte != b'.')
        .unwrap_or(version.len());
    let (numbers, pre) = version.split_at(end);
    (numbers, pre.strip_prefix('-').unwrap_or(pre))
}

fn compare_numbers(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.split('.'), b.split('.'));
    loop {
        let (number_a, number_b) = (a.next(), b.next());
        if number_a.is_none() && number_b.is_none() {
            return Ordering::Equal;
        }
        let order = compare_digits(number_a.unwrap_or(""), number_b.unwrap_or(""));
        if order.is_ne() {
            return order;
        }
    }
}

fn compare_pre(a: &str, b: &str) -> Ordering {
    if a.is_empty() || b.is_empty() {
        // The release itself comes after all its pre-releases.
        return a.is_empty().cmp(&b.is_empty());
    }
    let (mut a, mut b) = (a.split('.'), b.split('.'));
    loop {
        let order = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(a), Some(b)) => compare_identifier(a, b),
        };
        if order.is_ne() {
            return order;
        }
    }
}

fn compare_identifier(a: &str, b: &str) -> Ordering {
    let is_number = |text: &str| !text.is_empty() && split_digits(text).1.is_empty();
    match (is_number(a), is_number(b)) {
        (true, true) => compare_digits(a, b),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => a.cmp(b),
    }
}
