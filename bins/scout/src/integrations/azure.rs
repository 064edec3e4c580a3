//! What happens in Azure, which we do not touch: the template, how it is deployed, what stays.

use std::fmt::Write as _;

use scout_envs::IntegrationName;

pub(crate) const KIND: &str = "acr";

/// The template that makes token, topic and subscription.
pub(crate) const TEMPLATE: &str = include_str!("../../../../deploy/azure/template.json");

/// What `list acr` ends with.
pub(crate) const SUMMARY_NOTE: &str = "\
`scout repo list` shows their repositories, `scout repo enable` chooses what is analyzed.
";

/// The token that the template makes.
const TOKEN: &str = "docker-scout-readonly-token";
/// The Event Grid system topic that the template makes.
const TOPIC: &str = "docker-scout-repository";

/// Says how to deploy, for somebody who has no password yet.
pub(crate) fn before_the_password(name: &IntegrationName, pairs: &[(String, String)]) -> String {
    let registry = registry_name(pairs);
    format!(
        "Not saved: there is no password for {registry} yet.\n\n\
         1. Deploy the template, into the resource group of the registry:\n\n{}\n\
         2. Make a password for the token it made:\n\n  \
         az acr token credential generate --registry {registry} --name {TOKEN} --password1 \
         --query 'passwords[0].value' --output tsv\n\n\
         3. Put it into a file, and add the integration again with\n\n  \
         --parameter password=file:PATH\n",
        deployment(name, pairs)
    )
}

/// Says how to deploy, for somebody whose integration was saved.
pub(crate) fn after_saving(name: &IntegrationName, pairs: &[(String, String)]) -> String {
    format!(
        "Azure tells of pushes and deletions once the template is deployed, into the resource \
         group of the registry:\n\n{}\n",
        deployment(name, pairs)
    )
}

fn deployment(name: &IntegrationName, pairs: &[(String, String)]) -> String {
    let registry = registry_name(pairs);
    let group = value(pairs, "resource-group").unwrap_or_else(|| {
        format!("\"$(az acr show --name {registry} --query resourceGroup --output tsv)\"")
    });
    let webhook =
        value(pairs, "webhook-url").unwrap_or_else(|| format!("https://YOUR-PUBLIC-HOST/{name}"));
    let mut out = String::new();
    let _ = writeln!(out, "  scout integration template acr > template.json");
    let _ = writeln!(
        out,
        "  az deployment group create --resource-group {group} \\"
    );
    let _ = writeln!(out, "    --template-file template.json \\");
    let _ = writeln!(out, "    --parameters RegistryName={registry} \\");
    let _ = writeln!(out, "      DockerScoutWebhook='{webhook}' \\");
    let _ = writeln!(
        out,
        "      DeliveryHeaderSecret=\"$DOCKER_SCOUT_ACR_WEBHOOK_SECRET\""
    );
    out
}

/// Says what stays in Azure, and how to remove it.
pub(crate) fn what_stays(pairs: &[(String, String)]) -> String {
    let registry = registry_name(pairs);
    let group = value(pairs, "resource-group").unwrap_or_else(|| "RESOURCE-GROUP".to_owned());
    format!(
        "What was made in Azure stays there until you remove it:\n  \
         the token {TOKEN} of the registry:\n    \
         az acr token delete --registry {registry} --name {TOKEN}\n  \
         the Event Grid system topic {TOPIC}:\n    \
         az eventgrid system-topic delete --resource-group {group} --name {TOPIC}\n"
    )
}

/// Returns the registry's name: the first label of its host.
fn registry_name(pairs: &[(String, String)]) -> String {
    let host = value(pairs, "registry").unwrap_or_else(|| "REGISTRY".to_owned());
    let host = host.rsplit("://").next().unwrap_or_default();
    host.split(['.', ':', '/'])
        .next()
        .unwrap_or_default()
        .to_owned()
}

fn value(pairs: &[(String, String)], key: &str) -> Option<String> {
    let mut found = pairs.iter().filter(|(known, _)| known == key);
    found.next().map(|(_, value)| value.clone())
}
