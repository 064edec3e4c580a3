//! `scout environment remove`.

use std::sync::Arc;

use anyhow::bail;
use scout_envs::{EnvironmentName, ImageReference};
use scout_platform::{EnvironmentLine, Reader};

use crate::arguments::Org;
use crate::output::print;

pub(super) async fn run(
    org: &Org,
    name: &EnvironmentName,
    image: Option<&ImageReference>,
    source: Option<&str>,
) -> anyhow::Result<()> {
    let store = crate::open(&org.data)?;
    let organization = scout_platform::organization(store.as_ref(), &org.org).await?;
    let removed = match (image, source) {
        (Some(image), _) => {
            scout_platform::remove_image(store.as_ref(), &organization, name, image).await
        }
        (None, Some(source)) => {
            scout_platform::remove_source(store.as_ref(), &organization, name, source).await
        }
        (None, None) => {
            scout_platform::remove_environment(store.as_ref(), &organization, name).await
        }
    }?;
    if removed.images.is_empty() && removed.shares.is_empty() {
        let kept: Vec<&str> = removed.kept.iter().map(String::as_str).collect();
        bail!(
            "nothing was removed: only integrations fill environment {name} ({}); `scout \
             integration remove` removes one",
            kept.join(", ")
        );
    }
    crate::judge(Arc::clone(&store)).await?;
    let mut text = String::new();
    for image in &removed.images {
        text.push_str(&format!("{image} is not recorded in {name} any more.\n"));
    }
    for share in &removed.shares {
        text.push_str(&format!("What {share} said of {name} is removed.\n"));
    }
    for kept in &removed.kept {
        text.push_str(&format!(
            "What {kept} says of {name} stays; `scout integration remove` removes an \
             integration.\n"
        ));
    }
    let report = Reader::new(store).environment(&organization, name).await?;
    let left: Vec<&str> = removed
        .images
        .iter()
        .map(String::as_str)
        .filter(|image| report.images.iter().any(|line| is_of(line, image)))
        .collect();
    if !left.is_empty() {
        text.push_str(&format!(
            "Still in it, because they run: {}.\n",
            left.join(", ")
        ));
    }
    if report.images.is_empty() && report.shares.is_empty() {
        text.push_str(&format!("Nothing is left in {name}, so it is gone.\n"));
    }
    print(&text)
}

/// Returns whether a line is that of an image, which may be named without its tag.
fn is_of(line: &EnvironmentLine, image: &str) -> bool {
    let place = image.strip_suffix(line.digest.as_str());
    let place = place.and_then(|place| place.strip_suffix('@'));
    let tag = place.and_then(|place| place.strip_prefix(line.repository.as_str()));
    tag.is_some_and(|tag| tag.is_empty() || tag.starts_with(':'))
}
