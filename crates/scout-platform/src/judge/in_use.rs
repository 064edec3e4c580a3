//! Which packages of an image were seen loaded at run time.
//!
//! Whoever looks at run time has names and versions of its own, and sometimes package URLs
//! (<https://github.com/package-url/purl-spec>). What cannot be found in the image's own packages
//! is left out: nothing is in use that is not there.

use std::collections::{BTreeMap, HashSet};

use roaring::RoaringBitmap;
use scout_envs::{MatchKey, StreamName};
use scout_store::{ImageId, JudgeInput, PackageId, RunningPackage};

/// Returns the packages in use of each image in each stream where somebody looked.
pub(super) fn in_use(
    input: &JudgeInput,
    keys: &BTreeMap<PackageId, MatchKey>,
) -> BTreeMap<(StreamName, ImageId), RoaringBitmap> {
    let images: BTreeMap<ImageId, &RoaringBitmap> = input
        .images
        .iter()
        .map(|image| (image.id, &image.packages))
        .collect();
    let seen = input.in_use.iter().filter_map(|seen| {
        let packages = images.get(&seen.image)?;
        let stream = seen.environment.to_stream();
        Some(((stream, seen.image), find(&seen.packages, packages, keys)))
    });
    seen.collect()
}

/// Finds what was seen among the packages of an image.
fn find(
    seen: &[RunningPackage],
    packages: &RoaringBitmap,
    keys: &BTreeMap<PackageId, MatchKey>,
) -> RoaringBitmap {
    let names: HashSet<(String, String)> = seen.iter().flat_map(names).collect();
    let is_seen = |id: &u32| {
        let key = keys.get(&PackageId(*id));
        key.is_some_and(|key| names.contains(&(name(&key.name), version(&key.version))))
    };
    packages.iter().filter(is_seen).collect()
}

/// Everything that a package may be called, with its version.
fn names(package: &RunningPackage) -> Vec<(String, String)> {
    let mut names = vec![(name(&package.name), version(&package.version))];
    if let Some((namespace, own, told)) = package.purl.as_deref().and_then(purl) {
        let told = version(told.as_deref().unwrap_or(&package.version));
        if let Some(namespace) = namespace {
            // npm joins them with a slash, Maven with a colon.
            names.push((name(&format!("{namespace}/{own}")), told.clone()));
            names.push((name(&format!("{namespace}:{own}")), told.clone()));
        }
        names.push((name(&own), told));
    }
    names
}

/// Reads namespace, name and version of a package URL.
fn purl(text: &str) -> Option<(Option<String>, String, Option<String>)> {
    let rest = text.strip_prefix("pkg:")?;
    let rest = rest.split(['?', '#']).next()?;
    let (_, rest) = rest.trim_start_matches('/').split_once('/')?;
    // A version has no slash, and an unescaped @ before the last slash is part of a scope.
    let (path, version) = match rest.rsplit_once('@') {
        Some((path, version)) if !version.contains('/') && !path.is_empty() => {
            (path, Some(decoded(version)))
        }
        _ => (rest, None),
    };
    let (namespace, own) = match path.rsplit_once('/') {
        Some((namespace, own)) => (Some(decoded(namespace)), own),
        None => (None, path),
    };
    Some((namespace, decoded(own), version))
}

/// Undoes percent-encoding.
fn decoded(text: &str) -> String {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let mut rest = text.as_bytes();
    let mut found = Vec::with_capacity(rest.len());
    while let Some((&byte, after)) = rest.split_first() {
        let code = match *rest {
            [b'%', high, low, ..] => digit(high).zip(digit(low)),
            _ => None,
        };
        let code = code.and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
        found.push(code.unwrap_or(byte));
        rest = match code {
            Some(_) => after.get(2..).unwrap_or_default(),
            None => after,
        };
    }
    String::from_utf8_lossy(&found).into_owned()
}

/// A name as it is compared: Python writes one name in several ways.
fn name(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    lower.replace(['_', '.'], "-")
}

/// A version as it is compared: without epoch, which some leave out.
fn version(version: &str) -> String {
    let plain = match version.split_once(':') {
        Some((epoch, rest)) if epoch.bytes().all(|byte| byte.is_ascii_digit()) => rest,
        _ => version,
    };
    plain.to_owned()
}

#[cfg(test)]
mod tests {
    use scout_envs::{Ecosystem, PackageType};

    use super::*;

    fn key(ecosystem: &str, name: &str, version: &str) -> MatchKey {
        MatchKey {
            package_type: PackageType::Deb,
            ecosystem: Ecosystem::new(ecosystem),
            name: name.to_owned(),
            version: version.to_owned(),
            source_name: name.to_owned(),
            source_version: version.to_owned(),
            module: None,
        }
    }

    fn check(name: &str, version: &str, purl: Option<&str>, expected: &[u32]) {
        let installed = [
            key("Debian:12", "openssl", "3.0.9-1"),
            key("Red Hat", "bash", "1:5.2-3"),
            key("npm", "@scope/left-pad", "1.0.0"),
            key("PyPI", "zope-interface", "5.0"),
            key("npm", "left-pad", "2.0.0"),
        ];
        let keys: BTreeMap<PackageId, MatchKey> = (0..).map(PackageId).zip(installed).collect();
        // The last is another image's.
        let packages: RoaringBitmap = (0..4).collect();
        let seen = [RunningPackage {
            name: name.to_owned(),
            version: version.to_owned(),
            purl: purl.map(str::to_owned),
        }];
        let found: Vec<u32> = find(&seen, &packages, &keys).iter().collect();
        assert_eq!(found, expected, "{name} {version} {purl:?}");
    }

    #[test]
    fn packages_are_found_as_they_are_called_elsewhere() {
        check("openssl", "3.0.9-1", None, &[0]);
        check("OpenSSL", "3.0.9-1", None, &[0]);
        check("openssl", "3.0.9-2", None, &[]);
        check("bash", "5.2-3", None, &[1]);
        check(
            "bash",
            "1:5.2-3",
            Some("pkg:rpm/redhat/bash@5.2-3?epoch=1"),
            &[1],
        );
        check("@scope/left-pad", "1.0.0", None, &[2]);
        check("left-pad", "1.0.0", None, &[]);
        check(
            "left-pad",
            "1.0.0",
            Some("pkg:npm/%40scope/left-pad@1.0.0"),
            &[2],
        );
        check(
            "left-pad",
            "1.0.0",
            Some("pkg:npm/@scope/left-pad@1.0.0#x"),
            &[2],
        );
        check("left-pad", "1.0.0", Some("pkg:npm/%40scope/left-pad"), &[2]);
        check("zope.interface", "5.0", None, &[3]);
        check(
            "Zope_Interface",
            "5.0",
            Some("pkg:pypi/zope.interface@5.0"),
            &[3],
        );
        check("left-pad", "2.0.0", None, &[]);
    }

    #[test]
    fn odd_package_urls_do_no_harm() {
        for text in [
            "",
            "pkg:",
            "pkg:npm",
            "pkg:npm/",
            "pkg:npm/@",
            "pkg:npm/%",
            "pkg:npm/%4",
            "x",
        ] {
            check("unknown", "1", Some(text), &[]);
        }
        assert_eq!(decoded("%2B%zz%é%"), "+%zz%é%");
    }
}
