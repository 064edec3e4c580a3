//! The Artifactory Query Language, as far as searches for items need it.
//!
//! Sources: JFrog REST APIs, "AQL syntax", "Users without admin privileges" (`name`, `repo` and
//! `path` must be included), "Maximum number of search queries" (1,000 rows).

use std::collections::BTreeMap;

use globset::Glob;
use jiff::Timestamp;
use serde_json::{Map, Value};

/// Most rows of an answer.
const MAX_ROWS: usize = 1000;

/// Answers a search over rows; nothing if it is not in the language. A row stands for what it
/// names in `repo`, and is found under each name in `shown_by` as well.
pub(super) fn search(query: &str, rows: &[(Value, Vec<String>)]) -> Option<Vec<Value>> {
    let (criteria, rest) = query
        .strip_prefix("items.find(")?
        .split_once(").include(")?;
    let (fields, rest) = rest.split_once(").sort(")?;
    let (order, rest) = rest.split_once(").offset(")?;
    let (offset, rest) = rest.split_once(").limit(")?;
    let limit: usize = rest.strip_suffix(')')?.parse().ok()?;
    let offset: usize = offset.parse().ok()?;
    let criteria: Value = serde_json::from_str(criteria).ok()?;
    let fields: Vec<String> = serde_json::from_str(&format!("[{fields}]")).ok()?;
    let order: BTreeMap<String, Vec<String>> = serde_json::from_str(order).ok()?;
    let order = order.get("$asc").filter(|_| order.len() == 1)?;
    let is_included = |field: &str| fields.iter().any(|own| own == field);
    let has_needed = ["repo", "path", "name"].iter().all(|one| is_included(one));
    if !has_needed || !order.iter().all(|field| is_included(field)) {
        return None;
    }
    let mut found = Vec::new();
    for (row, shown_by) in rows {
        let mut is_found = false;
        for repo in shown_by {
            let mut row = row.clone();
            row["repo"] = repo.as_str().into();
            is_found |= is_match(&criteria, &row)?;
        }
        if is_found {
            found.push(row.clone());
        }
    }
    found.sort_by_key(|row| {
        let of = |field: &String| row[field].as_str().unwrap_or_default().to_owned();
        order.iter().map(of).collect::<Vec<_>>()
    });
    let page = found.iter().skip(offset).take(limit.min(MAX_ROWS));
    let only = |row: &Value| {
        let fields = fields
            .iter()
            .map(|field| (field.clone(), row[field].clone()));
        Value::Object(fields.collect::<Map<_, _>>())
    };
    Some(page.map(only).collect())
}

fn is_match(criteria: &Value, row: &Value) -> Option<bool> {
    let parts = criteria.as_object()?.iter();
    let mut all = true;
    for (name, value) in parts {
        all &= match (name.as_str(), value) {
            ("$and", Value::Array(parts)) => each(parts, row)?.into_iter().all(|part| part),
            ("$or", Value::Array(parts)) => each(parts, row)?.into_iter().any(|part| part),
            (field, Value::String(value)) => row.get(field)?.as_str()? == value,
            (field, Value::Object(comparison)) => compare(row.get(field)?.as_str()?, comparison)?,
            _ => return None,
        };
    }
    Some(all)
}

fn each(parts: &[Value], row: &Value) -> Option<Vec<bool>> {
    parts.iter().map(|part| is_match(part, row)).collect()
}

fn compare(found: &str, comparison: &Map<String, Value>) -> Option<bool> {
    let (operator, value) = comparison.iter().next().filter(|_| comparison.len() == 1)?;
    let value = value.as_str()?;
    let is_like = || Some(Glob::new(value).ok()?.compile_matcher().is_match(found));
    match operator.as_str() {
        "$eq" => Some(found == value),
        "$gt" => Some(found.parse::<Timestamp>().ok()? > value.parse().ok()?),
        "$match" => is_like(),
        "$nmatch" => Some(!is_like()?),
        _ => None,
    }
}

#[test]
fn searches_are_held_to_the_language() {
    let row = serde_json::json!({
        "repo": "a", "path": "team/app/1", "name": "manifest.json",
        "modified": "2026-03-01T12:00:00.000Z",
    });
    let rows = [(row, vec!["a".to_owned(), "virtual".to_owned()])];
    let ends = r#".include("repo","path","name").sort({"$asc":["path"]}).offset(0).limit(9)"#;
    for (criteria, expected) in [
        (r#"{"repo":"a"}"#, Some(1)),
        (r#"{"repo":"virtual"}"#, Some(1)),
        (r#"{"repo":"b"}"#, Some(0)),
        (
            r#"{"modified":{"$gt":"2026-03-01T13:00:00+02:00"}}"#,
            Some(1),
        ),
        (r#"{"modified":{"$gt":"2026-03-01T12:00:00Z"}}"#, Some(0)),
        (
            r#"{"$or":[{"repo":"b"},{"name":{"$match":"*.json"}}]}"#,
            Some(1),
        ),
        (
            r#"{"$and":[{"repo":"a"},{"path":{"$nmatch":"team/*"}}]}"#,
            Some(0),
        ),
        (r#"{"nonsense":"a"}"#, None),
        (r#"{"name":{"$like":"a"}}"#, None),
        ("a", None),
    ] {
        let found = search(&format!("items.find({criteria}){ends}"), &rows);
        assert_eq!(found.map(|rows| rows.len()), expected, "{criteria}");
    }
    let all = r#"items.find({"repo":"a"})"#;
    for ends in [
        "",
        r#".include("repo","path").sort({"$asc":["path"]}).offset(0).limit(9)"#,
        r#".include("repo","path","name").sort({"$asc":["size"]}).offset(0).limit(9)"#,
        r#".include("repo","path","name").sort({"$asc":["path"]}).offset(0).limit(9).more()"#,
    ] {
        assert_eq!(search(&format!("{all}{ends}"), &rows), None, "{ends}");
    }
}
