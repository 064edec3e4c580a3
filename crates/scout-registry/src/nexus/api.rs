//! Nexus' REST API: is it there, what is a repository, when were its tags pushed.
//!
//! Source: Sonatype's help pages on the REST API; for Docker components measurements that others
//! published for 3.71 and 3.96: one component a tag, whose only asset is the manifest, with
//! `checksum.sha256` equal to its digest and `lastModified` the time of the push.

use std::collections::BTreeMap;

use scout_envs::{RepositoryName, Tag};
use scout_http::RedactedUrl;
use serde::Deserialize;
use url::Url;

use crate::client::{Call, Setup};
use crate::error::{Error, Result};
use crate::events::digest;
use crate::integration::Resolved;
use crate::rest::{self, Rest};
use crate::stats::RequestKind;

/// Longest answer about one repository, in bytes.
const MAX_REPOSITORY: u64 = 256 * 1024;
/// Longest page of components, in bytes: 50 to 100 components with one asset each, of which newer
/// releases show the image's configuration.
const MAX_PAGE: u64 = 16 * 1024 * 1024;
/// Most pages of one search: a hundred thousand tags of one image.
const MAX_PAGES: usize = 2_000;
/// What should be at the address.
const EXPECTED: &str = "the API of a Nexus Repository 3; api= is the address of its web \
     interface, such as https://nexus.example.com";

/// Nexus' REST API.
#[derive(Debug)]
pub(super) struct NexusApi {
    rest: Rest,
}

/// A repository of a Nexus.
#[derive(Clone, Copy, Debug)]
pub(super) struct Repository {
    pub(super) kind: Kind,
}

/// What kind of repository it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// It holds what was pushed to it.
    Hosted,
    /// A proxy or a group.
    Other,
}

#[derive(Deserialize)]
struct RawRepository {
    format: String,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    items: Vec<Component>,
    #[serde(default)]
    continuation_token: Option<String>,
}

#[derive(Deserialize)]
struct Component {
    #[serde(default)]
    format: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    assets: Option<Vec<Asset>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asset {
    #[serde(default)]
    path: String,
    #[serde(default)]
    checksum: Option<Checksum>,
    #[serde(default)]
    content_type: Option<String>,
    #[serde(default)]
    last_modified: Option<String>,
}

#[derive(Deserialize)]
struct Checksum {
    #[serde(default)]
    sha256: Option<String>,
}

impl NexusApi {
    /// Returns the API of the Nexus whose web interface is at this address.
    pub(super) fn new(setup: &Setup, mut address: Url) -> Self {
        let path = format!("{}service/rest/v1/", address.path());
        address.set_path(&path);
        Self {
            rest: Rest::new(setup, address),
        }
    }

    /// Checks that a Nexus is there, and that it knows the credentials: the status, which needs
    /// none, is refused to those that are wrong.
    pub(super) async fn check(&self) -> Result<()> {
        let wrong = |error| self.rest.wrong_api(error, EXPECTED);
        let call = Call::get(RequestKind::Ping, self.rest.url("status", &[]), "a Nexus");
        self.rest.client().send(&call).await.map_err(wrong)?;
        let url = self.rest.url("repositories", &[]);
        let call = Call::get(RequestKind::Ping, url, "the list of repositories");
        let listed = self
            .rest
            .client()
            .json::<Vec<RawRepository>>(&call, MAX_PAGE, "a list of repositories")
            .await;
        listed.map(drop).map_err(wrong)
    }

    /// Reads what a repository is.
    pub(super) async fn repository(&self, name: &str) -> Result<Repository> {
        let url = self.rest.url(&format!("repositories/{name}"), &[]);
        let what = format!("the Nexus repository {name}");
        let call = Call::get(RequestKind::Ping, url, what);
        let (raw, _) = self
            .rest
            .client()
            .json::<RawRepository>(&call, MAX_REPOSITORY, "a description of a repository")
            .await?;
        if !is_docker(&raw.format) {
            let format: String = raw.format.chars().take(40).collect();
            return Err(Error::NotFound {
                what: format!("a Docker repository {name}"),
                detail: Some(format!("its format is {format:?}")),
            });
        }
        Ok(Repository {
            kind: match raw.kind.as_str() {
                "hosted" => Kind::Hosted,
                _ => Kind::Other,
            },
        })
    }

    /// Searches the tags of an image: their digests and when they were pushed. The search may lag
    /// some seconds behind, so what it does not know may still exist.
    pub(super) async fn tags(
        &self,
        repository: &str,
        image: &RepositoryName,
    ) -> Result<BTreeMap<Tag, Resolved>> {
        let filter = [("repository", repository), ("name", image.as_str())];
        let first = self.rest.url("search", &filter);
        let mut url = first.clone();
        let mut found = BTreeMap::new();
        let mut before = None;
        for _ in 0..MAX_PAGES {
            let what = format!("the tags of {image} in {repository}");
            let call = Call::get(RequestKind::Tags, url, what);
            let (page, _) = self
                .rest
                .client()
                .json::<Page>(&call, MAX_PAGE, "a list of components")
                .await?;
            let items = page.items.into_iter();
            found.extend(items.filter_map(|component| component.resolved(image)));
            let Some(token) = page.continuation_token.filter(|token| !token.is_empty()) else {
                return Ok(found);
            };
            if before.as_ref() == Some(&token) {
                return Err(Error::RefusedLink {
                    url: RedactedUrl::from(&first),
                    reason: "it was read before",
                });
            }
            url = first.clone();
            url.query_pairs_mut()
                .append_pair("continuationToken", &token);
            before = Some(token);
        }
        Err(Error::EndlessListing {
            url: RedactedUrl::from(&first),
            limit: MAX_PAGES,
            unit: "pages",
        })
    }
}

impl Component {
    /// Returns the tag and what it points to, if this is a tag of that image and its asset the
    /// manifest.
    fn resolved(self, image: &RepositoryName) -> Option<(Tag, Resolved)> {
        if !is_docker(&self.format) || self.name != image.as_str() {
            return None;
        }
        let tag: Tag = self.version?.parse().ok()?;
        // Older releases write no slash before it.
        let path = format!("v2/{image}/manifests/{tag}");
        let assets = self.assets.into_iter().flatten();
        let manifest = assets
            .into_iter()
            .find(|asset| asset.path.trim_start_matches('/') == path)?;
        let digest = digest(&manifest.checksum?.sha256?)?;
        let pushed_at = manifest.last_modified.as_deref().and_then(rest::time);
        let mut resolved = Resolved::new(digest).with_pushed_at(pushed_at);
        resolved.media_type = manifest.content_type.filter(|name| !name.is_empty());
        Some((tag, resolved))
    }
}

/// Newer releases have a format of their own for OCI artifacts.
pub(super) fn is_docker(format: &str) -> bool {
    matches!(format, "docker" | "oci")
}
