//! What the checker refuses, and with which words.

use serde_json::{Value, json};

use super::check::{PARAMETERS, TEMPLATE, parameter_faults, template_faults};
use super::ours;

/// A small sound template, which the refused ones differ from in one place.
fn sound() -> Value {
    json!({
        "$schema": TEMPLATE,
        "contentVersion": "1.0.0.0",
        "parameters": {
            "topic": {"type": "String", "metadata": {"description": "A name."}},
            "secret": {
                "type": "SecureString",
                "defaultValue": "",
                "metadata": {"description": "A secret."},
            },
        },
        "variables": {"url": "[concat('https://x/?', parameters('secret'))]"},
        "resources": [
            {
                "type": "Microsoft.EventGrid/systemTopics",
                "apiVersion": "2023-06-01-preview",
                "name": "[parameters('topic')]",
            },
            {
                "type": "Microsoft.EventGrid/systemTopics/eventSubscriptions",
                "apiVersion": "2022-06-15",
                "name": "[concat(parameters('topic'), '/change')]",
                "dependsOn": [
                    "[resourceId('Microsoft.EventGrid/systemTopics', parameters('topic'))]",
                ],
                "properties": {"endpointUrl": "[variables('url')]"},
            },
        ],
    })
}

/// Replaces one value, or adds it to its object.
fn edit(template: &mut Value, pointer: &str, value: Value) {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = template.pointer_mut(parent).unwrap();
    match key.parse::<usize>() {
        Ok(index) => parent[index] = value,
        Err(_) => parent[key] = value,
    }
}

#[test]
fn a_faulty_template_is_refused_with_the_fault() {
    assert_eq!(template_faults(&sound()), Vec::<String>::new());
    let url = "/resources/1/properties/endpointUrl";
    let depends_on = "/resources/1/dependsOn";
    let cases = [
        ("/$schema", json!("https://example.com"), "$schema is not"),
        ("/contentVersion", json!("1.0"), "four numbers"),
        ("/contentVersion", Value::Null, "four numbers"),
        ("/functions", json!([]), "unknown key functions"),
        ("/resources", json!({}), "resources is not an array"),
        (
            url,
            json!("[parameters('other')]"),
            "other is not declared in parameters",
        ),
        (
            url,
            json!("[variables('other')]"),
            "other is not declared in variables",
        ),
        (url, json!("plain"), "url of variables is never used"),
        (
            "/variables/url",
            json!("plain"),
            "secret of parameters is never used",
        ),
        (
            "/variables/url",
            json!("[variables('url')]"),
            "url refers to itself",
        ),
        (url, json!("[variables('url')"), "not closed"),
        (url, json!("[concat(variables('url'), 'x'"), "not closed"),
        (url, json!("[concat(variables('url'), 'x']"), "expected ')'"),
        (url, json!("variables('url')"), "outside of brackets"),
        (
            url,
            json!("[format('{0}', variables('url'))]"),
            "unknown function format",
        ),
        (
            url,
            json!("[if(variables('url'), '')]"),
            "if does not take 2 arguments",
        ),
        (
            url,
            json!("[if(variables('url'), '', '')]"),
            "needs a condition",
        ),
        (
            url,
            json!("[variables(concat('u', 'rl'))]"),
            "variables needs a name",
        ),
        (url, json!("[resourceGroup().colour]"), "no member"),
        ("/parameters/topic/type", json!("Text"), "unknown type"),
        (
            "/parameters/topic/default",
            json!("x"),
            "unknown key default",
        ),
        (
            "/parameters/topic/metadata",
            json!({}),
            "topic has no description",
        ),
        (
            "/parameters/topic/defaultValue",
            json!(1),
            "1 is not a string",
        ),
        (
            "/parameters/topic/defaultValue",
            json!("[variables('url')]"),
            "has no variables",
        ),
        (
            "/parameters/secret/defaultValue",
            json!("x"),
            "a secret has no default",
        ),
        (
            "/parameters/secret/allowedValues",
            json!(["x"]),
            "is not allowed",
        ),
        ("/parameters/secret/minLength", json!(1), "too short"),
        ("/resources/0/type", json!("systemTopics"), "not a type"),
        ("/resources/0/type", Value::Null, "no type"),
        (
            "/resources/0/apiVersion",
            json!("latest"),
            "not an apiVersion",
        ),
        ("/resources/0/apiVersion", Value::Null, "no apiVersion"),
        ("/resources/0/name", Value::Null, "no name"),
        ("/resources/0/name", json!("a/b"), "does not fit the names"),
        (
            "/resources/0",
            sound()["resources"][1].clone(),
            "is there twice",
        ),
        (depends_on, json!([]), "does not depend on its parent"),
        (
            depends_on,
            json!(["docker-scout-repository"]),
            "dependsOn what is not here",
        ),
        (
            "/resources/1/dependsOn/0",
            json!("[resourceId('Microsoft.EventGrid/topics', parameters('topic'))]"),
            "dependsOn what is not here",
        ),
        (
            "/resources/1/dependsOn/0",
            json!("[resourceId('Microsoft.EventGrid/systemTopics', variables('url'))]"),
            "dependsOn what is not here",
        ),
        (
            "/resources/1/dependsOn/0",
            json!("[resourceId('Microsoft.EventGrid/systemTopics', 'a', 'b')]"),
            "does not fit the names",
        ),
    ];
    for (pointer, value, expected) in cases {
        let mut template = sound();
        edit(&mut template, pointer, value.clone());
        let faults = template_faults(&template).join("; ");
        assert!(faults.contains(expected), "{pointer} {value}: {faults:?}");
    }
}

#[test]
fn a_faulty_file_of_parameters_is_refused_with_the_fault() {
    let sound = json!({
        "$schema": PARAMETERS,
        "contentVersion": "1.0.0.0",
        "parameters": {
            "DockerScoutWebhook": {"value": "https://scout.example.com/contoso"},
            "RegistryName": {"value": "contoso"},
        },
    });
    assert_eq!(parameter_faults(&sound, &ours()), Vec::<String>::new());
    let cases = [
        ("/$schema", json!(TEMPLATE), "$schema is not"),
        ("/resources", json!([]), "unknown key resources"),
        (
            "/parameters/Registry",
            json!({"value": "x"}),
            "Registry is not declared",
        ),
        ("/parameters/RegistryName", json!({}), "needs a value"),
        (
            "/parameters/RegistryName",
            json!({"value": 1}),
            "not a string",
        ),
        ("/parameters", json!({}), "RegistryName is missing"),
        (
            "/parameters/DeliveryHeaderSecret",
            json!({"value": "canary"}),
            "no place for its value",
        ),
        (
            "/parameters/EventDeliverySchema",
            json!({"value": "CustomInputSchema"}),
            "is not allowed",
        ),
        (
            "/parameters/DeadLetterContainer",
            json!({"value": "x"}),
            "too short",
        ),
    ];
    for (pointer, value, expected) in cases {
        let mut file = sound.clone();
        edit(&mut file, pointer, value.clone());
        let faults = parameter_faults(&file, &ours()).join("; ");
        assert!(faults.contains(expected), "{pointer} {value}: {faults:?}");
    }
}
