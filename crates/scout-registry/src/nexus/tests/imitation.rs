//! A strict imitation of Nexus Repository 3: its REST API, its repositories by path, and the
//! connector of one of them.
//!
//! Source: Sonatype's help pages (REST API, Docker registry), and measurements that others
//! published for 3.71 and 3.96: status codes, page sizes, the `Link` without the repository's
//! path (3.71), Basic challenges, wrong passwords refused even where none is needed.

use std::collections::BTreeMap;

use crate::media_type;
use crate::testing::{Asked, Content, Fake, Reply, sha256};

/// What this Nexus is like.
#[derive(Clone)]
pub(super) struct Imitation {
    /// Whether the search knows what was pushed.
    pub(super) search: Search,
    /// How many further tags `team/app` has in the search, which do not exist.
    pub(super) stale_tags: usize,
    pub(super) content: Content,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Search {
    Works,
    /// The index lags, or the account may not browse.
    KnowsNothing,
    Fails,
    /// It gives the same page again and again.
    Loops,
}

impl Default for Imitation {
    fn default() -> Self {
        Self {
            search: Search::Works,
            stale_tags: 0,
            content: Content::new(),
        }
    }
}

/// Repositories with format and type.
const REPOSITORIES: &[(&str, &str, &str)] = &[
    ("docker-a", "docker", "hosted"),
    ("docker-b", "docker", "hosted"),
    ("docker-proxy", "docker", "proxy"),
    ("maven-releases", "maven2", "hosted"),
    ("hidden", "docker", "hosted"),
];

impl Imitation {
    pub(super) async fn start(self) -> Fake {
        Fake::start(move |asked, host| self.answer(asked, host)).await
    }

    fn answer(&self, asked: &Asked, host: &str) -> Reply {
        let (path, query) = asked.path_and_query();
        if !matches!(asked.method.as_str(), "GET" | "HEAD") {
            return fault(405);
        }
        // user:s3cret
        let is_known = asked.authorization.as_deref() == Some("Basic dXNlcjpzM2NyZXQ=");
        if asked.authorization.is_some() && !is_known {
            return challenge();
        }
        if let Some(resource) = path.strip_prefix("/service/rest/v1/") {
            return self.rest(resource, &query, is_known);
        }
        if let Some(rest) = path.strip_prefix("/repository/") {
            let Some((name, _)) = rest.split_once("/v2/") else {
                return fault(404);
            };
            let is_docker = REPOSITORIES
                .iter()
                .any(|(known, format, _)| *known == name && *format == "docker");
            return match (is_docker, is_known) {
                (false, _) => Reply::new(404, "Repository not found"),
                (true, false) => challenge(),
                (true, true) => {
                    let inner = asked.target.replacen(&format!("/repository/{name}"), "", 1);
                    self.docker(asked, inner, host)
                }
            };
        }
        if path.starts_with("/v2/") {
            return match is_known {
                true => self.docker(asked, asked.target.clone(), host),
                false => challenge(),
            };
        }
        // The web interface.
        Reply::new(404, "<html>Nexus</html>").header("content-type", "text/html")
    }

    fn docker(&self, asked: &Asked, target: String, host: &str) -> Reply {
        if target == "/v2/_catalog?n=1000" {
            // The path lacks the repository; only the query can be used.
            return Reply::new(200, r#"{"repositories":[]}"#).header(
                "link",
                format!("<http://{host}/v2/_catalog?n=1000&last=a>; rel=\"next\""),
            );
        }
        let mut inner = asked.clone();
        inner.target = target;
        self.content.answer(&inner)
    }

