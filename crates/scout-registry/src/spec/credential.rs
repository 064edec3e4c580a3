//! Where a registry's credentials are kept.

use crate::spec::InvalidSpec;
use crate::spec::field::Fields;
use crate::spec::secret::SecretRef;

/// The keys of [`CredentialRefs`].
pub(super) const KEYS: &[&str] = &["user", "password", "token"];

/// Where a registry's credentials are kept. All absent: the caller looks where it always looks.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct CredentialRefs {
    /// The user, which is no secret.
    pub user: Option<String>,
    /// The user's password or access token.
    pub password: Option<SecretRef>,
    /// A bearer token, sent as it is; in place of user and password.
    pub token: Option<SecretRef>,
}

impl CredentialRefs {
    pub(super) fn read(fields: &Fields) -> Result<Self, InvalidSpec> {
        let refs = Self {
            user: fields.optional("user")?.map(str::to_owned),
            password: fields.secret("password")?,
            token: fields.secret("token")?,
        };
        match refs {
            Self {
                token: Some(_),
                password: Some(_),
                ..
            } => Err(InvalidSpec::Both {
                one: "token",
                other: "password",
            }),
            refs => Ok(refs),
        }
    }
}
