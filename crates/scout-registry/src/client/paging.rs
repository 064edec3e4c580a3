//! Listings page by page, along their `Link` headers (RFC 8288).

use std::collections::HashSet;

use scout_http::{HeaderMap, RedactedUrl, header, rule};
use serde::de::DeserializeOwned;
use url::Url;

use crate::client::{Call, Client, Page};
use crate::error::{Error, Result};

/// Most pages of one listing.
const MAX_PAGES: usize = 10_000;
/// Most items of one listing: ten times the images we are made for.
const MAX_ITEMS: usize = 1_000_000;

impl Client {
    /// Reads all pages of a listing, from its first one on; a page has up to `limit` bytes.
    /// `each` takes a page and returns how many items there are by now.
    pub(crate) async fn pages<T: DeserializeOwned>(
        &self,
        mut call: Call,
        mut answer: Page,
        limit: u64,
        expected: &'static str,
        mut each: impl FnMut(T) -> usize,
    ) -> Result<()> {
        let first = call.url.clone();
        let endless = |limit, unit| Error::EndlessListing {
            url: RedactedUrl::from(&first),
            limit,
            unit,
        };
        let mut seen = HashSet::new();
        loop {
            let (page, headers) = self.read_page(&call, answer, limit, expected).await?;
            let next = next_page(&call.url, &headers);
            if each(page) > MAX_ITEMS {
                return Err(endless(MAX_ITEMS, "items"));
            }
            let refused = |reason| Error::RefusedLink {
                url: RedactedUrl::from(&call.url),
                reason,
            };
            seen.insert(call.url.query().unwrap_or_default().to_owned());
            let Some(next) = next.map_err(refused)? else {
                return Ok(());
            };
            if seen.contains(next.query().unwrap_or_default()) {
                return Err(refused("it was read before"));
            }
            if seen.len() >= MAX_PAGES {
                return Err(endless(MAX_PAGES, "pages"));
            }
            call.url = next;
            answer = match self.page(&call).await? {
                Page::Sent(response) if !response.status().is_success() => {
                    return Err(self.refused(&call, response).await);
                }
                page => page,
            };
        }
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
