//! From a registry string to a registry one can ask.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use scout_envs::RepositoryName;
use scout_registry::{BuildOptions, RegistryIntegration, RegistrySpec};

use crate::credentials::credentials;
use crate::environment::Environment;
use crate::error::{Error, Result};

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
) -> Result<Arc<dyn RegistryIntegration>> {
    let spec: RegistrySpec =
        RegistrySpec::parse(text).map_err(|source| Error::Registry { source: source.into() })?;
    let mut options = BuildOptions::default();
    options.repositories = repositories;
    if let RegistrySpec::Oci(spec) = &spec {
        options.credentials = credentials(environment, spec.host())?;
        options.ca_pem = spec.ca().map(read_ca).transpose()?;
    }
    spec.build(options).map_err(|source| Error::Registry { source: source.into() })
}

fn read_ca(path: &Path) -> Result<Vec<u8>> {
    let failed = |source| Error::File { action: "read ca=", path: path.to_owned(), source };
    fs::read(path).map_err(failed)
}