    fn rest(&self, resource: &str, query: &BTreeMap<String, String>, is_known: bool) -> Reply {
        let segments: Vec<&str> = resource.split('/').collect();
        match segments.as_slice() {
            ["status"] => Reply::new(200, ""),
            _ if !is_known => challenge(),
            ["repositories"] => {
                let all = REPOSITORIES.iter().map(|one| repository(*one));
                Reply::new(200, format!("[{}]", all.collect::<Vec<_>>().join(",")))
            }
            ["repositories", "hidden"] => fault(403),
            ["repositories", name] => {
                let found = REPOSITORIES.iter().find(|(known, ..)| known == name);
                found.map_or_else(|| fault(404), |one| Reply::new(200, repository(*one)))
            }
            ["search"] => self.search(query),
            _ => fault(404),
        }
    }

    fn search(&self, query: &BTreeMap<String, String>) -> Reply {
        let known = ["repository", "name", "continuationToken"];
        if query.keys().any(|key| !known.contains(&key.as_str())) {
            return fault(400);
        }
        let (Some(repository), Some(name)) = (query.get("repository"), query.get("name")) else {
            return fault(422);
        };
        match self.search {
            Search::Fails => return fault(500),
            Search::KnowsNothing => return page(&[], None),
            Search::Loops => return page(&[], Some("again")),
            Search::Works => {}
        }
        let digest = sha256(&self.content.manifest);
        let mut items = Vec::new();
        if name == "team/app" && repository != "docker-proxy" {
            items.push(component(repository, "docker", name, "1.0", digest.hex()));
            // What is asked for is exact, but let it not be relied upon.
            items.push(component(
                repository,
                "docker",
                "team/app2",
                "1.0",
                &"d".repeat(64),
            ));
            items.push(component(repository, "raw", name, "1.0", &"d".repeat(64)));
        }
        if name == "team/app" && repository == "docker-proxy" {
            items.push(component(
                repository,
                "docker",
                name,
                "1.0",
                &"e".repeat(64),
            ));
        }
        items.extend((0..self.stale_tags).map(|number| {
            let tag = format!("gone-{number}");
            component(repository, "docker", name, &tag, &"f".repeat(64))
        }));
        let start: usize = match query.get("continuationToken").map(|token| token.parse()) {
            None => 0,
            Some(Ok(start)) => start,
            Some(Err(_)) => return fault(406),
        };
        let end = (start + 50).min(items.len());
        let next = (end < items.len()).then(|| end.to_string());
        page(&items[start.min(end)..end], next.as_deref())
    }
}

fn page(items: &[String], next: Option<&str>) -> Reply {
    let next = next.map_or_else(|| "null".to_owned(), |token| format!("\"{token}\""));
    let items = items.join(",");
    Reply::new(
        200,
        format!(r#"{{"items":[{items}],"continuationToken":{next}}}"#),
    )
}

fn repository((name, format, kind): (&str, &str, &str)) -> String {
    format!(
        r#"{{"name":"{name}","format":"{format}","type":"{kind}",
        "url":"http://internal.example.invalid/repository/{name}","attributes":{{}}}}"#
    )
}

fn component(repository: &str, format: &str, name: &str, tag: &str, hash: &str) -> String {
    format!(
        r#"{{"id":"x","repository":"{repository}","format":"{format}","group":"","name":"{name}",
        "version":"{tag}","assets":[{{"downloadUrl":"http://internal.example.invalid/x",
        "path":"/v2/{name}/manifests/{tag}","format":"{format}",
        "checksum":{{"sha256":"{hash}","sha1":"ee76"}},"contentType":"{}",
        "lastModified":"2026-03-31T07:21:38.547+00:00","lastDownloaded":null,"docker":{{}}}}]}}"#,
        media_type::OCI_MANIFEST,
    )
}

fn challenge() -> Reply {
    fault(401).header(
        "www-authenticate",
        "BASIC realm=\"Sonatype Nexus Repository Manager\"",
    )
}

/// As Siesta, the framework of its REST API, words it.
fn fault(status: u16) -> Reply {
    let body = format!(
        r#"{{"status-code":{status},"siesta-faultid":"4821f00d","status-message":"REFUSED"}}"#
    );
    Reply::new(status, body).header("content-type", "application/json")
}
