//! From parameters to a registry one can ask.

use std::sync::Arc;
use std::time::Duration;

use scout_registry::{Parameters, RegistryIntegration, RegistrySpec};

use crate::credentials::{CredentialSource, find_credentials};
use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::integration::IntegrationSpec;
use crate::patience::{Patience, read_ca};
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
    let kind = parameters.kind();
    if RegistrySpec::keys_of(kind).is_none()
        && let Some(kind) = IntegrationSpec::kinds().find(|known| *known == kind)
    {
        return Err(Error::NoRegistry { kind });
    }
    let spec = RegistrySpec::new(&parameters).map_err(wrong)?;
    let build = |source: scout_registry::Error| Error::Registry {
        source: source.into(),
    };
    open(environment, spec, true, Patience::OF_A_SERVICE, build)
}

/// Opens the registry of an integration; the variables for the one registry of a process are not
/// read.
pub(crate) fn open_named(
    environment: &impl Environment,
    spec: RegistrySpec,
    patience: Patience,
) -> Result<OpenedRegistry> {
    let build = |source: scout_registry::Error| Error::Build {
        source: source.into(),
    };
    open(environment, spec, false, patience, build)
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
    let options = patience
        .options()
        .with_credentials(credentials)
        .with_webhook_secrets(secrets)
        .with_ca_pem(ca_pem);
    Ok(OpenedRegistry {
        registry: spec.build(options).map_err(wrong)?,
        spec,
        webhook,
        credentials: source,
        files,
    })
}

#[cfg(test)]
mod tests;
