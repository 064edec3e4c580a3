//! Whether and how the webhooks of an integration can be received.

use anyhow::{Context as _, bail};
use scout_config::OpenedRegistry;
use scout_envs::IntegrationName;
use scout_platform::Organization;
use scout_store::Store;
use scout_web::{Tls, TlsFiles};

use crate::arguments::Org;

/// The keys in which those who share a port agree.
const SHARED: [&str; 2] = ["webhook-cert", "webhook-key"];

/// Checks what can be checked before it is saved: the certificate, and that those who share the
/// port have the same. Whether the port is free shows only where scout-watch runs.
///
/// # Errors
///
/// If `scout-watch` could not receive the webhooks.
pub(super) async fn check(
    store: &dyn Store,
    organization: &Organization,
    name: &IntegrationName,
    pairs: &[(String, String)],
    opened: &OpenedRegistry,
) -> anyhow::Result<()> {
    let Some(webhook) = &opened.webhook else {
        return Ok(());
    };
    if let Some(files) = &webhook.tls {
        let files = TlsFiles::new(&files.certificate, &files.key);
        let loaded = Tls::load(files).await;
        loaded.with_context(|| format!("integration {name}: nothing was saved"))?;
    }
    let port = webhook.port.to_string();
    for other in store.integrations(organization.id).await? {
        let theirs = |key| value(&other.parameters, key);
        if other.name == *name || theirs("port") != Some(&port) {
            continue;
        }
        if SHARED.iter().any(|key| theirs(key) != value(pairs, key)) {
            bail!(
                "integration {name}: nothing was saved: it shares port {port} with integration \
                 {}, but not webhook-cert and webhook-key; give both the same, or another port",
                other.name
            );
        }
    }
    Ok(())
}

fn value<'a>(pairs: &'a [(String, String)], key: &str) -> Option<&'a str> {
    let mut found = pairs.iter().filter(|(known, _)| known == key);
    found.next().map(|(_, value)| value.as_str())
}

/// Says where webhooks go, or how they could be received.
pub(super) fn hint(org: &Org, name: &IntegrationName, opened: &OpenedRegistry) -> String {
    match &opened.webhook {
        Some(webhook) => format!(
            "scout-watch receives its webhooks on port {port}: send them to \
             {scheme}://THIS-HOST:{port}/{name}\n",
            port = webhook.port,
            scheme = if webhook.tls.is_some() {
                "https"
            } else {
                "http"
            },
        ),
        None if opened.registry.capabilities().receives_events => format!(
            "It is polled. With port= and webhook-secret= it is told of pushes at once: `scout \
             integration update{} --name {name} --parameter port=9000 --parameter \
             webhook-secret=file:PATH`\n",
            org.flag()
        ),
        None => String::new(),
    }
}
