//! A dry run: what a sweep would do, and nothing done.

use futures_util::{StreamExt, stream};
use scout_envs::{Digest, RepositoryName, Tag};
use scout_registry::RegistryIntegration;
use scout_store::{ArtifactRecord, ArtifactState, RepositoryListing};

use crate::error::Result;
use crate::index::chain;
use crate::sweep::{Problems, SweepOptions, list, note};

/// How many tags are asked for at once.
const TAGS_AT_ONCE: usize = 4;

/// What a dry run says of one registry.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Plan {
    /// The repositories that the configuration selects, sorted, and whether each would be watched:
    /// one that is disabled would not.
    pub repositories: Vec<(RepositoryName, bool)>,
    /// The tags of those that would be watched, as far as they are looked at; sorted.
    pub tags: Vec<PlannedTag>,
    /// How many other tags they have: no pattern matches, or they only carry signatures.
    pub passed_over: u64,
    /// What could not be listed.
    pub problems: Problems,
}

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

/// Lists the registry and says what a real run would do with each tag; records nothing, and reads
/// no image.
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
) -> Result<Plan> {
    let mut plan = Plan::default();
    let is_enabled = |name: &RepositoryName| {
        let mut recorded = repositories.iter();
        let recorded = recorded.find(|one| one.registry == registry.host() && one.name == *name);
        recorded.map_or_else(|| !registry.requires_activation(), |one| one.enabled)
    };
    let would_index = |state| match state {
        Some(ArtifactState::Waiting) => true,
        Some(ArtifactState::BelowBaseline) => options.all_images,
        Some(_) => false,
        None => options.all_images || baseline_taken,
    };
    for repository in list(registry).await? {
        let is_watched = is_enabled(&repository);
        plan.repositories.push((repository.clone(), is_watched));
        if !is_watched {
            continue;
        }
        let tags = match registry.tags(&repository).await {
            Ok(tags) => tags,
            Err(error) => {
                let problem = format!("{repository}: {}", chain(&error));
                note(&mut plan.problems, &problem);
                continue;
            }
        };
        let all = tags.len();
        let wanted = tags.into_iter().filter(|listed| options.wants(&listed.tag));
        let wanted: Vec<_> = wanted.collect();
        plan.passed_over += (all - wanted.len()) as u64;
        let repository = &repository;
        let mut resolving = stream::iter(wanted)
            .map(async |listed| {
                let resolved = match listed.resolved {
                    Some(resolved) => Ok(resolved),
                    None => registry.resolve(repository, &listed.tag).await,
                };
                (listed.tag, resolved)
            })
            .buffer_unordered(TAGS_AT_ONCE);
        while let Some((tag, resolved)) = resolving.next().await {
            let digest = match resolved {
                Ok(resolved) => resolved.digest,
                // Deleted since it was listed.
                Err(error) if error.is_not_found() => continue,
                Err(error) => {
                    let problem = format!("{repository}: {}", chain(&error));
                    note(&mut plan.problems, &problem);
                    continue;
                }
            };
            let is_it = |artifact: &&ArtifactRecord| {
                artifact.registry == registry.host()
                    && artifact.repository == *repository
                    && artifact.digest == digest
            };
            let state = known.iter().find(is_it).map(|artifact| artifact.state);
            plan.tags.push(PlannedTag {
                repository: repository.clone(),
                tag,
                digest,
                state,
                would_index: would_index(state),
            });
        }
    }
    plan.tags
        .sort_by(|a, b| (&a.repository, &a.tag).cmp(&(&b.repository, &b.tag)));
    Ok(plan)
}
