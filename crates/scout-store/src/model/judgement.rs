//! What the judge reads and writes.

use std::collections::BTreeSet;

use jiff::Timestamp;
use roaring::RoaringBitmap;
use scout_envs::{EnvironmentName, Finding, MatchKey, RepositoryName, Tag, VulnerabilityId};

use crate::id::{ImageId, OrgId, PackageId, RepositoryId};
use crate::model::image::ImageRecord;
use crate::model::runtime::RunningPackage;

/// A request to judge an organization again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct JudgeWork {
    /// The organization.
    pub org: OrgId,
    /// How often it was asked for; publishing clears only what was seen.
    pub version: i64,
}

/// A loaded advisory feed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FeedRecord {
    /// The ecosystem's base name, for instance `Debian`.
    pub name: String,
    /// The ecosystems with release it speaks of; just the base name where there are none.
    pub releases: BTreeSet<String>,
    /// How many records it has, without withdrawn ones.
    pub records: u64,
    /// When its newest record was changed, where it says so.
    pub newest_modified: Option<Timestamp>,
    /// Tells one state of the feed from another.
    pub fingerprint: String,
    /// When it was loaded.
    pub loaded_at: Timestamp,
}

/// The loaded catalog of known exploited vulnerabilities.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KevRecord {
    /// The CVEs in it.
    pub cves: BTreeSet<VulnerabilityId>,
    /// Tells one state of the catalog from another.
    pub fingerprint: String,
    /// When it was loaded.
    pub loaded_at: Timestamp,
}

/// The findings of one package.
#[derive(Clone, Debug, PartialEq)]
pub struct PackageFindings {
    /// The package.
    pub package: PackageId,
    /// Its findings, sorted by vulnerability.
    pub findings: Vec<Finding>,
    /// The fingerprint of the feed they were matched with.
    pub feed: String,
}

/// All that is needed to judge one organization.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct JudgeInput {
    /// Tags of enabled repositories that exist and point, or pointed, to something that is
    /// indexed; each once, in no order.
    pub tags: Vec<TagCandidate>,
    /// Members of environments: name, repository, image; in no order, none twice.
    pub environments: Vec<(EnvironmentName, RepositoryId, ImageId)>,
    /// What of the images in environments is in use, where somebody looked; sorted.
    pub in_use: Vec<PackagesInUse>,
    /// Every image named above, once.
    pub images: Vec<ImageRecord>,
    /// Packages of these images (owned ones left out) that were never matched with any feed.
    pub unmatched: RoaringBitmap,
    /// Whether something that is watched was listed to its end, be it the tags of an enabled
    /// repository or a catalog without repositories: then an empty `latest-indexed` is known to
    /// be empty. Where no repository is enabled, nothing is known.
    pub listed: bool,
}

/// What of an image is in use in an environment.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct PackagesInUse {
    /// The environment.
    pub environment: EnvironmentName,
    /// The image.
    pub image: ImageId,
    /// The packages, as any source saw them loaded; sorted, each once.
    pub packages: Vec<RunningPackage>,
}

/// A tag that may be the newest of its repository.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TagCandidate {
    /// The repository.
    pub repository: RepositoryId,
    /// The repository's name, for messages.
    pub repository_name: RepositoryName,
    /// The tag.
    pub tag: Tag,
    /// When it was pushed, where the registry tells.
    pub pushed_at: Option<Timestamp>,
    /// When it was first seen with this digest.
    pub first_seen: Timestamp,
    /// The images in the artifact it points to, or, until that is looked at, in the last one it
    /// pointed to that is indexed. A tag that moved to something that is no image is no
    /// candidate.
    pub images: Vec<ImageId>,
}

/// A package's match key under its number.
pub type NumberedPackage = (PackageId, MatchKey);
