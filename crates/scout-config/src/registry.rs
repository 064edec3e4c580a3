//! From parameters to a registry one can ask.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use scout_envs::IntegrationName;
use scout_http::{IDLE_TIMEOUT, Jitter, RetryPolicy};
use scout_registry::{BuildOptions, Parameters, RegistryIntegration, RegistrySpec};

use crate::credentials::{CredentialSource, find_credentials};
use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::file::read_file;
use crate::secret::SecretFiles;
use crate::webhook::{WebhookSettings, webhook_secrets, webhook_settings};

/// A registry one can ask.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OpenedRegistry {
    /// The registry.
    pub registry: Arc<dyn RegistryIntegration>,
    /// What it was opened from.
    pub spec: RegistrySpec,
    /// How its webhooks are received, if it has a `port`. Then it has secrets for them, too.
    pub webhook: Option<WebhookSettings>,
    /// Where its credentials were found.
    pub credentials: CredentialSource,
    /// The files it was opened from.
    pub files: SecretFiles,
}

impl OpenedRegistry {
    /// How long credentials of a helper are used before the helper is asked again. Those of cloud
    /// registries end after an hour or more.
    pub const RENEW_HELPER_CREDENTIALS_AFTER: Duration = Duration::from_secs(10 * 60);

    /// Returns whether a file it was opened from has changed: open it again then. Cheap enough
    /// for every sweep.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        self.files.has_changed()
    }

    /// Takes the files as they are now for unchanged: what was read of them before goes on being
    /// used, until they change again.
    pub fn ignore_changes(&mut self) {
        self.files.remember_again();
    }

    /// Returns after which time it should be opened again even if no file has changed: its
    /// credentials may end.
    #[must_use]
    pub fn renew_after(&self) -> Option<Duration> {
        let may_end = self.credentials == CredentialSource::CredentialHelper;
        may_end.then_some(Self::RENEW_HELPER_CREDENTIALS_AFTER)
    }
}

/// Opens the one registry that flags describe, with the credentials meant for it. Nothing is
/// asked of it yet; but a credential helper may run, for some seconds.
///
/// `repositories` are those of `--repository`; when empty, the string or the registry's own list
/// decides.
///
/// # Errors
///
/// If the string is wrong, with what is allowed; if something it points to cannot be read; or if
/// credentials are incomplete.
pub fn open_registry(
    environment: &impl Environment,
    text: &str,
    repositories: impl IntoIterator<Item = impl Into<String>>,
) -> Result<OpenedRegistry> {
    let wrong = |source: scout_registry::InvalidSpec| Error::Registry {
        source: source.into(),
    };
    let repositories: Vec<String> = repositories.into_iter().map(Into::into).collect();
    let parameters = Parameters::parse(text)
        .and_then(|parameters| parameters.with_repositories(&repositories))
        .map_err(wrong)?;
    let spec = RegistrySpec::new(&parameters).map_err(wrong)?;
    let build = |source: scout_registry::Error| Error::Registry {
        source: source.into(),
    };
    open(environment, spec, true, Patience::OF_A_SERVICE, build)
}

/// Opens a configured integration, with the credentials meant for it; as [`open_registry`], but
/// the variables for the one registry of a process (`DOCKER_SCOUT_REGISTRY_…`) are not read.
///
/// # Errors
///
/// [`Error::Integration`] with what is wrong, as for [`open_registry`].
pub fn open_integration(
    environment: &impl Environment,
    name: &IntegrationName,
    parameters: &Parameters,
) -> Result<OpenedRegistry> {
    open_named(environment, name, parameters, Patience::OF_A_SERVICE)
}

/// Opens an integration as [`open_integration`] does, for a test that a person waits for: what
/// fails is tried once more, and not for as long as a service is patient.
///
/// # Errors
///
/// As for [`open_integration`].
pub fn open_integration_to_test(
    environment: &impl Environment,
    name: &IntegrationName,
    parameters: &Parameters,
) -> Result<OpenedRegistry> {
    open_named(environment, name, parameters, Patience::OF_A_PERSON)
}

/// How long a registry is waited for.
#[derive(Clone, Copy)]
struct Patience {
    /// How often a request is tried in all.
    attempts: u32,
    /// How long an answer may be silent.
    silence: Duration,
}

impl Patience {
    const OF_A_SERVICE: Self = Self {
        attempts: RetryPolicy::ATTEMPTS,
        silence: IDLE_TIMEOUT,
    };
    /// A server that hangs is told of within a minute.
    const OF_A_PERSON: Self = Self {
        attempts: 2,
        silence: Duration::from_secs(20),
    };
}

fn open_named(
    environment: &impl Environment,
    name: &IntegrationName,
    parameters: &Parameters,
    patience: Patience,
) -> Result<OpenedRegistry> {
    let wrong = |source| Error::Integration {
        name: name.clone(),
        source,
    };
    let spec = RegistrySpec::new(parameters).map_err(|source| wrong(source.into()))?;
    let build = |source: scout_registry::Error| Error::Build {
        source: source.into(),
    };
    open(environment, spec, false, patience, build).map_err(|source| wrong(source.into()))
}

fn open(
    environment: &impl Environment,
    spec: RegistrySpec,
    is_only: bool,
    patience: Patience,
    wrong: impl FnOnce(scout_registry::Error) -> Error,
) -> Result<OpenedRegistry> {
    let mut files = SecretFiles::default();
    let ca_pem = match spec.ca_file() {
        Some(path) => Some(read_ca(path, &mut files)?),
        None => None,
    };
    let secrets = webhook_secrets(environment, &spec, &mut files)?;
    let webhook = webhook_settings(&spec, &secrets, &mut files)?;
    let (credentials, source) = find_credentials(environment, &spec, is_only, &mut files)?;
    let options = BuildOptions::new(USER_AGENT)
        .with_credentials(credentials)
        .with_webhook_secrets(secrets)
        .with_ca_pem(ca_pem)
        .with_idle_timeout(patience.silence)
        .with_retry(RetryPolicy {
            attempts: patience.attempts,
            jitter: Jitter::new(random_fraction),
            ..RetryPolicy::default()
        });
    Ok(OpenedRegistry {
        registry: spec.build(options).map_err(wrong)?,
        spec,
        webhook,
        credentials: source,
        files,
    })
}

/// How we call ourselves; some registries refuse callers without a name.
const USER_AGENT: &str = concat!("scout-watch/", env!("CARGO_PKG_VERSION"));
/// Longest file of certificate authorities, in bytes; those of a whole system have a quarter.
const MAX_CA: u64 = 1024 * 1024;

/// Spreads the repeats of many watchers; without random bytes they are not spread.
fn random_fraction() -> f64 {
    let mut bytes = [0; 4];
    match getrandom::fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX),
        Err(_) => 1.0,
    }
}

fn read_ca(path: &Path, files: &mut SecretFiles) -> Result<Vec<u8>> {
    files.remember(path);
    read_file(path, MAX_CA).map_err(|source| Error::File {
        action: "read the authorities of ca= in",
        path: PathBuf::from(path),
        source,
    })
}

#[cfg(test)]
mod tests;
