//! The commands of `az` that our texts tell people to type, and no others: neither in their
//! arguments.
//!
//! Source: Azure CLI reference, `az acr`, `az deployment group`, `az eventgrid system-topic`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::accounts::Account;
use super::grid::Subscription;
use super::server::Server;
use super::{NAME, RESOURCE_GROUP};
use crate::azure_template::deployment::Deployment;

/// A command: its words, and the options it needs; behind `|` those that it may have.
const COMMANDS: [(&str, &str); 9] = [
    ("acr show", "--name --query --output"),
    (
        "acr token credential generate",
        "--name --registry --query --output | --password1 --password2",
    ),
    ("acr token update", "--name --registry --status"),
    ("acr token delete", "--name --registry --yes"),
    ("acr repository delete", "--name --image --yes"),
    ("acr repository untag", "--name --image"),
    (
        "deployment group create",
        "--resource-group --template-file --parameters | --query --output",
    ),
    (
        "eventgrid system-topic delete",
        "--name --resource-group --yes",
    ),
    (
        "eventgrid system-topic event-subscription delete",
        "--name --system-topic-name --resource-group --yes",
    ),
];

type Options = BTreeMap<String, Vec<String>>;

/// Runs a command; what it prints, or why it fails.
pub(super) fn run(server: &Server, arguments: &[String], folder: &Path) -> Result<String, String> {
    let split = arguments.iter().position(|word| word.starts_with("--"));
    let (words, rest) = arguments.split_at(split.unwrap_or(arguments.len()));
    let words = words.join(" ");
    let found = COMMANDS.iter().find(|(known, _)| *known == words);
    let (_, known) = found.ok_or_else(|| format!("'{words}' is misspelled or not recognized"))?;
    let options = options(rest, known)?;
    let one = |name: &str| options[name].concat();
    match words.as_str() {
        "acr show" => {
            expect("--name", &one("--name"), NAME)?;
            expect("--query", &one("--query"), "resourceGroup")?;
            expect("--output", &one("--output"), "tsv")?;
            Ok(format!("{RESOURCE_GROUP}\n"))
        }
        "acr token credential generate" => generate(server, &options),
        "acr token update" => {
            let status = one("--status");
            let is_enabled = match status.as_str() {
                "enabled" => true,
                "disabled" => false,
                _ => return Err(format!("'{status}' is not a valid value for '--status'")),
            };
            with_token(server, &options, |token| token.is_enabled = is_enabled)?;
            Ok(String::new())
        }
        "acr token delete" => {
            with_token(server, &options, |_| ())?;
            server.state().accounts.known.remove(&one("--name"));
            Ok(String::new())
        }
        "acr repository delete" => {
            let (name, tag) = image(&options)?;
            let digest = server.state().record.digest(&name, &tag);
            match digest.is_some_and(|digest| server.delete(&name, &digest)) {
                true => Ok(String::new()),
                false => Err(format!("{name}:{tag} is not found")),
            }
        }
        "acr repository untag" => {
            let (name, tag) = image(&options)?;
            let found = server.state().record.untag(&name, &tag);
            found
                .map(|()| String::new())
                .ok_or_else(|| format!("{name}:{tag} is not found"))
        }
        "deployment group create" => deploy(server, &options, folder),
        "eventgrid system-topic delete" => {
            group(&options)?;
            topic(server, &one("--name"))?;
            server.grid.unsubscribe();
            server.grid.set_topic(None);
            Ok(String::new())
        }
        _ => {
            group(&options)?;
            topic(server, &one("--system-topic-name"))?;
            server.grid.unsubscribe();
            Ok(String::new())
        }
    }
}

