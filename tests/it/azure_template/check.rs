//! What is wrong with a template or a file of parameters, as far as it shows without Azure.
//!
//! Rules: "Understand the structure and syntax of ARM templates",
//! `https://learn.microsoft.com/azure/azure-resource-manager/templates/syntax`; some are stricter.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::deployment::{Deployment, GROUP, fault, id};
use super::expression::{self, Expression};

/// What every template names as its schema.
pub(super) const TEMPLATE: &str =
    "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#";
/// What every file of parameters names as its schema.
pub(super) const PARAMETERS: &str =
    "https://schema.management.azure.com/schemas/2019-04-01/deploymentParameters.json#";

const TEMPLATE_KEYS: [&str; 7] = [
    "$schema",
    "contentVersion",
    "metadata",
    "outputs",
    "parameters",
    "resources",
    "variables",
];
const PARAMETER_KEYS: [&str; 6] = [
    "allowedValues",
    "defaultValue",
    "maxLength",
    "metadata",
    "minLength",
    "type",
];

/// Returns what is wrong with a template.
pub(super) fn template_faults(template: &Value) -> Vec<String> {
    let mut checker = Checker {
        template,
        used: BTreeSet::new(),
        faults: Vec::new(),
    };
    checker.head(TEMPLATE, &TEMPLATE_KEYS);
    for section in ["parameters", "variables", "resources", "outputs"] {
        checker.expressions(&format!("/{section}"), &template[section]);
    }
    checker.declarations();
    checker.resources();
    checker.faults
}

/// Returns what is wrong with a file of parameters for a template.
pub(super) fn parameter_faults(file: &Value, template: &Value) -> Vec<String> {
    let mut checker = Checker {
        template: file,
        used: BTreeSet::new(),
        faults: Vec::new(),
    };
    checker.head(PARAMETERS, &["$schema", "contentVersion", "parameters"]);
    let mut faults = checker.faults;
    let given = members(&file["parameters"]);
    let declared = members(&template["parameters"]);
    for (name, given) in &given {
        let Some(parameter) = declared.get(*name) else {
            faults.push(format!("{name} is not declared"));
            continue;
        };
        match (given.get("value"), given.get("reference")) {
            (Some(_), None) if is_secret(parameter) => {
                faults.push(format!("{name} is a secret: no place for its value"));
            }
            (Some(value), None) => {
                faults.extend(value_fault(parameter, value).map(|fault| format!("{name}: {fault}")))
            }
            (None, Some(_)) => {}
            _ => faults.push(format!("{name} needs a value or a reference")),
        }
    }
    for (name, parameter) in declared {
        if parameter.get("defaultValue").is_none() && !given.contains_key(name) {
            faults.push(format!("{name} is missing"));
        }
    }
    faults
}

/// Returns the arguments that a file of parameters gives.
pub(super) fn arguments(file: &Value) -> BTreeMap<String, Value> {
    members(&file["parameters"])
        .into_iter()
        .map(|(name, given)| (name.to_owned(), given["value"].clone()))
        .collect()
}

fn members(of: &Value) -> BTreeMap<&str, &Value> {
    of.as_object()
        .into_iter()
        .flat_map(Map::iter)
        .map(|(key, value)| (key.as_str(), value))
        .collect()
}

fn is_secret(parameter: &Value) -> bool {
    let kind = parameter["type"].as_str().unwrap_or_default();
    kind.eq_ignore_ascii_case("SecureString")
}

/// Says why a parameter does not take a value. Ours are all strings.
fn value_fault(parameter: &Value, value: &Value) -> Option<String> {
    let Some(text) = value.as_str() else {
        return Some(format!("{value} is not a string"));
    };
    if let Some(allowed) = parameter["allowedValues"].as_array()
        && !allowed.contains(value)
    {
        return Some(format!("{text:?} is not allowed"));
    }
    let length = u64::try_from(text.len()).unwrap();
    let fewest = parameter["minLength"].as_u64().unwrap_or_default();
    let most = parameter["maxLength"].as_u64().unwrap_or(u64::MAX);
    if !(fewest..=most).contains(&length) {
        return Some(format!("{text:?} is too short or too long"));
    }
    None
}

struct Checker<'a> {
    template: &'a Value,
    /// `parameters` or `variables`, and the name.
    used: BTreeSet<(String, String)>,
    faults: Vec<String>,
}

