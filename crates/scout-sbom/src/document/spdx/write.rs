//! Writing SPDX 2.3.

use std::collections::BTreeMap;

use scout_envs::license::License;
use serde::Serialize;

use super::{NO_ASSERTION, PURPOSE_CONTAINER, PURPOSE_SYSTEM};
use crate::document::extra::{self, Extra};
use crate::document::identity::{created, uuid};
use crate::document::{Document, DocumentPackage};

const CREATOR: &str = concat!("Tool: scout-", env!("CARGO_PKG_VERSION"));
/// Where documents of ours have their names; nothing is to be fetched there.
const NAMESPACE: &str = "https://github.com/scout-rs/scout/spdx";
const DOCUMENT: &str = "SPDXRef-DOCUMENT";
const IMAGE: &str = "SPDXRef-image";
const SYSTEM: &str = "SPDXRef-operating-system";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::document) struct Spdx {
    spdx_version: &'static str,
    data_license: &'static str,
    #[serde(rename = "SPDXID")]
    id: &'static str,
    name: String,
    document_namespace: String,
    creation_info: CreationInfo,
    packages: Vec<Entry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    has_extracted_licensing_infos: Vec<Extracted>,
    relationships: Vec<Relationship>,
}

#[derive(Serialize)]
struct CreationInfo {
    created: String,
    creators: Vec<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(rename = "SPDXID")]
    id: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_info: Option<String>,
    download_location: &'static str,
    files_analyzed: bool,
    license_concluded: &'static str,
    license_declared: String,
    copyright_text: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_info: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    primary_package_purpose: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    external_refs: Vec<ExternalRef>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    annotations: Vec<Annotation>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExternalRef {
    reference_category: &'static str,
    reference_type: &'static str,
    reference_locator: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Annotation {
    annotation_date: String,
    annotation_type: &'static str,
    annotator: &'static str,
    comment: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Extracted {
    license_id: String,
    extracted_text: String,
    name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Relationship {
    spdx_element_id: String,
    relationship_type: &'static str,
    related_spdx_element: String,
}

/// Makes a document of version 2.3.
pub(in crate::document) fn write(document: &Document) -> Spdx {
    let time = created(document);
    let mut licenses = Licenses::default();
    let mut packages = vec![Entry {
        version_info: Some(document.digest.clone()).filter(|digest| !digest.is_empty()),
        primary_package_purpose: Some(PURPOSE_CONTAINER),
        annotations: annotations(extra::of_image(document), &time),
        ..Entry::new(IMAGE, &document.image)
    }];
    if let Some(system) = &document.distribution {
        packages.push(Entry {
            version_info: system.version_id.clone(),
            primary_package_purpose: Some(PURPOSE_SYSTEM),
            ..Entry::new(SYSTEM, &system.id)
        });
    }
    for (index, found) in document.packages.iter().enumerate() {
        packages.push(entry(index, found, &time, &mut licenses));
    }
    let mut relationships = vec![Relationship::new(DOCUMENT, "DESCRIBES", IMAGE)];
    let contained = packages.iter().filter(|entry| entry.id != IMAGE);
    relationships.extend(contained.map(|entry| Relationship::new(IMAGE, "CONTAINS", &entry.id)));
    Spdx {
        spdx_version: "SPDX-2.3",
        data_license: "CC0-1.0",
        id: DOCUMENT,
        name: document.image.clone(),
        document_namespace: format!("{NAMESPACE}/{}", uuid(document)),
        creation_info: CreationInfo {
            created: time,
            creators: vec![CREATOR],
        },
        packages,
        has_extracted_licensing_infos: licenses.finish(),
        relationships,
    }
}

fn entry(index: usize, found: &DocumentPackage, time: &str, licenses: &mut Licenses) -> Entry {
    let package = &found.package;
    let source = package.source.as_ref();
    Entry {
        version_info: Some(package.version.clone()),
        license_declared: package.license.as_ref().map_or_else(
            || NO_ASSERTION.to_owned(),
            |license| licenses.declare(license),
        ),
        source_info: source.map(|source| format!("built from {} {}", source.name, source.version)),
        external_refs: vec![ExternalRef {
            reference_category: "PACKAGE-MANAGER",
            reference_type: "purl",
            reference_locator: found.purl.clone(),
        }],
        annotations: annotations(extra::of_package(found), time),
        ..Entry::new(
            &format!("SPDXRef-{}-{index}", package.package_type),
            &package.name,
        )
    }
}

impl Entry {
    fn new(id: &str, name: &str) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            version_info: None,
            download_location: NO_ASSERTION,
            files_analyzed: false,
            license_concluded: NO_ASSERTION,
            license_declared: NO_ASSERTION.to_owned(),
            copyright_text: NO_ASSERTION,
            source_info: None,
            primary_package_purpose: None,
            external_refs: Vec::new(),
            annotations: Vec::new(),
        }
    }
}

impl Relationship {
    fn new(of: &str, kind: &'static str, to: &str) -> Self {
        Self {
            spdx_element_id: of.to_owned(),
            relationship_type: kind,
            related_spdx_element: to.to_owned(),
        }
    }
}

fn annotations(extras: Vec<Extra>, time: &str) -> Vec<Annotation> {
    extras
        .into_iter()
        .map(|extra| Annotation {
            annotation_date: time.to_owned(),
            annotation_type: "OTHER",
            annotator: CREATOR,
            comment: format!("{}={}", extra.name, extra.value),
        })
        .collect()
}

/// Licences that are not on SPDX' list: a document must hold what it refers to.
#[derive(Default)]
struct Licenses {
    /// The text of each reference.
    texts: BTreeMap<String, String>,
}

impl Licenses {
    /// Returns the expression of a licence.
    fn declare(&mut self, license: &License) -> String {
        let expression = license.to_expression();
        if license.expression().is_none() {
            return self.add(&expression.to_string(), license.as_str());
        }
        for term in expression.terms() {
            let id = term.to_string();
            if let Some(name) = id.strip_prefix("LicenseRef-") {
                self.texts
                    .entry(id.clone())
                    .or_insert_with(|| name.to_owned());
            }
        }
        expression.to_string()
    }

    /// Adds what was stated; another text with the same letters gets a number.
    fn add(&mut self, id: &str, text: &str) -> String {
        let mut candidate = id.to_owned();
        for number in 2_u64.. {
            match self.texts.get(&candidate) {
                Some(known) if known == text => break,
                Some(_) => candidate = format!("{id}-{number}"),
                None => {
                    self.texts.insert(candidate.clone(), text.to_owned());
                    break;
                }
            }
        }
        candidate
    }

    fn finish(self) -> Vec<Extracted> {
        self.texts
            .into_iter()
            .map(|(license_id, text)| Extracted {
                license_id,
                extracted_text: text.clone(),
                name: text,
            })
            .collect()
    }
}
