//! Registry strings and parameters: `type=oci,registry=registry.example.com,include=team/*`.
//!
//! A string is one CSV record of `key=value`, as `docker scout watch` takes it; a bare host means
//! `type=oci`. Each product adds one [`Product`] to the table below.

mod connection;
mod credential;
mod field;
mod invalid;
mod options;
mod parameters;
mod secret;
mod webhook;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use scout_envs::RepositoryFilter;

use crate::error::Result;
use crate::integration::RegistryIntegration;
pub use crate::spec::connection::Connection;
pub use crate::spec::credential::CredentialRefs;
pub(crate) use crate::spec::field::Fields;
pub use crate::spec::invalid::InvalidSpec;
pub(crate) use crate::spec::invalid::without_credentials;
pub use crate::spec::options::BuildOptions;
pub use crate::spec::parameters::Parameters;
pub use crate::spec::secret::{InvalidSecretRef, SecretRef};
pub use crate::spec::webhook::WebhookSpec;
use crate::{acr, artifactory, docker_archive, harbor, nexus, oci, oci_dir};

/// The products that can be named, by what people use most.
static PRODUCTS: &[&Product] = &[
    &artifactory::PRODUCT,
    &acr::PRODUCT,
    &oci::PRODUCT,
    &harbor::PRODUCT,
    &nexus::PRODUCT,
    &oci_dir::PRODUCT,
    &docker_archive::PRODUCT,
];

/// How a product reads and checks its own keys.
type ReadSettings = fn(&Fields, &Shared) -> Result<Arc<dyn Settings>, InvalidSpec>;

/// What a product adds: its name, its keys, and how they are read.
pub(crate) struct Product {
    /// The value of `type=`.
    pub(crate) kind: &'static str,
    /// Its own keys, beside `type` and the groups below.
    pub(crate) keys: &'static [&'static str],
    /// Whether it is asked over the network: adds the keys of [`Connection`] and
    /// [`CredentialRefs`].
    pub(crate) is_remote: bool,
    /// Whether it sends webhooks: adds the keys of [`WebhookSpec`].
    pub(crate) sends_events: bool,
    /// What stands before the names of its environment variables, as in
    /// `DOCKER_SCOUT_ARTIFACTORY`; without one, those of any registry.
    pub(crate) variables: Option<Variables>,
    /// Reads and checks its own keys.
    pub(crate) read: ReadSettings,
}

/// The environment variables that hold a product's credentials.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Variables {
    /// The user.
    pub user: &'static str,
    /// The password or access token.
    pub password: &'static str,
    /// What authenticates webhooks, if it sends any.
    pub webhook_secret: Option<&'static str>,
}

impl Product {
    fn all_keys(&self) -> Vec<&'static str> {
        let mut keys = vec!["type"];
        if self.is_remote {
            keys.push("registry");
        }
        keys.extend_from_slice(self.keys);
        keys.extend_from_slice(FILTER_KEYS);
        if self.is_remote {
            keys.extend_from_slice(connection::KEYS);
            keys.extend_from_slice(credential::KEYS);
        }
        if self.sends_events {
            keys.extend_from_slice(webhook::KEYS);
        }
        let mut seen = Vec::new();
        keys.retain(|key| {
            !seen.contains(key) && {
                seen.push(*key);
                true
            }
        });
        keys
    }
}

/// The keys every product has.
const FILTER_KEYS: &[&str] = &["include", "includes", "exclude", "excludes"];

/// What all products have in common.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    /// Which repositories are looked at.
    pub(crate) filter: RepositoryFilter,
    /// Where it is asked, if over the network.
    pub(crate) connection: Option<Connection>,
}

impl Shared {
    /// Returns where it is asked.
    ///
    /// # Errors
    ///
    /// For products that are not asked over the network.
    pub(crate) fn connection(&self) -> Result<Connection, InvalidSpec> {
        self.connection.clone().ok_or(InvalidSpec::Empty)
    }
}

/// A product's own settings, checked.
pub(crate) trait Settings: fmt::Debug + Send + Sync {
    /// Returns what stands before the repository where people read a reference.
    fn host(&self) -> &str;

    /// Returns where it is asked, if that is not simply what `registry=` says.
    fn connection(&self) -> Option<&Connection> {
        None
    }