impl Checker<'_> {
    fn head(&mut self, schema: &str, keys: &[&str]) {
        for key in members(self.template).keys() {
            if !keys.contains(key) {
                self.faults.push(format!("unknown key {key}"));
            }
        }
        if self.template["$schema"] != schema {
            self.faults.push(format!("$schema is not {schema}"));
        }
        let version = self.template["contentVersion"].as_str().unwrap_or_default();
        let parts: Vec<&str> = version.split('.').collect();
        if parts.len() != 4 || parts.iter().any(|part| part.parse::<u32>().is_err()) {
            self.faults
                .push("contentVersion is not four numbers".to_owned());
        }
    }

    /// Reads every expression below a value. Metadata are words for people.
    fn expressions(&mut self, at: &str, value: &Value) {
        match value {
            Value::String(text) => match expression::of(text) {
                Ok(Some(expression)) => self.calls(at, &expression),
                Ok(None) => {}
                Err(error) => self.faults.push(format!("{at}: {error}")),
            },
            Value::Array(values) => {
                for (index, value) in values.iter().enumerate() {
                    self.expressions(&format!("{at}/{index}"), value);
                }
            }
            Value::Object(members) => {
                for (key, value) in members.iter().filter(|(key, _)| *key != "metadata") {
                    self.expressions(&format!("{at}/{key}"), value);
                }
            }
            _ => {}
        }
    }

    fn calls(&mut self, at: &str, expression: &Expression) {
        let (function, arguments) = match expression {
            Expression::Call(function, arguments) => (function, arguments),
            Expression::Member(of, member) => {
                self.calls(at, of);
                return self.calls(at, member);
            }
            Expression::Text(_) | Expression::Number(_) => return,
        };
        if let Some(fault) = fault(function, arguments.len()) {
            self.faults.push(format!("{at}: {fault}"));
        }
        if at.starts_with("/parameters") && function == "variables" {
            self.faults
                .push(format!("{at}: a default has no variables"));
        }
        if matches!(function.as_str(), "parameters" | "variables") {
            match arguments.as_slice() {
                [Expression::Text(name)] => {
                    if self.template[function].get(name).is_none() {
                        self.faults
                            .push(format!("{at}: {name} is not declared in {function}"));
                    }
                    self.used.insert((function.clone(), name.clone()));
                }
                _ => self.faults.push(format!("{at}: {function} needs a name")),
            }
        }
        for argument in arguments {
            self.calls(at, argument);
        }
    }

    fn declarations(&mut self) {
        for section in ["parameters", "variables"] {
            for name in members(&self.template[section]).keys() {
                if !self
                    .used
                    .contains(&(section.to_owned(), (*name).to_owned()))
                {
                    self.faults
                        .push(format!("{name} of {section} is never used"));
                }
            }
        }
        for (name, parameter) in members(&self.template["parameters"]) {
            self.parameter(name, parameter);
        }
    }

    fn parameter(&mut self, name: &str, parameter: &Value) {
        for key in members(parameter).keys() {
            if !PARAMETER_KEYS.contains(key) {
                self.faults.push(format!("{name}: unknown key {key}"));
            }
        }
        let kind = parameter["type"].as_str().unwrap_or_default();
        if !matches!(kind, "String" | "SecureString") {
            self.faults.push(format!("{name}: unknown type {kind:?}"));
        }
        let description = &parameter["metadata"]["description"];
        if description.as_str().is_none_or(str::is_empty) {
            self.faults.push(format!("{name} has no description"));
        }
        if let Some(default) = parameter.get("defaultValue") {
            let fault = value_fault(parameter, default);
            self.faults
                .extend(fault.map(|fault| format!("{name}: {fault}")));
            if is_secret(parameter) && default != "" {
                self.faults
                    .push(format!("{name}: a secret has no default but an empty one"));
            }
        }
    }

    fn resources(&mut self) {
        let Some(resources) = self.template["resources"].as_array() else {
            self.faults.push("resources is not an array".to_owned());
            return;
        };
        // Each parameter stands for itself, so that equal names are the same expression.
        let names = members(&self.template["parameters"]).into_keys();
        let arguments = names.map(|name| (name, json!(format!("<{name}>"))));
        let deployment = Deployment::new(self.template, arguments);
        let mut ids = BTreeSet::new();
        let mut edges = Vec::new();
        for (index, resource) in resources.iter().enumerate() {
            let at = format!("/resources/{index}");
            if let Err(fault) = deployment.value(resource) {
                self.faults.push(format!("{at}: {fault}"));
            }
            match resource_ids(resource, &deployment) {
                Ok((own, parent)) => {
                    if !ids.insert(own.clone()) {
                        self.faults.push(format!("{at}: {own} is there twice"));
                    }
                    edges.push((at, resource, parent));
                }
                Err(fault) => self.faults.push(format!("{at}: {fault}")),
            }
        }
        for (at, resource, parent) in edges {
            let depends_on = resource["dependsOn"].as_array();
            let depends_on: Vec<_> = depends_on.into_iter().flatten().collect();
            let mut found = BTreeSet::new();
            for needed in depends_on {
                match deployment.value(needed) {
                    Ok(Value::String(id)) if ids.contains(&id) => {
                        found.insert(id);
                    }
                    other => self
                        .faults
                        .push(format!("{at}: dependsOn what is not here: {other:?}")),
                }
            }
            if let Some(parent) = parent.filter(|parent| ids.contains(parent))
                && !found.contains(&parent)
            {
                self.faults
                    .push(format!("{at}: does not depend on its parent {parent}"));
            }
        }
    }
}

/// Returns a resource's id and, of a child, its parent's.
fn resource_ids(
    resource: &Value,
    deployment: &Deployment<'_>,
) -> Result<(String, Option<String>), String> {
    let field = |key: &str| match resource[key].as_str() {
        Some(text) if !text.is_empty() => Ok(text),
        _ => Err(format!("no {key}")),
    };
    let kind = field("type")?;
    if !kind.starts_with("Microsoft.") || !kind.contains('/') {
        return Err(format!("{kind:?} is not a type"));
    }
    let version = field("apiVersion")?;
    let date: Vec<&str> = version.trim_end_matches("-preview").split('-').collect();
    let lengths: Vec<usize> = date.iter().map(|part| part.len()).collect();
    if lengths != [4, 2, 2] || date.iter().any(|part| part.parse::<u16>().is_err()) {
        return Err(format!("{version:?} is not an apiVersion"));
    }
    field("name")?;
    let name = deployment.value(&resource["name"])?;
    let names: Vec<&str> = name
        .as_str()
        .ok_or("name is not text")?
        .split('/')
        .collect();
    let own = id(GROUP, kind, &names)?;
    let parent = kind.rsplit_once('/').map(|(parent, _)| parent);
    let parent = parent.and_then(|kind| id(GROUP, kind, &names[..names.len() - 1]).ok());
    Ok((own, parent))
}
