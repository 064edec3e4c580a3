//! Which tag is the newest, told once more.

use std::cmp::Ordering;

use scout_store::{JudgeInput, TagCandidate};

use crate::simulation::world::{Image, WORLD};

/// Returns the newest of a repository's images by the documented rule: of those with a time of
/// pushing the last pushed, of the others the last seen, of these two the last seen; then the last
/// created; then the greatest tag.
pub(super) fn newest<'a>(candidates: &'a [(&'a TagCandidate, Image)]) -> &'a Image {
    let tie = |a: &(&TagCandidate, Image), b: &(&TagCandidate, Image)| {
        let by_creation = a.1.created.cmp(&b.1.created);
        by_creation.then_with(|| rank(a.0.tag.as_str()).cmp(&rank(b.0.tag.as_str())))
    };
    let seen = |a: &(&TagCandidate, Image), b: &(&TagCandidate, Image)| -> Ordering {
        a.0.first_seen.cmp(&b.0.first_seen).then_with(|| tie(a, b))
    };
    let (told, untold): (Vec<_>, Vec<_>) = candidates
        .iter()
        .partition(|(candidate, _)| candidate.pushed_at.is_some());
    let told = told
        .into_iter()
        .max_by(|a, b| a.0.pushed_at.cmp(&b.0.pushed_at).then_with(|| tie(a, b)));
    let untold = untold.into_iter().max_by(|a, b| seen(a, b));
    let last = told.into_iter().chain(untold).max_by(|a, b| seen(a, b));
    &last.unwrap().1
}

/// The tags of the scripts as people order them.
fn rank(tag: &str) -> usize {
    let order = ["dev-7", "edge", "last", "latest", "1.9", "1.10", "1.10-rc1"];
    order.iter().position(|one| *one == tag).unwrap()
}

/// Returns the manifest that is the newest of a repository by what is recorded.
pub(crate) fn newest_of(input: &JudgeInput, repository: &str) -> Option<String> {
    let candidates: Vec<(&TagCandidate, Image)> = input
        .tags
        .iter()
        .filter(|candidate| candidate.repository_name.as_str() == repository)
        .filter_map(|candidate| {
            let image = input
                .images
                .iter()
                .find(|one| candidate.images.contains(&one.id))?;
            let manifest = image.facts.manifest_digest.to_string();
            let mut images = WORLD.artifacts.iter().filter_map(|one| one.image.as_ref());
            Some((
                candidate,
                images.find(|one| one.manifest == manifest)?.clone(),
            ))
        })
        .collect();
    (!candidates.is_empty()).then(|| newest(&candidates).manifest.clone())
}
