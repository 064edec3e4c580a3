//! An imitation of Artifactory's REST and Docker APIs that refuses what Artifactory refuses.
//!
//! Sources: JFrog REST APIs ("Get Repositories", "AQL Execution", "Users without admin
//! privileges", "File Info", "List Docker Repositories", "List Docker Tags"; errors are
//! `{"errors":[{"status","message"}]}`), the vendor's page on troubleshooting Docker logins (token
//! flow), OCI distribution specification 1.1 below the v2 roots.

mod docker;
mod rest;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use serde_json::json;

use crate::media_type;
use crate::testing::{Asked, Fake, Reply, sha256};

/// `scout:s3cret`
const BASIC: &str = "Basic c2NvdXQ6czNjcmV0";
const BEARER: &str = "Bearer access-token";
const V2_TOKEN: &str = "Bearer docker-token";
/// Names on a page of a list: few, so that there are several pages.
const PAGE: usize = 2;

/// How the Docker API lets clients in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Login {
    /// It asks for user and password.
    Basic,
    /// It asks for a token of its own service.
    Token,
    /// It lets anybody ping, and never asks; the content is not for anybody.
    Anonymous,
}

#[derive(Clone, Debug)]
pub(super) struct File {
    body: Vec<u8>,
    media_type: &'static str,
    modified: String,
    updated: String,
}

impl File {
    pub(super) fn digest(&self) -> String {
        sha256(&self.body).to_string()
    }
}

/// What the server holds, and how it behaves. Tests change it while it runs.
pub(super) struct State {
    /// Key, type, package type, members.
    repositories: Vec<(String, &'static str, &'static str, Vec<String>)>,
    /// By `key/image/tag/name`.
    pub(super) files: BTreeMap<String, File>,
    blobs: BTreeMap<String, Vec<u8>>,
    pub(super) login: Login,
    /// The status of every search, if searching is not possible.
    pub(super) search_status: Option<u16>,
    /// The status of every question for a file, if that is not possible.
    pub(super) storage_status: Option<u16>,
    /// The status of the list of repositories, if there is none.
    pub(super) list_status: Option<u16>,
    /// Whether the configuration of virtual repositories is told.
    pub(super) tells_members: bool,
    /// Whether what was pulled through remote repositories is there.
    pub(super) has_caches: bool,
    /// The searches that were made.
    pub(super) searches: Vec<String>,
}

#[derive(Clone)]
pub(super) struct Server {
    pub(super) state: Arc<Mutex<State>>,
}

