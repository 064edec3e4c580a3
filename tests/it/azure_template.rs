//! The template for Azure: sound, and with its defaults the same as the one Docker documents.
//!
//! No service of Azure and no tool of Azure is here, so the rules are checked by our own reader.

mod check;
pub(crate) mod deployment;
mod documented;
mod expression;
mod refusals;

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use self::check::{PARAMETERS, TEMPLATE, arguments, parameter_faults, template_faults};
use self::deployment::{Deployment, GROUP, LOCATION};
use self::documented::{ADDITIONS, DIFFERENCES, leaves};
use crate::support::workspace;

fn folder() -> PathBuf {
    workspace::root().join("deploy/azure")
}

fn read(name: &str) -> Value {
    let path = folder().join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn ours() -> Value {
    read("template.json")
}

/// The values of the parameters that have no default.
const REQUIRED: [(&str, &str); 2] = [
    ("DockerScoutWebhook", "https://scout.example.com/contoso"),
    ("RegistryName", "contoso"),
];

/// Returns what a template deploys with the required values and some more.
#[track_caller]
fn deployed(template: &Value, more: &[(&str, &str)]) -> Value {
    let arguments = REQUIRED.iter().chain(more).copied();
    Deployment::new(template, arguments).resources().unwrap()
}

#[test]
fn every_file_for_azure_is_sound() {
    let mut schemas = Vec::new();
    for entry in fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if !name.ends_with(".json") {
            continue;
        }
        let file = read(&name);
        let schema = file["$schema"].as_str().unwrap_or_default().to_owned();
        let faults = match schema.as_str() {
            TEMPLATE => template_faults(&file),
            PARAMETERS => parameter_faults(&file, &ours()),
            _ => panic!("{name}: neither a template nor a file of parameters"),
        };
        assert_eq!(faults, Vec::<String>::new(), "{name}");
        schemas.push(schema);
    }
    schemas.sort();
    assert_eq!(schemas, [PARAMETERS, TEMPLATE]);
}

#[test]
fn ours_says_what_the_documented_template_says() {
    let ours = leaves(&ours());
    for (pointer, expected) in documented::values() {
        let same = ours.get(&pointer) == Some(&expected);
        let named = DIFFERENCES.iter().any(|(named, _)| *named == pointer);
        assert!(same != named, "{pointer}: {:?}", ours.get(&pointer));
    }
}

#[test]
fn ours_says_more_only_where_it_is_optional() {
    let (ours, documented) = (ours(), documented::values());
    let added: Vec<String> = leaves(&ours)
        .into_keys()
        .filter(|pointer| pointer.starts_with("/resources/"))
        .filter(|pointer| !documented.contains_key(pointer))
        .collect();
    assert_eq!(added, ADDITIONS);
    let required: Vec<&str> = ours["parameters"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, parameter)| parameter.get("defaultValue").is_none())
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(required, REQUIRED.map(|(name, _)| name));
}

#[test]
fn with_the_defaults_ours_deploys_what_the_documented_one_deploys() {
    let (ours, documented) = (ours(), documented::template());
    let topic = [("systemTopics_dockerScoutRepository", "another-topic")];
    for more in [&[][..], &topic] {
        assert_eq!(deployed(&ours, more), deployed(&documented, more));
    }
    let resources = deployed(&ours, &[]);
    let registry = "/providers/Microsoft.ContainerRegistry/Registries/contoso";
    let cases = [
        ("/0/name", json!("docker-scout-repository")),
        ("/0/location", json!(LOCATION)),
        ("/0/properties/source", json!(format!("{GROUP}{registry}"))),
        ("/1/name", json!("docker-scout-repository/image-change")),
        ("/2/name", json!("contoso/docker-scout-readonly-token")),
    ];
    for (pointer, expected) in cases {
        assert_eq!(resources.pointer(pointer), Some(&expected), "{pointer}");
    }
}

#[test]
fn each_option_changes_its_own_place() {
    const HEADER: &str = "/1/properties/destination/properties/deliveryAttributeMappings";
    const LETTERS: &str = "/1/properties/deadLetterDestination";
    const ACCOUNT: &str = "/subscriptions/1/resourceGroups/x/providers/p/storageAccounts/a";
    let header = |name: &str| {
        json!([{
            "name": name,
            "type": "Static",
            "properties": {"isSecret": true, "value": "canary"},
        }])
    };
    let letters = |container: &str| {
        json!({
            "endpointType": "StorageBlob",
            "properties": {"resourceId": ACCOUNT, "blobContainerName": container},
        })
    };
    let scope_maps = "/providers/Microsoft.ContainerRegistry/registries/contoso/scopeMaps";
    let secret = ("DeliveryHeaderSecret", "canary");
    let account = ("DeadLetterStorageAccountId", ACCOUNT);
    let cases: [(&[_], &str, Value); 8] = [
        (&[secret], HEADER, header("X-Scout-Webhook-Secret")),
        (
            &[secret, ("DeliveryHeaderName", "X-Own")],
            HEADER,
            header("X-Own"),
        ),
        (&[("DeliveryHeaderName", "X-Own")], HEADER, Value::Null),
        (&[account], LETTERS, letters("docker-scout-dead-letters")),
        (
            &[account, ("DeadLetterContainer", "own")],
            LETTERS,
            letters("own"),
        ),
        (
            &[("EventDeliverySchema", "CloudEventSchemaV1_0")],
            "/1/properties/eventDeliverySchema",
            json!("CloudEventSchemaV1_0"),
        ),
        (
            &[("ScopeMapName", "own")],
            "/2/properties/scopeMapId",
            json!(format!("{GROUP}{scope_maps}/own")),
        ),
        (
            &[("SystemTopicLocation", "northeurope")],
            "/0/location",
            json!("northeurope"),
        ),
    ];
    let template = ours();
    let plain = leaves(&deployed(&template, &[]));
    for (more, pointer, expected) in cases {
        let resources = deployed(&template, more);
        let found = resources.pointer(pointer).unwrap_or(&Value::Null);
        assert_eq!(*found, expected, "{more:?}");
        let mut rest = leaves(&resources);
        rest.retain(|at, _| !at.starts_with(pointer));
        let mut expected_rest = plain.clone();
        expected_rest.retain(|at, _| !at.starts_with(pointer));
        assert_eq!(rest, expected_rest, "{more:?}");
    }
}

