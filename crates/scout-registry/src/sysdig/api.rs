//! What both APIs have in common: requests, pages along cursors, limits, refusals.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use scout_http::{HeaderName, HeaderValue, RedactedUrl, header};
use serde_json::value::RawValue;
use url::Url;

use crate::client::{Call, Client, Setup};
use crate::error::{Error, Result};
use crate::runtime::Limit;
use crate::stats::RequestKind;
use crate::sysdig::Kind;
use crate::sysdig::wire::Page;

const EXPECTED: &str = "the API of Sysdig Secure, which is at https://secure.sysdig.com and the \
                        like: check region= or url=";

/// Longest cursor that is sent back, in bytes; the documented ones have up to 300 characters.
const MAX_CURSOR: usize = 4096;

/// The most that is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Pages of one listing: a million containers in half-full pages.
    pub(super) pages: usize,
    /// Bytes of a page: 250 containers with 700 packages each.
    pub(super) page_bytes: u64,
    /// Packages on one page: twice of that.
    pub(super) page_packages: usize,
    /// Containers of one cluster: Kubernetes is made for 300,000.
    pub(super) containers: usize,
    /// Different images of one cluster: what we are made for in all clusters together.
    pub(super) images: usize,
    /// Packages in use of all images of one cluster: 20 for each image at its limit, or 2,000 for
    /// each of a thousand images; a quarter of a gigabyte.
    pub(super) packages: usize,
    /// Clusters of one account.
    pub(super) clusters: usize,
    /// Bytes of what is known of one image: its packages and their vulnerabilities.
    pub(super) result_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            pages: 8_000,
            page_bytes: 32 * 1024 * 1024,
            page_packages: 350_000,
            containers: 500_000,
            images: 100_000,
            packages: 2_000_000,
            clusters: 10_000,
            result_bytes: 32 * 1024 * 1024,
        }
    }
}

/// Sysdig's REST API below one base address.
#[derive(Debug)]
pub(super) struct Api {
    client: Client,
    /// Ends with `/`.
    base: Url,
    /// The instance at IBM Cloud, where tokens of IBM's own need it.
    instance: Option<HeaderValue>,
    pub(super) limits: Limits,
}

/// A listing.
#[derive(Clone, Debug)]
pub(super) struct Listing<'a> {
    pub(super) kind: Kind,
    pub(super) path: &'static str,
    pub(super) query: Vec<(&'static str, &'a str)>,
    /// The most rows that are asked for at once, where the API takes that.
    pub(super) page_size: Option<usize>,
    /// What is asked for, in messages.
    pub(super) what: String,
}

impl Api {
    pub(super) fn new(
        setup: &Setup,
        base: Url,
        instance: Option<HeaderValue>,
        limits: Limits,
    ) -> Self {
        Self {
            client: Client::direct(setup, base.clone()),
            base,
            instance,
            limits,
        }
    }

    pub(super) fn base(&self) -> &Url {
        &self.base
    }

    /// Asks for one row, to see whether we are let in.
    pub(super) async fn probe(&self, listing: &Listing<'_>) -> Result<()> {
        let url = self.page_url(listing, listing.page_size.map(|_| 1), None);
        let body = self.page(listing, url.clone()).await?;
        Self::parse(&url, &body).map(drop)
    }

    /// Reads all pages of a listing. `each` takes the rows of a page and returns how many it
    /// could read; rows of which none can be read are an error, not an empty list.
    pub(super) async fn pages(
        &self,
        listing: &Listing<'_>,
        mut each: impl FnMut(&[&RawValue]) -> Result<usize, Limit> + Send,
    ) -> Result<()> {
        let mut page_size = listing.page_size;
        let mut cursor: Option<String> = None;
        let mut seen = HashSet::new();
        let (mut rows, mut read) = (0_usize, 0_usize);
        for _ in 0..self.limits.pages {
            let (url, body) = loop {
                let url = self.page_url(listing, page_size, cursor.as_deref());
                match (self.page(listing, url.clone()).await, page_size) {
                    // What a row weighs is not known before.
                    (Err(Error::TooLarge { .. }), Some(size @ 2..)) => page_size = Some(size / 2),
                    (body, _) => break (url, body?),
                }
            };
            let page = Self::parse(&url, &body)?;
            let readable = each(&page.rows).map_err(|limit| self.endless(listing, limit))?;
            rows += page.rows.len();
            read += readable;
            self.client
                .counters()
                .count_invalid_rows(page.rows.len().saturating_sub(readable));
            let Some(next) = page.next else {
                return match read {
                    0 if rows > 0 => {
                        Err(self.wrong_api(&format!("none of its rows can be read ({rows})")))
                    }
                    _ => Ok(()),
                };
            };
            let refused = |reason| Error::RefusedLink {
                url: RedactedUrl::from(&url),
                reason,
            };
            if next.len() > MAX_CURSOR {
                return Err(refused("its cursor is too long"));
            }
            if !seen.insert(next.clone()) {
                return Err(refused("it was read before"));
            }
            cursor = Some(next);
        }
        Err(self.endless(
            listing,
            Limit {
                limit: self.limits.pages,
                unit: "pages",
            },
        ))
    }

