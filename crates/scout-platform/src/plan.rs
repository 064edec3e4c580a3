//! A dry run: what a sweep would do, and nothing done.

use scout_envs::{Digest, RepositoryName, Tag};
use scout_registry::RegistryIntegration;
use scout_store::{ArtifactRecord, ArtifactState, RepositoryListing};

use crate::error::Result;
use crate::index::chain;
use crate::sweep::{Problems, SweepOptions, list, note};

/// What a dry run says of one tag.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct PlannedTag {
    /// The repository.
    pub repository: RepositoryName,
    /// The tag.
    pub tag: Tag,
    /// The digest it points to.
    pub digest: Digest,
    /// What is known of it; nothing if it was never seen.
    pub state: Option<ArtifactState>,
    /// Whether a real run would index it.
    pub would_index: bool,
}

/// Lists the registry and says what a real run would do with each tag; records nothing.
///
/// `known` are the artifacts recorded so far; `baseline_taken` tells whether a sweep of the
/// registry was ever completed: then a tag that is not known is a push. `repositories` are those
/// recorded so far, of all registries: what is disabled is not looked at.
///
/// # Errors
///
/// If the registry cannot be listed at all.
pub async fn plan(
    registry: &dyn RegistryIntegration,
    options: &SweepOptions,
    known: &[ArtifactRecord],
    repositories: &[RepositoryListing],
    baseline_taken: bool,
) -> Result<(Vec<PlannedTag>, Problems)> {
    let mut problems = Problems::default();
    let mut planned = Vec::new();
    let is_enabled = |name: &RepositoryName| {
        let mut recorded = repositories.iter();
        let recorded = recorded.find(|one| one.registry == registry.host() && one.name == *name);
        recorded.map_or_else(|| !registry.requires_activation(), |one| one.enabled)
    };
    for repository in list(registry).await?.into_iter().filter(is_enabled) {
        let tags = match registry.tags(&repository).await {
            Ok(tags) => tags,
            Err(error) => {
                note(&mut problems, &format!("{repository}: {}", chain(&error)));
                continue;
            }
        };
        for listed in tags.into_iter().filter(|listed| options.wants(&listed.tag)) {
            let tag = listed.tag;
            let resolved = match listed.resolved {
                Some(resolved) => Ok(resolved),
                None => registry.resolve(&repository, &tag).await,
            };
            let digest = match resolved {
                Ok(resolved) => resolved.digest,
                Err(error) => {
                    note(&mut problems, &format!("{repository}: {}", chain(&error)));
                    continue;
                }
            };
            let is_it = |artifact: &&ArtifactRecord| {
                artifact.registry == registry.host()
                    && artifact.repository == repository
                    && artifact.digest == digest
            };
            let state = known.iter().find(is_it).map(|artifact| artifact.state);
            let would_index = match state {
                Some(ArtifactState::Waiting) => true,
                Some(ArtifactState::BelowBaseline) => options.all_images,
                Some(_) => false,
                None => options.all_images || baseline_taken,
            };
            let repository = repository.clone();
            planned.push(PlannedTag {
                repository,
                tag,
                digest,
                state,
                would_index,
            });
        }
    }
    planned.sort_by(|a, b| (&a.repository, &a.tag).cmp(&(&b.repository, &b.tag)));
    Ok((planned, problems))
}