impl Server {
    pub(super) fn new() -> Self {
        let state = State {
            repositories: Vec::new(),
            files: BTreeMap::new(),
            blobs: BTreeMap::new(),
            login: Login::Basic,
            search_status: None,
            storage_status: None,
            list_status: None,
            tells_members: true,
            has_caches: true,
            searches: Vec::new(),
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// A server with repositories of all types, some of which hold images.
    pub(super) fn with_images() -> Self {
        let server = Self::new();
        server.add_repository("docker-local", "LOCAL", "Docker", &[]);
        server.add_repository("docker-fed", "FEDERATED", "docker", &[]);
        server.add_repository("docker-remote", "REMOTE", "Docker", &[]);
        server.add_repository(
            "docker-virtual",
            "VIRTUAL",
            "Docker",
            &["docker-local", "docker-remote"],
        );
        server.add_repository("oci-local", "LOCAL", "OCI", &[]);
        server.add_repository("libs-release", "LOCAL", "Maven", &[]);
        server.push("docker-local", "team/app", "1.0", "a");
        server.push("docker-local", "team/app", "1.1", "b");
        server.push("docker-local", "team/app", "latest", "b");
        server.push("docker-local", "frontend", "1.0", "c");
        server.push("docker-local", "base", "1", "d");
        server.push("docker-fed", "fed", "1", "e");
        server.push("docker-remote-cache", "library/nginx", "1", "f");
        server.push("oci-local", "chart", "1", "g");
        // What the registry behind the remote has, and nobody pulled.
        server.push("docker-remote", "upstream/only", "1", "h");
        server
    }

    pub(super) fn add_repository(
        &self,
        key: &str,
        kind: &'static str,
        package_type: &'static str,
        members: &[&str],
    ) {
        let members = members.iter().map(|&member| member.to_owned()).collect();
        let mut state = self.state.lock().unwrap();
        state
            .repositories
            .push((key.to_owned(), kind, package_type, members));
    }

    /// Pushes an image with this text in its layer, one minute after everything else.
    pub(super) fn push(&self, key: &str, image: &str, tag: &str, content: &str) -> String {
        let config = format!(r#"{{"architecture":"amd64","os":"linux","x":"{content}"}}"#);
        let layer = content.repeat(1000);
        let describe = |kind: &str, bytes: &[u8]| {
            let (digest, size) = (sha256(bytes), bytes.len());
            json!({ "mediaType": kind, "digest": digest.to_string(), "size": size })
        };
        let manifest = json!({
            "schemaVersion": 2,
            "config": describe(media_type::OCI_CONFIG, config.as_bytes()),
            "layers": [describe("application/vnd.oci.image.layer.v1.tar", layer.as_bytes())],
        });
        let mut state = self.state.lock().unwrap();
        for bytes in [config.into_bytes(), layer.into_bytes()] {
            state.blobs.insert(sha256(&bytes).to_string(), bytes);
        }
        let body = manifest.to_string().into_bytes();
        state.store(
            key,
            image,
            tag,
            "manifest.json",
            body,
            media_type::OCI_MANIFEST,
        )
    }

    /// Pushes an index without entries.
    pub(super) fn push_index(&self, key: &str, image: &str, tag: &str) -> String {
        let body = br#"{"schemaVersion":2,"manifests":[]}"#.to_vec();
        let mut state = self.state.lock().unwrap();
        let name = "list.manifest.json";
        state.store(key, image, tag, name, body, media_type::OCI_INDEX)
    }

    /// Copies an image as promotion does: the file keeps its own time.
    pub(super) fn promote(&self, from: &str, to: &str) {
        let mut state = self.state.lock().unwrap();
        let mut file = state.files[from].clone();
        file.updated = state.next_time();
        state.files.insert(to.to_owned(), file);
    }

    pub(super) async fn start(&self) -> Fake {
        let state = Arc::clone(&self.state);
        Fake::start(move |asked, host| state.lock().unwrap().answer(asked, host)).await
    }

    /// Makes the tags that only differ in their number.
    pub(super) fn push_many(&self, key: &str, image: &str, count: usize) {
        self.push(key, image, "0", "many");
        let mut state = self.state.lock().unwrap();
        let file = state.files[&format!("{key}/{image}/0/manifest.json")].clone();
        for number in 1..count {
            let path = format!("{key}/{image}/{number}/manifest.json");
            state.files.insert(path, file.clone());
        }
    }
}

fn rest_error(status: u16, message: &str) -> Reply {
    let body = json!({ "errors": [{ "status": status, "message": message }] });
    Reply::new(status, body.to_string()).header("content-type", "application/json")
}

fn query(target: &str) -> BTreeMap<String, String> {
    let text = target.split_once('?').map_or("", |(_, query)| query);
    url::form_urlencoded::parse(text.as_bytes())
        .into_owned()
        .collect()
}

impl State {
    /// Every file is a minute younger than the one before.
    fn next_time(&self) -> String {
        let times = self
            .files
            .values()
            .map(|file| file.updated.parse().unwrap());
        let newest: Timestamp = times
            .max()
            .unwrap_or_else(|| "2026-03-01T00:00:00Z".parse().unwrap());
        let next = newest + jiff::SignedDuration::from_mins(1);
        // Servers write their own offset.
        next.to_string().replace('Z', ".000+00:00")
    }

    fn store(
        &mut self,
        key: &str,
        image: &str,
        tag: &str,
        name: &str,
        body: Vec<u8>,
        media_type: &'static str,
    ) -> String {
        let time = self.next_time();
        let file = File {
            body,
            media_type,
            modified: time.clone(),
            updated: time,
        };
        let digest = file.digest();
        self.files
            .insert(format!("{key}/{image}/{tag}/{name}"), file);
        digest
    }

    fn answer(&mut self, asked: &Asked, host: &str) -> Reply {
        let path = asked.target.split('?').next().unwrap();
        let Some(path) = path.strip_prefix("/artifactory/api/") else {
            return Reply::new(404, "<html>Not Found</html>").header("content-type", "text/html");
        };
        if let Some(path) = path.strip_prefix("docker/") {
            return self.docker(path, asked, host);
        }
        if !matches!(asked.authorization.as_deref(), Some(BASIC | BEARER)) {
            return rest_error(401, "Bad credentials")
                .header("www-authenticate", r#"Basic realm="Artifactory Realm""#);
        }
        match (path, asked.method.as_str()) {
            ("search/aql", "POST") => self.search(asked),
            ("search/aql", _) | (_, "POST") => rest_error(405, "Method Not Allowed"),
            ("repositories", "GET") => self.list(&query(&asked.target)),
            (path, "GET") => match path.split_once('/') {
                Some(("repositories", key)) => self.configuration(key),
                Some(("storage", path)) => self.file_info(path),
                _ => rest_error(404, "Not Found"),
            },
            _ => rest_error(405, "Method Not Allowed"),
        }
    }

    /// The repositories in which a repository's files lie; nothing if there is none such.
    fn keys_behind(&self, key: &str) -> Vec<String> {
        let found = |key: &str| self.repositories.iter().find(|(it, ..)| it == key);
        let cached = key.strip_suffix("-cache").and_then(found);
        match (found(key), cached) {
            (Some((_, "VIRTUAL", _, members)), _) => {
                let behind = members.iter().map(|member| match found(member) {
                    Some((_, "REMOTE", ..)) => format!("{member}-cache"),
                    _ => member.clone(),
                });
                behind.collect()
            }
            (Some((_, _, "Docker" | "docker" | "OCI", _)), _) => vec![key.to_owned()],
            (None, Some((_, "REMOTE", ..))) if self.has_caches => vec![key.to_owned()],
            _ => Vec::new(),
        }
    }
}
