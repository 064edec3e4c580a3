//! The keys of `type=oci`.

use std::sync::Arc;

use scout_envs::{RepositoryFilter, RepositoryName};

use crate::client::Setup;
use crate::error::Result;
use crate::events::WebhookSecrets;
use crate::integration::RegistryIntegration;
use crate::oci::{OciRegistry, official};
use crate::selection::Selection;
use crate::spec::{
    BuildOptions, Connection, Fields, InvalidSpec, Product, Settings, Shared, Variables,
};

/// What `type=oci` is.
pub(crate) static PRODUCT: Product = Product {
    kind: "oci",
    keys: &["repository"],
    is_remote: true,
    sends_events: true,
    variables: Some(Variables {
        user: "DOCKER_SCOUT_REGISTRY_USER",
        password: "DOCKER_SCOUT_REGISTRY_PASSWORD",
        webhook_secret: Some("DOCKER_SCOUT_REGISTRY_WEBHOOK_SECRET"),
    }),
    read: |fields, shared| Ok(Arc::new(OciSettings::read(fields, shared)?)),
};

#[derive(Debug)]
struct OciSettings {
    connection: Connection,
    filter: RepositoryFilter,
    repositories: Vec<RepositoryName>,
}

impl OciSettings {
    fn read(fields: &Fields, shared: &Shared) -> Result<Self, InvalidSpec> {
        Ok(Self {
            connection: shared.connection()?,
            filter: shared.filter.clone(),
            repositories: fields.repositories()?,
        })
    }
}

impl Settings for OciSettings {
    fn host(&self) -> &str {
        self.connection.host()
    }

    fn build(&self, mut options: BuildOptions) -> Result<Arc<dyn RegistryIntegration>> {
        let secrets = WebhookSecrets::new(std::mem::take(&mut options.webhook_secrets));
        let setup = Setup::new(&self.connection, options)?;
        let host = self.connection.host();
        let named = self.repositories.iter().map(|name| official(host, name));
        let selection = Selection::new(host, self.filter.clone(), named.collect());
        Ok(Arc::new(OciRegistry::new(&setup, selection, secrets)))
    }
}
