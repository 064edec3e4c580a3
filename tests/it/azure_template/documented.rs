//! The template that Docker documents for Azure Container Registry, value by value.
//!
//! Page: "Integrate Docker Scout with Azure Container Registry". The words of its descriptions are
//! left out: ours are our own.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// Each value of the documented template, as a JSON pointer and the value's JSON.
pub(super) const VALUES: [(&str, &str); 34] = [
    (
        "/$schema",
        r#""https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#""#,
    ),
    ("/contentVersion", r#""1.0.0.0""#),
    ("/parameters/DockerScoutWebhook/type", r#""String""#),
    ("/parameters/RegistryName/type", r#""String""#),
    (
        "/parameters/systemTopics_dockerScoutRepository/defaultValue",
        r#""docker-scout-repository""#,
    ),
    (
        "/parameters/systemTopics_dockerScoutRepository/type",
        r#""String""#,
    ),
    ("/resources/0/apiVersion", r#""2023-06-01-preview""#),
    ("/resources/0/identity/type", r#""None""#),
    ("/resources/0/location", r#""[resourceGroup().location]""#),
    (
        "/resources/0/name",
        r#""[parameters('systemTopics_dockerScoutRepository')]""#,
    ),
    (
        "/resources/0/properties/source",
        r#""[extensionResourceId(resourceGroup().Id , 'Microsoft.ContainerRegistry/Registries', parameters('RegistryName'))]""#,
    ),
    (
        "/resources/0/properties/topicType",
        r#""Microsoft.ContainerRegistry.Registries""#,
    ),
    ("/resources/0/type", r#""Microsoft.EventGrid/systemTopics""#),
    ("/resources/1/apiVersion", r#""2023-06-01-preview""#),
    (
        "/resources/1/dependsOn/0",
        r#""[resourceId('Microsoft.EventGrid/systemTopics', parameters('systemTopics_dockerScoutRepository'))]""#,
    ),
    (
        "/resources/1/name",
        r#""[concat(parameters('systemTopics_dockerScoutRepository'), '/image-change')]""#,
    ),
    (
        "/resources/1/properties/destination/endpointType",
        r#""WebHook""#,
    ),
    (
        "/resources/1/properties/destination/properties/endpointUrl",
        r#""[parameters('DockerScoutWebhook')]""#,
    ),
    (
        "/resources/1/properties/destination/properties/maxEventsPerBatch",
        "1",
    ),
    (
        "/resources/1/properties/destination/properties/preferredBatchSizeInKilobytes",
        "64",
    ),
    (
        "/resources/1/properties/eventDeliverySchema",
        r#""EventGridSchema""#,
    ),
    (
        "/resources/1/properties/filter/enableAdvancedFilteringOnArrays",
        "true",
    ),
    (
        "/resources/1/properties/filter/includedEventTypes/0",
        r#""Microsoft.ContainerRegistry.ImagePushed""#,
    ),
    (
        "/resources/1/properties/filter/includedEventTypes/1",
        r#""Microsoft.ContainerRegistry.ImageDeleted""#,
    ),
    ("/resources/1/properties/labels", "[]"),
    (
        "/resources/1/properties/retryPolicy/eventTimeToLiveInMinutes",
        "1440",
    ),
    (
        "/resources/1/properties/retryPolicy/maxDeliveryAttempts",
        "30",
    ),
    (
        "/resources/1/type",
        r#""Microsoft.EventGrid/systemTopics/eventSubscriptions""#,
    ),
    ("/resources/2/apiVersion", r#""2023-01-01-preview""#),
    (
        "/resources/2/name",
        r#""[concat(parameters('RegistryName'), '/docker-scout-readonly-token')]""#,
    ),
    ("/resources/2/properties/credentials", "{}"),
    (
        "/resources/2/properties/scopeMapId",
        r#""[resourceId('Microsoft.ContainerRegistry/registries/scopeMaps', parameters('RegistryName'), '_repositories_pull_metadata_read')]""#,
    ),
    (
        "/resources/2/type",
        r#""Microsoft.ContainerRegistry/registries/tokens""#,
    ),
    ("/variables", "{}"),
];

/// Where ours says something else, and what.
pub(super) const DIFFERENCES: [(&str, &str); 4] = [
    (
        "/resources/0/location",
        "a registry may be in another region than its group",
    ),
    (
        "/resources/1/properties/eventDeliverySchema",
        "CloudEvents may be chosen",
    ),
    (
        "/resources/2/properties/scopeMapId",
        "another scope map may be chosen",
    ),
    ("/variables", "two hold what is optional"),
];

/// What the resources of ours say beyond the documented ones.
pub(super) const ADDITIONS: [&str; 2] = [
    "/resources/1/properties/deadLetterDestination",
    "/resources/1/properties/destination/properties/deliveryAttributeMappings",
];

/// Returns the documented values by their pointers.
pub(super) fn values() -> BTreeMap<String, Value> {
    VALUES
        .iter()
        .map(|(pointer, value)| ((*pointer).to_owned(), serde_json::from_str(value).unwrap()))
        .collect()
}

/// Returns the values of a template by their pointers, without the descriptions. An empty object
/// or array is a value.
pub(super) fn leaves(template: &Value) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    collect("", template, &mut found);
    found.retain(|pointer, _| !pointer.ends_with("/metadata/description"));
    found
}

fn collect(at: &str, value: &Value, found: &mut BTreeMap<String, Value>) {
    match value {
        Value::Array(values) if !values.is_empty() => {
            for (index, value) in values.iter().enumerate() {
                collect(&format!("{at}/{index}"), value, found);
            }
        }
        Value::Object(members) if !members.is_empty() => {
            for (key, value) in members {
                collect(&format!("{at}/{key}"), value, found);
            }
        }
        value => {
            found.insert(at.to_owned(), value.clone());
        }
    }
}

/// Returns the documented template, put together from its values.
pub(super) fn template() -> Value {
    let mut template = json!({});
    for (pointer, value) in values() {
        let mut at = &mut template;
        for part in pointer.split('/').skip(1) {
            at = match part.parse::<usize>() {
                Ok(index) => element(at, index),
                Err(_) => member(at, part),
            };
        }
        *at = value;
    }
    template
}

fn element(of: &mut Value, index: usize) -> &mut Value {
    if !of.is_array() {
        *of = json!([]);
    }
    let elements = of.as_array_mut().unwrap();
    if elements.len() <= index {
        elements.resize(index + 1, Value::Null);
    }
    &mut elements[index]
}

fn member<'a>(of: &'a mut Value, key: &str) -> &'a mut Value {
    if !of.is_object() {
        *of = Value::Object(Map::new());
    }
    &mut of[key]
}
