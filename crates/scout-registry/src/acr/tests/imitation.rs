//! An imitation of Azure Container Registry and of the storage behind it.
//!
//! Sources: Azure/acr `docs/AAD-OAuth.md` and `docs/Token-BasicAuth.md`; exchanges recorded in
//! azure-sdk-for-js, `sdk/containerregistry`; Azure/acr issues 166 (wrong method is 404), 676
//! (what a missing scope is answered), 751 (an empty catalog); goharbor/harbor pull request 16947
//! (`tags/list` needs `metadata_read`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};

use crate::credentials::RegistryCredentials;
use crate::media_type;
use crate::testing::{Asked, Content, Fake, Reply, sha256};

use super::{ENTRA_TENANT, basic};

pub(super) const USER: &str = "docker-scout-readonly-token";
pub(super) const PASSWORD: &str = "canary-password";
pub(super) const REFRESH_USER: &str = "00000000-0000-0000-0000-000000000000";
pub(super) const REFRESH_TOKEN: &str = "canary-refresh-token";
pub(super) const ENTRA_TOKEN: &str = "canary-entra-token";
pub(super) const TAGS: Names = &["1.0", "1.1", "latest"];
pub(super) const UPDATED: &str = "2023-03-02T23:15:59.8012764Z";
const REPOSITORIES: Names = &["hello-world", "team/app", "team/base"];

type Names = &'static [&'static str];

/// What the imitation allows, and how it is in its bad moods.
#[derive(Clone)]
pub(super) struct Rules {
    pub(super) lists: bool,
    /// Whether a catalog that may not be listed is empty instead of refused.
    pub(super) hides_catalog: bool,
    pub(super) reads_content: bool,
    pub(super) reads_metadata: bool,
    /// Whether tags are listed to who may pull, as where anybody may.
    pub(super) plain_tags: bool,
    /// Whether the token service itself refuses scopes that it does not grant.
    pub(super) refuses_scopes: bool,
    /// Part of a target that is answered 429 the first time.
    pub(super) busy: Option<&'static str>,
    /// Names on a page, at most.
    pub(super) page: usize,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            lists: true,
            hides_catalog: false,
            reads_content: true,
            reads_metadata: true,
            plain_tags: false,
            refuses_scopes: false,
            busy: None,
            page: 2,
        }
    }
}

pub(super) struct Azure {
    pub(super) registry: Fake,
    pub(super) storage: Fake,
}

impl Azure {
    pub(super) async fn start(rules: Rules) -> Self {
        let content = Content::new();
        let storage = {
            let content = content.clone();
            Fake::start(move |asked, _| answer_storage(&content, asked)).await
        };
        let server = Server {
            rules,
            content,
            storage: storage.host.clone(),
            tokens: Mutex::default(),
        };
        let registry = Fake::start(move |asked, host| server.answer(asked, host)).await;
        Self { registry, storage }
    }

    pub(super) fn host(&self) -> &str {
        &self.registry.host
    }

    pub(super) fn spec(&self, more: &str) -> String {
        format!("type=acr,registry={}{more}", self.host())
    }

    /// The ways to log in: what stands in the configuration, and what is given beside it.
    pub(super) fn logins() -> Vec<(String, RegistryCredentials)> {
        vec![
            (String::new(), basic(USER, PASSWORD)),
            (String::new(), basic("", PASSWORD)),
            (String::new(), basic(REFRESH_USER, REFRESH_TOKEN)),
            (
                format!(",tenant={ENTRA_TENANT}"),
                RegistryCredentials::Bearer(ENTRA_TOKEN.into()),
            ),
            (format!(",tenant={ENTRA_TENANT}"), basic("", ENTRA_TOKEN)),
        ]
    }
}

