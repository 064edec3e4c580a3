//! Which advisories speak of an image's packages: from `os-release` to the ecosystem names of
//! OSV.
//!
//! `ID_LIKE` is never used: a derived distribution builds, versions and fixes its packages
//! itself, so the advisories of another one would be wrong both ways.

use std::borrow::Cow;

use scout_envs::{Distribution, Ecosystem, PackageType};

use crate::profile::profile_of;
use crate::version::Order;

/// Longest part of an ecosystem's name taken from an image, in characters: an image must not be
/// able to fill reports or labels.
const MAX_PART_CHARS: usize = 64;

/// Returns the ecosystem whose advisories speak of packages of this kind in an image of this
/// distribution; nothing for a distribution's package where the distribution is not known.
///
/// A distribution that OSV has no name for gives `<ID>:<VERSION_ID>`; no feed has that name.
#[must_use]
pub fn ecosystem_of(
    package_type: PackageType,
    distribution: Option<&Distribution>,
) -> Option<Ecosystem> {
    if package_type.is_distribution() {
        return distribution
            .filter(|distribution| !distribution.id.is_empty())
            .map(of_distribution);
    }
    Some(Ecosystem::new(match package_type {
        PackageType::Npm => "npm",
        PackageType::Pypi => "PyPI",
        PackageType::Golang => "Go",
        PackageType::Cargo => "crates.io",
        PackageType::Maven => "Maven",
        PackageType::Gem => "RubyGems",
        PackageType::Composer => "Packagist",
        PackageType::Nuget => "NuGet",
        PackageType::Bitnami => "Bitnami",
        // Nobody publishes advisories under these names.
        other => other.as_str(),
    }))
}

/// Returns whether the versions of this ecosystem can be compared as its own tools do it.
///
/// Where they cannot, its advisories must not be asked: a wrong order finds what is not there and,
/// worse, misses what is.
#[must_use]
pub fn has_version_order(ecosystem: &Ecosystem) -> bool {
    profile_of(ecosystem.base()).is_some_and(|profile| profile.order != Order::Generic)
}

/// Returns whether OSV publishes advisories for this ecosystem, in whichever release.
#[must_use]
pub fn has_published_feed(ecosystem: &Ecosystem) -> bool {
    profile_of(ecosystem.base()).is_some()
}

/// Returns the address of the dump that holds an ecosystem's advisories, all releases together.
#[must_use]
pub fn feed_url(ecosystem: &Ecosystem) -> String {
    format!(
        "https://storage.googleapis.com/osv-vulnerabilities/{}/all.zip",
        percent_encoded(ecosystem.base())
    )
}

/// Returns the spelling that records and packages of one release have in common.
///
/// Red Hat's records name a repository of the product (`enterprise_linux:9::appstream`), an image
/// names another one, and both mean the same release.
pub(crate) fn release_of(ecosystem: &str) -> Cow<'_, str> {
    let Some(product) = ecosystem.strip_prefix("Red Hat:enterprise_linux:") else {
        return Cow::Borrowed(ecosystem);
    };
    Cow::Owned(format!("Red Hat:enterprise_linux:{}", major(product)))
}

fn of_distribution(distribution: &Distribution) -> Ecosystem {
    let version = distribution.version_id.as_deref().unwrap_or_default();
    let name = match distribution.id.as_str() {
        "debian" => return debian(distribution),
        "ubuntu" if !version.is_empty() => format!("Ubuntu:{}{}", clean(version), lts(version)),
        "alpine" if !version.is_empty() => format!("Alpine:{}", alpine_branch(version)),
        "almalinux" => with_release("AlmaLinux", major(version)),
        "rocky" => with_release("Rocky Linux", major(version)),
        "rhel" => with_release("Red Hat:enterprise_linux", major(version)),
        "mageia" => with_release("Mageia", major(version)),
        "photon" => with_release("Photon OS", version),
        "azurelinux" | "mariner" => with_release("Azure Linux", major(version)),
        "openeuler" => with_release("openEuler", version),
        "wolfi" => "Wolfi".to_owned(),
        "chainguard" => "Chainguard".to_owned(),
        "minimos" => "MinimOS".to_owned(),
        "echo" => "Echo".to_owned(),
        id if id == "sles" || id.starts_with("opensuse") => return suse(distribution),
        _ => return unknown(distribution),
    };
    Ecosystem::new(name)
}

