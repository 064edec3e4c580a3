//! Harbor's REST API, version 2.0: projects, repositories, artifacts with their tags.
//!
//! Source: goharbor/harbor `api/v2.0/swagger.yaml`, and its handlers in `src/server/v2.0`.

use std::collections::BTreeMap;

use scout_envs::{RepositoryName, Tag};
use scout_http::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;
use url::Url;

use crate::client::{Call, Setup};
use crate::credentials::RegistryCredentials;
use crate::error::{Error, Result};
use crate::integration::{ListedTag, Resolved};
use crate::rest::{self, Rest};
use crate::stats::RequestKind;

/// The most entries Harbor gives on a page; it gives 10 unless asked, and refuses more.
const PAGE_SIZE: &str = "100";
/// Longest page read, in bytes: an artifact brings its image's configuration along.
const MAX_PAGE: u64 = 32 * 1024 * 1024;
/// Longest answer to a ping, in bytes: a word.
const MAX_PING: u64 = 1024;
/// What should be at the address.
const EXPECTED: &str = "the API of a Harbor; api= is the address of its web interface, such as \
     https://harbor.example.com";

/// Harbor's REST API.
#[derive(Debug)]
pub(super) struct HarborApi {
    rest: Rest,
    is_anonymous: bool,
    /// Whether the account is a robot. Asked once: accounts do not change their kind.
    is_robot: OnceCell<bool>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct Artifact {
    digest: String,
    #[serde(default)]
    manifest_media_type: Option<String>,
    #[serde(default)]
    tags: Option<Vec<ArtifactTag>>,
}

#[derive(Deserialize)]
struct ArtifactTag {
    name: String,
    #[serde(default)]
    push_time: Option<String>,
}

impl HarborApi {
    /// Returns the API of the Harbor whose web interface is at this address.
    pub(super) fn new(setup: &Setup, mut address: Url) -> Self {
        let path = format!("{}api/v2.0/", address.path());
        address.set_path(&path);
        Self {
            rest: Rest::new(setup, address),
            is_anonymous: matches!(setup.credentials, RegistryCredentials::Anonymous),
            is_robot: OnceCell::new(),
        }
    }

    /// Checks that a Harbor is there, and that it knows the credentials.
    pub(super) async fn check(&self) -> Result<()> {
        let call = Call::get(RequestKind::Ping, self.rest.url("ping", &[]), "a Harbor");
        let pinged = self.ping(&call).await;
        pinged.map_err(|error| self.rest.wrong_api(error, EXPECTED))?;
        self.is_robot().await.map(drop)
    }

    async fn ping(&self, call: &Call) -> Result<()> {
        let response = self.rest.client().send(call).await?;
        let body = self
            .rest
            .client()
            .body(response, MAX_PING, &call.what)
            .await?;
        match body.trim_ascii() {
            b"Pong" | b"\"Pong\"" => Ok(()),
            _ => Err(Error::TooLarge {
                what: call.what.clone(),
                limit: MAX_PING,
            }),
        }
    }

    /// Returns whether the account is a robot. A wrong password is found out here, too: elsewhere
    /// Harbor takes whom it does not know for a guest, and shows what is public.
    async fn is_robot(&self) -> Result<bool> {
        if self.is_anonymous {
            return Ok(false);
        }
        let ask = || async {
            let url = self.rest.url("users/current", &[]);
            let mut call = Call::get(RequestKind::Ping, url, "the account");
            // "Not available for security context: robot".
            call.also_accepted = &[StatusCode::PRECONDITION_FAILED];
            let response = self.rest.client().send(&call).await?;
            Ok(response.status() == StatusCode::PRECONDITION_FAILED)
        };
        self.is_robot.get_or_try_init(ask).await.copied()
    }

    /// Lists all repositories that the account may see.
    pub(super) async fn repositories(&self) -> Result<Vec<RepositoryName>> {
        // In older releases the list over all projects shows robots only what is public.
        if self.is_robot().await? {
            return self.repositories_by_project().await;
        }
        match self.names("repositories", "the repositories").await {
            Err(Error::Denied { .. }) => self.repositories_by_project().await,
            names => names.map(|names| self.valid(names)),
        }
    }

    async fn repositories_by_project(&self) -> Result<Vec<RepositoryName>> {
        let projects = self.names("projects", "the projects").await?;
        let mut all = Vec::new();
        let (mut read, mut denied) = (0_usize, None);
        for project in &projects {
            let path = format!("projects/{}/repositories", encoded(project));
            let what = format!("the repositories of the project {project}");
            match self.names(&path, &what).await {
                Ok(names) => {
                    read += 1;
                    all.extend(names);
                }
                // Public projects are listed for everybody, but not all open to robots.
                Err(error @ Error::Denied { .. }) => denied = Some(error),
                Err(error) => return Err(error),
            }
        }
        match denied {
            Some(error) if read == 0 => Err(error),
            _ => Ok(self.valid(all)),
        }
    }

