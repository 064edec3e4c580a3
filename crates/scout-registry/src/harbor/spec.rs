//! The keys of `type=harbor`.

use std::sync::Arc;

use scout_envs::{RepositoryFilter, RepositoryName};
use url::Url;

use crate::client::Setup;
use crate::error::Result;
use crate::events::WebhookSecrets;
use crate::harbor::Harbor;
use crate::integration::RegistryIntegration;
use crate::selection::Selection;
use crate::spec::{
    BuildOptions, Connection, Fields, InvalidSpec, Product, Settings, Shared, Variables,
};

/// What `type=harbor` is.
pub(crate) static PRODUCT: Product = Product {
    kind: "harbor",
    keys: &["api", "repository"],
    is_remote: true,
    sends_events: true,
    variables: Some(Variables {
        user: "DOCKER_SCOUT_HARBOR_API_USER",
        password: "DOCKER_SCOUT_HARBOR_API_PASSWORD",
        webhook_secret: Some("DOCKER_SCOUT_HARBOR_WEBHOOK_AUTH"),
    }),
    read: |fields, shared| Ok(Arc::new(HarborSettings::read(fields, shared)?)),
};

#[derive(Debug)]
struct HarborSettings {
    connection: Connection,
    /// The address of the web interface.
    api: Url,
    filter: RepositoryFilter,
    repositories: Vec<RepositoryName>,
}

impl HarborSettings {
    fn read(fields: &Fields, shared: &Shared) -> Result<Self, InvalidSpec> {
        let connection = shared.connection()?;
        let api = match fields.optional("api")? {
            Some(text) => without_api_path(connection.api_address("api", text)?),
            None => connection.base().clone(),
        };
        Ok(Self {
            connection: connection.with_approved(&api),
            api,
            filter: shared.filter.clone(),
            repositories: fields.repositories()?,
        })
    }
}

/// People give the address of the web interface, or that of the API as its documents show it.
fn without_api_path(mut api: Url) -> Url {
    for tail in ["api/v2.0/", "api/"] {
        if let Some(path) = api.path().strip_suffix(tail) {
            let path = path.to_owned();
            api.set_path(&path);
            break;
        }
    }
    api
}

impl Settings for HarborSettings {
    fn host(&self) -> &str {
        self.connection.host()
    }

    fn build(&self, mut options: BuildOptions) -> Result<Arc<dyn RegistryIntegration>> {
        let secrets = WebhookSecrets::new(std::mem::take(&mut options.webhook_secrets));
        let setup = Setup::new(&self.connection, options)?;
        let named = self.repositories.clone();
        let selection = Selection::new(self.connection.host(), self.filter.clone(), named);
        let api = self.api.clone();
        Ok(Arc::new(Harbor::new(&setup, api, selection, secrets)))
    }
}
