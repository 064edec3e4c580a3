//! Requests and answers, with their limits.

use std::fmt;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, Stream};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use url::Url;

use crate::error::{Error, Result};
use crate::hosts::Permit;
use crate::redact::RedactedUrl;

/// How long a request and its whole answer may take, unless the body is streamed. A catalog page
/// of 16 MiB over a slow line (2 Mbit/s) takes about 65 s.
pub const DEADLINE: Duration = Duration::from_secs(120);

/// A request that has not been sent.
#[derive(Clone)]
pub struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) is_nested: bool,
}

impl Request {
    /// Returns a request with this method and no headers.
    #[must_use]
    pub fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: None,
            deadline: Some(DEADLINE),
            is_nested: false,
        }
    }

    /// Returns a `GET` request.
    #[must_use]
    pub fn get(url: Url) -> Self {
        Self::new(Method::GET, url)
    }

    /// Adds a header; one of the same name is replaced.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Adds the credentials, marked so that no debug output shows them.
    #[must_use]
    pub fn with_authorization(self, mut value: HeaderValue) -> Self {
        value.set_sensitive(true);
        self.with_header(header::AUTHORIZATION, value)
    }

    /// Adds a body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Lets the answer take any time, as long as bytes keep coming: for large streamed bodies.
    #[must_use]
    pub fn without_deadline(mut self) -> Self {
        self.deadline = None;
        self
    }

    /// Takes a place at the host that is always free: for a short request whose answer somebody
    /// may need who holds places himself, such as one for a token.
    #[must_use]
    pub fn nested(mut self) -> Self {
        self.is_nested = true;
        self
    }

    /// Returns the address.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("url", &RedactedUrl::from(&self.url).as_str())
            .finish_non_exhaustive()
    }
}

/// An answer whose body has not been read.
pub struct Response {
    url: Url,
    inner: reqwest::Response,
    /// The place at the host.
    _permit: Permit,
}

impl Response {
    pub(crate) fn new(url: Url, inner: reqwest::Response, permit: Permit) -> Self {
        Self {
            url,
            inner,
            _permit: permit,
        }
    }

    /// Returns the status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.inner.status()
    }

    /// Returns the headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        self.inner.headers()
    }

    /// Returns the value of a header, if it is there and is text.
    #[must_use]
    pub fn header(&self, name: impl header::AsHeaderName) -> Option<&str> {
        self.headers().get(name)?.to_str().ok()
    }

    /// Returns the address that was asked.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Returns how long the body says it is, in bytes.
    #[must_use]
    pub fn content_length(&self) -> Option<u64> {
        self.header(header::CONTENT_LENGTH)?.trim().parse().ok()
    }

    /// Reads the whole body, which may have up to `limit` bytes.
    ///
    /// # Errors
    ///
    /// [`Error::BodyTooLarge`] as soon as it is known to be longer; [`Error::Interrupted`] or
    /// [`Error::Timeout`] when it does not arrive whole.
    pub async fn bytes(mut self, limit: u64) -> Result<Bytes> {
        self.check_length(limit)?;
        let mut body = BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            if body.len() as u64 + chunk.len() as u64 > limit {
                return Err(self.too_large(limit));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }

    /// Turns the body into a stream that ends with an error if it is longer than `limit` bytes.
    ///
    /// # Errors
    ///
    /// [`Error::BodyTooLarge`] if the answer itself says that it is longer.
    pub fn into_stream(self, limit: u64) -> Result<impl Stream<Item = Result<Bytes>> + Send> {
        self.check_length(limit)?;
        Ok(stream::try_unfold(
            (self, limit),
            move |(mut response, left)| async move {
                let Some(chunk) = response.chunk().await? else {
                    return Ok(None);
                };
                let Some(left) = left.checked_sub(chunk.len() as u64) else {
                    return Err(response.too_large(limit));
                };
                Ok(Some((chunk, (response, left))))
            },
        ))
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>> {
        let chunk = self.inner.chunk().await;
        chunk.map_err(|error| Error::classify(&self.url, error))
    }

    fn check_length(&self, limit: u64) -> Result<()> {
        match self.content_length() {
            Some(length) if length > limit => Err(self.too_large(limit)),
            _ => Ok(()),
        }
    }

    fn too_large(&self, limit: u64) -> Error {
        Error::BodyTooLarge {
            url: RedactedUrl::from(&self.url),
            limit,
        }
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("url", &RedactedUrl::from(&self.url).as_str())
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}
