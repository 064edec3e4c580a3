//! The parts of Artifactory's REST API that are used, below `api=`.
//!
//! Sources: JFrog REST APIs, "Get Repositories", "Get Repository Configuration", "AQL Execution",
//! "File Info". Refusals are `{"errors":[{"status","message"}]}`.

use jiff::Timestamp;
use scout_envs::Digest;
use scout_http::RedactedUrl;
use serde::Deserialize;
use url::Url;

use crate::client::{Call, Setup};
use crate::error::{Error, Result};
use crate::rest::{self, Rest};
use crate::stats::RequestKind;

/// What must answer at `api=`.
const EXPECTED: &str = "the REST API of Artifactory, whose address usually ends with /artifactory \
                        as in https://example.jfrog.io/artifactory";
/// Longest list of repositories, in bytes: tens of thousands of them.
const MAX_LIST: u64 = 16 * 1024 * 1024;
/// Longest page of a search, in bytes: its rows have up to some KiB each, for very long paths.
const MAX_PAGE: u64 = 16 * 1024 * 1024;
/// Longest description of one repository or file, in bytes.
const MAX_DESCRIPTION: u64 = 1024 * 1024;

/// The package types that Docker can pull.
const DOCKER_TYPES: [&str; 2] = ["docker", "oci"];

/// Artifactory's REST API.
#[derive(Debug)]
pub(super) struct Api {
    rest: Rest,
}

/// A repository in the list. Vendors' examples write types in capitals, answers do not always.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ListedRepository {
    pub(super) key: String,
    #[serde(rename = "type", default)]
    pub(super) kind: Option<String>,
    #[serde(rename = "packageType", default)]
    pub(super) package_type: Option<String>,
}

impl ListedRepository {
    /// Returns whether Docker can pull from it. Old servers do not tell; the list was asked for
    /// by this type.
    fn holds_images(&self) -> bool {
        let is_known = |kind: &String| {
            DOCKER_TYPES
                .iter()
                .any(|type_| kind.eq_ignore_ascii_case(type_))
        };
        self.package_type.as_ref().is_none_or(is_known)
    }
}

/// A row of a search.
#[derive(Debug, Deserialize)]
pub(super) struct Row {
    pub(super) repo: String,
    /// The folder, without the file's name.
    pub(super) path: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) sha256: Option<String>,
    #[serde(default)]
    pub(super) modified: Option<String>,
    #[serde(default)]
    pub(super) updated: Option<String>,
}

#[derive(Deserialize)]
struct SearchAnswer {
    results: Vec<Row>,
}

#[derive(Deserialize)]
struct VirtualRepository {
    repositories: Vec<String>,
}

#[derive(Deserialize)]
struct FileInfo {
    #[serde(rename = "lastModified", default)]
    last_modified: Option<String>,
    #[serde(default)]
    checksums: Option<Checksums>,
}

#[derive(Deserialize)]
struct Checksums {
    #[serde(default)]
    sha256: Option<String>,
}

impl Api {
    pub(super) fn new(setup: &Setup, base: Url) -> Self {
        Self {
            rest: Rest::new(setup, base),
        }
    }

    /// Returns the v2 root of a repository, which is there whatever the layout.
    ///
    /// Source: JFrog, "Docker Repository URL Formats".
    pub(super) fn v2_root(&self, key: &str) -> Url {
        self.rest.url(&format!("api/docker/{key}/v2/"), &[])
    }

    /// Lists the repositories with images that the credentials may see.
    pub(super) async fn docker_repositories(&self) -> Result<Vec<ListedRepository>> {
        let [docker, oci] = DOCKER_TYPES;
        let mut found = self.list(&[("packageType", docker)]).await?;
        match self.list(&[("packageType", oci)]).await {
            Ok(more) => found.extend(more),
            // Servers from before this package type say that it is none.
            Err(Error::WrongApi { .. }) => {}
            Err(error) => return Err(error),
        }
        found.retain(ListedRepository::holds_images);
        found.sort_by(|a, b| a.key.cmp(&b.key));
        found.dedup_by(|a, b| a.key == b.key);
        Ok(found)
    }

    /// Lists the repositories of all package types.
    pub(super) async fn all_repositories(&self) -> Result<Vec<ListedRepository>> {
        self.list(&[]).await
    }

    async fn list(&self, query: &[(&str, &str)]) -> Result<Vec<ListedRepository>> {
        let url = self.rest.url("api/repositories", query);
        let call = Call::get(RequestKind::Catalog, url, "the list of repositories");
        let answer = self
            .rest
            .client()
            .json(&call, MAX_LIST, "a list of repositories");
        match answer.await {
            Ok((list, _)) => Ok(list),
            Err(error) => Err(self.rest.wrong_api(error, EXPECTED)),
        }
    }

    /// Returns the repositories behind a virtual one, if the server tells: it tells users who are
    /// no administrators only a part of the configuration.
    pub(super) async fn members(&self, key: &str) -> Option<Vec<String>> {
        let url = self.rest.url(&format!("api/repositories/{key}"), &[]);
        let what = format!("the configuration of {key}");
        let call = Call::get(RequestKind::Catalog, url, what);
        let answer = self
            .rest
            .client()
            .json(&call, MAX_DESCRIPTION, "a repository");
        let (found, _): (VirtualRepository, _) = answer.await.ok()?;
        Some(found.repositories)
    }

    /// Runs a search in the Artifactory Query Language.
    pub(super) async fn search(&self, query: String) -> Result<Vec<Row>> {
        let url = self.rest.url("api/search/aql", &[]);
        let call = Call::get(RequestKind::Tags, url, "searching by AQL")
            .with_body("text/plain", query.into_bytes());
        let answer = self.rest.client().json(&call, MAX_PAGE, "a search result");
        let (found, _): (SearchAnswer, _) = answer.await?;
        Ok(found.results)
    }

    /// Returns digest and time of a file.
    pub(super) async fn file(
        &self,
        key: &str,
        path: &str,
    ) -> Result<(Option<Digest>, Option<Timestamp>)> {
        let url = self.rest.url(&format!("api/storage/{key}/{path}"), &[]);
        let what = format!("the properties of {key}/{path}");
        let call = Call::get(RequestKind::Tags, url, what);
        let answer = self
            .rest
            .client()
            .json(&call, MAX_DESCRIPTION, "a file's properties");
        let (found, _): (FileInfo, _) = answer.await?;
        let sha256 = found.checksums.and_then(|checksums| checksums.sha256);
        let digest = sha256.and_then(|hex| format!("sha256:{hex}").parse().ok());
        Ok((digest, found.last_modified.as_deref().and_then(rest::time)))
    }

    /// Says that the REST API is there, but the Docker API is not.
    pub(super) fn no_docker(&self, key: &str) -> Error {
        Error::WrongApi {
            url: RedactedUrl::from(&self.v2_root(key)),
            expected: "a Docker registry, which every Docker repository of Artifactory is",
            detail: None,
        }
    }
}
