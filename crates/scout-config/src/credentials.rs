//! Whose credentials a registry gets: those its parameters point to, else those of environment
//! variables, else Docker's.

use std::fmt;

use scout_registry::{RegistryCredentials, RegistrySpec};

use crate::docker::docker_credentials;
use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::secret::{SecretFiles, read_secret, usable};

/// The user for the one registry that flags name.
pub(crate) const USER: &str = "DOCKER_SCOUT_REGISTRY_USER";
/// The password for the one registry that flags name.
pub(crate) const PASSWORD: &str = "DOCKER_SCOUT_REGISTRY_PASSWORD";
/// A bearer token for the one registry that flags name; preferred to user and password.
pub(crate) const TOKEN: &str = "DOCKER_SCOUT_REGISTRY_TOKEN";

/// Where a registry's credentials were found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum CredentialSource {
    /// Nowhere: it is asked as anybody.
    Nowhere,
    /// Where its parameters point to: `user`, `password`, `token`.
    Parameters,
    /// In the environment variables of its type, or of the one registry that flags name.
    Variables,
    /// In Docker's `config.json`.
    DockerConfig,
    /// In a store that a credential helper of Docker reads. They may end soon.
    CredentialHelper,
}

impl fmt::Display for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nowhere => "no credentials",
            Self::Parameters => "credentials its parameters point to",
            Self::Variables => "credentials of environment variables",
            Self::DockerConfig => "credentials in Docker's config.json",
            Self::CredentialHelper => "credentials of a Docker credential helper",
        })
    }
}

/// Returns the credentials for the registry. They go to no other host.
///
/// `is_only`: it is the one registry that flags name, so the variables without a product's name
/// are meant for it.
///
/// # Errors
///
/// If half a user name and password is given, something pointed to is missing, or Docker's file
/// or helper fails.
pub(crate) fn find_credentials(
    environment: &impl Environment,
    spec: &RegistrySpec,
    is_only: bool,
    files: &mut SecretFiles,
) -> Result<(RegistryCredentials, CredentialSource)> {
    if spec.connection().is_none() {
        return Ok((RegistryCredentials::Anonymous, CredentialSource::Nowhere));
    }
    if let Some(found) = of_parameters(environment, spec, files)? {
        return Ok((found, CredentialSource::Parameters));
    }
    // A type without variables of its own may name the general ones; for those the rule below holds.
    if let Some(names) = spec.variables().filter(|names| names.user != USER)
        && let Some(found) =
            of_variables(environment, names.user, names.password, spec.default_user())?
    {
        return Ok((found, CredentialSource::Variables));
    }
    if is_only {
        if let Some(token) = environment.get(TOKEN) {
            let token = usable(token, || TOKEN.to_owned())?;
            return Ok((
                RegistryCredentials::Bearer(token),
                CredentialSource::Variables,
            ));
        }
        if let Some(found) = of_variables(environment, USER, PASSWORD, None)? {
            return Ok((found, CredentialSource::Variables));
        }
    }
    let found = docker_credentials(environment, spec.kind(), spec.host(), files)?;
    Ok(found.unwrap_or((RegistryCredentials::Anonymous, CredentialSource::Nowhere)))
}

fn of_parameters(
    environment: &impl Environment,
    spec: &RegistrySpec,
    files: &mut SecretFiles,
) -> Result<Option<RegistryCredentials>> {
    let refs = spec.credentials();
    if let Some(token) = &refs.token {
        if refs.user.is_some() {
            return Err(Error::TwoCredentials {
                one: "user=",
                other: "token=",
            });
        }
        let token = read_secret(environment, files, "token", token)?;
        return Ok(Some(RegistryCredentials::Bearer(token)));
    }
    let user = refs.user.as_deref();
    let default_user = refs.password.as_ref().and_then(|_| spec.default_user());
    match (user.or(default_user), &refs.password) {
        (Some(user), Some(password)) => Ok(Some(RegistryCredentials::Basic {
            user: user.to_owned(),
            password: read_secret(environment, files, "password", password)?,
        })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(Error::HalfCredentials {
            present: "user=",
            missing: "password=",
        }),
        (None, Some(_)) => Err(Error::HalfCredentials {
            present: "password=",
            missing: "user=",
        }),
    }
}

fn of_variables(
    environment: &impl Environment,
    user: &'static str,
    password: &'static str,
    default_user: Option<&str>,
) -> Result<Option<RegistryCredentials>> {
    let secret = environment.get(password);
    let default_user = secret.as_ref().and(default_user).map(str::to_owned);
    match (environment.get(user).or(default_user), secret) {
        (Some(name), Some(secret)) => Ok(Some(RegistryCredentials::Basic {
            user: name,
            password: usable(secret, || password.to_owned())?,
        })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(Error::HalfCredentials {
            present: user,
            missing: password,
        }),
        (None, Some(_)) => Err(Error::HalfCredentials {
            present: password,
            missing: user,
        }),
    }
}

#[cfg(test)]
mod tests;
