//! `scout sbom`.

use std::path::Path;

use anyhow::bail;
use scout_envs::ImageReference;
use scout_envs::license::License;
use scout_platform::{Document, DocumentFormat, Reader};

use crate::arguments::{Org, SbomFormat};
use crate::output::{json, print_to, table};

pub(crate) async fn run(
    org: &Org,
    image: &ImageReference,
    format: SbomFormat,
    output: Option<&Path>,
) -> anyhow::Result<()> {
    let store = crate::open(&org.data)?;
    let organization = scout_platform::organization(store.as_ref(), &org.org).await?;
    let documents = Reader::new(store).sbom(&organization, image).await?;
    print_to(output, &write(&documents, image, format)?)
}

fn write(
    documents: &[Document],
    image: &ImageReference,
    format: SbomFormat,
) -> anyhow::Result<String> {
    let format = match format {
        SbomFormat::List => return Ok(documents.iter().map(list).collect()),
        SbomFormat::Json => DocumentFormat::Json,
        SbomFormat::Cyclonedx => DocumentFormat::CycloneDx,
        SbomFormat::Spdx => DocumentFormat::Spdx,
    };
    match documents {
        [only] => Ok(only.write(format)?),
        several if format == DocumentFormat::Json => json(&several),
        several => {
            let digests: Vec<&str> = several.iter().map(|one| one.digest.as_str()).collect();
            bail!(
                "{image} has {} platforms, and a {format} document is of one; ask for one of the \
                 digests: {}",
                several.len(),
                digests.join(", ")
            )
        }
    }
}

/// Writes a document for people.
fn list(document: &Document) -> String {
    let system = document.distribution.as_ref().map_or_else(
        || "no distribution".to_owned(),
        scout_envs::Distribution::display_name,
    );
    let platform = document
        .platform
        .as_ref()
        .map_or_else(String::new, |platform| format!(" {platform}"));
    let rows: Vec<[String; 5]> = document
        .packages
        .iter()
        .map(|found| {
            let license = found.package.license.as_ref();
            [
                found.package.package_type.to_string(),
                found.package.name.clone(),
                found.package.version.clone(),
                license.map_or("-", License::as_str).to_owned(),
                found
                    .owner
                    .as_ref()
                    .map(|owner| format!("part of {owner}"))
                    .unwrap_or_default(),
            ]
        })
        .collect();
    let packages = table(["TYPE", "NAME", "VERSION", "LICENSE", ""], &rows);
    let mut text = format!("{}{platform} ({system})\n\n{packages}", document.image);
    if !document.gaps.is_empty() {
        text.push_str("\nNot read:\n");
        for gap in &document.gaps {
            text.push_str(&format!("  {gap}\n"));
        }
    }
    text
}