    pub(super) fn endless(&self, listing: &Listing<'_>, limit: Limit) -> Error {
        Error::EndlessListing {
            url: RedactedUrl::from(&self.url(listing.path, &[])),
            limit: limit.limit,
            unit: limit.unit,
        }
    }

    /// Reads what is known of one image.
    pub(super) async fn result(&self, path: &str, what: String) -> Result<Bytes> {
        let call = Call::get(RequestKind::RuntimeImage, self.url(path, &[]), what);
        self.body(Kind::V1, call, self.limits.result_bytes).await
    }

    /// Says that something else answers.
    pub(super) fn wrong_api(&self, detail: &str) -> Error {
        Error::WrongApi {
            url: RedactedUrl::from(&self.base),
            expected: EXPECTED,
            detail: Some(detail.to_owned()),
        }
    }

    fn page_url(
        &self,
        listing: &Listing<'_>,
        page_size: Option<usize>,
        cursor: Option<&str>,
    ) -> Url {
        let page_size = page_size.map(|size| size.to_string());
        let mut query = listing.query.clone();
        query.extend(page_size.as_deref().map(|size| ("limit", size)));
        query.extend(cursor.map(|cursor| ("cursor", cursor)));
        self.url(listing.path, &query)
    }

    async fn page(&self, listing: &Listing<'_>, url: Url) -> Result<Bytes> {
        let call = Call::get(RequestKind::Runtime, url, listing.what.clone());
        self.body(listing.kind, call, self.limits.page_bytes).await
    }

    fn parse<'a>(url: &Url, body: &'a [u8]) -> Result<Page<'a>> {
        Page::parse(body).map_err(|source| Error::InvalidAnswer {
            url: RedactedUrl::from(url),
            expected: "a page of Sysdig's API",
            source: Arc::new(source),
        })
    }

    async fn body(&self, kind: Kind, mut call: Call, limit: u64) -> Result<Bytes> {
        call.accept = Some("application/json");
        // Source: IBM Cloud docs, workload-protection, "Using the API".
        let name = HeaderName::from_static("ibminstanceid");
        call.header = self.instance.clone().map(|instance| (name, instance));
        let response = self.client.send(&call).await;
        let response = response.map_err(|error| explained(kind, error))?;
        let media_type = response.header(header::CONTENT_TYPE).unwrap_or_default();
        if media_type.contains("html") {
            return Err(self.wrong_api("it sent a web page"));
        }
        self.client.body(response, limit, &call.what).await
    }

    /// Returns an address below the base. The path is percent-encoded already.
    fn url(&self, path: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path()));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
            // Everything reads %20 as a space; only forms have the plus sign.
            let encoded = url.query().map(|query| query.replace('+', "%20"));
            url.set_query(encoded.as_deref());
        }
        url
    }
}

/// Says which token opens which API.
fn explained(kind: Kind, error: Error) -> Error {
    let Error::Unauthorized {
        url, who, detail, ..
    } = error
    else {
        return error;
    };
    Error::Unauthorized {
        url,
        who,
        detail,
        advice: match kind {
            Kind::RiskSpotlight => {
                "give the token of Integrations > Risk Spotlight in Sysdig Secure, or an API token \
                 together with api=v1; a token opens its own region only"
            }
            Kind::V1 => {
                "give an API token of Sysdig Secure, or the token of Integrations > Risk Spotlight \
                 without api=v1; a token opens its own region only"
            }
        },
    }
}
