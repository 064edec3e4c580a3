//! The order of rpm versions: `[epoch:]version[-release]`, a missing epoch being 0.

use std::cmp::Ordering;

use rpm_version::Evr;

pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.trim(), b.trim());
    Evr::parse(a)
        .cmp(&Evr::parse(b))
        // No release at all sorts before an empty one.
        .then_with(|| a.contains('-').cmp(&b.contains('-')))
}
