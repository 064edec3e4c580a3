//! Which of a repository's tags is the newest.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use jiff::Timestamp;
use scout_store::{ImageId, RepositoryId, TagCandidate};

use crate::tag_order::version_order;

/// Returns the newest candidate of each repository.
///
/// Push times are compared only with push times, since the registry's clock is not ours: of the
/// candidates that have one the last pushed is taken, of the others the last that was first seen
/// with its digest, and of these two the one that was seen last. What is equal goes by when the
/// image says it was created, then by the version order of the tags. The order in which they are
/// listed decides nothing.
pub(crate) fn newest(
    candidates: &[TagCandidate],
    created: impl Fn(ImageId) -> Option<Timestamp>,
) -> BTreeMap<RepositoryId, &TagCandidate> {
    let created = |candidate: &TagCandidate| {
        candidate
            .images
            .iter()
            .filter_map(|image| created(*image))
            .max()
    };
    let tie = |a: &TagCandidate, b: &TagCandidate| {
        let by_creation = created(a).cmp(&created(b));
        by_creation.then_with(|| version_order(&a.tag, &b.tag))
    };
    let pushed =
        |a: &TagCandidate, b: &TagCandidate| a.pushed_at.cmp(&b.pushed_at).then_with(|| tie(a, b));
    let seen = |a: &TagCandidate, b: &TagCandidate| {
        a.first_seen.cmp(&b.first_seen).then_with(|| tie(a, b))
    };
    // The newest of each repository, with a push time and without.
    let mut newest: BTreeMap<(RepositoryId, bool), &TagCandidate> = BTreeMap::new();
    for candidate in candidates {
        let is_told = candidate.pushed_at.is_some();
        let best = newest
            .entry((candidate.repository, is_told))
            .or_insert(candidate);
        let order = match is_told {
            true => pushed(candidate, best),
            false => seen(candidate, best),
        };
        if order == Ordering::Greater {
            *best = candidate;
        }
    }
    let mut last: BTreeMap<RepositoryId, &TagCandidate> = BTreeMap::new();
    for ((repository, _), candidate) in newest {
        let best = last.entry(repository).or_insert(candidate);
        if seen(candidate, best) == Ordering::Greater {
            *best = candidate;
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(tag: &str, pushed: Option<i64>, seen: i64, image: u32) -> TagCandidate {
        TagCandidate {
            repository: RepositoryId(1),
            repository_name: "acme/app".parse().unwrap(),
            tag: tag.parse().unwrap(),
            pushed_at: pushed.map(|second| Timestamp::from_second(second).unwrap()),
            first_seen: Timestamp::from_second(seen).unwrap(),
            images: vec![ImageId(image)],
        }
    }

    fn check(candidates: &[TagCandidate], created: &[(u32, i64)], expected: &str) {
        let created = |image: ImageId| {
            let found = created.iter().find(|(id, _)| *id == image.0)?;
            Timestamp::from_second(found.1).ok()
        };
        // The order in which the store lists them must not matter.
        for turn in 0..candidates.len() {
            let mut turned = candidates.to_vec();
            turned.rotate_left(turn);
            let newest = newest(&turned, created);
            assert_eq!(
                newest[&RepositoryId(1)].tag.as_str(),
                expected,
                "{candidates:?}"
            );
        }
    }

    #[test]
    fn push_time_then_first_seen_then_created_then_version() {
        check(
            &[candidate("a", Some(5), 1, 1), candidate("b", Some(4), 9, 2)],
            &[],
            "a",
        );
        check(
            &[candidate("a", Some(5), 1, 1), candidate("b", None, 9, 2)],
            &[],
            "b",
        );
        check(
            &[candidate("a", None, 2, 1), candidate("b", None, 1, 2)],
            &[(2, 99)],
            "a",
        );
        check(
            &[candidate("a", None, 1, 1), candidate("b", None, 1, 2)],
            &[(1, 7), (2, 6)],
            "a",
        );
        check(
            &[candidate("1.9", None, 1, 1), candidate("1.10", None, 1, 2)],
            &[],
            "1.10",
        );
    }

    #[test]
    fn of_three_that_beat_each_other_in_a_circle_one_is_the_newest() {
        // Each is newer than the one before it, compared alone.
        let circle = [
            candidate("a", Some(5), 10, 1),
            candidate("c", Some(6), 1, 3),
            candidate("b", None, 7, 2),
        ];
        check(&circle, &[], "b");
    }
}
