//! Reading CycloneDX 1.4 to 1.7. Only what tells of packages is looked at; what is not known is
//! passed over, as a reader of a format with yearly versions must.

use scout_envs::license::{Dialect, License};
use scout_envs::{Distribution, Package};
use serde::Deserialize;

use crate::document::locator::{self, Parts};
use crate::document::{Document, DocumentPackage, extra, or_default, refused, unreadable};
use crate::error::Result;

const VERSIONS: [&str; 4] = ["1.4", "1.5", "1.6", "1.7"];

#[derive(Default, Deserialize)]
#[serde(default)]
struct Bom {
    #[serde(deserialize_with = "or_default")]
    metadata: Metadata,
    #[serde(deserialize_with = "or_default")]
    components: Vec<Component>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    component: Option<Component>,
    #[serde(deserialize_with = "or_default")]
    properties: Vec<Property>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Component {
    #[serde(rename = "type", deserialize_with = "or_default")]
    kind: String,
    group: Option<String>,
    #[serde(deserialize_with = "or_default")]
    name: String,
    version: Option<String>,
    description: Option<String>,
    cpe: Option<String>,
    purl: Option<String>,
    #[serde(deserialize_with = "or_default")]
    licenses: Vec<LicenseChoice>,
    #[serde(deserialize_with = "or_default")]
    evidence: Evidence,
    #[serde(deserialize_with = "or_default")]
    properties: Vec<Property>,
    #[serde(deserialize_with = "or_default")]
    components: Vec<Self>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct LicenseChoice {
    expression: Option<String>,
    license: Option<NamedLicense>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct NamedLicense {
    id: Option<String>,
    name: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Evidence {
    #[serde(deserialize_with = "or_default")]
    occurrences: Vec<Occurrence>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Occurrence {
    #[serde(deserialize_with = "or_default")]
    location: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Property {
    #[serde(deserialize_with = "or_default")]
    name: String,
    #[serde(deserialize_with = "or_default")]
    value: String,
}

pub(in crate::document) fn read(bytes: &[u8], version: Option<&str>) -> Result<Document> {
    let version = version.unwrap_or_default();
    if !VERSIONS.contains(&version) {
        return Err(refused(format!(
            "CycloneDX {version:?} is not read; 1.4 to 1.7 are"
        )));
    }
    let bom: Bom = serde_json::from_slice(bytes).map_err(|error| unreadable(&error))?;
    let image = bom.metadata.component.unwrap_or_default();
    let mut document = Document::new(image.name, image.version.unwrap_or_default());
    let mut unknown = 0;
    let mut waiting = bom.components;
    waiting.extend(image.components);
    while let Some(mut component) = waiting.pop() {
        waiting.append(&mut component.components);
        match component.kind.as_str() {
            "operating-system" => document.distribution = Some(component.into_distribution()),
            // Files and their contents are no packages.
            "file" | "data" | "cryptographic-asset" => {}
            _ => match component.into_package() {
                Some(found) => document.packages.push(found),
                None => unknown += 1,
            },
        }
    }
    extra::apply_to_image(&mut document, pairs(&bom.metadata.properties));
    document.note_unknown(unknown);
    Ok(document)
}

impl Component {
    fn into_distribution(self) -> Distribution {
        Distribution {
            id: self.name,
            version_id: self.version,
            pretty_name: self.description,
            cpe_name: self.cpe,
            ..Distribution::default()
        }
    }

    fn into_package(self) -> Option<DocumentPackage> {
        let purl = self.purl?;
        let parts = Parts::parse(&purl)?;
        let name = Some(self.name.as_str()).filter(|name| !name.is_empty());
        let name = parts.name(self.group.as_deref(), name);
        let version = parts.version(self.version.as_deref());
        let mut stated = Package::new(parts.kind, name, version);
        stated.license = License::all_of(self.licenses.into_iter().filter_map(LicenseChoice::read));
        let package = locator::package(&purl, &stated)?;
        let mut found = DocumentPackage::new(package, purl);
        let locations = self.evidence.occurrences.into_iter();
        found.paths = locations.map(|occurrence| occurrence.location).collect();
        extra::apply_to_package(&mut found, pairs(&self.properties));
        Some(found)
    }
}

impl LicenseChoice {
    fn read(self) -> Option<License> {
        let named = self.license.and_then(|license| license.id.or(license.name));
        License::stated(&self.expression.or(named)?, Dialect::Spdx)
    }
}

fn pairs(properties: &[Property]) -> impl Iterator<Item = (&str, &str)> {
    properties
        .iter()
        .map(|property| (property.name.as_str(), property.value.as_str()))
}
