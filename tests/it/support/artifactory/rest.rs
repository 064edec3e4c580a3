//! Artifactory's REST API, held to what its documentation says: it refuses wrong credentials,
//! methods, media types, searches and subscriptions.
//!
//! Sources: JFrog REST APIs, "Get Repositories", "Get Repository Configuration", "AQL Execution",
//! "File Info", "System Health Ping", "Version and Add-ons"; errors are
//! `{"errors":[{"status","message"}]}`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::content::{self, File};
use super::webhooks::{self, Delivered, Subscription};
use super::{ACCESS_TOKEN, ADMIN_TOKEN, DOCKER_TOKENS, READER, WRITER, aql, basic};
use crate::support::web::{Reply, Request};

/// What Artifactory says its repositories are.
const REPOSITORIES: [(&str, &str, &str, &[&str]); 5] = [
    ("docker-local", "LOCAL", "Docker", &[]),
    ("docker-prod", "LOCAL", "Docker", &[]),
    ("docker-remote", "REMOTE", "Docker", &[]),
    ("docker-all", "VIRTUAL", "Docker", &["docker-local"]),
    ("libs-release", "LOCAL", "Maven", &[]),
];

/// What the REST API knows, and how it behaves.
#[derive(Debug)]
pub(crate) struct State {
    reader: String,
    /// Where the images of each key lie.
    held: BTreeMap<String, PathBuf>,
    /// The status of every search, if searching is not possible.
    pub(crate) search_status: Option<u16>,
    /// The status of every question for a file, if that is not possible.
    pub(crate) storage_status: Option<u16>,
    pub(super) subscriptions: BTreeMap<String, Subscription>,
    pub(super) delivered: Vec<Delivered>,
}

impl State {
    pub(super) fn new(password: &str) -> Self {
        Self {
            reader: basic(READER, password),
            held: BTreeMap::new(),
            search_status: None,
            storage_status: None,
            subscriptions: BTreeMap::new(),
            delivered: Vec::new(),
        }
    }

    pub(super) fn hold(&mut self, key: &str, folder: &Path) {
        self.held.insert(key.to_owned(), folder.to_owned());
    }

    pub(super) fn delivered(&self) -> &[Delivered] {
        &self.delivered
    }

    pub(super) fn folder(&self, key: &str) -> Option<&Path> {
        self.held.get(key).map(PathBuf::as_path)
    }

    fn is_known(&self, request: &Request) -> bool {
        let shown = request.header("authorization");
        shown == self.reader
            || shown == basic(WRITER.0, WRITER.1)
            || shown == format!("Bearer {ACCESS_TOKEN}")
    }
}

pub(super) fn refuse(status: u16, message: &str) -> Reply {
    Reply::json(
        status,
        &json!({ "errors": [{ "status": status, "message": message }] }),
    )
}

/// Answers what nginx passes on, and the registries' notifications.
pub(super) fn answer(state: &Arc<Mutex<State>>, request: &Request) -> Reply {
    if let Some(key) = request.path.strip_prefix("/notifications/") {
        webhooks::notified(state, key, &request.body);
        return Reply::new(200, "text/plain", "");
    }
    let mut state = state.lock().unwrap();
    if let Some(path) = request.path.strip_prefix("/event/api/v1/subscriptions") {
        return match request.header("authorization") == format!("Bearer {ADMIN_TOKEN}") {
            true => webhooks::manage(&mut state, request, path),
            false => refuse(401, "a token of an administrator is needed"),
        };
    }
    let Some(path) = request.path.strip_prefix("/artifactory/api/") else {
        return Reply::new(404, "text/html", "<html>Not Found</html>");
    };
    if path.starts_with("docker/") {
        // nginx passes on questions for tokens only.
        let users = [state.reader.clone(), basic(WRITER.0, WRITER.1)];
        let who = users
            .iter()
            .position(|user| user == request.header("authorization"));
        return match who {
            Some(who) => {
                let token = DOCKER_TOKENS[who];
                Reply::json(200, &json!({ "token": token, "expires_in": 3600 }))
            }
            None => refuse(401, "Bad credentials"),
        };
    }
    if !state.is_known(request) {
        let realm = "Basic realm=\"Artifactory Realm\"";
        return refuse(401, "Bad credentials").header("www-authenticate", realm);
    }
    let is_read = request.method == "GET";
    match path {
        "search/aql" if request.method == "POST" => search(&state, request),
        _ if path == "search/aql" || !is_read => refuse(405, "Method Not Allowed"),
        "system/ping" => Reply::new(200, "text/plain", "OK"),
        "system/version" => Reply::json(200, &json!({ "version": "7.117.5", "addons": [] })),
        "repositories" => list(request),
        path => match path.split_once('/') {
            Some(("repositories", key)) => configuration(key),
            Some(("storage", path)) => file_info(&state, path),
            _ => refuse(404, "Not Found"),
        },
    }
}

