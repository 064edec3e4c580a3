//! The ecosystems that OSV publishes (schema 1.7.5), as data: how each orders its versions and
//! which package name its records use.

use crate::version::Order;

/// Which of a package's names an ecosystem's records use.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Naming {
    /// The name of the installed (binary) package.
    Binary,
    /// The name of the source package; compared with the source package's version.
    Source,
    /// Either; both are looked up.
    BinaryOrSource,
}

/// What matching needs to know about one ecosystem.
#[derive(Debug)]
pub(crate) struct Profile {
    /// The name without a release, which is also the folder of the dump.
    pub(crate) base: &'static str,
    /// The order of versions.
    pub(crate) order: Order,
    /// The names that records use.
    pub(crate) naming: Naming,
    /// Whether a distribution of an operating system publishes it: then its words of severity
    /// are the distribution's own rating.
    pub(crate) distribution: bool,
}

/// Returns what is known about the ecosystem of this base name.
pub(crate) fn profile_of(base: &str) -> Option<&'static Profile> {
    PROFILES.iter().find(|profile| profile.base == base)
}

const fn distribution(base: &'static str, order: Order, naming: Naming) -> Profile {
    Profile {
        base,
        order,
        naming,
        distribution: true,
    }
}

const fn language(base: &'static str, order: Order) -> Profile {
    Profile {
        base,
        order,
        naming: Naming::Binary,
        distribution: false,
    }
}

/// The schema says that the names of AlmaLinux are those of source packages; its data says
/// binary packages (`openssl-libs`, each with its own epoch), and the data is right.
static PROFILES: &[Profile] = &[
    distribution("AlmaLinux", Order::Rpm, Naming::Binary),
    distribution("Alpaquita", Order::Apk, Naming::Source),
    distribution("Alpine", Order::Apk, Naming::Source),
    distribution("Azure Linux", Order::Rpm, Naming::BinaryOrSource),
    distribution("Chainguard", Order::Apk, Naming::Source),
    distribution("Debian", Order::Deb, Naming::Source),
    distribution("Echo", Order::Deb, Naming::Source),
    distribution("Mageia", Order::Rpm, Naming::BinaryOrSource),
    distribution("MinimOS", Order::Apk, Naming::Source),
    distribution("Photon OS", Order::Rpm, Naming::BinaryOrSource),
    distribution("Red Hat", Order::Rpm, Naming::BinaryOrSource),
    distribution("Rocky Linux", Order::Rpm, Naming::BinaryOrSource),
    distribution("SUSE", Order::Rpm, Naming::BinaryOrSource),
    distribution("Ubuntu", Order::Deb, Naming::Source),
    distribution("Wolfi", Order::Apk, Naming::Source),
    distribution("openEuler", Order::Rpm, Naming::BinaryOrSource),
    distribution("openSUSE", Order::Rpm, Naming::BinaryOrSource),
    language("Bitnami", Order::Semver),
    language("CRAN", Order::Generic),
    language("ConanCenter", Order::Semver),
    language("GitHub Actions", Order::Semver),
    language("Go", Order::Semver),
    language("Hackage", Order::Generic),
    language("Hex", Order::Semver),
    language("Julia", Order::Semver),
    language("Maven", Order::Generic),
    language("NuGet", Order::Generic),
    language("Packagist", Order::Generic),
    language("Pub", Order::Semver),
    language("PyPI", Order::Pep440),
    language("RubyGems", Order::Generic),
    language("SwiftURL", Order::Semver),
    language("crates.io", Order::Semver),
    language("npm", Order::Semver),
];
