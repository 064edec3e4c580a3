//! A test of a connection from end to end: what a person wants to know before saving it.

use std::fmt;

use scout_envs::{RepositoryName, Tag};

use crate::error::Error;
use crate::integration::RegistryIntegration;

/// In how many repositories a sample image is looked for; empty ones come first in some
/// registries, and a test should not sweep a whole one.
const MAX_SAMPLED: usize = 20;

/// What a test found.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct TestReport {
    /// How many repositories the configuration selects.
    pub repositories: usize,
    /// The image whose manifest was read, if there is any.
    pub sample: Option<(RepositoryName, Tag)>,
}

impl fmt::Display for TestReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = if self.repositories == 1 {
            "repository"
        } else {
            "repositories"
        };
        write!(f, "{} {noun}", self.repositories)?;
        match &self.sample {
            Some((repository, tag)) => write!(f, "; {repository}:{tag} can be read"),
            None => write!(f, "; no image in them yet"),
        }
    }
}

/// What a test was doing when it failed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum TestStep {
    /// Reaching the registry and its API, and being let in.
    Connect,
    /// Listing repositories.
    ListRepositories,
    /// Listing the tags of a repository.
    ListTags,
    /// Reading a manifest, as pulling does.
    ReadImage,
}

impl fmt::Display for TestStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connecting",
            Self::ListRepositories => "listing repositories",
            Self::ListTags => "listing tags",
            Self::ReadImage => "reading an image",
        })
    }
}

/// Why a test failed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FailedTest {
    /// A step did not work.
    #[error("{step} failed; {}", source.advice())]
    Step {
        /// The step.
        step: TestStep,
        /// How it failed.
        source: Error,
    },
    /// The configuration selects nothing.
    #[error(
        "{host} was reached, but has no repository that is selected; check repository=, include= \
         and exclude=, and that the credentials may see it"
    )]
    NoRepository {
        /// The registry.
        host: String,
    },
}

/// Tests everything that watching needs: address, credentials, API, listing, reading.
///
/// # Errors
///
/// The first step that failed, with what to do next.
pub async fn test_connection(
    integration: &dyn RegistryIntegration,
) -> Result<TestReport, FailedTest> {
    let at = |step| move |source| FailedTest::Step { step, source };
    integration.check().await.map_err(at(TestStep::Connect))?;
    let listed = integration.repositories().await;
    let repositories = listed.map_err(at(TestStep::ListRepositories))?;
    if repositories.is_empty() {
        return Err(FailedTest::NoRepository {
            host: integration.host().to_owned(),
        });
    }
    let mut report = TestReport {
        repositories: repositories.len(),
        sample: None,
    };
    let mut missing = Vec::new();
    for repository in repositories.into_iter().take(MAX_SAMPLED) {
        let tags = match integration.tags(&repository).await {
            Ok(tags) => tags,
            // A repository that was named need not exist yet, if others do; one that was listed
            // may just have been deleted.
            Err(error) if error.is_not_found() => {
                missing.push(error);
                continue;
            }
            Err(source) => return Err(at(TestStep::ListTags)(source)),
        };
        let Some(listed) = tags.into_iter().find(|listed| !listed.tag.is_referrer()) else {
            continue;
        };
        read(integration, &repository, &listed.tag)
            .await
            .map_err(at(TestStep::ReadImage))?;
        report.sample = Some((repository, listed.tag));
        break;
    }
    let are_all_missing = missing.len() == report.repositories && !integration.lists_all();
    match missing.pop() {
        Some(source) if are_all_missing => Err(at(TestStep::ListTags)(source)),
        _ => Ok(report),
    }
}

async fn read(
    integration: &dyn RegistryIntegration,
    repository: &RepositoryName,
    tag: &Tag,
) -> Result<(), Error> {
    let resolved = integration.resolve(repository, tag).await?;
    integration.manifest(repository, &resolved.digest).await?;
    Ok(())
}
