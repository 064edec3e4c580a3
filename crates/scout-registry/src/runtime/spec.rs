//! Parameters of runtimes: `type=sysdig`, `token=env:NAME`, `region=us1`, `cluster=prod`.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use scout_envs::EnvironmentName;

use crate::error::Result;
use crate::runtime::RuntimeIntegration;
use crate::spec::{
    BuildOptions, Connection, Fields, InvalidSpec, Parameters, SecretRef, without_credentials,
};
use crate::sysdig;

/// The products that can be named.
static PRODUCTS: &[&RuntimeProduct] = &[&sysdig::PRODUCT];

/// The keys every product has; its own come before them.
const SHARED_KEYS: &[&str] = &[
    "token",
    "cluster",
    "environment",
    "insecure",
    "ca",
    "allow-host",
];

/// Longest name of a cluster, in characters: four times what Kubernetes allows for its own names.
const MAX_CLUSTER: usize = 256;

/// What a product adds: its name, its keys, and how they are read.
pub(crate) struct RuntimeProduct {
    /// The value of `type=`.
    pub(crate) kind: &'static str,
    /// Its own keys, beside `type` and the shared ones.
    pub(crate) keys: &'static [&'static str],
    /// Reads and checks its own keys.
    pub(crate) read: fn(&Fields) -> Result<Arc<dyn RuntimeSettings>, InvalidSpec>,
}

impl RuntimeProduct {
    fn all_keys(&self) -> Vec<&'static str> {
        let mut keys = vec!["type"];
        keys.extend_from_slice(self.keys);
        keys.extend_from_slice(SHARED_KEYS);
        keys
    }
}

/// A product's own settings, checked.
pub(crate) trait RuntimeSettings: fmt::Debug + Send + Sync {
    /// Returns where it is asked.
    fn connection(&self) -> &Connection;

    /// Makes the integration; nothing is asked yet.
    fn build(
        &self,
        cluster: Option<&str>,
        options: BuildOptions,
    ) -> Result<Arc<dyn RuntimeIntegration>>;
}

/// The parameters of a runtime, read and checked.
#[derive(Clone)]
pub struct RuntimeSpec {
    product: &'static RuntimeProduct,
    token: SecretRef,
    cluster: Option<String>,
    environment: Option<EnvironmentName>,
    settings: Arc<dyn RuntimeSettings>,
}

impl RuntimeSpec {
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
        let missing = InvalidSpec::MissingKey {
            kind: product.kind,
            key: "token",
        };
        let environment = fields.optional("environment")?;
        Ok(Self {
            product,
            token: fields.secret("token")?.ok_or(missing)?,
            cluster: fields.optional("cluster")?.map(cluster).transpose()?,
            environment: environment.map(str::parse).transpose()?,
            settings: (product.read)(&fields)?,
        })
    }

    /// Returns the types that can be named.
    pub fn kinds() -> impl Iterator<Item = &'static str> {
        PRODUCTS.iter().map(|product| product.kind)
    }

    /// Returns the keys that a type takes; nothing if there is no such type.
    #[must_use]
    pub fn keys_of(kind: &str) -> Option<Vec<&'static str>> {
        let product = PRODUCTS.iter().find(|product| product.kind == kind)?;
        Some(product.all_keys())
    }

    /// Returns the type.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.product.kind
    }

    /// Returns where the token is kept; the caller reads it into
    /// [`RegistryCredentials::Bearer`](crate::RegistryCredentials::Bearer) for
    /// [`BuildOptions::with_credentials`].
    #[must_use]
    pub fn token(&self) -> &SecretRef {
        &self.token
    }

    /// Returns the cluster, if one is chosen. Without one the clusters can be listed, and nothing
    /// else.
    #[must_use]
    pub fn cluster(&self) -> Option<&str> {
        self.cluster.as_deref()
    }

    /// Returns the environment that gets the cluster's images, if one is named.
    #[must_use]
    pub fn environment(&self) -> Option<&EnvironmentName> {
        self.environment.as_ref()
    }

    /// Returns where it is asked.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        self.settings.connection()
    }

    /// Returns the host that is asked.
    #[must_use]
    pub fn host(&self) -> &str {
        self.connection().host()
    }

    /// Returns the file with extra certificate authorities, which the caller reads into
    /// [`BuildOptions::with_ca_pem`].
    #[must_use]
    pub fn ca_file(&self) -> Option<&Path> {
        self.connection().ca_file()
    }

    /// Makes the integration; nothing is asked yet.
    ///
    /// # Errors
    ///
    /// When the options cannot be used with it.
    pub fn build(&self, options: BuildOptions) -> Result<Arc<dyn RuntimeIntegration>> {
        self.settings.build(self.cluster(), options)
    }
}

impl fmt::Debug for RuntimeSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuntimeSpec")
            .field("kind", &self.product.kind)
            .field("cluster", &self.cluster)
            .field("environment", &self.environment)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

fn cluster(name: &str) -> Result<String, InvalidSpec> {
    if name.chars().any(char::is_control) || name.chars().count() > MAX_CLUSTER {
        return Err(InvalidSpec::NotAName {
            key: "cluster",
            value: name.escape_debug().take(MAX_CLUSTER).collect(),
            expected: "the name of a cluster: at most 256 characters, without line breaks",
        });
    }
    Ok(name.to_owned())
}