/// Azure's storage takes the signature in the query, and nothing beside it: with `Authorization`
/// it answers 400 `InvalidAuthenticationInfo`.
fn answer_storage(content: &Content, asked: &Asked) -> Reply {
    let Some((path, "sig=canary")) = asked.target.split_once('?') else {
        return Reply::new(403, "AuthenticationFailed");
    };
    if asked.authorization.is_some() {
        return Reply::new(400, "InvalidAuthenticationInfo");
    }
    content.answer(&Asked {
        target: format!("/v2/team/app/blobs/{}", path.trim_start_matches('/')),
        ..asked.clone()
    })
}

struct Server {
    rules: Rules,
    content: Content,
    storage: String,
    /// What each access token is for.
    tokens: Mutex<BTreeMap<String, Vec<String>>>,
}

impl Server {
    fn answer(&self, asked: &Asked, host: &str) -> Reply {
        let (path, query) = asked.target.split_once('?').unwrap_or((&asked.target, ""));
        if asked.before == 0 && self.rules.busy.is_some_and(|busy| path.contains(busy)) {
            return Reply::error(429, "TOOMANYREQUESTS").header("retry-after", "0");
        }
        let query = pairs(query.as_bytes());
        match (asked.method.as_str(), path) {
            ("GET", "/oauth2/token") => return self.token_by_password(asked, &query, host),
            ("POST", "/oauth2/token") => return self.token_by_refresh(asked, host),
            ("POST", "/oauth2/exchange") => return exchange(asked, host),
            (_, "/oauth2/token" | "/oauth2/exchange") => {
                return Reply::new(404, "404 page not found");
            }
            ("GET" | "HEAD", _) => {}
            _ => return Reply::error(405, "UNSUPPORTED"),
        }
        let Some(needed) = self.needed_scope(path) else {
            return Reply::new(404, "404 page not found");
        };
        let sent = asked.authorization.as_deref().unwrap_or_default();
        let tokens = self.tokens.lock().unwrap();
        let token = sent
            .strip_prefix("Bearer ")
            .and_then(|token| tokens.get(token));
        if !token.is_some_and(|scopes| needed.is_empty() || scopes.contains(&needed)) {
            return refuse(host, &needed);
        }
        self.serve(path, &query, asked)
    }

    /// Returns the scope that a path needs: none for the root of the API, nothing at all if there
    /// is no such path.
    fn needed_scope(&self, path: &str) -> Option<String> {
        match path {
            "/v2/" => return Some(String::new()),
            "/v2/_catalog" | "/acr/v1/_catalog" => return Some("registry:catalog:*".to_owned()),
            _ => {}
        }
        if let Some(rest) = path.strip_prefix("/acr/v1/") {
            let name = rest.strip_suffix("/_tags")?.replace("%2F", "/");
            return Some(format!("repository:{name}:metadata_read"));
        }
        let rest = path.strip_prefix("/v2/")?;
        if let Some(name) = rest.strip_suffix("/tags/list") {
            let action = if self.rules.plain_tags {
                "pull"
            } else {
                "metadata_read"
            };
            return Some(format!("repository:{name}:{action}"));
        }
        let name = ["/manifests/", "/blobs/"]
            .iter()
            .find_map(|kind| rest.split_once(kind));
        name.map(|(name, _)| format!("repository:{name}:pull"))
    }

