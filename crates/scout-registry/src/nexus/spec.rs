//! The keys of `type=nexus`.

use std::sync::Arc;

use scout_envs::{RepositoryFilter, RepositoryName};
use url::Url;

use crate::client::Setup;
use crate::error::Result;
use crate::events::WebhookSecrets;
use crate::integration::RegistryIntegration;
use crate::nexus::Nexus;
use crate::spec::{
    BuildOptions, Connection, Fields, InvalidSpec, Product, Settings, Shared, Variables,
};

/// What `type=nexus` is.
pub(crate) static PRODUCT: Product = Product {
    kind: "nexus",
    keys: &["api", "repository"],
    is_remote: true,
    sends_events: true,
    variables: Some(Variables {
        user: "DOCKER_SCOUT_NEXUS_API_USER",
        password: "DOCKER_SCOUT_NEXUS_API_PASSWORD",
        webhook_secret: Some("DOCKER_SCOUT_NEXUS_WEBHOOK_SECRET"),
    }),
    read: |fields, shared| Ok(Arc::new(NexusSettings::read(fields, shared)?)),
};

#[derive(Debug)]
pub(super) struct NexusSettings {
    connection: Connection,
    /// The address of the web interface.
    pub(super) api: Option<Url>,
    pub(super) filter: RepositoryFilter,
    /// Nexus repositories, not images.
    pub(super) repositories: Vec<String>,
}

impl NexusSettings {
    fn read(fields: &Fields, shared: &Shared) -> Result<Self, InvalidSpec> {
        let mut connection = shared.connection()?;
        let api = match fields.optional("api")? {
            Some(text) => Some(without_api_path(connection.api_address("api", text)?)),
            None => None,
        };
        if let Some(api) = &api {
            connection = connection.with_approved(api);
        }
        let repositories = repositories(fields)?;
        if repositories.len() > 1 && api.is_none() {
            return Err(InvalidSpec::OneWithoutOther {
                one: "repository",
                other: "api",
            });
        }
        Ok(Self {
            connection,
            api,
            filter: shared.filter.clone(),
            repositories,
        })
    }
}

/// Reads the names of Nexus repositories. Of several, each stands before its images, so they must
/// be what can stand there.
fn repositories(fields: &Fields) -> Result<Vec<String>, InvalidSpec> {
    let mut names: Vec<String> = Vec::new();
    for name in fields.list(&["repository"]) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let wrong = |name: &String, expected| {
        Err(InvalidSpec::NotAName {
            key: "repository",
            value: name.clone(),
            expected,
        })
    };
    if let Some(bad) = names.iter().find(|name| !is_nexus_name(name)) {
        return wrong(bad, "the name of a Nexus repository, such as docker-hosted");
    }
    let can_lead = |name: &String| name.parse::<RepositoryName>().is_ok();
    match names.iter().find(|name| !can_lead(name)) {
        Some(bad) if names.len() > 1 => wrong(
            bad,
            "a name that can stand before an image, in lower case, which is needed where several \
             Nexus repositories are named",
        ),
        _ => Ok(names),
    }
}

/// Nexus' own rule for names.
fn is_nexus_name(name: &str) -> bool {
    let starts_well = |c: char| c.is_ascii_alphanumeric() || c == '-';
    name.starts_with(starts_well) && name.chars().all(|c| starts_well(c) || "_.".contains(c))
}

/// People give the address of the web interface, or that of the API as its documents show it.
fn without_api_path(mut api: Url) -> Url {
    for tail in ["service/rest/v1/", "service/rest/"] {
        if let Some(path) = api.path().strip_suffix(tail) {
            let path = path.to_owned();
            api.set_path(&path);
            break;
        }
    }
    api
}

impl Settings for NexusSettings {
    fn host(&self) -> &str {
        self.connection.host()
    }

    fn build(&self, mut options: BuildOptions) -> Result<Arc<dyn RegistryIntegration>> {
        let secrets = WebhookSecrets::new(std::mem::take(&mut options.webhook_secrets));
        let setup = Setup::new(&self.connection, options)?;
        Ok(Arc::new(Nexus::new(&setup, self, secrets)))
    }
}