    /// Names that break the grammar cannot be asked for; they are counted, not followed.
    fn valid(&self, names: Vec<String>) -> Vec<RepositoryName> {
        let parsed = names.into_iter().filter_map(|name| match name.parse() {
            Ok(name) => Some(name),
            Err(_) => {
                self.rest.client().counters().count_invalid_name();
                None
            }
        });
        parsed.collect()
    }

    /// Lists the tags of a repository, with digests and push times.
    pub(super) async fn tags(&self, repository: &RepositoryName) -> Result<Vec<ListedTag>> {
        let what = format!("the repository {repository}");
        let Some(path) = path_of(repository) else {
            return Err(Error::NotFound {
                what,
                detail: Some("Harbor's repositories are named project/name".to_owned()),
            });
        };
        let artifacts = format!("{path}/artifacts");
        let url = self.page(&artifacts, &[("with_tag", "true")]);
        let call = Call::get(RequestKind::Tags, url, what);
        let artifacts: Vec<Artifact> = self.all(call, "a list of artifacts").await?;
        if artifacts.is_empty() {
            self.confirm(repository, &path).await?;
        }
        Ok(self.tags_of(artifacts))
    }

    fn tags_of(&self, artifacts: Vec<Artifact>) -> Vec<ListedTag> {
        let mut found: BTreeMap<Tag, ListedTag> = BTreeMap::new();
        let counters = self.rest.client().counters();
        for artifact in artifacts {
            let digest = artifact.digest.parse().ok();
            for raw in artifact.tags.into_iter().flatten() {
                let (Ok(tag), Some(digest)) = (raw.name.parse::<Tag>(), &digest) else {
                    counters.count_invalid_name();
                    continue;
                };
                let pushed_at = raw.push_time.as_deref().and_then(rest::time);
                let mut resolved = Resolved::new(Clone::clone(digest)).with_pushed_at(pushed_at);
                resolved.media_type = artifact
                    .manifest_media_type
                    .clone()
                    .filter(|name| !name.is_empty());
                let listed = ListedTag::new(tag.clone()).with_resolved(resolved);
                // Moved while it was listed: the later push counts.
                let is_older = found.get(&tag).is_some_and(|known| {
                    known.resolved.as_ref().and_then(|known| known.pushed_at) > pushed_at
                });
                if !is_older {
                    found.insert(tag, listed);
                }
            }
        }
        found.into_values().collect()
    }

    /// The artifacts of a repository that does not exist are an empty list.
    async fn confirm(&self, repository: &RepositoryName, path: &str) -> Result<()> {
        let what = format!("the repository {repository}");
        let call = Call::get(RequestKind::Tags, self.rest.url(path, &[]), what);
        self.rest.client().send(&call).await.map(drop)
    }

    /// Returns whether Harbor says that there is no such project. It refuses to talk about a
    /// missing project the same way as about a secret one, but `HEAD /projects` tells them apart.
    pub(super) async fn lacks_project(&self, repository: &RepositoryName) -> bool {
        let name = repository.as_str();
        let project = name.split_once('/').map_or(name, |(project, _)| project);
        let url = self.rest.url("projects", &[("project_name", project)]);
        let mut call = Call::get(RequestKind::Catalog, url, format!("the project {project}"));
        call.method = Method::HEAD;
        matches!(
            self.rest.client().send(&call).await,
            Err(Error::NotFound { .. })
        )
    }

    async fn names(&self, path: &str, what: &str) -> Result<Vec<String>> {
        let url = self.page(path, &[]);
        let call = Call::get(RequestKind::Catalog, url, what);
        let all: Vec<Named> = self.all(call, "a list of names").await?;
        Ok(all.into_iter().map(|named| named.name).collect())
    }

    fn page(&self, path: &str, more: &[(&str, &str)]) -> Url {
        let paging = [("page", "1"), ("page_size", PAGE_SIZE)];
        let query: Vec<_> = paging.iter().chain(more).copied().collect();
        self.rest.url(path, &query)
    }

    async fn all<T: DeserializeOwned>(&self, call: Call, expected: &'static str) -> Result<Vec<T>> {
        let first = self.rest.client().page(&call).await?;
        let mut all = Vec::new();
        let each = |page: Option<Vec<T>>| {
            all.extend(page.unwrap_or_default());
            all.len()
        };
        self.rest
            .client()
            .pages(call, first, MAX_PAGE, expected, each)
            .await?;
        Ok(all)
    }
}

/// Returns the path of a repository's resource, if it has a project. What is behind the project
/// is encoded twice, since Harbor and what is before it decode once each.
fn path_of(repository: &RepositoryName) -> Option<String> {
    let (project, name) = repository.as_str().split_once('/')?;
    let name = name.replace('/', "%252F");
    Some(format!("projects/{project}/repositories/{name}"))
}

/// Project names come from Harbor, and are not held to a grammar.
fn encoded(segment: &str) -> String {
    url::form_urlencoded::byte_serialize(segment.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}
