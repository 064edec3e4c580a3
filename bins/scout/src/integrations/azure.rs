//! What happens in Azure, which we do not touch: the template, how it is deployed, what stays.

use std::fmt::Write as _;

use scout_config::WebhookSettings;
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
/// The event subscription below it.
const SUBSCRIPTION: &str = "image-change";
/// The scope map of that token, one of those that every registry has.
const SCOPE_MAP: &str = "_repositories_pull_metadata_read";
/// Where a secret is looked up that no setting points to.
const SECRET_VARIABLE: &str = "DOCKER_SCOUT_ACR_WEBHOOK_SECRET";

type Pairs = [(String, String)];

/// Says how to get a password, for somebody who has none yet.
pub(crate) fn before_the_password(
    name: &IntegrationName,
    pairs: &Pairs,
    webhook: Option<&WebhookSettings>,
) -> String {
    if pairs.iter().any(|(key, _)| key == "tenant") {
        return format!(
            "Not saved: with tenant=, integration {name} needs an access token of Entra. Add it \
             again with\n\n  --parameter token=file:PATH\n"
        );
    }
    let registry = registry_name(pairs);
    let mut out = format!("Not saved: there is no password for {registry} yet.\n\n");
    let password = match webhook {
        Some(_) => {
            let _ = write!(
                out,
                "1. Deploy the template. Event Grid asks first whether the events are wanted, so \
                 let the same\n   command run with --wait, which answers, while you type in \
                 another terminal:\n\n{}\n\
                 2. Make a password for the token that was made:\n\n",
                deployment(name, pairs)
            );
            format!(
                "  az acr token credential generate --registry {registry} --name {TOKEN} \\\n    \
                 --password1 --query 'passwords[0].value' --output tsv > acr-password\n"
            )
        }
        None => {
            out += "1. Make a token that reads, with a password:\n\n";
            format!(
                "  az acr token create --registry {registry} --name {TOKEN} \\\n    \
                 --scope-map {SCOPE_MAP} \\\n    \
                 --query 'credentials.passwords[0].value' --output tsv > acr-password\n"
            )
        }
    };
    let number = if webhook.is_some() { 3 } else { 2 };
    let _ = write!(
        out,
        "{password}\n{number}. Add the integration again, with\n\n  \
         --parameter password=file:acr-password\n"
    );
    if webhook.is_none() {
        out += "\nThe registry is then polled. To be told of pushes at once, give port= and \
                webhook-secret=\nas well: then this command prints how to deploy the template, \
                which makes the token, too.\n";
    }
    out
}

/// Says how to deploy, for somebody whose integration was saved with other credentials than the
/// template's token: who has that has deployed it.
pub(crate) fn after_saving(
    name: &IntegrationName,
    pairs: &Pairs,
    webhook: Option<&WebhookSettings>,
) -> String {
    let has_own = pairs
        .iter()
        .any(|(key, _)| key == "user" || key == "tenant");
    if webhook.is_none() || !has_own {
        return String::new();
    }
    format!(
        "Azure tells of pushes and deletions once the template is deployed, while scout-watch \
         runs:\n\n{}",
        deployment(name, pairs)
    )
}

fn deployment(name: &IntegrationName, pairs: &Pairs) -> String {
    let registry = registry_name(pairs);
    let webhook = value(pairs, "webhook-url");
    let webhook = webhook.map_or_else(|| format!("https://YOUR-PUBLIC-HOST/{name}"), str::to_owned);
    let mut out = String::new();
    let _ = writeln!(out, "  scout integration template acr > template.json");
    let _ = writeln!(out, "  az deployment group create \\");
    let _ = writeln!(out, "    --resource-group {} \\", group(pairs));
    let _ = writeln!(out, "    --template-file template.json \\");
    let _ = writeln!(out, "    --parameters RegistryName={registry} \\");
    let _ = writeln!(out, "      DockerScoutWebhook='{webhook}' \\");
    let _ = writeln!(out, "      DeliveryHeaderSecret=\"{}\" \\", secret(pairs));
    let _ = writeln!(out, "    --query properties.provisioningState --output tsv");
    out
}

/// Says what stays in Azure, and how to remove it.
pub(crate) fn what_stays(pairs: &Pairs) -> String {
    let (registry, group) = (registry_name(pairs), group(pairs));
    format!(
        "What was made in Azure stays there until you remove it:\n\
         - the token {TOKEN} of the registry\n\
         - the Event Grid system topic {TOPIC}, with its subscription\n\n  \
         az acr token delete --registry {registry} --name {TOKEN} --yes\n  \
         az eventgrid system-topic event-subscription delete --name {SUBSCRIPTION} \\\n    \
         --resource-group {group} \\\n    \
         --system-topic-name {TOPIC} --yes\n  \
         az eventgrid system-topic delete --name {TOPIC} \\\n    \
         --resource-group {group} --yes\n"
    )
}

