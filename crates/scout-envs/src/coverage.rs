//! How much of an image could be judged. What is missing is named, never counted as clean.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::gap::Gap;
use crate::package::Ecosystem;

/// One reason why an image's findings may be incomplete.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Unknown {
    /// The advisories of this ecosystem and release are not loaded.
    NoFeed(Ecosystem),
    /// Nobody publishes advisories for this distribution that we can read.
    NoPublishedFeed(Ecosystem),
    /// The versions of this ecosystem cannot be compared yet, so its advisories tell nothing.
    NoVersionOrder(Ecosystem),
    /// Advisories speak of a package of this ecosystem whose version is not known.
    NoVersion(Ecosystem),
    /// Something in the image could not be read.
    Unread(Gap),
    /// The image has packages of a distribution but does not say which.
    NoDistribution,
    /// Nothing in the image tells what is installed.
    NoPackageDatabase,
    /// There is a package database, and nothing in it.
    NoPackages,
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoFeed(ecosystem) => write!(f, "no advisories loaded for {ecosystem}"),
            Self::NoPublishedFeed(ecosystem) => {
                write!(f, "no advisories are published for {ecosystem}")
            }
            Self::NoVersionOrder(ecosystem) => {
                write!(f, "versions of {ecosystem} cannot be compared yet")
            }
            Self::NoVersion(ecosystem) => write!(
                f,
                "advisories for {ecosystem} speak of a package whose version is not known"
            ),
            Self::Unread(gap) => write!(f, "not read: {gap}"),
            Self::NoDistribution => f.write_str("packages of an unknown distribution"),
            Self::NoPackageDatabase => f.write_str("no package database found"),
            Self::NoPackages => f.write_str("the package database lists nothing"),
        }
    }
}

/// Whether an image's findings can be trusted to be all there are.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Coverage {
    /// Whether at least one advisory feed that could speak of the image was asked, or there was
    /// nothing to ask about.
    pub judged: bool,
    /// What is not known, sorted; empty when everything is.
    pub unknown: Vec<Unknown>,
}

impl Coverage {
    /// Returns whether nothing is unknown.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.judged && self.unknown.is_empty()
    }
}
