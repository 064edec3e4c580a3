//! Integrations of all families: which types there are, and opening them.
//!
//! A family adds a variant to [`IntegrationSpec`] and to [`OpenedIntegration`], and its types to
//! [`IntegrationSpec::kinds`] and [`IntegrationSpec::keys_of`].

use std::time::Duration;

use scout_envs::IntegrationName;
use scout_notices::{ChannelKind, ChannelSpec, InvalidChannel};
use scout_registry::runtime::RuntimeSpec;
use scout_registry::{InvalidSpec, Parameters, RegistrySpec};
use scout_store::IntegrationFamily;

use crate::channel::{OpenedChannel, open_channel, secret_refs};
use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::patience::Patience;
use crate::registry::{self, OpenedRegistry};
use crate::runtime::{OpenedRuntime, open_runtime};
use crate::secret::SecretFiles;

/// The parameters of an integration of any family, read and checked.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "there are as few as integrations, and each is moved a few times"
)]
pub enum IntegrationSpec {
    /// Of a registry.
    Registry(RegistrySpec),
    /// Of a runtime.
    Runtime(RuntimeSpec),
    /// Of a channel that notices are sent to.
    Channel(ChannelSpec),
}

/// Why parameters are not those of an integration.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidIntegration {
    /// A type that does not exist, or keys that a registry or runtime does not have.
    #[error(transparent)]
    Spec(#[from] InvalidSpec),
    /// Parameters that make no channel.
    #[error(transparent)]
    Channel(#[from] InvalidChannel),
}

impl IntegrationSpec {
    /// Checks parameters.
    ///
    /// # Errors
    ///
    /// If they are wrong, with what is allowed: for a type that does not exist, all that do.
    pub fn new(parameters: &Parameters) -> Result<Self, InvalidIntegration> {
        if RuntimeSpec::keys_of(parameters.kind()).is_some() {
            return Ok(Self::Runtime(RuntimeSpec::new(parameters)?));
        }
        if ChannelKind::named(parameters.kind()).is_some() {
            let spec = ChannelSpec::new(parameters.pairs())?;
            secret_refs(&spec)?;
            return Ok(Self::Channel(spec));
        }
        RegistrySpec::new(parameters)
            .map(Self::Registry)
            .map_err(|error| match error {
                InvalidSpec::UnknownType { name, .. } => InvalidSpec::UnknownType {
                    name,
                    allowed: Self::kinds().collect::<Vec<_>>().join(", "),
                },
                error => error,
            })
            .map_err(InvalidIntegration::from)
    }

    /// Returns the types of all families that can be named.
    pub fn kinds() -> impl Iterator<Item = &'static str> {
        let channels = ChannelKind::ALL.into_iter().map(ChannelKind::as_str);
        RegistrySpec::kinds()
            .chain(RuntimeSpec::kinds())
            .chain(channels)
    }

    /// Returns the keys that a type takes; nothing if there is no such type.
    #[must_use]
    pub fn keys_of(kind: &str) -> Option<Vec<&'static str>> {
        RegistrySpec::keys_of(kind)
            .or_else(|| RuntimeSpec::keys_of(kind))
            .or_else(|| Some(ChannelKind::named(kind)?.keys().to_vec()))
    }

    /// Returns the type.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Registry(spec) => spec.kind(),
            Self::Runtime(spec) => spec.kind(),
            Self::Channel(spec) => spec.kind().as_str(),
        }
    }
}

/// An integration of any family, opened.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "there are as few as integrations, and each is moved a few times"
)]
pub enum OpenedIntegration {
    /// A registry one can ask.
    Registry(OpenedRegistry),
    /// A runtime one can ask.
    Runtime(OpenedRuntime),
    /// A channel that notices are sent to.
    Channel(OpenedChannel),
}

impl OpenedIntegration {
    /// Returns what it is for.
    #[must_use]
    pub fn family(&self) -> IntegrationFamily {
        match self {
            Self::Registry(_) => IntegrationFamily::Registry,
            Self::Runtime(_) => IntegrationFamily::Runtime,
            Self::Channel(_) => IntegrationFamily::Channel,
        }
    }

    /// Returns the type.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Registry(opened) => opened.registry.kind(),
            Self::Runtime(opened) => opened.runtime.kind(),
            Self::Channel(opened) => opened.channel.kind().as_str(),
        }
    }

    /// Returns what it works on: equal for equal registries, clusters and so on.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Registry(opened) => opened.registry.key(),
            Self::Runtime(opened) => opened.runtime.key(),
            Self::Channel(opened) => &opened.key,
        }
    }

    /// Returns the files it was opened from.
    #[must_use]
    pub fn files(&self) -> &SecretFiles {
        match self {
            Self::Registry(opened) => &opened.files,
            Self::Runtime(opened) => &opened.files,
            Self::Channel(opened) => &opened.files,
        }
    }

    /// Returns whether a file it was opened from has changed: open it again then. Cheap enough
    /// to be asked every second.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        self.files().has_changed()
    }

    /// Takes the files as they are now for unchanged: what was read of them before goes on being
    /// used, until they change again.
    pub fn ignore_changes(&mut self) {
        match self {
            Self::Registry(opened) => opened.files.remember_again(),
            Self::Runtime(opened) => opened.files.remember_again(),
            Self::Channel(opened) => opened.files.remember_again(),
        }
    }

    /// Returns after which time it should be opened again even if no file has changed: its
    /// credentials may end.
    #[must_use]
    pub fn renew_after(&self) -> Option<Duration> {
        match self {
            Self::Registry(opened) => opened.renew_after(),
            Self::Runtime(_) | Self::Channel(_) => None,
        }
    }
}

/// Opens a configured integration, with the credentials meant for it.
///
/// A registry is opened as by [`open_registry`](crate::open_registry), but the variables for the
/// one registry of a process (`DOCKER_SCOUT_REGISTRY_…`) are not read.
///
/// # Errors
///
/// [`Error::Integration`] with what is wrong, as for [`open_registry`](crate::open_registry).
pub fn open_integration(
    environment: &impl Environment,
    name: &IntegrationName,
    parameters: &Parameters,
) -> Result<OpenedIntegration> {
    open(environment, name, parameters, Patience::OF_A_SERVICE)
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
) -> Result<OpenedIntegration> {
    open(environment, name, parameters, Patience::OF_A_PERSON)
}

fn open(
    environment: &impl Environment,
    name: &IntegrationName,
    parameters: &Parameters,
    patience: Patience,
) -> Result<OpenedIntegration> {
    let wrong = |source| Error::Integration {
        name: name.clone(),
        source,
    };
    let spec = IntegrationSpec::new(parameters).map_err(|source| wrong(source.into()))?;
    let opened = match spec {
        IntegrationSpec::Registry(spec) => {
            registry::open_named(environment, spec, patience).map(OpenedIntegration::Registry)
        }
        IntegrationSpec::Runtime(spec) => {
            open_runtime(environment, spec, patience).map(OpenedIntegration::Runtime)
        }
        IntegrationSpec::Channel(spec) => {
            open_channel(environment, name, &spec).map(OpenedIntegration::Channel)
        }
    };
    opened.map_err(|source| wrong(source.into()))
}

#[cfg(test)]
mod tests;
