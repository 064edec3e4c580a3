//! Package URLs: the names under which other tools know packages.

use packageurl::PackageUrl;
use scout_envs::{Distribution, Package, PackageType};

/// Returns the package URL of a package.
///
/// A distribution's packages carry its `ID` as namespace and `distro=ID-VERSION_ID`; a package
/// built from another source carries `upstream=NAME@VERSION`.
///
/// ```
/// use scout_envs::{Package, PackageType};
///
/// let package = Package::new(PackageType::Npm, "@babel/core", "7.0.0");
/// assert_eq!(scout_sbom::purl(&package, None), "pkg:npm/%40babel/core@7.0.0");
/// ```
#[must_use]
pub fn purl(package: &Package, distribution: Option<&Distribution>) -> String {
    // The crate refuses only what no package database holds, such as an empty name.
    build(package, distribution).unwrap_or_else(|_| {
        format!(
            "pkg:generic/{}@{}",
            escape(&package.name),
            escape(&package.version)
        )
    })
}

fn build(
    package: &Package,
    distribution: Option<&Distribution>,
) -> Result<String, packageurl::Error> {
    let kind = package.package_type;
    let (namespace, name) = match kind {
        PackageType::Npm | PackageType::Composer => split(package.name.split_once('/'), package),
        PackageType::Golang => split(package.name.rsplit_once('/'), package),
        PackageType::Maven => split(package.name.split_once(':'), package),
        _ if kind.is_distribution() => (
            distribution.map(|distribution| distribution.id.as_str()),
            package.name.as_str(),
        ),
        _ => (None, package.name.as_str()),
    };
    let mut url = PackageUrl::new(kind.as_str(), name)?;
    if let Some(namespace) = namespace {
        url.with_namespace(namespace)?;
    }
    let (epoch, version) = match package.version.split_once(':') {
        Some((epoch, version)) if kind == PackageType::Rpm => (Some(epoch), version),
        _ => (None, package.version.as_str()),
    };
    url.with_version(version)?;
    if !kind.is_distribution() {
        return Ok(url.to_string());
    }
    if let Some(architecture) = &package.architecture {
        url.add_qualifier("arch", architecture.as_str())?;
    }
    if let Some(epoch) = epoch {
        url.add_qualifier("epoch", epoch)?;
    }
    if let Some(module) = &package.module {
        url.add_qualifier("rpmmod", module.as_str())?;
    }
    if let Some(source) = &package.source {
        url.add_qualifier("upstream", format!("{}@{}", source.name, source.version))?;
    }
    if let Some(distribution) = distribution {
        let distro = match &distribution.version_id {
            Some(version) => format!("{}-{version}", distribution.id),
            None => distribution.id.clone(),
        };
        url.add_qualifier("distro", distro)?;
    }
    Ok(url.to_string())
}

/// Returns the parts of a name that has a namespace, or the name alone.
fn split<'a>(
    parts: Option<(&'a str, &'a str)>,
    package: &'a Package,
) -> (Option<&'a str>, &'a str) {
    match parts {
        Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() => {
            (Some(namespace), name)
        }
        _ => (None, package.name.as_str()),
    }
}

fn escape(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use scout_envs::SourcePackage;

    use super::*;

    #[test]
    fn packages_have_the_urls_that_other_tools_use() {
        let distribution = Distribution {
            id: "debian".to_owned(),
            version_id: Some("12".to_owned()),
            ..Distribution::default()
        };
        let mut deb = Package::new(PackageType::Deb, "libstdc++6", "1:12.2.0-14");
        deb.architecture = Some("amd64".to_owned());
        deb.source = Some(SourcePackage {
            name: "gcc-12".to_owned(),
            version: "12.2.0-14".to_owned(),
        });
        let mut rpm = Package::new(PackageType::Rpm, "bind-libs", "32:9.16.23-1.el9");
        rpm.architecture = Some("x86_64".to_owned());
        for (package, distribution, expected) in [
            (
                deb,
                Some(&distribution),
                "pkg:deb/debian/libstdc%2B%2B6@1:12.2.0-14?arch=amd64&distro=debian-12&upstream=gcc-12%4012.2.0-14",
            ),
            (
                rpm,
                None,
                "pkg:rpm/bind-libs@9.16.23-1.el9?arch=x86_64&epoch=32",
            ),
            (
                Package::new(PackageType::Pypi, "Foo_Bar", "1.0"),
                Some(&distribution),
                "pkg:pypi/foo-bar@1.0",
            ),
            (
                Package::new(
                    PackageType::Golang,
                    "github.com/a/b/v2",
                    "v2.0.1+incompatible",
                ),
                Some(&distribution),
                "pkg:golang/github.com/a/b/v2@v2.0.1%2Bincompatible",
            ),
            (
                Package::new(PackageType::Golang, "stdlib", "1.22.3"),
                None,
                "pkg:golang/stdlib@1.22.3",
            ),
            (
                Package::new(PackageType::Maven, "org.a:b", "1"),
                None,
                "pkg:maven/org.a/b@1",
            ),
            (
                Package::new(PackageType::Composer, "symfony/console", "v6.1"),
                None,
                "pkg:composer/symfony/console@v6.1",
            ),
            (
                Package::new(PackageType::Npm, "is-number", "7.0.0"),
                None,
                "pkg:npm/is-number@7.0.0",
            ),
        ] {
            assert_eq!(purl(&package, distribution), expected);
        }
    }
}
