//! Whose credentials a registry gets: those of the environment, else Docker's.

use scout_registry::RegistryCredentials;

use crate::docker::docker_credentials;
use crate::environment::Environment;
use crate::error::{Error, Result};

/// The user for the registry.
const USER: &str = "DOCKER_SCOUT_REGISTRY_USER";
/// The password for the registry.
const PASSWORD: &str = "DOCKER_SCOUT_REGISTRY_PASSWORD";
/// A bearer token for the registry; preferred to user and password.
const TOKEN: &str = "DOCKER_SCOUT_REGISTRY_TOKEN";

/// Returns the credentials for the one registry of this process.
///
/// Those of the environment go to no other host. Without them, what Docker's `config.json`
/// holds for the host; else none.
///
/// # Errors
///
/// If half a user name and password is set, or Docker's file is damaged.
pub fn credentials(environment: &impl Environment, host: &str) -> Result<RegistryCredentials> {
    if let Some(token) = environment.get(TOKEN) {
        return Ok(RegistryCredentials::Bearer(token.into()));
    }
    match (environment.get(USER), environment.get(PASSWORD)) {
        (Some(user), Some(password)) => Ok(RegistryCredentials::Basic {
            user,
            password: password.into(),
        }),
        (Some(_), None) => Err(Error::HalfCredentials {
            present: USER,
            missing: PASSWORD,
        }),
        (None, Some(_)) => Err(Error::HalfCredentials {
            present: PASSWORD,
            missing: USER,
        }),
        (None, None) => {
            Ok(docker_credentials(environment, host)?.unwrap_or(RegistryCredentials::Anonymous))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_comes_before_docker_and_must_be_whole() {
        let bearer = credentials(&[(TOKEN, "t"), (USER, "u"), (PASSWORD, "p")], "r").unwrap();
        assert!(matches!(bearer, RegistryCredentials::Bearer(_)));
        let basic = credentials(&[(USER, "u"), (PASSWORD, "p")], "r").unwrap();
        assert!(matches!(basic, RegistryCredentials::Basic { .. }));
        assert!(matches!(
            credentials(&[(USER, "u")], "r"),
            Err(Error::HalfCredentials {
                missing: PASSWORD,
                ..
            })
        ));
        let none = credentials(&[("HOME", "/nonexistent")], "r").unwrap();
        assert!(matches!(none, RegistryCredentials::Anonymous));
    }
}
