//! Reading SPDX 2.2 and 2.3.

use std::collections::HashMap;

use scout_envs::license::{Dialect, License};
use scout_envs::{Distribution, Package};
use serde::Deserialize;

use super::{NO_ASSERTION, PURPOSE_CONTAINER, PURPOSE_SYSTEM};
use crate::document::locator::{self, Parts};
use crate::document::{Document, DocumentPackage, extra, or_default, refused, unreadable};
use crate::error::Result;

const VERSIONS: [&str; 2] = ["SPDX-2.2", "SPDX-2.3"];

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spdx {
    #[serde(deserialize_with = "or_default")]
    name: String,
    #[serde(deserialize_with = "or_default")]
    packages: Vec<Entry>,
    #[serde(deserialize_with = "or_default")]
    has_extracted_licensing_infos: Vec<Extracted>,
    #[serde(deserialize_with = "or_default")]
    document_describes: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    relationships: Vec<Relationship>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Entry {
    #[serde(rename = "SPDXID", deserialize_with = "or_default")]
    id: String,
    #[serde(deserialize_with = "or_default")]
    name: String,
    version_info: Option<String>,
    license_declared: Option<String>,
    license_concluded: Option<String>,
    primary_package_purpose: Option<String>,
    #[serde(deserialize_with = "or_default")]
    external_refs: Vec<ExternalRef>,
    #[serde(deserialize_with = "or_default")]
    annotations: Vec<Annotation>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ExternalRef {
    #[serde(deserialize_with = "or_default")]
    reference_type: String,
    #[serde(deserialize_with = "or_default")]
    reference_locator: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Annotation {
    #[serde(deserialize_with = "or_default")]
    comment: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Extracted {
    #[serde(deserialize_with = "or_default")]
    license_id: String,
    #[serde(deserialize_with = "or_default")]
    extracted_text: String,
    #[serde(deserialize_with = "or_default")]
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Relationship {
    #[serde(deserialize_with = "or_default")]
    relationship_type: String,
    #[serde(deserialize_with = "or_default")]
    related_spdx_element: String,
}

pub(in crate::document) fn read(bytes: &[u8], version: &str) -> Result<Document> {
    if !VERSIONS.contains(&version) {
        return Err(refused(format!(
            "{version:?} is not read; SPDX 2.2 and 2.3 are"
        )));
    }
    let spdx: Spdx = serde_json::from_slice(bytes).map_err(|error| unreadable(&error))?;
    let described = spdx.described();
    let extracted: HashMap<&str, &str> = spdx
        .has_extracted_licensing_infos
        .iter()
        .map(|license| (license.license_id.as_str(), license.stated()))
        .collect();
    let mut document = Document::new(spdx.name, "");
    let mut unknown = 0;
    for entry in spdx.packages {
        let purpose = entry.primary_package_purpose.as_deref();
        let is_image = described.contains(&entry.id) || purpose == Some(PURPOSE_CONTAINER);
        if purpose == Some(PURPOSE_SYSTEM) {
            if document.distribution.is_none() {
                document.distribution = Some(Distribution {
                    id: entry.name,
                    version_id: entry.version_info,
                    ..Distribution::default()
                });
            }
        } else if let Some(found) = entry.to_package(&extracted) {
            document.packages.push(found);
        } else if is_image {
            extra::apply_to_image(&mut document, entry.pairs());
            document.image = entry.name;
            document.digest = entry.version_info.unwrap_or_default();
        } else {
            unknown += 1;
        }
    }
    document.note_unknown(unknown);
    Ok(document)
}

impl Spdx {
    /// The elements that the document is about.
    fn described(&self) -> Vec<String> {
        let related = self
            .relationships
            .iter()
            .filter(|relationship| relationship.relationship_type == "DESCRIBES")
            .map(|relationship| relationship.related_spdx_element.clone());
        self.document_describes
            .iter()
            .cloned()
            .chain(related)
            .collect()
    }
}

impl Extracted {
    /// The shorter of name and text says what was stated; a whole licence text says nothing short.
    fn stated(&self) -> &str {
        match self.name.trim() {
            "" | NO_ASSERTION => &self.extracted_text,
            name => name,
        }
    }
}

impl Entry {
    fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.annotations
            .iter()
            .filter_map(|annotation| annotation.comment.split_once('='))
    }

    fn to_package(&self, extracted: &HashMap<&str, &str>) -> Option<DocumentPackage> {
        let purl = self
            .external_refs
            .iter()
            .find(|reference| reference.reference_type == "purl")
            .map(|reference| reference.reference_locator.clone())?;
        let parts = Parts::parse(&purl)?;
        let name = Some(self.name.as_str()).filter(|name| !name.is_empty());
        let name = parts.name(None, name);
        let version = parts.version(self.version_info.as_deref());
        let mut stated = Package::new(parts.kind, name, version);
        stated.license = [&self.license_declared, &self.license_concluded]
            .into_iter()
            .find_map(|license| {
                let text = license.as_deref()?;
                let text = extracted.get(text).copied().unwrap_or(text);
                License::stated(text, Dialect::Spdx)
            });
        let package = locator::package(&purl, &stated)?;
        let mut found = DocumentPackage::new(package, purl);
        extra::apply_to_package(&mut found, self.pairs());
        Some(found)
    }
}