fn options(rest: &[String], known: &str) -> Result<Options, String> {
    let (needed, more) = known.split_once('|').unwrap_or((known, ""));
    let all: Vec<_> = needed
        .split_whitespace()
        .chain(more.split_whitespace())
        .collect();
    let mut options = Options::new();
    let mut last = "";
    for word in rest {
        if word.starts_with("--") {
            if !all.contains(&word.as_str()) {
                return Err(format!("unrecognized arguments: {word}"));
            }
            options.entry(word.clone()).or_default();
            last = word;
        } else if let Some(values) = options.get_mut(last) {
            values.push(word.clone());
        }
    }
    for name in needed.split_whitespace() {
        if !options.contains_key(name) {
            return Err(format!("the following arguments are required: {name}"));
        }
    }
    Ok(options)
}

fn expect(option: &str, found: &str, expected: &str) -> Result<(), String> {
    match found == expected {
        true => Ok(()),
        false => Err(format!("{option} {found}: not found; there is {expected}")),
    }
}

fn group(options: &Options) -> Result<(), String> {
    let group = options["--resource-group"].concat();
    expect("--resource-group", &group, RESOURCE_GROUP)
}

fn topic(server: &Server, name: &str) -> Result<(), String> {
    let topic = server
        .grid
        .topic()
        .ok_or("ResourceNotFound: no system topic")?;
    expect("system topic", name, &topic)
}

fn image(options: &Options) -> Result<(String, String), String> {
    expect("--name", &options["--name"].concat(), NAME)?;
    let image = options["--image"].concat();
    let (name, tag) = image.split_once(':').ok_or("--image is not NAME:TAG")?;
    Ok((name.to_owned(), tag.to_owned()))
}

fn with_token<T>(
    server: &Server,
    options: &Options,
    change: impl FnOnce(&mut Account) -> T,
) -> Result<T, String> {
    expect("--registry", &options["--registry"].concat(), NAME)?;
    let name = options["--name"].concat();
    let mut state = server.state();
    let token = state.accounts.known.get_mut(&name);
    token
        .map(change)
        .ok_or_else(|| format!("ResourceNotFound: {name}"))
}

fn generate(server: &Server, options: &Options) -> Result<String, String> {
    let slot = match (options.get("--password1"), options.get("--password2")) {
        (Some(_), None) => 0,
        (None, Some(_)) => 1,
        _ => return Err("here, one of the two passwords is made at a time".to_owned()),
    };
    expect(
        "--query",
        &options["--query"].concat(),
        "passwords[0].value",
    )?;
    expect("--output", &options["--output"].concat(), "tsv")?;
    with_token(server, options, |token| {
        let made = token.passwords[slot].as_deref().unwrap_or_default().len();
        let password = format!("canary-password-{}{}", slot + 1, "+".repeat(made.min(1)));
        token.passwords[slot] = Some(password.clone());
        format!("{password}\n")
    })
}

/// Deploys a template: what it says is made, in the group of the registry.
fn deploy(server: &Server, options: &Options, folder: &Path) -> Result<String, String> {
    let wanted = options["--resource-group"].concat();
    if wanted != RESOURCE_GROUP {
        return Err(format!(
            "The Resource 'Microsoft.ContainerRegistry/Registries/{NAME}' under resource group \
             '{wanted}' was not found."
        ));
    }
    let file = folder.join(options["--template-file"].concat());
    let text = fs::read_to_string(&file).map_err(|error| error.to_string())?;
    let template: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let mut arguments = BTreeMap::new();
    for pair in &options["--parameters"] {
        let (name, value) = pair
            .split_once('=')
            .ok_or_else(|| format!("not NAME=VALUE: {pair}"))?;
        if template["parameters"].get(name).is_none() {
            return Err(format!("unrecognized template parameter '{name}'"));
        }
        arguments.insert(name.to_owned(), value.to_owned());
    }
    let deployment = Deployment::new(&template, arguments);
    let resources = deployment
        .resources()
        .map_err(|fault| format!("InvalidTemplate: {fault}"))?;
    let mut faults = Vec::new();
    let mut topic = String::new();
    for resource in resources.as_array().into_iter().flatten() {
        let made = match text_of(&resource["type"]) {
            "Microsoft.EventGrid/systemTopics" => {
                topic = text_of(&resource["name"]).to_owned();
                make_topic(server, resource)
            }
            "Microsoft.EventGrid/systemTopics/eventSubscriptions" => {
                server.grid.subscribe(subscription(resource, &topic)?)
            }
            "Microsoft.ContainerRegistry/registries/tokens" => make_token(server, resource),
            other => Err(format!("unknown resource {other}")),
        };
        faults.extend(made.err());
    }
    // What did not depend on what failed was made all the same.
    if !faults.is_empty() {
        let faults = faults.join("; ");
        return Err(format!(
            "DeploymentFailed: at least one resource failed: {faults}"
        ));
    }
    match options
        .get("--query")
        .map(|query| query.concat())
        .as_deref()
    {
        Some("properties.provisioningState") => Ok("Succeeded\n".to_owned()),
        Some(other) => Err(format!("--query {other} is not imitated")),
        None => Ok("{\"properties\": {\"provisioningState\": \"Succeeded\"}}\n".to_owned()),
    }
}