fn debian(distribution: &Distribution) -> Ecosystem {
    // Testing and unstable have no VERSION_ID and no feed: their codename says so honestly.
    let release = match (&distribution.version_id, &distribution.codename) {
        (Some(version), _) => major(version),
        (None, Some(codename)) => codename,
        (None, None) => "sid",
    };
    Ecosystem::new(with_release("Debian", release))
}

/// `:LTS` for the April releases of even years.
fn lts(version: &str) -> &'static str {
    let is_lts = version.split_once('.').is_some_and(|(year, month)| {
        month == "04" && year.parse::<u32>().is_ok_and(|year| year % 2 == 0)
    });
    if is_lts { ":LTS" } else { "" }
}

/// `3.11.3` is of the branch `v3.11`, `3.21.0_alpha20240807` of `edge`.
fn alpine_branch(version: &str) -> String {
    if version.contains('_') {
        return "edge".to_owned();
    }
    let branch: Vec<&str> = version.split('.').take(2).collect();
    format!("v{}", clean(&branch.join(".")))
}

/// The names of SUSE's products are what `PRETTY_NAME` says, behind the maker's name.
fn suse(distribution: &Distribution) -> Ecosystem {
    let name = distribution.pretty_name.as_deref().unwrap_or_default();
    let known = [("openSUSE ", "openSUSE"), ("SUSE ", "SUSE")]
        .into_iter()
        .find_map(|(prefix, base)| Some((base, name.strip_prefix(prefix)?)));
    match known {
        Some((base, product)) => Ecosystem::new(with_release(base, product)),
        None => unknown(distribution),
    }
}

fn unknown(distribution: &Distribution) -> Ecosystem {
    // Whatever an image calls itself, it must not be taken for one of OSV's ecosystems.
    let mut id = clean(&distribution.id.to_lowercase()).replace(':', "-");
    if profile_of(&id).is_some() {
        id.push_str("-os");
    }
    let version = distribution.version_id.as_deref().unwrap_or("unknown");
    Ecosystem::new(with_release(&id, &version.to_lowercase()))
}

fn with_release(base: &str, release: &str) -> String {
    let release = clean(release);
    if release.is_empty() {
        format!("{base}:unknown")
    } else {
        format!("{base}:{release}")
    }
}

/// The number before the first dot or colon.
fn major(version: &str) -> &str {
    version.split(['.', ':']).next().unwrap_or(version)
}

