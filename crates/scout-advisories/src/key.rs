//! From a package in an image to the key under which it is matched.

use scout_envs::{Distribution, MatchKey, Package, PackageType};

use crate::ecosystem::ecosystem_of;

/// Returns the key of a package; nothing for a distribution's package where the distribution is
/// not known.
#[must_use]
pub fn match_key(package: &Package, distribution: Option<&Distribution>) -> Option<MatchKey> {
    let ecosystem = ecosystem_of(package.package_type, distribution)?;
    let name = match package.package_type {
        PackageType::Pypi => normalized_python_name(&package.name),
        _ => package.name.clone(),
    };
    let version = match package.package_type {
        PackageType::Golang => go_version(&package.version),
        _ => package.version.clone(),
    };
    let (source_name, source_version) = match &package.source {
        Some(source) => (source.name.clone(), source.version.clone()),
        None => (name.clone(), version.clone()),
    };
    Some(MatchKey {
        package_type: package.package_type,
        ecosystem,
        name,
        version,
        source_name,
        source_version,
        module: package.module.as_deref().and_then(module_stream),
    })
}

/// PEP 503: lower case, and one dash for each run of dashes, underscores and dots.
pub(crate) fn normalized_python_name(name: &str) -> String {
    let mut normalized = String::with_capacity(name.len());
    for char in name.trim().chars() {
        if !matches!(char, '-' | '_' | '.') {
            normalized.extend(char.to_lowercase());
        } else if !normalized.ends_with('-') {
            normalized.push('-');
        }
    }
    normalized
}

/// Go writes its own pre-releases as `1.22rc1`; the records of its advisories as `1.22.0-rc.1`.
fn go_version(version: &str) -> String {
    let start = version.find("rc").or_else(|| version.find("beta"));
    let split = start.and_then(|start| version.split_at_checked(start));
    let is_number = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
    };
    match split {
        Some((numbers, announced)) if !numbers.is_empty() && is_number(numbers) => {
            let end = announced.find(|char: char| char.is_ascii_digit());
            let (word, count) = announced.split_at(end.unwrap_or(announced.len()));
            format!("{numbers}.0-{word}.{count}")
        }
        _ => version.to_owned(),
    }
}

/// `nodejs:18:9020020230327152102:rhel9` is of the stream `nodejs:18`.
fn module_stream(label: &str) -> Option<String> {
    let mut parts = label.split(':').filter(|part| !part.is_empty());
    let name = parts.next()?;
    Some(match parts.next() {
        Some(stream) => format!("{name}:{stream}"),
        None => name.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use scout_envs::SourcePackage;

    use super::*;

    #[test]
    fn python_names_are_normalized() {
        for (name, expected) in [
            ("Django", "django"),
            ("zope.interface", "zope-interface"),
            ("ruamel_yaml-_.clib", "ruamel-yaml-clib"),
        ] {
            assert_eq!(normalized_python_name(name), expected);
        }
    }

    #[test]
    fn versions_of_go_itself_are_those_of_its_advisories() {
        for (version, expected) in [
            ("1.22rc1", "1.22.0-rc.1"),
            ("1.9beta2", "1.9.0-beta.2"),
            ("1.22.3", "1.22.3"),
            ("v1.2.3-rc1", "v1.2.3-rc1"),
            (
                "v0.0.0-20200101000000-abcdef012345",
                "v0.0.0-20200101000000-abcdef012345",
            ),
            ("(devel)", "(devel)"),
            ("rc", "rc"),
        ] {
            assert_eq!(go_version(version), expected);
        }
    }

    #[test]
    fn names_of_other_kinds_stay_as_they_are() {
        let package = Package::new(PackageType::Npm, "@Scope/Under_score", "1.0.0");
        let key = match_key(&package, None).unwrap();
        assert_eq!(key.name, "@Scope/Under_score");
        assert_eq!(key.source_name, "@Scope/Under_score");
        assert_eq!(key.source_version, "1.0.0");
    }

    #[test]
    fn source_and_module_are_kept() {
        let package = Package {
            source: Some(SourcePackage {
                name: "openssl".to_owned(),
                version: "3.0.1-23.el9_0".to_owned(),
            }),
            module: Some("nodejs:18:9020020230327152102:rhel9".to_owned()),
            ..Package::new(PackageType::Rpm, "openssl-libs", "1:3.0.1-23.el9_0")
        };
        let distribution = Distribution {
            id: "almalinux".to_owned(),
            version_id: Some("9.0".to_owned()),
            ..Distribution::default()
        };
        let key = match_key(&package, Some(&distribution)).unwrap();
        assert_eq!(key.ecosystem.as_str(), "AlmaLinux:9");
        assert_eq!(key.source_name, "openssl");
        assert_eq!(key.source_version, "3.0.1-23.el9_0");
        assert_eq!(key.module.as_deref(), Some("nodejs:18"));
        assert_eq!(match_key(&package, None), None);
    }
}