#[test]
fn the_secret_is_a_secure_parameter_and_goes_nowhere_but_into_the_header() {
    let template = ours();
    let parameter = &template["parameters"]["DeliveryHeaderSecret"];
    assert_eq!(parameter["type"], "SecureString");
    let resources = deployed(&template, &[("DeliveryHeaderSecret", "canary")]);
    let places: Vec<String> = leaves(&resources)
        .into_iter()
        .filter(|(_, value)| value.to_string().contains("canary"))
        .map(|(pointer, _)| pointer)
        .collect();
    let value = "/1/properties/destination/properties/deliveryAttributeMappings/0/properties/value";
    assert_eq!(places, [value]);
    assert!(
        template.get("outputs").is_none(),
        "outputs are kept in clear"
    );
}

#[test]
fn the_example_parameters_deploy() {
    let template = ours();
    let deployment = Deployment::new(&template, arguments(&read("parameters.example.json")));
    let resources = deployment.resources().unwrap();
    let letters = &resources[1]["properties"]["deadLetterDestination"];
    assert_eq!(letters["endpointType"], "StorageBlob");
    let destination = &resources[1]["properties"]["destination"]["properties"];
    assert_eq!(destination["endpointUrl"], REQUIRED[0].1);
}

#[test]
fn the_values_are_those_of_the_documented_page() {
    let Some(page) = workspace::shared("seeds/acr.zh.txt") else {
        return;
    };
    let page = fs::read_to_string(page).unwrap();
    let start = page.find("{\n\"$schema\"").unwrap();
    // Text follows the template on its last line.
    let mut found = serde_json::Deserializer::from_str(&page[start..]).into_iter::<Value>();
    let template = found.next().unwrap().unwrap();
    assert_eq!(leaves(&template), documented::values());
    let mut rebuilt = documented::template();
    for parameter in rebuilt["parameters"].as_object_mut().unwrap().iter_mut() {
        let description = &template["parameters"][parameter.0]["metadata"];
        parameter.1["metadata"] = description.clone();
    }
    assert_eq!(rebuilt, template);
    assert_eq!(template_faults(&template), Vec::<String>::new());
}

/// Returns the lines of the README that are commands.
fn commands(readme: &str) -> String {
    let mut inside = false;
    let lines = readme.lines().filter(|line| {
        let fence = line.trim_start().starts_with("```");
        inside ^= fence;
        inside && !fence
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_readme_tells_parameters_defaults_and_what_stays() {
    let readme = fs::read_to_string(folder().join("README.md")).unwrap();
    let template = ours();
    let parameters = template["parameters"].as_object().unwrap();
    for (name, parameter) in parameters {
        let default = match parameter
            .get("defaultValue")
            .map(|default| default.as_str())
        {
            None => "required".to_owned(),
            Some(Some("")) => "empty".to_owned(),
            Some(default) => format!("`{}`", default.unwrap()),
        };
        let row = format!("| `{name}` | {default} |");
        assert!(readme.contains(&row), "{row}");
    }
    let commands = commands(&readme);
    let mut given = 0;
    for word in commands.split_whitespace() {
        let file = word.strip_prefix('@').unwrap_or(word);
        if file.starts_with("deploy/") {
            assert!(workspace::root().join(file).is_file(), "{word}");
        }
        // Variables of the shell are in capitals.
        if let Some((name, _)) = word.split_once('=')
            && name.chars().any(|letter| letter.is_ascii_lowercase())
        {
            assert!(parameters.contains_key(name), "{word}");
            given += 1;
        }
    }
    assert!(given > 0, "no parameter is given in {commands}");
    let removals = [
        "az acr token delete --name docker-scout-readonly-token",
        "az eventgrid system-topic event-subscription delete --name image-change",
        "az eventgrid system-topic delete --name docker-scout-repository",
    ];
    for removal in removals {
        assert!(commands.contains(removal), "{removal}");
    }
}
