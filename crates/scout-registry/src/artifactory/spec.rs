//! The keys of `type=artifactory`.

use std::sync::Arc;

use scout_envs::{RepositoryFilter, RepositoryName};
use url::Url;

use crate::artifactory::Artifactory;
use crate::artifactory::naming::{Layout, Naming};
use crate::client::Setup;
use crate::error::Result;
use crate::integration::RegistryIntegration;
use crate::spec::{
    BuildOptions, Connection, Fields, InvalidSpec, Product, Settings, Shared, Variables,
};

const KIND: &str = "artifactory";

/// What `type=artifactory` is.
pub(crate) static PRODUCT: Product = Product {
    kind: KIND,
    keys: &[
        "api",
        "repository",
        "include",
        "includes",
        "exclude",
        "excludes",
        "port",
        "subdomain-mode",
        "layout",
        "webhook-auth",
    ],
    is_remote: true,
    sends_events: true,
    variables: Some(Variables {
        user: "DOCKER_SCOUT_ARTIFACTORY_API_USER",
        password: "DOCKER_SCOUT_ARTIFACTORY_API_PASSWORD",
        webhook_secret: Some("DOCKER_SCOUT_ARTIFACTORY_WEBHOOK_SECRET"),
    }),
    read: |fields, shared| Ok(Arc::new(ArtifactorySettings::read(fields, shared)?)),
};

#[derive(Debug)]
struct ArtifactorySettings {
    connection: Connection,
    api: Url,
    layout: Layout,
    keys: Vec<String>,
    filter: RepositoryFilter,
    /// Whether a webhook that only shows the secret is refused.
    must_be_signed: bool,
}

impl ArtifactorySettings {
    fn read(fields: &Fields, shared: &Shared) -> Result<Self, InvalidSpec> {
        let connection = shared.connection()?;
        let api = connection.api_address("api", fields.required(KIND, "api")?)?;
        let keys = keys(fields)?;
        let layout = layout(fields)?;
        if layout == Layout::Port && keys.len() != 1 {
            return Err(InvalidSpec::NotOneRepository);
        }
        Ok(Self {
            connection: connection.with_approved(&api),
            api,
            layout,
            keys,
            filter: shared.filter.clone(),
            must_be_signed: must_be_signed(fields)?,
        })
    }
}

fn keys(fields: &Fields) -> Result<Vec<String>, InvalidSpec> {
    let mut keys = fields.list(&["repository"]);
    // The key is the first component of the names that we give images.
    let is_key = |key: &String| !key.contains('/') && key.parse::<RepositoryName>().is_ok();
    if let Some(bad) = keys.iter().find(|key| !is_key(key)) {
        return Err(InvalidSpec::NotARepositoryKey { value: bad.clone() });
    }
    keys.sort();
    keys.dedup();
    Ok(keys)
}

/// Reads `layout`, and `subdomain-mode`, which says the same with a flag.
fn layout(fields: &Fields) -> Result<Layout, InvalidSpec> {
    let named = match fields.optional("layout")? {
        None => None,
        Some("repository-path") => Some(Layout::RepositoryPath),
        Some("subdomain") => Some(Layout::Subdomain),
        Some("port") => Some(Layout::Port),
        Some(value) => {
            return Err(InvalidSpec::NotOneOf {
                key: "layout",
                value: value.to_owned(),
                allowed: "repository-path, subdomain, port",
            });
        }
    };
    let flag = fields.flag("subdomain-mode")?;
    let is_flag_given = fields.optional("subdomain-mode")?.is_some();
    match named {
        None if flag => Ok(Layout::Subdomain),
        None => Ok(Layout::RepositoryPath),
        Some(layout) if is_flag_given && flag != (layout == Layout::Subdomain) => {
            Err(InvalidSpec::Contradiction {
                one: "layout",
                other: "subdomain-mode",
            })
        }
        Some(layout) => Ok(layout),
    }
}

fn must_be_signed(fields: &Fields) -> Result<bool, InvalidSpec> {
    match fields.optional("webhook-auth")? {
        None | Some("any") => Ok(false),
        Some("signed") => Ok(true),
        Some(value) => Err(InvalidSpec::NotOneOf {
            key: "webhook-auth",
            value: value.to_owned(),
            allowed: "signed, any",
        }),
    }
}

impl Settings for ArtifactorySettings {
    fn host(&self) -> &str {
        self.connection.host()
    }

    fn build(&self, mut options: BuildOptions) -> Result<Arc<dyn RegistryIntegration>> {
        let secrets = std::mem::take(&mut options.webhook_secrets);
        let setup = Setup::new(&self.connection, options)?;
        let naming = Naming {
            host: self.connection.host().to_owned(),
            layout: self.layout,
            keys: self.keys.clone(),
            filter: self.filter.clone(),
        };
        let artifactory = Artifactory::new(setup, self.api.clone(), naming)
            .with_events(secrets, self.must_be_signed);
        Ok(Arc::new(artifactory))
    }
}
