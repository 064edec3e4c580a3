//! The registry's own interface, and the storage it sends to for blobs.
//!
//! Sources: Azure/acr `docs/AAD-OAuth.md` and `docs/Token-BasicAuth.md`; data-plane API description
//! 2021-07-01; Azure/acr issue 166 (a wrong method is 404); goharbor/harbor pull request 16947
//! (`tags/list` needs `metadata_read`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::json;

use super::accounts::{Accounts, Rights, error, exchange, unauthorized};
use super::grid::Grid;
use super::record::Record;
use super::wire::{Asked, Headers, Reply, call};

/// What a blob's address carries instead of credentials.
const SIGNATURE: &str = "sp=r&sig=canary-signature";

/// What changes while the registry is there.
#[derive(Debug)]
pub(super) struct State {
    pub(super) accounts: Accounts,
    pub(super) scope_maps: BTreeMap<String, Rights>,
    pub(super) record: Record,
    /// Part of a path that is answered 429 the first time it is asked for.
    pub(super) busy: Option<&'static str>,
    asked: BTreeSet<String>,
}

impl State {
    pub(super) fn new(accounts: Accounts, scope_maps: BTreeMap<String, Rights>) -> Self {
        Self {
            accounts,
            scope_maps,
            record: Record::default(),
            busy: None,
            asked: BTreeSet::new(),
        }
    }

    fn is_busy(&mut self, asked: &Asked) -> bool {
        let is_meant = self.busy.is_some_and(|busy| asked.path.contains(busy));
        is_meant && self.asked.insert(asked.path.clone())
    }
}

/// A registry, in front of a real one.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) state: Arc<Mutex<State>>,
    pub(super) grid: Grid,
    /// Where the real one is.
    pub(super) upstream: String,
    /// The name that the proxy knows, and that of the storage.
    pub(super) host: String,
    pub(super) storage: String,
    /// The storage for who comes without the proxy: `HOST:PORT`.
    pub(super) plain_storage: String,
}

