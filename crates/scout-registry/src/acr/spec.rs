//! The keys of `type=acr`.

use std::sync::Arc;

use scout_envs::{RepositoryFilter, RepositoryName};
use url::Url;

use crate::acr::AzureRegistry;
use crate::acr::events::Webhooks;
use crate::client::{Setup, TokenGrant};
use crate::credentials::RegistryCredentials;
use crate::error::Result;
use crate::events::WebhookSecrets;
use crate::integration::RegistryIntegration;
use crate::selection::Selection;
use crate::spec::{
    BuildOptions, Connection, Fields, InvalidSpec, Product, Settings, Shared, Variables,
    without_credentials,
};

/// What `type=acr` is.
pub(crate) static PRODUCT: Product = Product {
    kind: "acr",
    keys: &[
        "repository",
        "tenant",
        "event-subscription",
        "resource-group",
        "webhook-url",
    ],
    is_remote: true,
    sends_events: true,
    variables: Some(Variables {
        user: "DOCKER_SCOUT_ACR_USER",
        password: "DOCKER_SCOUT_ACR_PASSWORD",
        webhook_secret: Some("DOCKER_SCOUT_ACR_WEBHOOK_SECRET"),
    }),
    read: |fields, shared| Ok(Arc::new(AcrSettings::read(fields, shared)?)),
};

/// Where registries of Azure's public cloud are; others are named in full.
const DOMAIN: &str = "azurecr.io";
/// The token that the deployment template makes.
const READONLY_TOKEN: &str = "docker-scout-readonly-token";
/// The user whose password is a refresh token (Azure/acr `AAD-OAuth.md`).
const REFRESH_TOKEN_USER: &str = "00000000-0000-0000-0000-000000000000";
/// The event subscription that the deployment template makes.
const SUBSCRIPTION: &str = "image-change";

#[derive(Debug)]
struct AcrSettings {
    connection: Connection,
    filter: RepositoryFilter,
    repositories: Vec<RepositoryName>,
    /// The directory whose token is exchanged for one of the registry.
    tenant: Option<String>,
    subscription: String,
}

impl AcrSettings {
    fn read(fields: &Fields, shared: &Shared) -> Result<Self, InvalidSpec> {
        let tenant = word(fields, "tenant", TENANTS, 3, |c| ".-".contains(c))?;
        if tenant.is_some() {
            for other in ["user", "password"] {
                if fields.optional(other)?.is_some() {
                    return Err(InvalidSpec::Both {
                        one: "tenant",
                        other,
                    });
                }
            }
        }
        let key = "event-subscription";
        let subscription = word(fields, key, SUBSCRIPTIONS, 3, |c| c == '-')?;
        // These two are for the command that deploys the template; here they are only checked.
        word(fields, "resource-group", GROUPS, 1, |c| "_-.()".contains(c))?;
        check_webhook_url(fields)?;
        Ok(Self {
            connection: shared.connection()?.with_default_domain(DOMAIN),
            filter: shared.filter.clone(),
            repositories: fields.repositories()?,
            tenant,
            subscription: subscription.unwrap_or_else(|| SUBSCRIPTION.to_owned()),
        })
    }

    /// Returns how to log in with what was given.
    fn login(&self, credentials: RegistryCredentials) -> (RegistryCredentials, TokenGrant) {
        let exchange = self
            .tenant
            .clone()
            .map(|tenant| TokenGrant::Exchange { tenant });
        let as_user = |user: &str, password| RegistryCredentials::Basic {
            user: user.to_owned(),
            password,
        };
        match (credentials, exchange) {
            (RegistryCredentials::Bearer(token), Some(exchange)) => {
                (as_user(REFRESH_TOKEN_USER, token), exchange)
            }
            (RegistryCredentials::Basic { user, password }, exchange) if user.is_empty() => {
                match exchange {
                    Some(exchange) => (as_user(REFRESH_TOKEN_USER, password), exchange),
                    None => (as_user(READONLY_TOKEN, password), TokenGrant::Password),
                }
            }
            (RegistryCredentials::Basic { user, password }, _) if user == REFRESH_TOKEN_USER => {
                (as_user(&user, password), TokenGrant::RefreshToken)
            }
            (other, _) => (other, TokenGrant::Password),
        }
    }
}

impl Settings for AcrSettings {
    fn host(&self) -> &str {
        self.connection.host()
    }

    fn connection(&self) -> Option<&Connection> {
        Some(&self.connection)
    }

    fn default_user(&self) -> Option<&'static str> {
        match self.tenant {
            None => Some(READONLY_TOKEN),
            Some(_) => None,
        }
    }

    fn build(&self, mut options: BuildOptions) -> Result<Arc<dyn RegistryIntegration>> {
        let host = self.connection.host();
        let selection = Selection::new(host, self.filter.clone(), self.repositories.clone());
        let selection = Arc::new(selection);
        let secrets = WebhookSecrets::new(std::mem::take(&mut options.webhook_secrets));
        let webhooks = secrets.map(|secrets| {
            let hosts = [host.to_owned()].into_iter();
            let hosts = hosts.chain(self.connection.allowed_hosts().iter().cloned());
            let selection = Arc::clone(&selection);
            Webhooks::new(secrets, &self.subscription, selection, hosts)
        });
        let mut setup = Setup::new(&self.connection, options)?;
        (setup.credentials, setup.grant) = self.login(setup.credentials);
        Ok(Arc::new(AzureRegistry::new(&setup, selection, webhooks)))
    }
}

const TENANTS: &str = "the directories of Entra, by their id or domain";
const SUBSCRIPTIONS: &str = "the names of event subscriptions (3 to 64 letters, digits and -)";
const GROUPS: &str = "the names of resource groups (up to 90 letters, digits and _-.())";

/// Reads a value that stands in commands and forms: letters, digits and what else is allowed.
fn word(
    fields: &Fields,
    key: &'static str,
    allowed: &'static str,
    at_least: usize,
    also: fn(char) -> bool,
) -> Result<Option<String>, InvalidSpec> {
    // Azure's limits are 64 and 90, a domain has up to 253.
    const MAX_LEN: usize = 253;
    let at_most = match key {
        "event-subscription" => 64,
        "resource-group" => 90,
        _ => MAX_LEN,
    };
    let Some(value) = fields.optional(key)? else {
        return Ok(None);
    };
    let is_word = value.chars().all(|c| c.is_ascii_alphanumeric() || also(c));
    if is_word && (at_least..=at_most).contains(&value.len()) {
        return Ok(Some(value.to_owned()));
    }
    Err(InvalidSpec::NotOneOf {
        key,
        value: without_credentials(value),
        allowed,
    })
}

/// Event Grid sends to https only; and a secret in a query does not belong into a configuration.
fn check_webhook_url(fields: &Fields) -> Result<(), InvalidSpec> {
    let key = "webhook-url";
    let Some(text) = fields.optional(key)? else {
        return Ok(());
    };
    let is_plain = |url: &Url| {
        url.scheme() == "https"
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    };
    match Url::parse(text) {
        Ok(url) if is_plain(&url) => Ok(()),
        _ => Err(InvalidSpec::NotOneOf {
            key,
            value: without_query(text),
            allowed: "the addresses Event Grid sends to: https, and here without user and query",
        }),
    }
}

fn without_query(text: &str) -> String {
    let address = text.split(['?', '#']).next().unwrap_or_default();
    without_credentials(address)
}
