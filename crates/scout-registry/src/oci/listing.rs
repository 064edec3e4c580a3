//! The catalog and tag lists, page by page.

use std::collections::HashSet;
use std::sync::Arc;

use scout_envs::{RepositoryName, Tag};
use scout_http::{HeaderMap, Method, RedactedUrl, Response, StatusCode, header, rule};
use serde::Deserialize;
use url::Url;

use crate::error::{Error, Result};
use crate::oci::client::{Call, Client, Redirects};
use crate::oci::envelope::Refusal;
use crate::stats::RequestKind;

/// How many names a page should have: the most that common registries give.
const PAGE_SIZE: u32 = 1000;
/// Longest page read, in bytes. Some registries ignore the page size and send everything.
const MAX_PAGE: u64 = 16 * 1024 * 1024;
/// Most pages of one listing.
const MAX_PAGES: usize = 10_000;
/// Most names of one listing: ten times the images we are made for.
const MAX_NAMES: usize = 1_000_000;

/// A page of the catalog or of a tag list. A null is an empty list; nothing at all is not: it
/// would pass for a registry without images.
#[derive(Deserialize)]
struct Page {
    #[serde(alias = "tags", deserialize_with = "Option::deserialize")]
    repositories: Option<Vec<String>>,
}

/// Lists all repositories.
pub(super) async fn catalog(
    client: &Client,
    url: Url,
    registry: &str,
) -> Result<Vec<RepositoryName>> {
    let call = Call {
        method: Method::GET,
        kind: RequestKind::Catalog,
        url,
        scope: "registry:catalog:*".to_owned(),
        what: format!("the catalog of {registry}"),
        accept: None,
        redirects: Redirects::SameHost,
        also_accepted: &[StatusCode::BAD_REQUEST],
        is_streamed: false,
    };
    let names = all_pages(client, call).await.map_err(|error| match error {
        Error::Denied { .. } | Error::NotFound { .. } | Error::UnexpectedStatus { .. } => {
            Error::NoCatalog {
                registry: registry.to_owned(),
                source: Box::new(error),
            }
        }
        other => other,
    })?;
    Ok(valid(client, names))
}

/// Lists all tags of a repository.
pub(super) async fn tags(
    client: &Client,
    url: Url,
    scope: String,
    what: String,
) -> Result<Vec<Tag>> {
    let call = Call {
        method: Method::GET,
        kind: RequestKind::Tags,
        url,
        scope,
        what,
        accept: None,
        redirects: Redirects::SameHost,
        also_accepted: &[StatusCode::BAD_REQUEST],
        is_streamed: false,
    };
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
    let first = call.url.clone();
    let endless = |limit, unit| Error::EndlessListing {
        url: RedactedUrl::from(&first),
        limit,
        unit,
    };
    let mut names = Vec::new();
    let mut seen = HashSet::new();
    let mut response = first_page(client, &mut call).await?;
    loop {
        let next = next_page(&call.url, response.headers());
        let body = client.body(response, MAX_PAGE, &call.what).await?;
        let page: Page = serde_json::from_slice(&body).map_err(|source| Error::InvalidAnswer {
            url: RedactedUrl::from(&call.url),
            expected: "a list of names",
            source: Arc::new(source),
        })?;
        names.extend(page.repositories.unwrap_or_default());
        if names.len() > MAX_NAMES {
            return Err(endless(MAX_NAMES, "names"));
        }
        let refused = |reason| Error::RefusedLink {
            url: RedactedUrl::from(&call.url),
            reason,
        };
        seen.insert(call.url.query().unwrap_or_default().to_owned());
        let Some(next) = next.map_err(refused)? else {
            return Ok(names);
        };
        if seen.contains(next.query().unwrap_or_default()) {
            return Err(refused("it was read before"));
        }
        if seen.len() >= MAX_PAGES {
            return Err(endless(MAX_PAGES, "pages"));
        }
        call.url = next;
        response = client.send(&call).await?;
        if !response.status().is_success() {
            return Err(client.refused(&call, response).await);
        }
    }
}

