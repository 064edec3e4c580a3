//! Azure's own API of a registry, `/acr/v1/`.
//!
//! Source: data-plane API description 2021-07-01; answers as recorded in azure-sdk-for-js,
//! `sdk/containerregistry`.

use jiff::Timestamp;
use scout_envs::{Digest, RepositoryName, Tag};
use scout_http::RedactedUrl;
use serde::Deserialize;
use serde::de::IgnoredAny;
use url::Url;

use crate::client::{Call, Client};
use crate::error::{Error, Result};
use crate::integration::{ListedTag, Resolved};
use crate::stats::RequestKind;

/// How many tags a page should have: what the command line of Azure asks for.
const PAGE_SIZE: u32 = 100;
/// Longest page of tags read, in bytes. A tag takes some 400.
const MAX_PAGE: u64 = 4 * 1024 * 1024;
/// Longest answer to the probe read, in bytes. It holds one name; others may answer with a page.
const MAX_PROBE: u64 = 1024 * 1024;

const AZURE: &str = "an Azure Container Registry, whose address is like NAME.azurecr.io";

/// A page of tags. A repository without tags may have none, but is named.
#[derive(Deserialize)]
struct Page {
    #[serde(rename = "imageName")]
    _image_name: String,
    #[serde(default)]
    tags: Option<Vec<Item>>,
}

#[derive(Deserialize)]
struct Item {
    name: String,
    #[serde(default)]
    digest: Option<String>,
    #[serde(rename = "lastUpdateTime", default)]
    last_update_time: Option<String>,
}

impl Item {
    fn read(self) -> Option<ListedTag> {
        let tag: Tag = self.name.parse().ok()?;
        let digest: Option<Digest> = self.digest.and_then(|digest| digest.parse().ok());
        let pushed_at: Option<Timestamp> = self.last_update_time.and_then(|time| time.parse().ok());
        let listed = ListedTag::new(tag);
        Some(match digest {
            Some(digest) => listed.with_resolved(Resolved::new(digest).with_pushed_at(pushed_at)),
            None => listed,
        })
    }
}

#[derive(Deserialize)]
struct Probe {
    #[serde(rename = "repositories")]
    _repositories: Option<IgnoredAny>,
}

/// Lists all tags of a repository, sorted, with digest and push time.
///
/// Pages are asked for by name, not by time: a tag that is pushed in the meantime would move to a
/// page that was read before, and seem to be gone.
pub(super) async fn tags(
    client: &Client,
    repository: &RepositoryName,
    what: String,
) -> Result<Vec<ListedTag>> {
    let mut url = client.base().clone();
    url.set_path(&format!("/acr/v1/{repository}/_tags"));
    url.set_query(Some(&format!("n={PAGE_SIZE}")));
    let scope = format!("repository:{repository}:metadata_read");
    let call = Call::get(RequestKind::Tags, url, what).with_scope(scope);
    let first = client.page(&call).await?;
    let mut listed = Vec::new();
    let mut seen = 0;
    let each = |page: Page| {
        for item in page.tags.unwrap_or_default() {
            seen += 1;
            match item.read() {
                Some(tag) => listed.push(tag),
                None => client.counters().count_invalid_name(),
            }
        }
        seen
    };
    client
        .pages(call, first, MAX_PAGE, "a list of tags", each)
        .await?;
    listed.sort_by(|a, b| a.tag.cmp(&b.tag));
    listed.dedup_by(|a, b| a.tag == b.tag);
    Ok(listed)
}

/// Checks that it is Azure's API that answers. Whether we may list is another question.
pub(super) async fn probe(client: &Client, host: &str) -> Result<()> {
    let mut url = client.base().clone();
    url.set_path("/acr/v1/_catalog");
    url.set_query(Some("n=1"));
    let what = format!("Azure's API of {host}");
    let call = Call::get(RequestKind::Ping, url.clone(), what).with_scope("registry:catalog:*");
    match client.json::<Probe>(&call, MAX_PROBE, AZURE).await {
        Ok(_) | Err(Error::Denied { .. } | Error::Unauthorized { .. }) => Ok(()),
        Err(error) => Err(not_azure(&url, error)),
    }
}

/// Says that something else answers there, if it does.
pub(super) fn not_azure(url: &Url, error: Error) -> Error {
    let detail = match error {
        Error::NotFound { detail, .. }
        | Error::UnknownRepository { detail, .. }
        | Error::UnexpectedStatus { detail, .. }
        | Error::WrongApi { detail, .. } => detail,
        Error::InvalidAnswer { .. } | Error::TooLarge { .. } => None,
        other => return other,
    };
    Error::WrongApi {
        url: RedactedUrl::from(url),
        expected: AZURE,
        detail,
    }
}
