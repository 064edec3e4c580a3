//! What a template deploys: its resources with every expression replaced by its value.
//!
//! Functions: "ARM template functions",
//! `https://learn.microsoft.com/azure/azure-resource-manager/templates/template-functions`.
//! Only those that our templates use; names are compared exactly, which is stricter than Azure.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::expression::{self, Expression};

/// The resource group into which everything is deployed.
pub(crate) const GROUP: &str =
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/contoso-rg";
/// Its region.
pub(super) const LOCATION: &str = "westeurope";

/// The functions, each with the fewest and the most arguments.
///
/// Azure also takes a subscription and a group before the type of `resourceId`. We do not, as
/// everything of ours is in one group.
const FUNCTIONS: [(&str, usize, usize); 9] = [
    ("concat", 1, usize::MAX),
    ("empty", 1, 1),
    ("extensionResourceId", 3, usize::MAX),
    ("if", 3, 3),
    ("json", 1, 1),
    ("parameters", 1, 1),
    ("resourceGroup", 0, 0),
    ("resourceId", 2, usize::MAX),
    ("variables", 1, 1),
];

/// Variables and defaults that are nested deeper refer to themselves.
const MAX_DEPTH: u8 = 32;

/// Says what is wrong with a call, if anything is.
pub(super) fn fault(function: &str, arguments: usize) -> Option<String> {
    match FUNCTIONS.iter().find(|(name, ..)| *name == function) {
        None => Some(format!("unknown function {function}")),
        Some((_, fewest, most)) if (*fewest..=*most).contains(&arguments) => None,
        _ => Some(format!("{function} does not take {arguments} arguments")),
    }
}

/// Returns a resource's id below a scope; as many names as the type has parts.
pub(super) fn id(scope: &str, kind: &str, names: &[&str]) -> Result<String, String> {
    let mut parts = kind.split('/');
    let provider = parts.next().unwrap_or_default();
    if parts.clone().count() != names.len() || names.is_empty() {
        return Err(format!("{kind} does not fit the names {names:?}"));
    }
    let path: String = parts
        .zip(names)
        .map(|(part, name)| format!("/{part}/{name}"))
        .collect();
    Ok(format!("{scope}/providers/{provider}{path}"))
}

/// A template with the values of its parameters.
#[derive(Clone, Debug)]
pub(crate) struct Deployment<'a> {
    template: &'a Value,
    arguments: BTreeMap<String, Value>,
}

impl<'a> Deployment<'a> {
    pub(crate) fn new<K: Into<String>, V: Into<Value>>(
        template: &'a Value,
        arguments: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let arguments = arguments.into_iter();
        Self {
            template,
            arguments: arguments
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        }
    }

    /// Returns the resources. What is null is left out, as Azure takes both alike.
    pub(crate) fn resources(&self) -> Result<Value, String> {
        self.value(&self.template["resources"]).map(without_nulls)
    }

    /// Returns a value of the template without expressions.
    pub(super) fn value(&self, value: &Value) -> Result<Value, String> {
        self.resolve(value, 0)
    }

    fn resolve(&self, value: &Value, depth: u8) -> Result<Value, String> {
        match value {
            Value::String(text) => match expression::of(text)? {
                Some(expression) => self.evaluate(&expression, depth),
                None => Ok(json!(text.strip_prefix('[').unwrap_or(text))),
            },
            Value::Array(values) => values
                .iter()
                .map(|value| self.resolve(value, depth))
                .collect(),
            Value::Object(members) => members
                .iter()
                .map(|(key, value)| Ok((key.clone(), self.resolve(value, depth)?)))
                .collect(),
            other => Ok(other.clone()),
        }
    }

    fn evaluate(&self, expression: &Expression, depth: u8) -> Result<Value, String> {
        match expression {
            Expression::Text(text) => Ok(json!(text)),
            Expression::Number(number) => Ok(json!(number)),
            Expression::Call(function, arguments) => self.call(function, arguments, depth),
            Expression::Member(of, member) => {
                let of = self.evaluate(of, depth)?;
                let member = self.evaluate(member, depth)?;
                find(&of, &member).ok_or_else(|| format!("{of} has no member {member}"))
            }
        }
    }

    fn call(&self, function: &str, arguments: &[Expression], depth: u8) -> Result<Value, String> {
        if let Some(fault) = fault(function, arguments.len()) {
            return Err(fault);
        }
        if function == "if" {
            // Only the branch that is taken is evaluated.
            let taken = match self.evaluate(&arguments[0], depth)? {
                Value::Bool(true) => &arguments[1],
                Value::Bool(false) => &arguments[2],
                other => return Err(format!("if needs a condition, found {other}")),
            };
            return self.evaluate(taken, depth);
        }
        let values = arguments.iter();
        let values: Vec<Value> = values
            .map(|argument| self.evaluate(argument, depth))
            .collect::<Result<_, _>>()?;
        match function {
            "concat" => Ok(json!(texts(&values)?.concat())),
            "empty" => Ok(json!(is_empty(&values[0]))),
            "extensionResourceId" => {
                let texts = texts(&values)?;
                id(texts[0], texts[1], &texts[2..]).map(Value::from)
            }
            "json" => serde_json::from_str(text(&values[0])?).map_err(|error| error.to_string()),
            "parameters" => self.parameter(text(&values[0])?, depth),
            "resourceGroup" => Ok(json!({"id": GROUP, "location": LOCATION})),
            "resourceId" => {
                let texts = texts(&values)?;
                id(GROUP, texts[0], &texts[1..]).map(Value::from)
            }
            "variables" => {
                let name = text(&values[0])?;
                let variable = self.template["variables"].get(name);
                let variable = variable.ok_or_else(|| format!("no variable {name}"))?;
                self.resolve(variable, deeper(name, depth)?)
            }
            _ => Err(format!("unknown function {function}")),
        }
    }

    fn parameter(&self, name: &str, depth: u8) -> Result<Value, String> {
        let declared = self.template["parameters"].get(name);
        let declared = declared.ok_or_else(|| format!("no parameter {name}"))?;
        match (self.arguments.get(name), declared.get("defaultValue")) {
            (Some(argument), _) => Ok(argument.clone()),
            (None, Some(default)) => self.resolve(default, deeper(name, depth)?),
            (None, None) => Err(format!("parameter {name} has no value")),
        }
    }
}

fn deeper(name: &str, depth: u8) -> Result<u8, String> {
    if depth == MAX_DEPTH {
        return Err(format!("{name} refers to itself"));
    }
    Ok(depth + 1)
}

fn text(value: &Value) -> Result<&str, String> {
    value
        .as_str()
        .ok_or_else(|| format!("expected text, found {value}"))
}

fn texts(values: &[Value]) -> Result<Vec<&str>, String> {
    values.iter().map(text).collect()
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(members) => members.is_empty(),
        other => other.is_null(),
    }
}

/// Azure does not mind the case of a member's name: `resourceGroup().Id`.
fn find(of: &Value, member: &Value) -> Option<Value> {
    if let Some(index) = member.as_u64() {
        return of.get(usize::try_from(index).ok()?).cloned();
    }
    let name = member.as_str()?;
    let mut members = of.as_object()?.iter();
    let found = members.find(|(key, _)| key.eq_ignore_ascii_case(name))?;
    Some(found.1.clone())
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Array(values) => values.into_iter().map(without_nulls).collect(),
        Value::Object(members) => members
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key, without_nulls(value)))
            .collect(),
        other => other,
    }
}
