//! What is not known about an image, by name.

use std::collections::{BTreeMap, BTreeSet};

use roaring::RoaringBitmap;
use scout_advisories::has_published_feed;
use scout_envs::{Coverage, Ecosystem, MatchKey, Unknown};
use scout_store::{FeedRecord, ImageRecord, PackageId};

use crate::index::UNKNOWN_DISTRIBUTION;

/// Which feeds are loaded, and which packages none of them has spoken of yet.
#[derive(Debug)]
pub(crate) struct Feeds {
    feeds: BTreeMap<String, BTreeSet<String>>,
    unmatched: RoaringBitmap,
}

impl Feeds {
    pub(crate) fn new(feeds: Vec<FeedRecord>, unmatched: RoaringBitmap) -> Self {
        let feeds = feeds
            .into_iter()
            .map(|feed| (feed.name, feed.releases))
            .collect();
        Self { feeds, unmatched }
    }

    /// Whether a feed that is loaded has yet to speak of some package: it will be matched before
    /// the image is judged again.
    pub(crate) fn awaits(&self, image: &ImageRecord, keys: &BTreeMap<PackageId, MatchKey>) -> bool {
        let waiting = &image.packages & &self.unmatched;
        waiting.iter().any(|id| {
            let key = keys.get(&PackageId(id));
            key.is_some_and(|key| self.feeds.contains_key(key.ecosystem.base()))
        })
    }

    /// Whether the feed of this ecosystem and release is loaded.
    fn speaks_of(&self, ecosystem: &Ecosystem) -> bool {
        self.feeds.get(ecosystem.base()).is_some_and(|releases| {
            ecosystem.release().is_none()
                || releases.contains(ecosystem.as_str())
                || releases.contains(ecosystem.base())
        })
    }
}

/// Returns how much of the image could be judged.
pub(crate) fn coverage(
    image: &ImageRecord,
    keys: &BTreeMap<PackageId, MatchKey>,
    feeds: &Feeds,
) -> Coverage {
    let mut unknown: BTreeSet<Unknown> = image
        .facts
        .gaps
        .iter()
        .cloned()
        .map(Unknown::Unread)
        .collect();
    let mut judged = false;
    // Of each ecosystem, whether a feed has spoken of some package, and of all of them.
    let mut seen: BTreeMap<&Ecosystem, (bool, bool)> = BTreeMap::new();
    for id in &image.packages {
        let Some(key) = keys.get(&PackageId(id)) else {
            continue;
        };
        let matched = !feeds.unmatched.contains(id);
        let (some, all) = seen.entry(&key.ecosystem).or_insert((false, true));
        *some |= matched;
        *all &= matched;
    }
    let has_packages = !seen.is_empty();
    for (ecosystem, (some, all)) in seen {
        let speaks = feeds.speaks_of(ecosystem);
        judged |= speaks && some;
        if speaks && all {
            continue;
        }
        if ecosystem.as_str() == UNKNOWN_DISTRIBUTION {
            unknown.insert(Unknown::NoDistribution);
        } else if has_published_feed(ecosystem) {
            unknown.insert(Unknown::NoFeed(ecosystem.clone()));
        } else {
            unknown.insert(Unknown::NoPublishedFeed(ecosystem.clone()));
        }
    }
    if image.facts.has_package_database && !has_packages {
        unknown.insert(Unknown::NoPackages);
    }
    if !image.facts.has_package_database {
        unknown.insert(Unknown::NoPackageDatabase);
    }
    Coverage {
        judged,
        unknown: unknown.into_iter().collect(),
    }
}