    fn serve(&self, path: &str, query: &[(String, String)], asked: &Asked) -> Reply {
        let page = |names: Names| page(names, path, query, self.rules.page);
        match path {
            "/v2/" => return Reply::new(200, "{}"),
            "/v2/_catalog" | "/acr/v1/_catalog" => {
                let names = if self.rules.hides_catalog {
                    &[]
                } else {
                    REPOSITORIES
                };
                let (names, link) = page(names);
                return with_link(&serde_json::json!({ "repositories": names }), link);
            }
            _ => {}
        }
        if let Some(rest) = path.strip_prefix("/acr/v1/") {
            let name = rest.trim_end_matches("/_tags").replace("%2F", "/");
            if !REPOSITORIES.contains(&name.as_str()) {
                return Reply::error(404, "NAME_UNKNOWN");
            }
            let (tags, link) = page(TAGS);
            let tags: Vec<_> = tags.iter().map(|tag| self.tag(tag)).collect();
            let body = serde_json::json!({
                "registry": "myregistry.azurecr.io", "imageName": name, "tags": tags,
            });
            return with_link(&body, link);
        }
        let rest = path.trim_start_matches("/v2/");
        if let Some(name) = rest.strip_suffix("/tags/list") {
            if !REPOSITORIES.contains(&name) {
                return Reply::error(404, "NAME_UNKNOWN");
            }
            let (tags, link) = page(TAGS);
            return with_link(&serde_json::json!({ "name": name, "tags": tags }), link);
        }
        if let Some((name, digest)) = rest.split_once("/blobs/") {
            let found = self.stored(name, "blobs", digest, asked);
            return match found.status() {
                200 => Reply::redirect(format!("http://{}/{digest}?sig=canary", self.storage)),
                _ => found,
            };
        }
        let (name, reference) = rest.split_once("/manifests/").unwrap();
        let accept = asked.headers.get("accept").cloned().unwrap_or_default();
        if !accept.contains(media_type::OCI_MANIFEST) {
            return Reply::error(404, "MANIFEST_UNKNOWN");
        }
        let reference = if TAGS.contains(&reference) {
            "1.0"
        } else {
            reference
        };
        self.stored(name, "manifests", reference, asked)
    }

    fn stored(&self, name: &str, kind: &str, reference: &str, asked: &Asked) -> Reply {
        if !REPOSITORIES.contains(&name) {
            return Reply::error(404, "NAME_UNKNOWN");
        }
        let target = format!("/v2/team/app/{kind}/{reference}");
        self.content.answer(&Asked {
            target,
            ..asked.clone()
        })
    }

    fn tag(&self, tag: &str) -> serde_json::Value {
        serde_json::json!({
            "name": tag,
            "digest": sha256(&self.content.manifest).to_string(),
            "createdTime": "2023-03-02T23:15:35.5405522Z",
            "lastUpdateTime": UPDATED,
            "signed": false,
            "changeableAttributes": {
                "deleteEnabled": true, "writeEnabled": true,
                "readEnabled": true, "listEnabled": true,
            },
        })
    }

    fn token_by_password(&self, asked: &Asked, query: &[(String, String)], host: &str) -> Reply {
        let expected = format!(
            "Basic {}",
            BASE64_STANDARD.encode(format!("{USER}:{PASSWORD}"))
        );
        if asked.authorization.as_deref() != Some(&expected) {
            return unauthorized("retrieving permissions failed");
        }
        if query
            .iter()
            .any(|(key, _)| key != "service" && key != "scope")
        {
            return Reply::error(400, "UNSUPPORTED");
        }
        self.grant(query, host)
    }

    fn token_by_refresh(&self, asked: &Asked, host: &str) -> Reply {
        let Some(form) = form(asked, &["grant_type", "service", "refresh_token"]) else {
            return Reply::error(400, "UNSUPPORTED");
        };
        if value(&form, "grant_type") != "refresh_token" {
            return Reply::error(400, "UNSUPPORTED");
        }
        if value(&form, "refresh_token") != REFRESH_TOKEN {
            return unauthorized("retrieving permissions failed");
        }
        self.grant(&form, host)
    }

