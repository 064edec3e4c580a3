//! What the formats have no field for: pairs of a name and a value, which CycloneDX keeps as
//! properties and SPDX as annotations.

use scout_envs::{Certainty, Distribution, Gap, Package, Platform};

use super::locator;
use super::{Document, DocumentPackage};

/// Every name of ours begins with this.
const PREFIX: &str = "scout:";

const PATH: &str = "path";
const LAYER: &str = "layer";
const OWNER: &str = "owner";
const CERTAINTY: &str = "certainty";
const PACKAGE: &str = "package";
const PLATFORM: &str = "platform";
const DISTRIBUTION: &str = "distribution";
const CREATED: &str = "created";
const GAP: &str = "gap";

/// A name with our prefix, and a value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Extra {
    pub(super) name: String,
    pub(super) value: String,
}

impl Extra {
    fn new(name: &str, value: impl Into<String>) -> Self {
        Self {
            name: format!("{PREFIX}{name}"),
            value: value.into(),
        }
    }

    fn json(name: &str, value: &impl serde::Serialize) -> Option<Self> {
        Some(Self::new(name, serde_json::to_string(value).ok()?))
    }
}

/// What is told of a package beside its URL, name, version and licence. Its paths come last.
pub(super) fn of_package(found: &DocumentPackage) -> Vec<Extra> {
    let mut extras = Vec::new();
    extras.extend(
        found
            .layer
            .map(|layer| Extra::new(LAYER, layer.to_string())),
    );
    extras.extend(found.owner.as_ref().map(|owner| Extra::new(OWNER, owner)));
    if !found.certainty.is_stated() {
        extras.extend(Extra::json(CERTAINTY, &found.certainty));
    }
    // A URL does not tell all of every package; where it does, nothing is said twice.
    if locator::package(&found.purl, &found.package) != Some(found.package.clone()) {
        extras.extend(Extra::json(PACKAGE, &found.package));
    }
    extras.extend(found.paths.iter().map(|path| Extra::new(PATH, path)));
    extras
}

/// Puts back what [`of_package`] told; other pairs are ignored.
pub(super) fn apply_to_package<'a>(
    found: &mut DocumentPackage,
    extras: impl Iterator<Item = (&'a str, &'a str)>,
) {
    for (name, value) in extras {
        match name.strip_prefix(PREFIX) {
            Some(PATH) if !found.paths.iter().any(|path| path == value) => {
                found.paths.push(value.to_owned());
            }
            Some(LAYER) => found.layer = value.parse().ok(),
            Some(OWNER) => found.owner = Some(value.to_owned()),
            Some(CERTAINTY) => {
                found.certainty = parse::<Certainty>(value).unwrap_or_default();
            }
            Some(PACKAGE) => {
                if let Some(package) = parse::<Package>(value) {
                    found.package = package;
                }
            }
            _ => {}
        }
    }
}

/// What is told of the image as a whole.
pub(super) fn of_image(document: &Document) -> Vec<Extra> {
    let mut extras = Vec::new();
    if let Some(platform) = &document.platform {
        extras.push(Extra::new(PLATFORM, platform.to_string()));
    }
    // Without one, the document's time is no time of the image.
    if let Some(created) = document.created {
        extras.push(Extra::new(CREATED, created.to_string()));
    }
    if let Some(distribution) = &document.distribution {
        extras.extend(Extra::json(DISTRIBUTION, distribution));
    }
    extras.extend(document.gaps.iter().filter_map(|gap| Extra::json(GAP, gap)));
    extras
}

/// Puts back what [`of_image`] told.
pub(super) fn apply_to_image<'a>(
    document: &mut Document,
    extras: impl Iterator<Item = (&'a str, &'a str)>,
) {
    for (name, value) in extras {
        match name.strip_prefix(PREFIX) {
            Some(PLATFORM) => document.platform = value.parse::<Platform>().ok(),
            Some(CREATED) => document.created = value.parse().ok(),
            Some(DISTRIBUTION) => {
                if let Some(distribution) = parse::<Distribution>(value) {
                    document.distribution = Some(distribution);
                }
            }
            Some(GAP) => document.gaps.extend(parse::<Gap>(value)),
            _ => {}
        }
    }
}

fn parse<T: serde::de::DeserializeOwned>(value: &str) -> Option<T> {
    serde_json::from_str(value).ok()
}
