//! Which of a repository's tags is the newest.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use jiff::Timestamp;
use scout_store::{ImageId, RepositoryId, TagCandidate};

use crate::tag_order::version_order;

/// Returns the newest candidate of each repository.
///
/// By push time where the registry tells one, else by when the tag was first seen with its
/// digest, else by when the image says it was created, else by the version order of the tags.
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
    let mut newest: BTreeMap<RepositoryId, &TagCandidate> = BTreeMap::new();
    for candidate in candidates {
        let best = newest.entry(candidate.repository).or_insert(candidate);
        let order = age(candidate, best)
            .then_with(|| created(candidate).cmp(&created(best)))
            .then_with(|| version_order(&candidate.tag, &best.tag));
        if order == Ordering::Greater {
            *best = candidate;
        }
    }
    newest
}

/// Push times are compared only with push times: the registry's clock is not ours.
fn age(a: &TagCandidate, b: &TagCandidate) -> Ordering {
    match (a.pushed_at, b.pushed_at) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => a.first_seen.cmp(&b.first_seen),
    }
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
}
