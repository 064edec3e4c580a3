//! The REST API of the imitation: repositories, files, searches.

use std::collections::BTreeMap;

use globset::Glob;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{State, rest_error};
use crate::testing::{Asked, Reply};

impl State {
    pub(super) fn list(&self, query: &BTreeMap<String, String>) -> Reply {
        if let Some(status) = self.list_status {
            return rest_error(status, "not for you");
        }
        let wanted = query.get("packageType");
        let listed: Vec<Value> = self
            .repositories
            .iter()
            .filter(|(_, _, package_type, _)| {
                wanted.is_none_or(|wanted| package_type.eq_ignore_ascii_case(wanted))
            })
            .map(|(key, kind, package_type, _)| {
                json!({ "key": key, "type": kind, "packageType": package_type,
                        "url": format!("https://evil.example.invalid/artifactory/{key}") })
            })
            .collect();
        Reply::new(200, Value::from(listed).to_string())
    }

    pub(super) fn configuration(&self, key: &str) -> Reply {
        let Some((_, kind, _, members)) = self.repositories.iter().find(|(it, ..)| it == key)
        else {
            return rest_error(400, "Bad Request");
        };
        let mut body = json!({ "key": key, "rclass": kind.to_lowercase() });
        if *kind == "VIRTUAL" && self.tells_members {
            body["repositories"] = json!(members);
        }
        Reply::new(200, body.to_string())
    }

    pub(super) fn file_info(&self, path: &str) -> Reply {
        if let Some(status) = self.storage_status {
            return rest_error(status, "not for you");
        }
        let (key, rest) = path.split_once('/').unwrap_or((path, ""));
        let found = self
            .keys_behind(key)
            .into_iter()
            .find_map(|key| self.files.get(&format!("{key}/{rest}")));
        let Some(file) = found else {
            return rest_error(404, "Unable to find item");
        };
        let sha256 = file.digest().replace("sha256:", "");
        let body = json!({ "repo": key, "path": format!("/{rest}"), "lastModified": file.modified,
            "size": file.body.len().to_string(), "checksums": { "sha256": sha256 } });
        Reply::new(200, body.to_string())
    }

    /// A search, held to the grammar that the vendor documents.
    pub(super) fn search(&mut self, asked: &Asked) -> Reply {
        if let Some(status) = self.search_status {
            return rest_error(status, "searching is not possible");
        }
        if asked.headers.get("content-type").map(String::as_str) != Some("text/plain") {
            return rest_error(415, "Unsupported Media Type");
        }
        let text = String::from_utf8(asked.body.clone()).unwrap();
        self.searches.push(text.clone());
        match self.found(&text) {
            Some(results) => {
                let count = results.len();
                let range = json!({ "start_pos": 0, "end_pos": count, "total": count });
                Reply::new(
                    200,
                    json!({ "results": results, "range": range }).to_string(),
                )
            }
            None => rest_error(400, "Failed to parse query"),
        }
    }

    fn found(&self, text: &str) -> Option<Vec<Value>> {
        let (criteria, rest) = text.strip_prefix("items.find(")?.split_once(").include(")?;
        let (fields, rest) = rest.split_once(").sort(")?;
        let (order, rest) = rest.split_once(").offset(")?;
        let (offset, rest) = rest.split_once(").limit(")?;
        let limit: usize = rest.strip_suffix(')')?.parse().ok()?;
        let criteria: Value = serde_json::from_str(criteria).ok()?;
        let fields: Vec<String> = serde_json::from_str(&format!("[{fields}]")).ok()?;
        // Users who are no administrators must include these three.
        let needed = ["repo", "path", "name"];
        if !needed
            .iter()
            .all(|needed| fields.iter().any(|field| field == needed))
        {
            return None;
        }
        let order: BTreeMap<String, Vec<String>> = serde_json::from_str(order).ok()?;
        if !order
            .get("$asc")?
            .iter()
            .all(|field| fields.contains(field))
        {
            return None;
        }
        let mut rows = Vec::new();
        for (path, file) in &self.files {
            let (folder, name) = path.rsplit_once('/')?;
            let (repo, folder) = folder.split_once('/')?;
            // A virtual repository finds what is in its members.
            for shown_by in self.repositories_showing(repo) {
                let mut row = json!({ "repo": shown_by, "path": folder, "name": name,
                    "sha256": file.digest().replace("sha256:", ""),
                    "modified": file.modified, "updated": file.updated });
                if is_match(&criteria, &row)? {
                    row["repo"] = json!(repo);
                    rows.push(row);
                }
            }
        }
        let of = |row: &Value, field: &str| row[field].as_str().unwrap().to_owned();
        rows.sort_by_key(|row| [of(row, "path"), of(row, "name"), of(row, "repo")]);
        let offset = offset.parse().ok()?;
        Some(
            rows.into_iter()
                .skip(offset)
                .take(limit.min(1000))
                .collect(),
        )
    }

    fn repositories_showing(&self, repo: &str) -> Vec<String> {
        let source = repo.strip_suffix("-cache").unwrap_or(repo);
        let virtuals = self
            .repositories
            .iter()
            .filter(|(.., members)| members.iter().any(|member| member == source));
        let virtuals = virtuals.map(|(key, ..)| key.clone());
        std::iter::once(repo.to_owned()).chain(virtuals).collect()
    }
}

/// Evaluates criteria; nothing if they are not in the language.
fn is_match(criteria: &Value, row: &Value) -> Option<bool> {
    let mut all = true;
    for (name, value) in criteria.as_object()? {
        let one = match (name.as_str(), value) {
            ("$and", Value::Array(parts)) => {
                let parts: Option<Vec<bool>> =
                    parts.iter().map(|part| is_match(part, row)).collect();
                parts?.into_iter().all(|part| part)
            }
            ("$or", Value::Array(parts)) => {
                let parts: Option<Vec<bool>> =
                    parts.iter().map(|part| is_match(part, row)).collect();
                parts?.into_iter().any(|part| part)
            }
            (field, Value::String(value)) => row.get(field)?.as_str()? == value,
            (field, Value::Object(comparison)) => {
                let found = row.get(field)?.as_str()?;
                let (operator, value) = comparison.iter().next()?;
                let value = value.as_str()?;
                match operator.as_str() {
                    "$gt" => found.parse::<Timestamp>().ok()? > value.parse().ok()?,
                    "$nmatch" => !Glob::new(value).ok()?.compile_matcher().is_match(found),
                    _ => return None,
                }
            }
            _ => return None,
        };
        all &= one;
    }
    Some(all)
}
