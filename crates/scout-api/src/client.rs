//! A reader of the metrics endpoint, of our server or of Docker's.

use std::fmt;

use bytes::Bytes;
use scout_envs::OrgName;
use scout_http::{HeaderValue, HttpClient, RedactedUrl, Request, Response, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::error::{Error, Result};
use crate::path::metrics_path;

/// Longest answer that is read, in bytes: four times the 8 MB that 100,000 series take.
pub const MAX_METRICS_BYTES: u64 = 32 << 20;

/// What a Prometheus server of today would ask for; the hosted endpoint documents nothing.
const ACCEPT: &str = "application/openmetrics-text;version=1.0.0;q=0.5,\
                      text/plain;version=0.0.4;q=0.4,*/*;q=0.1";

/// Reads an organization's metrics with a bearer token.
#[derive(Clone)]
pub struct ScoutClient {
    server: ScoutServer,
    token: SecretString,
}

impl ScoutClient {
    /// The address of Docker's hosted service.
    pub const DOCKER: &'static str = "https://api.scout.docker.com";

    /// Returns a client of the server at `base`. A path in it is kept in front of ours.
    ///
    /// White space around the token is dropped, as token files end with a line feed.
    ///
    /// # Errors
    ///
    /// If the address cannot have a path, or if the token cannot stand in a header.
    pub fn new(http: HttpClient, base: Url, token: &SecretString) -> Result<Self> {
        let server = ScoutServer::new(http, base)?;
        bearer(token)?;
        let token = token.clone();
        Ok(Self { server, token })
    }

    /// Fetches the metrics of an organization.
    ///
    /// # Errors
    ///
    /// If there is no whole answer with status 200; see [`Error`].
    pub async fn metrics(&self, org: &OrgName) -> Result<MetricsText> {
        self.server.metrics(org, &self.token).await
    }
}

impl fmt::Debug for ScoutClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScoutClient")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

/// A server of metrics, for tokens that change. Cheap to clone; connections are shared.
#[derive(Clone)]
pub struct ScoutServer {
    http: HttpClient,
    base: Url,
}

impl ScoutServer {
    /// Returns the server at `base`. A path in it is kept in front of ours.
    ///
    /// # Errors
    ///
    /// If the address cannot have a path.
    pub fn new(http: HttpClient, base: Url) -> Result<Self> {
        if base.cannot_be_a_base() {
            let url = RedactedUrl::from(&base);
            return Err(Error::UnusableAddress { url });
        }
        Ok(Self { http, base })
    }

    /// Returns the address, without what may be secret in it.
    #[must_use]
    pub fn address(&self) -> RedactedUrl {
        RedactedUrl::from(&self.base)
    }

    /// Checks that a token can be sent at all.
    ///
    /// # Errors
    ///
    /// If it is empty, or has other characters than a header's word.
    pub fn check_token(token: &SecretString) -> Result<()> {
        bearer(token).map(drop)
    }

    /// Fetches the metrics of an organization with this token, white space around it left out.
    ///
    /// # Errors
    ///
    /// If the token cannot be sent, or if there is no whole answer with status 200; see [`Error`].
    pub async fn metrics(&self, org: &OrgName, token: &SecretString) -> Result<MetricsText> {
        let mut url = self.base.clone();
        let path = format!("{}{}", url.path().trim_end_matches('/'), metrics_path(org));
        url.set_path(&path);
        url.set_query(None);
        url.set_fragment(None);
        let request = Request::get(url)
            .with_header(header::ACCEPT, HeaderValue::from_static(ACCEPT))
            .with_authorization(bearer(token)?);
        let fetch = |source| Error::Fetch { source };
        let response = self.http.send(request).await.map_err(fetch)?;
        check_status(&response, org)?;
        let content_type = response.header(header::CONTENT_TYPE).map(str::to_owned);
        let body = response.bytes(MAX_METRICS_BYTES).await.map_err(fetch)?;
        Ok(MetricsText { content_type, body })
    }
}

impl fmt::Debug for ScoutServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScoutServer")
            .field("base", &self.address().as_str())
            .finish_non_exhaustive()
    }
}

/// Returns the header's value for a token.
fn bearer(token: &SecretString) -> Result<HeaderValue> {
    let token = token.expose_secret().trim();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::UnusableToken);
    }
    HeaderValue::from_str(&format!("Bearer {token}"))
        .ok()
        .ok_or(Error::UnusableToken)
}

/// Metrics as they came.
#[derive(Clone, Debug)]
pub struct MetricsText {
    /// The `Content-Type`, which tells the format.
    pub content_type: Option<String>,
    /// The text.
    pub body: Bytes,
}

fn check_status(response: &Response, org: &OrgName) -> Result<()> {
    let status = response.status();
    let url = RedactedUrl::from(response.url());
    let org = org.clone();
    // A date in `Retry-After` is measured with the server's own clock.
    let retry_after = || {
        let headers = response.headers();
        scout_http::retry_after(headers, scout_http::server_time(headers))
    };
    Err(match status {
        StatusCode::OK => return Ok(()),
        StatusCode::UNAUTHORIZED => Error::Unauthorized { url },
        StatusCode::FORBIDDEN => Error::Forbidden { url, org },
        StatusCode::NOT_FOUND => Error::NotFound { url, org },
        StatusCode::TOO_MANY_REQUESTS => Error::TooManyRequests {
            url,
            retry_after: retry_after(),
        },
        status if status.is_server_error() => Error::Unavailable {
            url,
            status: status.as_u16(),
            retry_after: retry_after(),
        },
        status => Error::UnexpectedStatus {
            url,
            status: status.as_u16(),
        },
    })
}

#[cfg(test)]
mod tests;