fn clean(text: &str) -> String {
    text.trim()
        .chars()
        .map(|char| match char {
            '0'..='9' | 'a'..='z' | 'A'..='Z' | '.' | '_' | '-' | ' ' | ':' | '+' => char,
            _ => '-',
        })
        .take(MAX_PART_CHARS)
        .collect()
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distribution(id: &str, version: &str, pretty: &str) -> Distribution {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Distribution {
            id: id.to_owned(),
            id_like: vec!["debian".to_owned(), "rhel".to_owned()],
            version_id: some(version),
            codename: None,
            pretty_name: some(pretty),
            cpe_name: None,
        }
    }

    #[test]
    fn distributions_have_the_names_of_osv() {
        for (id, version, pretty, expected, published) in [
            ("debian", "12", "", "Debian:12", true),
            ("debian", "", "", "Debian:sid", true),
            ("ubuntu", "22.04", "", "Ubuntu:22.04:LTS", true),
            ("ubuntu", "22.10", "", "Ubuntu:22.10", true),
            ("ubuntu", "23.04", "", "Ubuntu:23.04", true),
            ("alpine", "3.11.3", "", "Alpine:v3.11", true),
            ("alpine", "3.20", "", "Alpine:v3.20", true),
            ("alpine", "3.21.0_alpha20240807", "", "Alpine:edge", true),
            ("almalinux", "9.0", "", "AlmaLinux:9", true),
            ("rocky", "9.3", "", "Rocky Linux:9", true),
            ("rhel", "9.4", "", "Red Hat:enterprise_linux:9", true),
            (
                "opensuse-leap",
                "15.5",
                "openSUSE Leap 15.5",
                "openSUSE:Leap 15.5",
                true,
            ),
            (
                "opensuse-tumbleweed",
                "20250101",
                "openSUSE Tumbleweed",
                "openSUSE:Tumbleweed",
                true,
            ),
            (
                "sles",
                "15.5",
                "SUSE Linux Enterprise Server 15 SP5",
                "SUSE:Linux Enterprise Server 15 SP5",
                true,
            ),
            ("mageia", "9", "", "Mageia:9", true),
            ("photon", "5.0", "", "Photon OS:5.0", true),
            ("azurelinux", "3.0", "", "Azure Linux:3", true),
            ("mariner", "2.0", "", "Azure Linux:2", true),
            ("wolfi", "20230201", "", "Wolfi", true),
            ("chainguard", "20230214", "", "Chainguard", true),
            // No advisories of a relative are borrowed.
            ("linuxmint", "21", "", "linuxmint:21", false),
            ("amzn", "2023", "", "amzn:2023", false),
            ("ol", "9.4", "", "ol:9.4", false),
            ("kali", "", "", "kali:unknown", false),
        ] {
            let distribution = distribution(id, version, pretty);
            let ecosystem = ecosystem_of(PackageType::Deb, Some(&distribution)).unwrap();
            assert_eq!(ecosystem.as_str(), expected);
            assert_eq!(has_published_feed(&ecosystem), published, "{expected}");
        }
    }

    #[test]
    fn a_debian_without_a_number_is_called_by_its_codename() {
        let testing = Distribution {
            codename: Some("forky".to_owned()),
            ..distribution("debian", "", "Debian GNU/Linux forky/sid")
        };
        let ecosystem = ecosystem_of(PackageType::Deb, Some(&testing)).unwrap();
        assert_eq!(ecosystem.as_str(), "Debian:forky");
    }

    #[test]
    fn language_packages_need_no_distribution() {
        for (package_type, expected) in [
            (PackageType::Npm, Some("npm")),
            (PackageType::Pypi, Some("PyPI")),
            (PackageType::Golang, Some("Go")),
            (PackageType::Cargo, Some("crates.io")),
            (PackageType::Maven, Some("Maven")),
            (PackageType::Conda, Some("conda")),
            (PackageType::Alpm, None),
            (PackageType::Deb, None),
            (PackageType::Rpm, None),
            (PackageType::Apk, None),
        ] {
            let ecosystem = ecosystem_of(package_type, None);
            assert_eq!(ecosystem.as_ref().map(Ecosystem::as_str), expected);
        }
    }

    #[test]
    fn what_has_no_order_is_told() {
        for (ecosystem, expected) in [
            ("Debian:12", true),
            ("Go", true),
            ("crates.io", true),
            ("Maven", false),
            ("conda", false),
            ("arch:unknown", false),
        ] {
            let ecosystem = Ecosystem::new(ecosystem);
            assert_eq!(has_version_order(&ecosystem), expected, "{ecosystem}");
        }
    }

    #[test]
    fn an_image_cannot_choose_a_strange_name() {
        for (id, version, expected) in [
            ("../../etc", "1/../2", "..-..-etc:1-..-2"),
            ("Debian:12", "", "debian-12:unknown"),
            ("npm", "1", "npm-os:1"),
            ("x\n{}\"", "\u{0}", "x----:-"),
        ] {
            let distribution = distribution(id, version, "");
            let ecosystem = ecosystem_of(PackageType::Rpm, Some(&distribution)).unwrap();
            assert_eq!(ecosystem.as_str(), expected);
            assert!(!has_published_feed(&ecosystem));
        }
        let long = distribution(&"x".repeat(1000), &"1".repeat(1000), "");
        let ecosystem = ecosystem_of(PackageType::Rpm, Some(&long)).unwrap();
        assert!(ecosystem.as_str().len() < 200);
    }

    #[test]
    fn addresses_of_feeds_are_encoded() {
        for (ecosystem, expected) in [
            ("Debian:12", "/Debian/all.zip"),
            ("Rocky Linux:9", "/Rocky%20Linux/all.zip"),
            ("crates.io", "/crates.io/all.zip"),
        ] {
            let url = feed_url(&Ecosystem::new(ecosystem));
            assert!(url.ends_with(expected), "{url}");
        }
    }

    #[test]
    fn repositories_of_red_hat_are_one_release() {
        for (ecosystem, expected) in [
            (
                "Red Hat:enterprise_linux:9::appstream",
                "Red Hat:enterprise_linux:9",
            ),
            (
                "Red Hat:enterprise_linux:8.4:GA",
                "Red Hat:enterprise_linux:8",
            ),
            (
                "Red Hat:rhel_eus:9.2::baseos",
                "Red Hat:rhel_eus:9.2::baseos",
            ),
            ("Debian:12", "Debian:12"),
        ] {
            assert_eq!(release_of(ecosystem), expected);
        }
    }
}