    /// Gives a token for what of the scopes is allowed.
    fn grant(&self, asked: &[(String, String)], host: &str) -> Reply {
        if value(asked, "service") != host {
            return Reply::error(400, "UNSUPPORTED");
        }
        let scopes = asked.iter().filter(|(key, _)| key == "scope");
        let scopes: Vec<_> = scopes.map(|(_, scope)| scope.clone()).collect();
        let mut granted = scopes.clone();
        granted.retain(|scope| match scope.rsplit_once(':') {
            Some(("registry:catalog", "*")) => self.rules.lists || self.rules.hides_catalog,
            Some((_, "pull")) => self.rules.reads_content,
            Some((_, "metadata_read")) => self.rules.reads_metadata,
            _ => false,
        });
        if self.rules.refuses_scopes && granted.len() < scopes.len() {
            return unauthorized("authentication required");
        }
        let mut tokens = self.tokens.lock().unwrap();
        let claims = r#"{"nbf":1497988907,"exp":1497993407,"iat":1497988907}"#;
        let claims = BASE64_URL_SAFE_NO_PAD.encode(claims);
        let token = format!("canary.{claims}.{}", tokens.len());
        tokens.insert(token.clone(), granted);
        Reply::new(200, format!(r#"{{"access_token":"{token}"}}"#))
    }
}

fn exchange(asked: &Asked, host: &str) -> Reply {
    let Some(form) = form(asked, &["grant_type", "service", "tenant", "access_token"]) else {
        return Reply::error(400, "UNSUPPORTED");
    };
    if value(&form, "grant_type") != "access_token" || value(&form, "service") != host {
        return Reply::error(400, "UNSUPPORTED");
    }
    if value(&form, "tenant") != ENTRA_TENANT || value(&form, "access_token") != ENTRA_TOKEN {
        return unauthorized("retrieving permissions failed");
    }
    Reply::new(200, format!(r#"{{"refresh_token":"{REFRESH_TOKEN}"}}"#))
}

/// Reads a form that has all of these fields, and beside them scopes at most.
fn form(asked: &Asked, fields: &[&str]) -> Option<Vec<(String, String)>> {
    let kind = asked.headers.get("content-type")?;
    let form = pairs(&asked.body);
    let has = |field: &&str| form.iter().filter(|(key, _)| key == field).count() == 1;
    let is_known = |key: &str| key == "scope" || fields.contains(&key);
    let is_right = kind == "application/x-www-form-urlencoded"
        && asked.authorization.is_none()
        && fields.iter().all(has)
        && form.iter().all(|(key, _)| is_known(key));
    is_right.then_some(form)
}

fn pairs(text: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text).into_owned().collect()
}

fn value<'a>(pairs: &'a [(String, String)], name: &str) -> &'a str {
    let found = pairs.iter().find(|(key, _)| key == name);
    found.map_or("", |(_, value)| value)
}

fn page(
    names: Names,
    path: &str,
    query: &[(String, String)],
    most: usize,
) -> (Names, Option<String>) {
    let last = value(query, "last");
    let start = names
        .iter()
        .take_while(|name| !last.is_empty() && **name <= last)
        .count();
    let rest = &names[start..];
    let size = value(query, "n").parse().unwrap_or(100).min(most);
    if rest.len() <= size {
        return (rest, None);
    }
    let page = &rest[..size];
    let last = page[size - 1].replace('/', "%2F");
    let path = path.replace("team/", "team%2F");
    (
        page,
        Some(format!(
            "<{path}?last={last}&n={size}&orderby=>; rel=\"next\""
        )),
    )
}

fn with_link(body: &serde_json::Value, link: Option<String>) -> Reply {
    let reply = Reply::new(200, body.to_string()).header("content-type", "application/json");
    match link {
        Some(link) => reply.header("link", link),
        None => reply,
    }
}

fn unauthorized(message: &str) -> Reply {
    let body = format!(r#"{{"errors":[{{"code":"UNAUTHORIZED","message":"{message}"}}]}}"#);
    Reply::new(401, body).header("content-type", "application/json; charset=utf-8")
}

fn refuse(host: &str, scope: &str) -> Reply {
    let challenge = format!(r#"Bearer realm="http://{host}/oauth2/token",service="{host}""#);
    let challenge = match scope {
        "" => challenge,
        scope => format!(r#"{challenge},scope="{scope}""#),
    };
    let message =
        "authentication required, visit https://aka.ms/acr/authorization for more information.";
    unauthorized(message).header("www-authenticate", challenge)
}

/// A plain registry, which is none of Azure's.
pub(super) async fn other_registry() -> Fake {
    let content = Arc::new(Content::new());
    Fake::start(move |asked, _| match asked.target.starts_with("/v2/") {
        true => content.answer(asked),
        false => Reply::new(404, "404 page not found"),
    })
    .await
}