/// What a request is about.
enum Target<'a> {
    Root,
    Catalog,
    Tags(&'a str),
    DescribedTags(&'a str),
    DescribedManifests(&'a str),
    Manifest(&'a str, &'a str),
    Blob(&'a str, &'a str),
    Upload(&'a str),
}

impl<'a> Target<'a> {
    fn of(path: &'a str) -> Option<Self> {
        if let Some(rest) = path.strip_prefix("/acr/v1/") {
            if rest == "_catalog" {
                return Some(Self::Catalog);
            }
            let described = rest
                .strip_suffix("/_manifests")
                .map(Self::DescribedManifests);
            return described.or_else(|| rest.strip_suffix("/_tags").map(Self::DescribedTags));
        }
        let rest = path.strip_prefix("/v2/")?;
        if rest.is_empty() || rest == "_catalog" {
            return Some(if rest.is_empty() {
                Self::Root
            } else {
                Self::Catalog
            });
        }
        if let Some(name) = rest.strip_suffix("/tags/list") {
            return Some(Self::Tags(name));
        }
        if let Some((name, _)) = rest.split_once("/blobs/uploads/") {
            return Some(Self::Upload(name));
        }
        if let Some((name, digest)) = rest.split_once("/blobs/") {
            return Some(Self::Blob(name, digest));
        }
        let (name, reference) = rest.split_once("/manifests/")?;
        Some(Self::Manifest(name, reference))
    }

    /// Returns the resource and the action that a method needs; nothing at all if there is no such
    /// method.
    fn needs(&self, method: &str) -> Option<Option<(String, &'static str)>> {
        let is_read = method == "GET" || method == "HEAD";
        let (name, action) = match self {
            Self::Root if is_read => return Some(None),
            Self::Catalog if is_read => {
                return Some(Some(("registry:catalog".to_owned(), "*")));
            }
            Self::Tags(name) | Self::DescribedTags(name) | Self::DescribedManifests(name)
                if is_read =>
            {
                (name, "metadata_read")
            }
            Self::Manifest(name, _) | Self::Blob(name, _) if is_read => (name, "pull"),
            Self::Manifest(name, _) if method == "PUT" => (name, "push"),
            Self::Manifest(name, _) if method == "DELETE" => (name, "delete"),
            Self::Upload(name) => (name, "push"),
            _ => return None,
        };
        Some(Some((format!("repository:{name}"), action)))
    }
}

impl Server {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|error| error.into_inner())
    }

    /// Answers a request to the registry.
    pub(super) fn answer(&self, asked: &Asked) -> Reply {
        let nothing = || Reply::new(404, "404 page not found");
        if self.state().is_busy(asked) {
            let busy = error(429, "TOOMANYREQUESTS", "too many requests");
            return busy.header("retry-after", "0");
        }
        match (asked.method.as_str(), asked.path.as_str()) {
            ("GET", "/oauth2/token") => return self.state().accounts.token(asked),
            ("POST", "/oauth2/token") => return self.state().accounts.token_for_refresh(asked),
            ("POST", "/oauth2/exchange") => return exchange(asked),
            _ => {}
        }
        // Azure takes both `team/app` and `team%2Fapp`.
        let path = asked.path.replace("%2F", "/").replace("%3A", ":");
        let Some(target) = Target::of(&path) else {
            return nothing();
        };
        let Some(needed) = target.needs(&asked.method) else {
            return nothing();
        };
        let needed = needed
            .as_ref()
            .map(|(name, action)| (name.as_str(), *action));
        if !self
            .state()
            .accounts
            .allow(asked.header("authorization"), needed)
        {
            return refuse(asked, needed);
        }
        self.serve(&target, asked)
    }

    fn serve(&self, target: &Target<'_>, asked: &Asked) -> Reply {
        match target {
            Target::Root => Reply::json(200, &json!({})),
            Target::Catalog => self.state().record.catalog(asked),
            Target::Tags(name) => self.state().record.tags(name, asked),
            Target::DescribedTags(name) => self.state().record.described_tags(name, asked),
            Target::DescribedManifests(name) => {
                self.state().record.described_manifests(name, asked)
            }
            Target::Manifest(name, reference) => self.manifest(name, reference, asked),
            Target::Upload(_) => self.forward(asked, &asked.path),
            Target::Blob(..) if asked.method == "HEAD" => self.forward(asked, &asked.path),
            Target::Blob(name, digest) => self.blob(name, digest, asked),
        }
    }

    fn manifest(&self, name: &str, reference: &str, asked: &Asked) -> Reply {
        if asked.method == "PUT" {
            let reply = self.forward(asked, &asked.path);
            if reply.status == 201 {
                let digest = reply.value("docker-content-digest").to_owned();
                self.state().record.push(name, reference, &digest, asked);
                if reference != digest {
                    let kind = asked.header("content-type");
                    let size = asked.body.len();
                    self.grid.pushed(name, reference, &digest, kind, size);
                }
            }
            return reply;
        }
        let found = self.state().record.digest(name, reference);
        let Some(digest) = found else {
            return error(404, "MANIFEST_UNKNOWN", "manifest unknown");
        };
        let reply = self.forward(asked, &format!("/v2/{name}/manifests/{digest}"));
        if asked.method == "DELETE" && reply.status == 202 {
            self.forget(name, &digest);
        }
        reply
    }

    /// Deletes a manifest with all its tags.
    pub(super) fn delete(&self, name: &str, digest: &str) -> bool {
        let target = format!("/v2/{name}/manifests/{digest}");
        let reply = call(&self.upstream, "DELETE", &target, &self.headers(), b"");
        let is_deleted = reply.is_some_and(|reply| reply.status == 202);
        is_deleted && self.forget(name, digest)
    }

    fn forget(&self, name: &str, digest: &str) -> bool {
        let kind = self.state().record.delete(name, digest);
        if let Some(kind) = &kind {
            self.grid.deleted(name, digest, kind);
        }
        kind.is_some()
    }

    /// Sends to the storage, with all in the address that it needs.
    fn blob(&self, name: &str, digest: &str, asked: &Asked) -> Reply {
        let target = format!("/v2/{name}/blobs/{digest}");
        let found = call(&self.upstream, "HEAD", &target, &self.headers(), b"");
        if found.is_none_or(|reply| reply.status != 200) {
            return error(404, "BLOB_UNKNOWN", "blob unknown to registry");
        }
        let storage = match asked.scheme {
            "https" => &self.storage,
            _ => &self.plain_storage,
        };
        let location = format!("{}://{storage}/{name}/-/{digest}?{SIGNATURE}", asked.scheme);
        Reply::new(307, "").header("location", &location)
    }

    /// Answers a request to the storage. It takes the signature in the address and nothing beside
    /// it: with `Authorization` it answers 400 `InvalidAuthenticationInfo`.
    pub(super) fn answer_storage(&self, asked: &Asked) -> Reply {
        if !asked.header("authorization").is_empty() {
            return Reply::new(400, "InvalidAuthenticationInfo");
        }
        if asked.query != SIGNATURE || asked.method != "GET" {
            return Reply::new(403, "AuthenticationFailed");
        }
        match asked.path.trim_start_matches('/').split_once("/-/") {
            Some((name, digest)) => self.forward(asked, &format!("/v2/{name}/blobs/{digest}")),
            None => Reply::new(404, "ResourceNotFound"),
        }
    }

    /// Asks the real registry the same.
    fn forward(&self, asked: &Asked, path: &str) -> Reply {
        let mut headers: Headers = vec![
            ("host".to_owned(), asked.host().to_owned()),
            ("x-forwarded-proto".to_owned(), asked.scheme.to_owned()),
        ];
        let kept = ["accept", "content-type", "content-range", "range"];
        let same = asked.headers.iter();
        headers.extend(
            same.filter(|(name, _)| kept.contains(&name.as_str()))
                .cloned(),
        );
        let query = if asked.query.is_empty() { "" } else { "?" };
        let target = format!("{path}{query}{}", asked.query);
        let target = if path.contains("/uploads/") {
            &target
        } else {
            path
        };
        let Some(mut reply) = call(&self.upstream, &asked.method, target, &headers, &asked.body)
        else {
            return error(500, "UNKNOWN", "unknown error");
        };
        let hop = ["transfer-encoding", "connection"];
        reply
            .headers
            .retain(|(name, _)| !hop.contains(&name.as_str()));
        reply
    }

    fn headers(&self) -> Headers {
        vec![("host".to_owned(), self.host.clone())]
    }
}

/// Says what is needed. The root's challenge has no scope.
fn refuse(asked: &Asked, needed: Option<(&str, &str)>) -> Reply {
    let host = asked.host();
    let realm = format!("{}://{host}/oauth2/token", asked.scheme);
    let mut challenge = format!(r#"Bearer realm="{realm}",service="{host}""#);
    if let Some((resource, action)) = needed {
        challenge += &format!(r#",scope="{resource}:{action}""#);
    }
    let message =
        "authentication required, visit https://aka.ms/acr/authorization for more information.";
    unauthorized(message).header("www-authenticate", &challenge)
}