fn make_topic(server: &Server, resource: &Value) -> Result<(), String> {
    let source = text_of(&resource["properties"]["source"]);
    let own = format!("/Registries/{NAME}");
    if !source.ends_with(&own) {
        return Err(format!("ResourceNotFound: {source}"));
    }
    let name = text_of(&resource["name"]);
    match server.grid.topic() {
        Some(other) if other != name => Err(format!(
            "InvalidRequest: Only one system topic is allowed per source; there is {other}"
        )),
        _ => {
            server.grid.set_topic(Some(name.to_owned()));
            Ok(())
        }
    }
}

fn make_token(server: &Server, resource: &Value) -> Result<(), String> {
    let name = text_of(&resource["name"]);
    let token = name.strip_prefix(&format!("{NAME}/"));
    let token = token.ok_or_else(|| format!("ParentResourceNotFound: {name}"))?;
    let map = text_of(&resource["properties"]["scopeMapId"]);
    let map = map.rsplit('/').next().unwrap_or_default();
    let mut state = server.state();
    let rights = state.scope_maps.get(map).cloned();
    let rights = rights.ok_or_else(|| format!("ScopeMapNotFound: {map}"))?;
    let account = state.accounts.known.entry(token.to_owned());
    // It is not documented whether passwords outlive a second deployment; here they do.
    let account = account.or_insert_with(|| Account::new(rights.clone()));
    account.rights = rights;
    Ok(())
}

fn subscription(resource: &Value, topic: &str) -> Result<Subscription, String> {
    let name = text_of(&resource["name"]);
    let name = name.strip_prefix(&format!("{topic}/"));
    let properties = &resource["properties"];
    let destination = &properties["destination"]["properties"];
    let attributes = destination["deliveryAttributeMappings"].as_array();
    let header = |attribute: &Value| {
        let value = text_of(&attribute["properties"]["value"]);
        let name = text_of(&attribute["name"]).to_ascii_lowercase();
        (name, value.to_owned())
    };
    let types = properties["filter"]["includedEventTypes"].as_array();
    let attempts = properties["retryPolicy"]["maxDeliveryAttempts"].as_u64();
    Ok(Subscription {
        name: name
            .ok_or("ParentResourceNotFound: the system topic")?
            .to_owned(),
        endpoint: text_of(&destination["endpointUrl"]).to_owned(),
        is_cloud: properties["eventDeliverySchema"] == "CloudEventSchemaV1_0",
        headers: attributes.into_iter().flatten().map(header).collect(),
        types: types
            .into_iter()
            .flatten()
            .map(|kind| text_of(kind).to_owned())
            .collect(),
        attempts: attempts.and_then(|n| n.try_into().ok()).unwrap_or(30),
        keeps_dead_letters: properties["deadLetterDestination"].is_object(),
    })
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