/// Asks for the first page, with smaller and smaller sizes while the registry finds them too big.
async fn first_page(client: &Client, call: &mut Call) -> Result<Response> {
    let mut size = PAGE_SIZE;
    loop {
        call.url.set_query(Some(&format!("n={size}")));
        let response = client.send(call).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        let url = RedactedUrl::from(&call.url);
        let status = response.status().as_u16();
        let Refusal { code, text } = client.read_refusal(response).await;
        if code.as_deref() != Some("PAGINATION_NUMBER_INVALID") || size == 1 {
            return Err(Error::UnexpectedStatus {
                url,
                status,
                detail: text,
            });
        }
        size /= 2;
    }
}

/// Returns the address of the next page. Only the query of the link counts: registries behind a
/// proxy write paths, and some hosts, that do not exist outside.
fn next_page(called: &Url, headers: &HeaderMap) -> Result<Option<Url>, &'static str> {
    let links = headers.get_all(header::LINK);
    let values = links.iter().filter_map(|value| value.to_str().ok());
    let Some(target) = values.flat_map(targets).find_map(Link::next) else {
        return Ok(None);
    };
    let Ok(target) = called.join(target) else {
        return Err("it is not an address");
    };
    if !rule::same_origin(called, &target) {
        return Err("it leads to another host");
    }
    let mut next = called.clone();
    next.set_query(target.query());
    Ok(Some(next))
}

struct Link<'a> {
    target: &'a str,
    params: &'a str,
}

impl<'a> Link<'a> {
    fn next(self) -> Option<&'a str> {
        let is_next = self.params.split(';').any(|param| {
            let Some((name, value)) = param.split_once('=') else {
                return false;
            };
            let mut relations = value.trim().trim_matches('"').split_whitespace();
            name.trim().eq_ignore_ascii_case("rel")
                && relations.any(|relation| relation.eq_ignore_ascii_case("next"))
        });
        is_next.then_some(self.target)
    }
}

/// Splits `<a>; rel="x", <b>; rel="y"`. Parameters end at the next `<`, so commas in them do no
/// harm.
fn targets(header: &str) -> impl Iterator<Item = Link<'_>> {
    header.split('<').skip(1).filter_map(|part| {
        let (target, params) = part.split_once('>')?;
        Some(Link {
            target,
            params: params.trim_end().trim_end_matches(','),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(link: &str) -> Result<Option<String>, &'static str> {
        let called: Url = "https://h:5000/proxy/v2/_catalog?n=3".parse().unwrap();
        let mut headers = HeaderMap::new();
        if !link.is_empty() {
            headers.insert(header::LINK, link.parse().unwrap());
        }
        Ok(next_page(&called, &headers)?.map(|url| url.to_string()))
    }

    #[test]
    fn only_the_query_of_the_next_link_is_taken() {
        let page = |query: &str| Ok(Some(format!("https://h:5000/proxy/v2/_catalog?{query}")));
        for (link, expected) in [
            ("", Ok(None)),
            (
                "</v2/_catalog?last=a%2Fb&n=3>; rel=\"next\"",
                page("last=a%2Fb&n=3"),
            ),
            ("<?last=x>;rel=next", page("last=x")),
            (
                "<https://h:5000/v2/_catalog?last=x>; title=\"a,b\"; REL=\"last NEXT\"",
                page("last=x"),
            ),
            ("</p?a>; rel=\"prev\", </n?b>; rel=\"next\"", page("b")),
            ("</v2/_catalog?last=x>; rel=\"prev\"", Ok(None)),
            (
                "<https://evil.example.com/v2/_catalog?last=x>; rel=\"next\"",
                Err("it leads to another host"),
            ),
            (
                "<//evil.example.com/?last=x>; rel=\"next\"",
                Err("it leads to another host"),
            ),
            (
                "<http://h:5000/v2/_catalog?last=x>; rel=\"next\"",
                Err("it leads to another host"),
            ),
            ("<https://[>; rel=\"next\"", Err("it is not an address")),
            ("garbage", Ok(None)),
            ("<unclosed; rel=\"next\"", Ok(None)),
        ] {
            assert_eq!(next(link), expected, "{link}");
        }
    }
}
