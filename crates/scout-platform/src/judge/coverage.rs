//! What is not known about an image, by name.

use std::collections::{BTreeMap, BTreeSet};

use roaring::RoaringBitmap;
use scout_advisories::{has_published_feed, has_version_order};
use scout_envs::{Coverage, Ecosystem, MatchKey, Unknown};
use scout_store::{FeedRecord, ImageFacts, PackageId};

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
    pub(crate) fn awaits(
        &self,
        packages: &RoaringBitmap,
        keys: &BTreeMap<PackageId, MatchKey>,
    ) -> bool {
        let waiting = packages & &self.unmatched;
        waiting.iter().any(|id| {
            let key = keys.get(&PackageId(id));
            key.is_some_and(|key| {
                self.feeds.contains_key(key.ecosystem.base()) && self.obstacle(key).is_none()
            })
        })
    }

    /// Why a feed cannot tell about a package that it did not match, be it loaded or not.
    fn obstacle(&self, key: &MatchKey) -> Option<Unknown> {
        let ecosystem = &key.ecosystem;
        if is_incomparable(ecosystem) {
            Some(Unknown::NoVersionOrder(ecosystem.clone()))
        } else if self.speaks_of(ecosystem) && !key.has_version() {
            Some(Unknown::NoVersion(ecosystem.clone()))
        } else {
            None
        }
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

/// Returns how much of an image with these facts and packages could be judged.
pub(crate) fn coverage(
    facts: &ImageFacts,
    packages: &RoaringBitmap,
    keys: &BTreeMap<PackageId, MatchKey>,
    feeds: &Feeds,
) -> Coverage {
    let mut unknown: BTreeSet<Unknown> = facts.gaps.iter().cloned().map(Unknown::Unread).collect();
    let mut judged = false;
    // Of each ecosystem, whether a feed has spoken of some package, and of all of them.
    let mut seen: BTreeMap<&Ecosystem, (bool, bool)> = BTreeMap::new();
    for id in packages {
        let Some(key) = keys.get(&PackageId(id)) else {
            continue;
        };
        let matched = !feeds.unmatched.contains(id);
        let (some, all) = seen.entry(&key.ecosystem).or_insert((false, true));
        *some |= matched;
        if let Some(obstacle) = feeds.obstacle(key).filter(|_| !matched) {
            unknown.insert(obstacle);
            continue;
        }
        *all &= matched;
    }
    let has_packages = !seen.is_empty();
    for (ecosystem, (some, all)) in seen {
        let speaks = feeds.speaks_of(ecosystem);
        judged |= speaks && some;
        // Loading a feed would not help those that cannot be compared; they have their reason.
        if (speaks && all) || is_incomparable(ecosystem) {
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
    if facts.has_package_database && !has_packages {
        unknown.insert(Unknown::NoPackages);
    }
    if !facts.has_package_database {
        unknown.insert(Unknown::NoPackageDatabase);
    }
    Coverage {
        judged,
        unknown: unknown.into_iter().collect(),
    }
}

/// Whether there are advisories that cannot be matched, loaded or not.
fn is_incomparable(ecosystem: &Ecosystem) -> bool {
    has_published_feed(ecosystem) && !has_version_order(ecosystem)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use scout_envs::{Digest, ImageConfig, PackageType, Platform};

    use super::*;

    fn key(package_type: PackageType, ecosystem: &str, version: &str) -> MatchKey {
        MatchKey {
            package_type,
            ecosystem: Ecosystem::new(ecosystem),
            name: "a".to_owned(),
            version: version.to_owned(),
            source_name: "a".to_owned(),
            source_version: version.to_owned(),
            module: None,
        }
    }

    /// Says what is unknown of an image with one package that was not matched.
    fn check(key: MatchKey, is_loaded: bool, expected: &[&str], awaits: bool) {
        let base = key.ecosystem.base().to_owned();
        let case = format!("{key:?} {is_loaded}");
        let feed = FeedRecord {
            name: base.clone(),
            releases: BTreeSet::from([base]),
            records: 1,
            newest_modified: None,
            fingerprint: "f".to_owned(),
            loaded_at: Timestamp::UNIX_EPOCH,
        };
        let feeds = Feeds::new(
            Vec::from_iter(is_loaded.then_some(feed)),
            RoaringBitmap::from([1]),
        );
        let digest = Digest::sha256(&[1; 32]);
        let facts = ImageFacts {
            manifest_digest: digest.clone(),
            config_digest: digest,
            platform: Platform::new("linux", "amd64", None),
            config: ImageConfig::default(),
            distribution: None,
            gaps: Vec::new(),
            has_package_database: true,
            layers: Vec::new(),
            analysis_version: 1,
            compressed_bytes: 1,
            package_count: 1,
        };
        let packages = RoaringBitmap::from([1]);
        let keys = BTreeMap::from([(PackageId(1), key)]);
        let coverage = coverage(&facts, &packages, &keys, &feeds);
        let unknown: Vec<String> = coverage.unknown.iter().map(ToString::to_string).collect();
        assert_eq!(unknown, expected, "{case}");
        assert!(!coverage.judged, "{case}");
        assert_eq!(feeds.awaits(&packages, &keys), awaits, "{case}");
    }

    #[test]
    fn what_a_loaded_feed_cannot_tell_is_unknown_by_name() {
        for is_loaded in [true, false] {
            let maven = key(PackageType::Maven, "Maven", "1.0");
            let reason = "versions of Maven cannot be compared yet";
            check(maven, is_loaded, &[reason], false);
        }
        let conda = key(PackageType::Conda, "conda", "1.0");
        check(
            conda,
            false,
            &["no advisories are published for conda"],
            false,
        );
        let devel = || key(PackageType::Golang, "Go", "(devel)");
        let reason = "advisories for Go speak of a package whose version is not known";
        check(devel(), true, &[reason], false);
        check(devel(), false, &["no advisories loaded for Go"], false);
        // It is matched before the image is judged again.
        let go = key(PackageType::Golang, "Go", "v1.0.0");
        check(go, true, &["no advisories loaded for Go"], true);
    }
}
