//! How a registry's webhooks are received, and what authenticates them.

use std::path::PathBuf;

use scout_registry::{RegistrySpec, SecretRef};
use secrecy::SecretString;

use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::secret::{SecretFiles, read_secret, usable};

/// What follows the name of a webhook secret's variable for the secret before it.
const PREVIOUS: &str = "_PREVIOUS";

/// How a registry's webhooks are received.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct WebhookSettings {
    /// The local port, not 0.
    pub port: u16,
    /// The files for TLS; without them it is plain HTTP, behind something that ends TLS.
    pub tls: Option<TlsFiles>,
}

/// The files for TLS, PEM.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TlsFiles {
    /// The certificate chain.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Reads the current secret and the one before it: where the parameters point to, else from the
/// variables of the type.
pub(crate) fn webhook_secrets(
    environment: &impl Environment,
    spec: &RegistrySpec,
    files: &mut SecretFiles,
) -> Result<Vec<SecretString>> {
    let webhook = spec.webhook();
    let variable = spec.variables().and_then(|names| names.webhook_secret);
    let mut read = |key, reference: &Option<SecretRef>, suffix: &str| {
        if let Some(reference) = reference {
            return read_secret(environment, files, key, reference).map(Some);
        }
        let Some(variable) = variable else {
            return Ok(None);
        };
        let name = format!("{variable}{suffix}");
        match environment.get(&name) {
            Some(text) => usable(text, || name).map(Some),
            None => Ok(None),
        }
    };
    let current = read("webhook-secret", &webhook.secret, "")?;
    let previous = read(
        "webhook-secret-previous",
        &webhook.previous_secret,
        PREVIOUS,
    )?;
    Ok(current.into_iter().chain(previous).collect())
}

/// Returns how webhooks are received, if they are. Without a secret anybody could send them.
pub(crate) fn webhook_settings(
    spec: &RegistrySpec,
    secrets: &[SecretString],
    files: &mut SecretFiles,
) -> Result<Option<WebhookSettings>> {
    let Some(port) = spec.webhook().port else {
        return Ok(None);
    };
    if secrets.is_empty() {
        let variable = spec.variables().and_then(|names| names.webhook_secret);
        let variable = variable.map_or_else(String::new, |name| format!("set {name}, or "));
        return Err(Error::NoWebhookSecret { port, variable });
    }
    let tls = spec.webhook().tls.clone();
    let tls = tls.map(|(certificate, key)| TlsFiles { certificate, key });
    if let Some(tls) = &tls {
        files.remember(&tls.certificate);
        files.remember(&tls.key);
    }
    Ok(Some(WebhookSettings { port, tls }))
}
