//! The catalog and tag lists, page by page.

use scout_envs::{RepositoryName, Tag};
use scout_http::{RedactedUrl, StatusCode};
use serde::Deserialize;
use url::Url;

use crate::client::{self, Call, Client, Refusal};
use crate::error::{Error, Result};
use crate::stats::RequestKind;

/// How many names a page should have: the most that common registries give.
const PAGE_SIZE: u32 = 1000;
/// Longest page read, in bytes. Some registries ignore the page size and send everything.
const MAX_PAGE: u64 = 16 * 1024 * 1024;

/// Statuses that may mean that the page size is too big.
const MAY_WANT_LESS: &[StatusCode] = &[StatusCode::BAD_REQUEST, StatusCode::METHOD_NOT_ALLOWED];

/// A page of the catalog or of a tag list. A null is an empty list; nothing at all is not: it
/// would pass for a registry without images.
#[derive(Deserialize)]
struct Page {
    #[serde(alias = "tags", deserialize_with = "Option::deserialize")]
    repositories: Option<Vec<String>>,
}

/// Lists all repositories.
pub(crate) async fn catalog(
    client: &Client,
    url: Url,
    registry: &str,
) -> Result<Vec<RepositoryName>> {
    let what = format!("the catalog of {registry}");
    let mut call = Call::get(RequestKind::Catalog, url, what).with_scope("registry:catalog:*");
    call.also_accepted = MAY_WANT_LESS;
    let names = all_pages(client, call).await.map_err(|error| match error {
        Error::Denied { .. }
        | Error::NotFound { .. }
        | Error::UnknownRepository { .. }
        | Error::UnexpectedStatus { .. } => Error::NoCatalog {
            registry: registry.to_owned(),
            source: Box::new(error),
        },
        other => other,
    })?;
    Ok(valid(client, names))
}

/// Lists all tags of a repository.
pub(crate) async fn tags(
    client: &Client,
    url: Url,
    scope: String,
    what: String,
) -> Result<Vec<Tag>> {
    let mut call = Call::get(RequestKind::Tags, url, what).with_scope(scope);
    call.also_accepted = MAY_WANT_LESS;
    let names = all_pages(client, call).await?;
    Ok(valid(client, names))
}

/// Names that break the grammar cannot be asked for; they are counted, not followed.
fn valid<T: TryFrom<String>>(client: &Client, names: Vec<String>) -> Vec<T> {
    let mut found = Vec::with_capacity(names.len());
    for name in names {
        match T::try_from(name) {
            Ok(name) => found.push(name),
            Err(_) => client.counters().count_invalid_name(),
        }
    }
    found
}

async fn all_pages(client: &Client, mut call: Call) -> Result<Vec<String>> {
    let first = first_page(client, &mut call).await?;
    let mut names = Vec::new();
    let each = |page: Page| {
        names.extend(page.repositories.unwrap_or_default());
        names.len()
    };
    client
        .pages(call, first, MAX_PAGE, "a list of names", each)
        .await?;
    Ok(names)
}

/// Asks for the first page, with smaller and smaller sizes while the registry finds them too big.
async fn first_page(client: &Client, call: &mut Call) -> Result<client::Page> {
    let mut size = PAGE_SIZE;
    loop {
        call.url.set_query(Some(&format!("n={size}")));
        let response = match client.page(call).await? {
            client::Page::Sent(response) if !response.status().is_success() => response,
            page => return Ok(page),
        };
        let url = RedactedUrl::from(&call.url);
        let status = response.status().as_u16();
        let Refusal { code, text } = client.read_refusal(response).await;
        if !wants_less(code.as_deref(), text.as_deref()) || size == 1 {
            return Err(Error::UnexpectedStatus {
                url,
                status,
                detail: text,
            });
        }
        size /= 2;
    }
}

/// Returns whether the registry finds the page size too big: by the code of distribution, or in
/// the words of Amazon ECR, whose code says of other things that there is no such operation.
fn wants_less(code: Option<&str>, text: Option<&str>) -> bool {
    match code {
        Some("PAGINATION_NUMBER_INVALID") => true,
        Some("UNSUPPORTED") => text.is_some_and(|text| text.contains("less than or equal to")),
        _ => false,
    }
}
