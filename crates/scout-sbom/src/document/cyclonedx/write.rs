//! Writing CycloneDX 1.6.

use scout_envs::license::License;
use serde::Serialize;

use super::FORMAT;
use crate::document::extra::{self, Extra};
use crate::document::identity::{Unique, created, uuid};
use crate::document::{Document, DocumentPackage};

const VERSION: &str = "1.6";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::document) struct Bom {
    #[serde(rename = "$schema")]
    schema: &'static str,
    bom_format: &'static str,
    spec_version: &'static str,
    serial_number: String,
    version: u32,
    metadata: Metadata,
    components: Vec<Component>,
    dependencies: Vec<Dependency>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    compositions: Vec<Composition>,
}

#[derive(Serialize)]
struct Metadata {
    timestamp: String,
    tools: Tools,
    component: Component,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    properties: Vec<Property>,
}

#[derive(Serialize)]
struct Tools {
    components: Vec<Component>,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Component {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    bom_ref: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    licenses: Vec<LicenseChoice>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cpe: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purl: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<Evidence>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    properties: Vec<Property>,
}

/// An expression, or a name that is none.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum LicenseChoice {
    Expression(String),
    License { name: String },
}

#[derive(Serialize)]
struct Evidence {
    occurrences: Vec<Occurrence>,
}

#[derive(Serialize)]
struct Occurrence {
    location: String,
}

#[derive(Serialize)]
struct Property {
    name: String,
    value: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Dependency {
    #[serde(rename = "ref")]
    of: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    depends_on: Vec<String>,
}

#[derive(Serialize)]
struct Composition {
    aggregate: &'static str,
    assemblies: Vec<String>,
}

/// Makes a document of version 1.6.
pub(in crate::document) fn write(document: &Document) -> Bom {
    let mut names = Unique::default();
    let image = names.name(if document.digest.is_empty() {
        "image"
    } else {
        &document.digest
    });
    let system = document.distribution.as_ref().map(|system| Component {
        kind: "operating-system",
        bom_ref: Some(names.name("operating-system")),
        name: system.id.clone(),
        version: system.version_id.clone(),
        description: system.pretty_name.clone(),
        cpe: system.cpe_name.clone().filter(|cpe| is_cpe(cpe)),
        ..Component::default()
    });
    let packages = document
        .packages
        .iter()
        .map(|found| component(found, &mut names));
    let components: Vec<Component> = system.into_iter().chain(packages).collect();
    let depends_on = components
        .iter()
        .filter_map(|component| component.bom_ref.clone())
        .collect();
    // What was not read makes the list of parts incomplete, and the format can say so.
    let compositions = (!document.gaps.is_empty()).then(|| Composition {
        aggregate: "incomplete",
        assemblies: vec![image.clone()],
    });
    Bom {
        schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
        bom_format: FORMAT,
        spec_version: VERSION,
        serial_number: format!("urn:uuid:{}", uuid(document)),
        version: 1,
        metadata: Metadata {
            timestamp: created(document),
            tools: Tools {
                components: vec![Component {
                    kind: "application",
                    name: "scout".to_owned(),
                    version: Some(env!("CARGO_PKG_VERSION").to_owned()),
                    ..Component::default()
                }],
            },
            component: Component {
                kind: "container",
                bom_ref: Some(image.clone()),
                name: document.image.clone(),
                version: Some(document.digest.clone()).filter(|digest| !digest.is_empty()),
                ..Component::default()
            },
            properties: extra::of_image(document)
                .into_iter()
                .map(Property::from)
                .collect(),
        },
        components,
        dependencies: vec![Dependency {
            of: image,
            depends_on,
        }],
        compositions: compositions.into_iter().collect(),
    }
}

fn component(found: &DocumentPackage, names: &mut Unique) -> Component {
    let package = &found.package;
    let occurrences: Vec<Occurrence> = found
        .paths
        .iter()
        .map(|path| Occurrence {
            location: path.clone(),
        })
        .collect();
    // The paths are occurrences already.
    let extras = extra::of_package(&DocumentPackage {
        paths: Vec::new(),
        ..found.clone()
    });
    Component {
        kind: "library",
        bom_ref: Some(names.name(&found.purl)),
        name: package.name.clone(),
        version: Some(package.version.clone()),
        licenses: package.license.as_ref().map(choice).into_iter().collect(),
        purl: Some(found.purl.clone()),
        evidence: (!occurrences.is_empty()).then_some(Evidence { occurrences }),
        properties: extras.into_iter().map(Property::from).collect(),
        ..Component::default()
    }
}

fn choice(license: &License) -> LicenseChoice {
    if license.expression().is_some() {
        LicenseChoice::Expression(license.to_string())
    } else {
        LicenseChoice::License {
            name: license.to_string(),
        }
    }
}

/// Returns whether the schema takes this as a CPE; os-release holds what people wrote there.
fn is_cpe(text: &str) -> bool {
    let is_uri = text.starts_with("cpe:/") && text.len() > 6;
    let has_parts = text.split(':').count() <= 8;
    is_uri
        && has_parts
        && text.bytes().all(|byte| byte.is_ascii_graphic())
        && text
            .as_bytes()
            .get(5)
            .is_some_and(|part| b"aoh".contains(part))
}

impl From<Extra> for Property {
    fn from(extra: Extra) -> Self {
        Self {
            name: extra.name,
            value: extra.value,
        }
    }
}
