//! What an attempt checks and derives without asking anybody: whether a manifest is an image,
//! whether its configuration fits its layers, and the facts that follow from a composition.

use scout_advisories::match_key;
use scout_envs::{Digest, Ecosystem, MatchKey, Package, Platform};
use scout_registry::{ConfigFile, ImageManifest};
use scout_sbom::{ANALYSIS_VERSION, Composition, InstalledPackage};
use scout_store::{ImageFacts, NewImage};

use super::failure::Failure;

pub(super) fn unknown_manifest() -> Failure {
    Failure::Skipped("neither an image nor an index of images".to_owned())
}

pub(super) fn check_is_image(manifest: &ImageManifest) -> Result<(), Failure> {
    if manifest.is_container_image() {
        return Ok(());
    }
    Err(Failure::Skipped(format!(
        "not a container image but {}",
        manifest.kind()
    )))
}

/// The configuration says which layers it was made for. One that does not fit the layers found
/// may be another image's, so nothing is recorded.
pub(super) fn check_diff_id(
    config: &ConfigFile,
    manifest: &ImageManifest,
    position: usize,
    computed: &Digest,
) -> Result<(), Failure> {
    if config.diff_ids.len() != manifest.layers.len() {
        return Err(Failure::Refused(format!(
            "the manifest has {} layers, the configuration {}",
            manifest.layers.len(),
            config.diff_ids.len()
        )));
    }
    match config.diff_ids.get(position) {
        Some(claimed) if claimed == computed => Ok(()),
        claimed => Err(Failure::Refused(format!(
            "the content of layer {} is {}, the configuration says {}",
            position + 1,
            computed.short(),
            claimed.map_or("nothing", Digest::short)
        ))),
    }
}

/// What of an image is known before its layers are composed.
pub(super) struct Origin {
    pub(super) manifest: Digest,
    pub(super) config: Digest,
    pub(super) layers: Vec<Digest>,
    pub(super) compressed_bytes: u64,
}

/// The image that follows from a composition.
pub(super) fn new_image(origin: Origin, config: ConfigFile, composition: Composition) -> NewImage {
    let distribution = composition.distribution;
    let key = |installed: &InstalledPackage| {
        match_key(&installed.package, distribution.as_ref())
            .unwrap_or_else(|| key_without_distribution(&installed.package))
    };
    let (owned, own): (Vec<_>, Vec<_>) = composition
        .packages
        .iter()
        .partition(|installed| installed.owner.is_some());
    // Without a distribution there is no database to miss, if packages were found at all.
    let has_package_database = !composition.databases.is_empty()
        || (distribution.is_none() && !composition.packages.is_empty());
    NewImage {
        packages: own.iter().copied().map(key).collect(),
        owned_packages: owned.iter().copied().map(key).collect(),
        facts: ImageFacts {
            manifest_digest: origin.manifest,
            config_digest: origin.config,
            platform: config.platform.unwrap_or_else(unstated),
            config: config.config,
            gaps: composition.gaps,
            has_package_database,
            layers: origin.layers,
            analysis_version: ANALYSIS_VERSION,
            compressed_bytes: origin.compressed_bytes,
            package_count: u32::try_from(own.len()).unwrap_or(u32::MAX),
            distribution,
        },
    }
}

/// The platform of an image that does not say which it is for.
pub(super) fn unstated() -> Platform {
    Platform::new("", "", None)
}

/// A distribution's package in an image that does not say which distribution it is.
fn key_without_distribution(package: &Package) -> MatchKey {
    let source = package.source.as_ref();
    MatchKey {
        package_type: package.package_type,
        ecosystem: Ecosystem::new(UNKNOWN_DISTRIBUTION),
        name: package.name.clone(),
        version: package.version.clone(),
        source_name: source.map_or_else(|| package.name.clone(), |source| source.name.clone()),
        source_version: source
            .map_or_else(|| package.version.clone(), |source| source.version.clone()),
        module: package.module.clone(),
    }
}

/// The ecosystem of packages whose distribution is not known. OSV has no such name.
pub(crate) const UNKNOWN_DISTRIBUTION: &str = "unknown-distribution";
