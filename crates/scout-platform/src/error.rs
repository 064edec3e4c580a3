//! What can stop a use case. What goes wrong with one image is not here: it is recorded on it.

use std::path::PathBuf;

/// The result of a use case.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a use case could not be carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store failed; nothing that was recorded is lost.
    #[error("the record could not be read or written")]
    Store {
        /// The cause.
        source: scout_store::Error,
    },
    /// The registry could not be listed at all.
    #[error("{registry} could not be listed")]
    Registry {
        /// Which registry.
        registry: String,
        /// The cause.
        source: scout_registry::Error,
    },
    /// What runs could not be found out; what was known stays.
    #[error("what runs is not told by {runtime}")]
    Runtime {
        /// Which runtime.
        runtime: String,
        /// The cause.
        source: scout_registry::Error,
    },
    /// The advisories could not be read.
    #[error("the advisories in {} could not be read", path.display())]
    Advisories {
        /// Where they are.
        path: PathBuf,
        /// The cause.
        source: scout_advisories::Error,
    },
    /// What was stored about a layer cannot be read back.
    #[error("the stored analysis of layer {layer} cannot be read")]
    Analysis {
        /// The layer.
        layer: String,
        /// The cause.
        source: scout_sbom::Error,
    },
    /// The organization was not enrolled.
    #[error("organization {org} is not enrolled; `scout enroll {org}` does it")]
    UnknownOrganization {
        /// Its name.
        org: String,
    },
    /// No image that was seen fits the reference.
    #[error("no image {image} was seen in organization {org}; `scout images` lists what was")]
    UnknownImage {
        /// The reference.
        image: String,
        /// The organization.
        org: String,
    },
    /// The reference fits images in several repositories or registries.
    #[error("{image} fits several images: {candidates}; name the registry or the digest")]
    AmbiguousImage {
        /// The reference.
        image: String,
        /// What it fits.
        candidates: String,
    },
    /// The image was seen but has no recorded facts yet.
    #[error("{image} is not analyzed: {reason}")]
    NotAnalyzed {
        /// The image.
        image: String,
        /// Why not.
        reason: String,
    },
    /// Nothing is known of an environment.
    #[error("organization {org} has no environment {environment}; {advice}")]
    UnknownEnvironment {
        /// Its name.
        environment: String,
        /// The organization.
        org: String,
        /// What to do next.
        advice: String,
    },
    /// An environment holds no analyzed image yet, so it is no stream.
    #[error(
        "environment {environment} has no analyzed image yet; `scout environment {environment}` \
         tells what waits and why"
    )]
    EmptyEnvironment {
        /// Its name.
        environment: String,
    },
    /// An image was not recorded by hand, so that cannot be taken back.
    #[error("{image} was not recorded by hand in environment {environment}; {advice}")]
    NotRecorded {
        /// The image.
        image: String,
        /// The environment.
        environment: String,
        /// What to do next.
        advice: String,
    },
    /// A source put nothing into an environment.
    #[error("{source_name} put nothing into environment {environment}; its sources are {known}")]
    UnknownSource {
        /// The source.
        source_name: String,
        /// The environment.
        environment: String,
        /// Who put something there.
        known: String,
    },
    /// What an integration says cannot be removed: it says it again.
    #[error(
        "integration {integration} fills environment {environment}, and would again; \
         `scout integration remove --name {integration}` ends that"
    )]
    FilledByIntegration {
        /// Its name.
        integration: String,
        /// The environment.
        environment: String,
    },
    /// A list cannot have the share of something else.
    #[error("a list cannot take the share {source_name}: {reason}; name another with --source")]
    ReservedSource {
        /// The share.
        source_name: String,
        /// Whose it is.
        reason: String,
    },
    /// An image that did not fail cannot be tried again.
    #[error("{image} did not fail, it is {state}; `scout images --failed` lists what did")]
    NotFailed {
        /// The image.
        image: String,
        /// How far its indexing is.
        state: &'static str,
    },
    /// The repository of the image is disabled, or its registry was removed.
    #[error("{image} is not watched any more; `scout repo enable` watches its repository again")]
    NotWatched {
        /// The image.
        image: String,
    },
    /// Work in the background ended without a result.
    #[error("{what} ended unexpectedly")]
    Interrupted {
        /// What was running.
        what: &'static str,
    },
}

impl Error {
    /// Returns whether the integration of the registry was removed: nothing can be recorded of
    /// it any more, and nothing is wrong with the others.
    #[must_use]
    pub fn is_removed(&self) -> bool {
        matches!(self, Self::Store { source } if source.is_removed())
    }
}

impl From<scout_store::Error> for Error {
    fn from(source: scout_store::Error) -> Self {
        Self::Store { source }
    }
}
