//! The version order of each ecosystem. Every order accepts every text: a version that breaks
//! its ecosystem's rules still gets a place, so that no installed package escapes matching.

mod apk;
mod deb;
mod generic;
mod number;
mod pep440;
mod rpm;
mod semver;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::cmp::Ordering;

use scout_envs::Ecosystem;

use crate::profile::profile_of;

/// Compares two versions as the tools of the ecosystem do.
///
/// For an ecosystem whose order is not built in (Maven, NuGet, RubyGems, Packagist, CRAN, Hackage
/// and everything unknown) a generic order is used: numbers by value, words alphabetically, and
/// words like `rc` before the release. It is right for plain dotted numbers and not to be trusted
/// beyond them.
#[must_use]
pub fn compare(ecosystem: &Ecosystem, a: &str, b: &str) -> Ordering {
    Order::of(ecosystem.base()).compare(a, b)
}

/// An order of versions.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Order {
    /// `dpkg --compare-versions`.
    Deb,
    /// `rpmvercmp` over epoch, version and release.
    Rpm,
    /// `apk version -t`.
    Apk,
    /// PEP 440, older versions by the rules of setuptools.
    Pep440,
    /// Semantic versions, leniently.
    Semver,
    /// A guess for the rest.
    Generic,
}

impl Order {
    /// Returns the order of an ecosystem, by its name without a release.
    pub(crate) fn of(base: &str) -> Self {
        profile_of(base).map_or(Self::Generic, |profile| profile.order)
    }

    pub(crate) fn compare(self, a: &str, b: &str) -> Ordering {
        match self {
            Self::Deb => deb::compare(a, b),
            Self::Rpm => rpm::compare(a, b),
            Self::Apk => apk::compare(a, b),
            Self::Pep440 => pep440::compare(a, b),
            Self::Semver => semver::compare(a, b),
            Self::Generic => generic::compare(a, b),
        }
    }

    /// Returns the spelling under which equal versions of a `versions` list are equal texts.
    pub(crate) fn canonical(self, version: &str) -> Cow<'_, str> {
        match self {
            Self::Pep440 => pep440::canonical(version),
            _ => Cow::Borrowed(version),
        }
    }
}
