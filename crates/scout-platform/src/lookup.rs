//! From what people write to what is recorded: organizations and images.

use scout_envs::{ImageReference, OrgName};
use scout_store::{ArtifactRecord, ArtifactState, OrgId, Store};

use crate::error::{Error, Result};

/// An enrolled organization.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Organization {
    /// Its number.
    pub id: OrgId,
    /// Its name.
    pub name: OrgName,
}

/// Returns the organization.
///
/// # Errors
///
/// [`Error::UnknownOrganization`] if it was not enrolled, or if the store fails.
pub async fn organization(store: &dyn Store, name: &OrgName) -> Result<Organization> {
    match store.org(name).await? {
        Some(id) => Ok(Organization {
            id,
            name: name.clone(),
        }),
        None => Err(Error::UnknownOrganization {
            org: name.to_string(),
        }),
    }
}

/// Returns the one artifact that the reference fits.
///
/// It fits by the registry's name and the repository's own, and by what stands in a pull command,
/// which is not the same where a registry has its repositories in its host or port. A reference
/// without tag and digest means the tag `latest`. One without a registry fits every registry, and
/// one without a namespace also fits `library/…`, as on Docker Hub.
pub(crate) async fn find_artifact(
    store: &dyn Store,
    org: &Organization,
    image: &ImageReference,
) -> Result<ArtifactRecord> {
    let mut found: Vec<ArtifactRecord> = store
        .artifacts(org.id, None)
        .await?
        .into_iter()
        .filter(|artifact| fits(artifact, image))
        .collect();
    match (found.len(), found.pop()) {
        (1, Some(artifact)) => Ok(artifact),
        (_, None) => Err(Error::UnknownImage {
            image: image.to_string(),
            org: org.name.to_string(),
        }),
        (_, Some(last)) => {
            found.push(last);
            let mut names: Vec<String> = found
                .iter()
                .map(|artifact| format!("{}@{}", artifact.reference, artifact.digest))
                .collect();
            names.sort_unstable();
            Err(Error::AmbiguousImage {
                image: image.to_string(),
                candidates: names.join(", "),
            })
        }
    }
}

/// Whether the reference means this artifact.
pub(crate) fn fits(artifact: &ArtifactRecord, image: &ImageReference) -> bool {
    let same_place = is_at(
        &artifact.registry,
        artifact.repository.as_str(),
        &artifact.reference,
        image,
    );
    let same_version = match (image.digest(), image.tag()) {
        (Some(digest), _) => {
            artifact.digest == *digest || artifact.images.iter().any(|(_, d, _)| d == digest)
        }
        (None, Some(tag)) => artifact.tags.contains(tag),
        (None, None) => artifact.tags.iter().any(|tag| tag.as_str() == "latest"),
    };
    same_place && same_version
}

/// Whether a reference means something in the repository of this name in this registry, or in the
/// one that people write so.
pub(crate) fn is_at(
    registry: &str,
    repository: &str,
    written: &str,
    image: &ImageReference,
) -> bool {
    let is_at = |registry: &str, repository: &str| {
        let wanted = image.repository().as_str();
        let same_repository =
            repository == wanted || repository.strip_prefix("library/") == Some(wanted);
        same_repository && image.registry().is_none_or(|named| named == registry)
    };
    let written = written.split_once('/');
    is_at(registry, repository) || written.is_some_and(|(host, path)| is_at(host, path))
}

/// Returns a repository as people are shown it: as they write it, without the registry's name
/// where it begins with it.
pub(crate) fn shown<'a>(reference: &'a str, registry: &str) -> &'a str {
    let rest = reference.strip_prefix(registry);
    rest.and_then(|rest| rest.strip_prefix('/'))
        .unwrap_or(reference)
}

/// Why an artifact has no image facts yet, for people.
pub(crate) fn why_not_analyzed(artifact: &ArtifactRecord) -> String {
    let (what, is_told) = match artifact.state {
        ArtifactState::BelowBaseline => (
            "it was there before the first sweep; `scout-watch --all-images` indexes it",
            true,
        ),
        ArtifactState::Waiting => ("it waits for a running scout-watch", true),
        ArtifactState::Skipped => ("there is nothing to index", false),
        ArtifactState::OtherPlatform => ("no platform of it is wanted", false),
        ArtifactState::Failed => ("it failed", false),
        _ => ("no image is recorded for it", true),
    };
    match &artifact.reason {
        Some(reason) if is_told => format!("{what}: {reason}"),
        Some(reason) => reason.clone(),
        None => what.to_owned(),
    }
}