    /// Returns the user to whom a password belongs that comes without one.
    fn default_user(&self) -> Option<&'static str> {
        None
    }

    /// Makes the integration; nothing is asked yet.
    fn build(&self, options: BuildOptions) -> Result<Arc<dyn RegistryIntegration>>;
}

/// A registry string, or parameters, read and checked.
#[derive(Clone)]
pub struct RegistrySpec {
    product: &'static Product,
    shared: Shared,
    credentials: CredentialRefs,
    webhook: WebhookSpec,
    settings: Arc<dyn Settings>,
}

impl RegistrySpec {
    /// Reads a registry string.
    ///
    /// # Errors
    ///
    /// [`InvalidSpec`] names what is wrong, and what is allowed.
    pub fn parse(text: &str) -> Result<Self, InvalidSpec> {
        Self::new(&Parameters::parse(text)?)
    }

    /// Checks parameters.
    ///
    /// # Errors
    ///
    /// [`InvalidSpec`] names what is wrong, and what is allowed.
    pub fn new(parameters: &Parameters) -> Result<Self, InvalidSpec> {
        let fields = Fields::new(parameters)?;
        let kind = fields.kind()?;
        let product = PRODUCTS.iter().find(|product| product.kind == kind);
        let Some(product) = product else {
            return Err(InvalidSpec::UnknownType {
                name: without_credentials(kind),
                allowed: Self::kinds().collect::<Vec<_>>().join(", "),
            });
        };
        fields.check_keys(product.kind, &product.all_keys())?;
        let connection = match product.is_remote {
            true => Some(Connection::read(product.kind, &fields)?),
            false => None,
        };
        let shared = Shared {
            filter: fields.filter()?,
            connection,
        };
        Ok(Self {
            product,
            credentials: CredentialRefs::read(&fields)?,
            webhook: WebhookSpec::read(&fields)?,
            settings: (product.read)(&fields, &shared)?,
            shared,
        })
    }

    /// Returns the types that can be named.
    pub fn kinds() -> impl Iterator<Item = &'static str> {
        PRODUCTS.iter().map(|product| product.kind)
    }

    /// Returns the type.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.product.kind
    }

    /// Returns the keys that a type takes; nothing if there is no such type.
    #[must_use]
    pub fn keys_of(kind: &str) -> Option<Vec<&'static str>> {
        let product = PRODUCTS.iter().find(|product| product.kind == kind)?;
        Some(product.all_keys())
    }

    /// Returns what stands before the repository where people read a reference: the host, which
    /// is also the name under which Docker keeps its credentials.
    #[must_use]
    pub fn host(&self) -> &str {
        self.settings.host()
    }

    /// Returns where it is asked, if it is asked over the network.
    #[must_use]
    pub fn connection(&self) -> Option<&Connection> {
        let own = self.settings.connection();
        own.or(self.shared.connection.as_ref())
    }

    /// Returns the file with extra certificate authorities, which the caller reads into
    /// [`BuildOptions::with_ca_pem`].
    #[must_use]
    pub fn ca_file(&self) -> Option<&Path> {
        self.connection()?.ca_file()
    }

    /// Returns where its credentials are kept; the caller reads them into
    /// [`BuildOptions::with_credentials`].
    #[must_use]
    pub fn credentials(&self) -> &CredentialRefs {
        &self.credentials
    }

    /// Returns the user to whom a password belongs that is given without one, if the product
    /// has such a user.
    #[must_use]
    pub fn default_user(&self) -> Option<&'static str> {
        self.settings.default_user()
    }

    /// Returns how its webhooks are received.
    #[must_use]
    pub fn webhook(&self) -> &WebhookSpec {
        &self.webhook
    }

    /// Returns the environment variables documented for its credentials.
    #[must_use]
    pub fn variables(&self) -> Option<Variables> {
        self.product.variables
    }

    /// Makes the integration; nothing is asked yet.
    ///
    /// # Errors
    ///
    /// When the options cannot be used with it.
    pub fn build(&self, options: BuildOptions) -> Result<Arc<dyn RegistryIntegration>> {
        self.settings.build(options)
    }
}

impl fmt::Debug for RegistrySpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistrySpec")
            .field("kind", &self.product.kind)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
