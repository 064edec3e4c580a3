//! A strict imitation of Harbor 2.x.
//!
//! Source: goharbor/harbor `api/v2.0/swagger.yaml`; handlers `user.go` (412 for robots),
//! `repository.go` (who sees which projects), `base.go` (403 and pages), `project.go` (`HEAD`).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::media_type;
use crate::testing::{Asked, Content, Fake, Reply, sha256};

/// What this Harbor is like.
#[derive(Clone)]
pub(super) struct Imitation {
    /// Whether robots see their own projects in the list of all repositories.
    pub(super) lists_for_robots: bool,
    /// Whether the account lacks the right to list artifacts.
    pub(super) hides_artifacts: bool,
    /// How many further repositories there are in `team`.
    pub(super) repositories: usize,
    pub(super) content: Content,
}

impl Default for Imitation {
    fn default() -> Self {
        Self {
            lists_for_robots: false,
            hides_artifacts: false,
            repositories: 0,
            content: Content::new(),
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Who {
    Nobody,
    Person,
    Robot,
}

/// The projects, and whether all may see them. The account belongs to `team`.
const PROJECTS: &[(&str, bool)] = &[("public", true), ("team", false), ("secret", false)];

impl Imitation {
    pub(super) async fn start(self) -> Fake {
        Fake::start(move |asked, host| self.answer(asked, host)).await
    }

    fn answer(&self, asked: &Asked, host: &str) -> Reply {
        let (path, query) = asked.path_and_query();
        if !matches!(asked.method.as_str(), "GET" | "HEAD") {
            return refused(405);
        }
        if path == "/service/token" {
            return token(asked, &query);
        }
        if path.starts_with("/v2/") {
            return self.registry(asked, path, host);
        }
        match path {
            // The web interface answers every address of its own.
            _ if path.starts_with("/portal/") => {
                return Reply::new(200, "<html>Harbor</html>").header("content-type", "text/html");
            }
            _ if path.starts_with("/login/") => {
                return Reply::redirect("https://sso.example.invalid/");
            }
            _ => {}
        }
        let Some(resource) = path.strip_prefix("/api/v2.0/") else {
            return refused(404);
        };
        // Whom Harbor does not know is a guest.
        let who = who(asked);
        let is_head = asked.method == "HEAD";
        let segments: Vec<&str> = resource.split('/').collect();
        match segments.as_slice() {
            ["ping"] => Reply::new(200, "Pong").header("content-type", "text/plain"),
            ["users", "current"] => match who {
                Who::Nobody => refused(401),
                Who::Robot => refused(412),
                Who::Person => Reply::new(200, r#"{"user_id":3,"username":"user"}"#),
            },
            ["projects"] if is_head => match (who, query.get("project_name")) {
                (Who::Nobody, _) => refused(401),
                (_, Some(name)) if PROJECTS.iter().any(|(known, _)| known == name) => {
                    Reply::new(200, "")
                }
                _ => refused(404),
            },
            _ if is_head => refused(405),
            ["projects"] => {
                let seen = PROJECTS.iter().filter(|(name, _)| sees(who, name));
                let seen = seen.map(|(name, _)| format!(r#"{{"name":"{name}","project_id":1}}"#));
                page(path, &query, &seen.collect::<Vec<_>>())
            }
            ["repositories"] => {
                let who = match who {
                    Who::Robot if !self.lists_for_robots => Who::Nobody,
                    who => who,
                };
                page(
                    path,
                    &query,
                    &self.repositories(|project| sees(who, project)),
                )
            }
            ["projects", project, rest @ ..] => {
                if !sees(who, project) {
                    return refused(if who == Who::Nobody { 401 } else { 403 });
                }
                self.project(path, project, rest, &query)
            }
            _ => refused(404),
        }
    }

    fn project(
        &self,
        path: &str,
        project: &str,
        rest: &[&str],
        query: &BTreeMap<String, String>,
    ) -> Reply {
        let has = |encoded: &str| {
            // Decoded once by what is before Harbor, once by Harbor.
            let name = encoded.replace("%252F", "/");
            !name.contains('%') && self.names().contains(&format!("{project}/{name}"))
        };
        match rest {
            ["repositories"] => page(path, query, &self.repositories(|name| name == project)),
            ["repositories", name] if has(name) => Reply::new(200, r#"{"name":"x"}"#),
            ["repositories", _] => refused(404),
            ["repositories", _, "artifacts"] if self.hides_artifacts => refused(403),
            ["repositories", name, "artifacts"] => {
                let artifacts = match has(name) {
                    true => vec![self.artifact(), untagged()],
                    false => Vec::new(),
                };
                page(path, query, &artifacts)
            }
            _ => refused(404),
        }
    }

    fn names(&self) -> Vec<String> {
        let known = ["public/app", "team/app", "team/nested/app", "secret/app"];
        let more = (1..self.repositories).map(|number| format!("team/more-{number}"));
        let odd = (self.repositories > 0).then(|| "team/NOT VALID".to_owned());
        known
            .map(str::to_owned)
            .into_iter()
            .chain(more)
            .chain(odd)
            .collect()
    }

    fn repositories(&self, is_seen: impl Fn(&str) -> bool) -> Vec<String> {
        let names = self.names().into_iter();
        let seen = names.filter(|name| is_seen(name.split('/').next().unwrap()));
        seen.map(|name| format!(r#"{{"id":1,"name":"{name}","artifact_count":1}}"#))
            .collect()
    }

    fn artifact(&self) -> String {
        let digest = sha256(&self.content.manifest);
        format!(
            r#"{{"type":"IMAGE","digest":"{digest}","manifest_media_type":"{}",
            "media_type":"{}","push_time":"2026-01-01T00:00:00.000Z","tags":[
            {{"id":1,"name":"1.0","push_time":"2026-03-31T07:21:38.547Z","immutable":false}}]}}"#,
            media_type::OCI_MANIFEST,
            media_type::OCI_CONFIG,
        )
    }

    /// The registry behind Harbor's own check of the token.
    fn registry(&self, asked: &Asked, path: &str, host: &str) -> Reply {
        let allowed = asked
            .authorization
            .as_deref()
            .and_then(|value| value.strip_prefix("Bearer "));
        let repository = ["/manifests/", "/blobs/", "/tags/"]
            .iter()
            .find_map(|part| path.strip_prefix("/v2/")?.split_once(part))
            .map(|(repository, _)| repository);
        let may = match repository {
            None => allowed.is_some() && path == "/v2/",
            Some(name) => allowed == Some(&*format!("pull-{name}")),
        };
        if !may {
            return Reply::error(401, "UNAUTHORIZED").header(
                "www-authenticate",
                format!(r#"Bearer realm="http://{host}/service/token",service="harbor-registry""#),
            );
        }
        let mut inner = asked.clone();
        if let Some(name) = repository.filter(|name| self.names().iter().any(|known| known == name))
        {
            inner.target = asked.target.replacen(name, "team/app", 1);
        } else if repository.is_some() {
            return Reply::error(404, "NAME_UNKNOWN");
        }
        self.content.answer(&inner)
    }
}

fn sees(who: Who, project: &str) -> bool {
    project == "public" || (project == "team" && who != Who::Nobody)
}

fn who(asked: &Asked) -> Who {
    let known = |user: &str| {
        let pair = BASE64_STANDARD.encode(format!("{user}:s3cret"));
        asked.authorization == Some(format!("Basic {pair}"))
    };
    match () {
        () if known("user") => Who::Person,
        () if known("robot$team+ci") => Who::Robot,
        () => Who::Nobody,
    }
}

/// Grants what the account may, which may be nothing; only wrong credentials are refused.
fn token(asked: &Asked, query: &BTreeMap<String, String>) -> Reply {
    let who = who(asked);
    if query.get("service").map(String::as_str) != Some("harbor-registry") {
        return refused(400);
    }
    if asked.authorization.is_some() && who == Who::Nobody {
        return refused(401);
    }
    let scope = query.get("scope").map(String::as_str).unwrap_or_default();
    let name = scope
        .strip_prefix("repository:")
        .and_then(|rest| rest.strip_suffix(":pull"));
    let granted = name.filter(|name| sees(who, name.split('/').next().unwrap()));
    let granted = granted.map_or_else(|| "nothing".to_owned(), |name| format!("pull-{name}"));
    Reply::new(200, format!(r#"{{"token":"{granted}","expires_in":1800}}"#))
}

fn untagged() -> String {
    format!(
        r#"{{"type":"IMAGE","digest":"sha256:{}","tags":null}}"#,
        "c".repeat(64)
    )
}

/// A page as `base.go` cuts it; go-swagger refuses sizes over 100 before that.
fn page(path: &str, query: &BTreeMap<String, String>, items: &[String]) -> Reply {
    let number = |key: &str, default: usize| match query.get(key) {
        None => Some(default),
        Some(text) => text.parse().ok(),
    };
    let (Some(page @ 1..), Some(size @ 1..=100)) = (number("page", 1), number("page_size", 10))
    else {
        return refused(422);
    };
    let start = ((page - 1) * size).min(items.len());
    let end = (start + size).min(items.len());
    let reply = Reply::new(200, format!("[{}]", items[start..end].join(",")))
        .header("content-type", "application/json")
        .header("x-total-count", items.len().to_string());
    let mut links = Vec::new();
    if page > 1 {
        links.push(format!(
            "<{path}?page={}&page_size={size}>; rel=\"prev\"",
            page - 1
        ));
    }
    if end < items.len() {
        links.push(format!(
            "<{path}?page={}&page_size={size}>; rel=\"next\"",
            page + 1
        ));
    }
    reply.header("link", links.join(" , "))
}

fn refused(status: u16) -> Reply {
    let code = match status {
        401 => "UNAUTHORIZED",
        403 => "FORBIDDEN",
        404 => "NOT_FOUND",
        412 => "PRECONDITION",
        _ => "BAD_REQUEST",
    };
    Reply::error(status, code)
}
