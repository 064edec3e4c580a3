//! SPDX documents (2.2 and 2.3, JSON) that makers of images put beside what they install, above
//! all Bitnami: `/opt/bitnami/NAME/.spdx-NAME.spdx`. Only packages with a package URL count.

use std::fmt;
use std::io::BufRead;
use std::str::FromStr;

use packageurl::PackageUrl;
use scout_envs::license::{Dialect, License};
use scout_envs::{Package, PackageType};
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{Unreadable, json};
use crate::analysis::{Part, Parts};
use crate::limits::Limits;

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    packages: json::List<Described>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Described {
    license_declared: Option<String>,
    #[serde(default)]
    external_refs: Url,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reference {
    reference_type: Option<String>,
    reference_locator: Option<String>,
}

/// Of a list of references, the package URL.
#[derive(Default)]
struct Url(Option<String>);

impl<'de> Deserialize<'de> for Url {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(UrlVisitor)
    }
}

struct UrlVisitor;

impl<'de> Visitor<'de> for UrlVisitor {
    type Value = Url;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of references")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Url, A::Error> {
        let mut url = None;
        while let Some(reference) = list.next_element::<Reference>()? {
            if reference.reference_type.as_deref() == Some("purl") {
                url = url.or(reference.reference_locator);
            }
        }
        Ok(Url(url))
    }
}

pub(super) fn read(input: &mut dyn BufRead, limits: &Limits) -> Result<Parts, Unreadable> {
    let document: Document = json::read(input, "SPDX document")?;
    let mut parts = Parts::default();
    for described in document.packages.0 {
        let Url(Some(url)) = &described.external_refs else {
            continue;
        };
        match package(url) {
            Some(mut package) => {
                let license = described.license_declared.as_deref();
                package.license = license.and_then(|text| License::stated(text, Dialect::Spdx));
                parts.push(Part::stated(package), limits);
            }
            None => parts.note_incomplete("a package URL that is not valid, or without version"),
        }
    }
    Ok(parts)
}

/// Returns the package that a URL names. What a distribution's own database does not list was not
/// installed by it, so the distribution's types count as generic.
fn package(url: &str) -> Option<Package> {
    let url = PackageUrl::from_str(url).ok()?;
    let kind = PackageType::from_str(url.ty()).ok();
    let kind = kind.filter(|kind| !kind.is_distribution());
    let kind = kind.unwrap_or(PackageType::Generic);
    let separator = if kind == PackageType::Maven { ':' } else { '/' };
    let name = match url.namespace() {
        Some(namespace) => format!("{namespace}{separator}{}", url.name()),
        None => url.name().to_owned(),
    };
    Some(Package::new(kind, name, url.version()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_with_a_url_are_read() {
        let text = r#"{"spdxVersion":"SPDX-2.3","packages":[
            {"name":"nginx","versionInfo":"1.25.3","licenseDeclared":"BSD-2-Clause","externalRefs":[
              {"referenceCategory":"SECURITY","referenceType":"cpe23Type","referenceLocator":"cpe:x"},
              {"referenceCategory":"PACKAGE-MANAGER","referenceType":"purl","referenceLocator":"pkg:bitnami/nginx@1.25.3-4?arch=amd64&distro=debian-12"}]},
            {"name":"x","externalRefs":[{"referenceType":"purl","referenceLocator":"pkg:golang/github.com/a/b@v1.0.0"}]},
            {"name":"y","externalRefs":[{"referenceType":"purl","referenceLocator":"pkg:deb/debian/y@1"}]},
            {"name":"bad","externalRefs":[{"referenceType":"purl","referenceLocator":"nonsense"}]},
            {"name":"no url"}]}"#;
        let parts = read(&mut text.as_bytes(), &Limits::default()).unwrap();
        let found: Vec<_> = parts
            .packages
            .iter()
            .map(|part| {
                let Package {
                    package_type,
                    name,
                    version,
                    ..
                } = &part.package;
                format!("{package_type} {name} {version}")
            })
            .collect();
        assert_eq!(
            found,
            [
                "bitnami nginx 1.25.3-4",
                "golang github.com/a/b v1.0.0",
                "generic debian/y 1"
            ]
        );
        assert!(parts.incomplete.is_some());
        assert!(read(&mut &b"SPDXVersion: SPDX-2.2"[..], &Limits::default()).is_err());
    }
}
