//! From parameters to a runtime one can ask what runs.

use std::sync::Arc;

use scout_registry::RegistryCredentials;
use scout_registry::runtime::{RuntimeIntegration, RuntimeSpec};

use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::patience::{Patience, read_ca};
use crate::secret::{SecretFiles, read_secret};

/// A runtime one can ask.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OpenedRuntime {
    /// The runtime.
    pub runtime: Arc<dyn RuntimeIntegration>,
    /// What it was opened from.
    pub spec: RuntimeSpec,
    /// The files it was opened from.
    pub files: SecretFiles,
}

/// Opens a runtime. Nothing is asked of it yet.
pub(crate) fn open_runtime(
    environment: &impl Environment,
    spec: RuntimeSpec,
    patience: Patience,
) -> Result<OpenedRuntime> {
    let mut files = SecretFiles::default();
    let ca_pem = match spec.ca_file() {
        Some(path) => Some(read_ca(path, &mut files)?),
        None => None,
    };
    let token = read_secret(environment, &mut files, "token", spec.token())?;
    let options = patience
        .options()
        .with_credentials(RegistryCredentials::Bearer(token))
        .with_ca_pem(ca_pem);
    let runtime = spec.build(options).map_err(|source| Error::Build {
        source: source.into(),
    })?;
    Ok(OpenedRuntime {
        runtime,
        spec,
        files,
    })
}