/// Returns the registry's resource group, as a word for a shell.
fn group(pairs: &Pairs) -> String {
    match value(pairs, "resource-group") {
        // Parentheses are allowed in its name.
        Some(group) if group.contains(['(', ')']) => format!("'{group}'"),
        Some(group) => group.to_owned(),
        None => format!(
            "\"$(az acr show --name {} --query resourceGroup --output tsv)\"",
            registry_name(pairs)
        ),
    }
}

/// Returns where the webhooks' secret is, as a shell reads it between quotes.
fn secret(pairs: &Pairs) -> String {
    let reference = value(pairs, "webhook-secret").unwrap_or_default();
    match reference.split_once(':') {
        Some(("file", path)) if path.chars().all(is_plain) => format!("$(cat {path})"),
        Some(("file", path)) => format!("$(cat '{}')", path.replace('\'', r"'\''")),
        Some(("env", variable)) => format!("${variable}"),
        _ => format!("${SECRET_VARIABLE}"),
    }
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "/._-".contains(c)
}

/// Returns the registry's name in Azure: its host without the domain, and without what Azure may
/// put behind the name to make the host unique. Names have no hyphen.
fn registry_name(pairs: &Pairs) -> String {
    let hosts = pairs
        .iter()
        .filter(|(key, _)| key == "registry" || key == "allow-host");
    let mut names = hosts.filter_map(|(_, host)| {
        let host = host.rsplit("://").next()?.trim_end_matches('/');
        let (label, domain) = host.split_once('.').unwrap_or((host, "azurecr.io"));
        let name = label.split('-').next()?;
        let is_name =
            domain.starts_with("azurecr.") && name.chars().all(|c| c.is_ascii_alphanumeric());
        (is_name && !name.is_empty()).then(|| name.to_ascii_lowercase())
    });
    names.next().unwrap_or_else(|| "REGISTRY".to_owned())
}

fn value<'a>(pairs: &'a Pairs, key: &str) -> Option<&'a str> {
    let mut found = pairs.iter().filter(|(known, _)| known == key);
    found.next().map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let pairs = pairs.iter();
        pairs
            .map(|&(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    }

    #[test]
    fn the_name_in_azure_is_told_by_the_host() {
        for (settings, expected) in [
            (&[("registry", "contoso")][..], "contoso"),
            (&[("registry", "Contoso.azurecr.io")], "contoso"),
            (&[("registry", "https://contoso.azurecr.cn/")], "contoso"),
            (&[("registry", "contoso-a1b2.azurecr.io")], "contoso"),
            (
                &[
                    ("registry", "images.example.com"),
                    ("allow-host", "contoso.azurecr.io"),
                ],
                "contoso",
            ),
            (&[("registry", "images.example.com")], "REGISTRY"),
            (&[("registry", "127.0.0.1:5000")], "REGISTRY"),
            (&[("registry", "$(id).azurecr.io")], "REGISTRY"),
        ] {
            assert_eq!(registry_name(&pairs(settings)), expected, "{settings:?}");
        }
    }

    #[test]
    fn the_secret_is_read_where_the_setting_points() {
        for (settings, expected) in [
            (&[][..], "$DOCKER_SCOUT_ACR_WEBHOOK_SECRET"),
            (&[("webhook-secret", "env:ACR_SECRET")], "$ACR_SECRET"),
            (
                &[("webhook-secret", "file:/run/s.txt")],
                "$(cat /run/s.txt)",
            ),
            (&[("webhook-secret", "file:it's")], r"$(cat 'it'\''s')"),
        ] {
            assert_eq!(secret(&pairs(settings)), expected, "{settings:?}");
        }
    }

    #[test]
    fn without_a_group_azure_is_asked_for_it() {
        let group_of = |named: &str| {
            group(&pairs(&[
                ("registry", "contoso"),
                ("resource-group", named),
            ]))
        };
        assert_eq!(group_of("contoso-rg"), "contoso-rg");
        assert_eq!(group_of("rg(1)"), "'rg(1)'");
        let asked = group(&pairs(&[("registry", "contoso")]));
        assert!(asked.contains("az acr show --name contoso"), "{asked}");
    }
}
