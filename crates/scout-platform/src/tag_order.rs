//! The order of tags where nothing tells which was pushed last.

use std::cmp::Ordering;

use scout_envs::Tag;

/// Orders tags as people number them: runs of digits by value, the rest by letter; a
/// pre-release suffix (`1.0-rc1`) is not told from a variant (`1.0-slim`), both come after.
pub(crate) fn version_order(a: &Tag, b: &Tag) -> Ordering {
    let (mut a_parts, mut b_parts) = (parts(a.as_str()), parts(b.as_str()));
    loop {
        let order = match (a_parts.next(), b_parts.next()) {
            (None, None) => return a.cmp(b),
            (a_part, b_part) => a_part.cmp(&b_part),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// A run of digits, or a single other character. Numbers sort above letters, so that a version
/// is newer than a word such as `latest`'s old sibling `edge`.
#[derive(Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Part<'a> {
    Other(char),
    /// Length without leading zeros first: then the digits compare as a number of any size.
    Number(usize, &'a str),
}

fn parts(text: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let (head, tail) = rest.split_at(digits.max(first.len_utf8()));
        rest = tail;
        if digits == 0 {
            return Some(Part::Other(first));
        }
        let number = head.trim_start_matches('0');
        Some(Part::Number(number.len(), number))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_order_as_people_number_them() {
        for (older, newer) in [
            ("1.9", "1.10"),
            ("12", "12-patched"),
            ("v2", "v10"),
            ("1.2.3", "1.2.4"),
            ("2024-9-1", "2024-10-01"),
            ("latest", "1.0"),
            ("99999999999999999998", "99999999999999999999"),
        ] {
            let (older, newer): (Tag, Tag) = (older.parse().unwrap(), newer.parse().unwrap());
            assert_eq!(
                version_order(&older, &newer),
                Ordering::Less,
                "{older} {newer}"
            );
            assert_eq!(
                version_order(&newer, &older),
                Ordering::Greater,
                "{older} {newer}"
            );
        }
    }
}
