//! Who we say we are to a registry.

use secrecy::SecretString;

/// The credentials for one registry. Sent to it and to its token service only.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum RegistryCredentials {
    /// None; a token for anybody is still asked for where the registry wants one.
    #[default]
    Anonymous,
    /// A user and a password or access token.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: SecretString,
    },
    /// A ready bearer token, sent as it is.
    Bearer(SecretString),
}

impl RegistryCredentials {
    /// Returns who this is, for messages: never a secret.
    #[must_use]
    pub fn who(&self) -> String {
        match self {
            Self::Anonymous => "anonymous".to_owned(),
            Self::Basic { user, .. } => format!("user {user:?}"),
            Self::Bearer(_) => "the given token".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_has_no_secret() {
        let basic = RegistryCredentials::Basic {
            user: "scout".to_owned(),
            password: "s3cret".into(),
        };
        for credentials in [basic, RegistryCredentials::Bearer("s3cret".into())] {
            let shown = format!("{credentials:?} {}", credentials.who());
            assert!(!shown.contains("s3cret"), "{shown}");
        }
    }
}
