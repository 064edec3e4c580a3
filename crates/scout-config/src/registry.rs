//! From a registry string to a registry one can ask.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use scout_envs::RepositoryName;
use scout_http::{Jitter, RetryPolicy};
use scout_registry::{BuildOptions, RegistryIntegration, RegistrySpec};

use crate::credentials::credentials;
use crate::environment::Environment;
use crate::error::{Error, Result};

/// A registry one can ask.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OpenedRegistry {
    /// The registry.
    pub registry: Arc<dyn RegistryIntegration>,
    /// Whether its list of repositories is all it has, not a list somebody gave.
    pub lists_all: bool,
}

/// Opens the registry that the string describes, with the credentials meant for it. Nothing is
/// asked of it yet.
///
/// `repositories` are those of `--repository`; when empty, the string or the registry's catalog
/// decides.
///
/// # Errors
///
/// If the string is wrong, with what is allowed; if a file it names cannot be read; or if
/// credentials are incomplete.
pub fn open_registry(
    environment: &impl Environment,
    text: &str,
    repositories: Vec<RepositoryName>,
) -> Result<OpenedRegistry> {
    let spec: RegistrySpec = RegistrySpec::parse(text).map_err(|source| Error::Registry {
        source: source.into(),
    })?;
    let mut lists_all = repositories.is_empty();
    let mut options = BuildOptions::new(USER_AGENT)
        .with_repositories(repositories)
        .with_ca_pem(spec.ca_file().map(read_ca).transpose()?)
        .with_retry(RetryPolicy {
            jitter: Jitter::new(random_fraction),
            ..RetryPolicy::default()
        });
    if let RegistrySpec::Oci(spec) = &spec {
        options = options.with_credentials(credentials(environment, spec.host())?);
        lists_all &= spec.repositories().is_empty();
    }
    let registry = spec.build(options).map_err(|source| Error::Registry {
        source: source.into(),
    })?;
    Ok(OpenedRegistry {
        registry,
        lists_all,
    })
}

/// How we call ourselves; some registries refuse callers without a name.
const USER_AGENT: &str = concat!("scout-watch/", env!("CARGO_PKG_VERSION"));

/// Spreads the repeats of many watchers; without random bytes they are not spread.
fn random_fraction() -> f64 {
    let mut bytes = [0; 4];
    match getrandom::fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX),
        Err(_) => 1.0,
    }
}

fn read_ca(path: &Path) -> Result<Vec<u8>> {
    let failed = |source| Error::File {
        action: "read ca=",
        path: path.to_owned(),
        source,
    };
    fs::read(path).map_err(failed)
}
