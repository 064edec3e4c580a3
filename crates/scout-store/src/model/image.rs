//! Facts about images and layers. Recorded once; shared by all organizations.

use jiff::Timestamp;
use roaring::RoaringBitmap;
use scout_envs::{Digest, Distribution, Gap, ImageConfig, MatchKey, Platform};

use crate::id::ImageId;

/// A layer's analysis to be recorded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewLayer {
    /// The digest of the uncompressed layer, computed by us.
    pub diff_id: Digest,
    /// The digest of the blob it was read from.
    pub blob_digest: Digest,
    /// The version of the readers.
    pub analysis_version: u32,
    /// Size of the blob in bytes.
    pub compressed_bytes: u64,
    /// Size of the uncompressed layer in bytes.
    pub uncompressed_bytes: u64,
    /// The analysis; opaque to the store.
    pub analysis: Vec<u8>,
}

/// What is known of an image but for its packages.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageFacts {
    /// The digest of the platform's manifest; the image's identity.
    pub manifest_digest: Digest,
    /// The digest of its configuration, by which runtimes know it.
    pub config_digest: Digest,
    /// The platform.
    pub platform: Platform,
    /// What its configuration states.
    pub config: ImageConfig,
    /// The operating system, where it says so.
    pub distribution: Option<Distribution>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
    /// Whether anything that lists packages was found.
    pub has_package_database: bool,
    /// The digests of its uncompressed layers, lowest first.
    pub layers: Vec<Digest>,
    /// The version of the readers.
    pub analysis_version: u32,
    /// Sum of the blobs' sizes in bytes.
    pub compressed_bytes: u64,
    /// How many packages are installed, those owned by others not counted.
    pub package_count: u32,
}

/// An image to be recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct NewImage {
    /// What is known of it.
    pub facts: ImageFacts,
    /// The match keys of the packages.
    pub packages: Vec<MatchKey>,
    /// The match keys of language packages that a distribution package owns; the distribution's
    /// advisories speak for them.
    pub owned_packages: Vec<MatchKey>,
}

/// An image as recorded.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ImageRecord {
    /// Its number.
    pub id: ImageId,
    /// What is known of it.
    pub facts: ImageFacts,
    /// When it was analyzed.
    pub analyzed_at: Timestamp,
    /// The packages, as numbers of match keys.
    pub packages: RoaringBitmap,
    /// The packages that a distribution package owns.
    pub owned_packages: RoaringBitmap,
}
