//! What may have been meant by a name that is not there.

/// Longest name looked at, in characters; a name has 128 bytes at most.
const MAX_CHARS: usize = 128;

/// Returns the known name that is nearest to the one given, if one is near.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let length = name.chars().count();
    if length > MAX_CHARS {
        return None;
    }
    // A third of the letters may be wrong; of a short name, one.
    let most = (length / 3).max(1);
    let name = name.to_lowercase();
    known
        .map(|other| (distance(&name, &other.to_lowercase()), other))
        .filter(|(distance, _)| *distance <= most)
        .min()
        .map(|(_, other)| other)
}

/// How many letters must be put in, taken out or changed to make one of the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.chars().enumerate() {
        let mut next = vec![at + 1];
        let mut left = at + 1;
        for (pair, own) in row.windows(2).zip(&other) {
            let [above_left, above] = *pair else {
                continue;
            };
            left = (above_left + usize::from(letter != *own)).min(above.min(left) + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_counted() {
        for (one, other, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("prod", "prod", 0),
            ("kitten", "sitting", 3),
            ("production", "prodution", 1),
            ("生产", "生鲜", 1),
        ] {
            assert_eq!(distance(one, other), expected, "{one} {other}");
        }
    }

    #[test]
    fn only_what_is_near_is_named() {
        let known = ["production", "prod", "staging"];
        for (name, expected) in [
            ("prodution", Some("production")),
            ("PROD", Some("prod")),
            ("prd", Some("prod")),
            ("stagging", Some("staging")),
            ("testing", None),
            ("qa", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, known.into_iter()), expected, "{name}");
        }
        assert_eq!(nearest(&"p".repeat(129), known.into_iter()), None);
    }
}