fn list(request: &Request) -> Reply {
    let asked = request.parameters();
    let is_asked = |name: &str, own: &str| {
        let wanted = asked.get(name);
        wanted.is_none_or(|wanted| wanted.eq_ignore_ascii_case(own))
    };
    let listed = REPOSITORIES
        .iter()
        .filter(|(_, kind, package, _)| is_asked("type", kind) && is_asked("packageType", package))
        .map(|(key, kind, package, _)| {
            json!({ "key": key, "type": kind, "packageType": package,
                    "url": format!("https://internal.example.com/artifactory/{key}") })
        });
    Reply::json(200, &listed.collect())
}

fn configuration(key: &str) -> Reply {
    let found = REPOSITORIES.iter().find(|(own, ..)| *own == key);
    let Some((_, kind, package, members)) = found else {
        return refuse(400, "Bad Request");
    };
    let mut body = json!({
        "key": key, "rclass": kind.to_lowercase(), "packageType": package.to_lowercase(),
    });
    if *kind == "VIRTUAL" {
        body["repositories"] = json!(members);
    }
    Reply::json(200, &body)
}

/// The keys under which what a key holds is found.
fn shown_by(key: &str) -> Vec<String> {
    let virtuals = REPOSITORIES
        .iter()
        .filter(|(.., members)| members.contains(&key))
        .map(|(key, ..)| (*key).to_owned());
    virtuals.chain([key.to_owned()]).collect()
}

fn search(state: &State, request: &Request) -> Reply {
    if let Some(status) = state.search_status {
        return refuse(status, "searching is not possible");
    }
    if request.header("content-type") != "text/plain" {
        return refuse(415, "Unsupported Media Type");
    }
    let rows: Vec<_> = state
        .held
        .iter()
        .flat_map(|(key, folder)| {
            let files = content::files(folder).into_iter();
            files.map(|file| (row(key, &file), shown_by(key)))
        })
        .collect();
    let query = String::from_utf8_lossy(&request.body);
    match aql::search(&query, &rows) {
        Some(results) => {
            let count = results.len();
            let range = json!({ "start_pos": 0, "end_pos": count, "total": count });
            Reply::json(200, &json!({ "results": results, "range": range }))
        }
        None => refuse(400, &format!("Failed to parse query: {query}")),
    }
}

fn row(key: &str, file: &File) -> Value {
    json!({
        "repo": key, "path": file.folder(), "name": file.name, "type": "file",
        "size": file.size, "sha256": file.sha256, "created": file.time(),
        "modified": file.time(), "updated": file.time(),
    })
}

fn file_info(state: &State, path: &str) -> Reply {
    if let Some(status) = state.storage_status {
        return refuse(status, "not for you");
    }
    let (key, rest) = path.split_once('/').unwrap_or((path, ""));
    let holders = state.held.iter();
    let found = holders
        .filter(|(held, _)| shown_by(held).iter().any(|shown| shown == key))
        .flat_map(|(held, folder)| {
            content::files(folder)
                .into_iter()
                .map(move |file| (held, file))
        })
        .find(|(_, file)| format!("{}/{}", file.folder(), file.name) == rest);
    let Some((held, file)) = found else {
        return refuse(404, "Unable to find item");
    };
    let body = json!({
        "repo": held, "path": format!("/{rest}"), "created": file.time(),
        "lastModified": file.time(), "lastUpdated": file.time(), "size": file.size.to_string(),
        "mimeType": "application/json", "checksums": { "sha256": file.sha256 },
    });
    Reply::json(200, &body)
}
