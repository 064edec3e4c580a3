//! One request to a registry: authorized, redirected by hand, repeated within bounds, and its
//! refusal put into words.

mod auth;
mod challenge;
mod envelope;
mod grant;
mod paging;
mod reach;
mod remembered;
mod setup;
mod token;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use scout_http::{
    HeaderMap, HeaderName, HeaderValue, HttpClient, Method, RedactedUrl, Request, Response,
    RetryPolicy, StatusCode, header, retry_after, rule, server_time,
};
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;
use url::Url;

pub(crate) use crate::client::auth::NEEDS_CREDENTIALS;
use crate::client::auth::{Authorization, Mode};
use crate::client::challenge::Challenge;
pub(crate) use crate::client::envelope::Refusal;
pub(crate) use crate::client::grant::TokenGrant;
use crate::client::reach::Reach;
use crate::client::remembered::Memory;
pub(crate) use crate::client::remembered::Page;
pub(crate) use crate::client::setup::Setup;
use crate::client::token::TokenCache;
use crate::credentials::RegistryCredentials;
use crate::error::{Error, Result};
use crate::stats::{Counters, RequestKind};

/// What the distribution specification says of a repository that a registry does not know (1.1,
/// *Error Codes*).
const NAME_UNKNOWN: &str = "NAME_UNKNOWN";
/// Most redirects of one request. Registries use one, those behind a mirror two.
const MAX_REDIRECTS: usize = 5;

/// The scope of a request that needs none.
pub(crate) const REGISTRY_PING: &str = "";

/// What is asked.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) kind: RequestKind,
    pub(crate) url: Url,
    /// What a token must allow.
    pub(crate) scope: String,
    /// What is asked for, in messages.
    pub(crate) what: String,
    pub(crate) accept: Option<&'static str>,
    /// A header of the product's own, which is no secret.
    pub(crate) header: Option<(HeaderName, HeaderValue)>,
    /// The condition under which an answer is to be sent; without it, 304 is the answer.
    pub(crate) condition: Option<(HeaderName, HeaderValue)>,
    /// A body with its media type.
    pub(crate) body: Option<(&'static str, Bytes)>,
    pub(crate) redirects: Redirects,
    /// Statuses beside 2xx that the caller deals with.
    pub(crate) also_accepted: &'static [StatusCode],
    /// Whether the answer may take any time.
    pub(crate) is_streamed: bool,
}

impl Call {
    /// Returns a call that reads something small and needs no scope, from the host itself.
    pub(crate) fn get(kind: RequestKind, url: Url, what: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            kind,
            url,
            scope: REGISTRY_PING.to_owned(),
            what: what.into(),
            accept: None,
            header: None,
            condition: None,
            body: None,
            redirects: Redirects::SameHost,
            also_accepted: &[],
            is_streamed: false,
        }
    }

    /// Asks for a token of this scope, where tokens are used.
    pub(crate) fn with_scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = scope.into();
        self
    }

    /// Sends this by `POST`.
    pub(crate) fn with_body(mut self, media_type: &'static str, body: impl Into<Bytes>) -> Self {
        self.method = Method::POST;
        self.body = Some((media_type, body.into()));
        self
    }
}

/// Where redirects may lead.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Redirects {
    /// Nowhere else.
    SameHost,
    /// To any host that [`Reach`] lets through: content is checked by its digest.
    Anywhere,
}

/// Sends requests to one registry.
pub(crate) struct Client {
    http: HttpClient,
    registry: String,
    reach: Reach,
    credentials: RegistryCredentials,
    grant: TokenGrant,
    retry: RetryPolicy,
    counters: Arc<Counters>,
    /// What is asked first, and whose origin gets the credentials.
    ping: Url,
    // Locked while it is found out, so that this happens once.
    mode: Mutex<Option<Mode>>,
    tokens: TokenCache,
    memory: Arc<Memory>,
}

impl Client {
    /// Returns a client that finds out at `ping` how it must ask.
    pub(crate) fn negotiating(setup: &Setup, ping: Url) -> Self {
        Self::with_mode(setup, ping, None)
    }

    /// Returns a client of a product's own API at `base`, which takes user and password as they
    /// are.
    pub(crate) fn direct(setup: &Setup, base: Url) -> Self {
        let mode = match setup.credentials {
            RegistryCredentials::Basic { .. } => Mode::Basic,
            _ => Mode::Open,
        };
        Self::with_mode(setup, base, Some(mode))
    }

    fn with_mode(setup: &Setup, ping: Url, mode: Option<Mode>) -> Self {
        Self {
            http: setup.http.clone(),
            registry: setup.connection.host().to_owned(),
            reach: Reach::new(ping.clone(), &setup.connection),
            credentials: setup.credentials.clone(),
            grant: setup.grant.clone(),
            retry: setup.retry.clone(),
            counters: Arc::clone(&setup.counters),
            ping,
            mode: Mutex::new(mode),
            tokens: TokenCache::default(),
            memory: Arc::clone(&setup.memory),
        }
    }

    pub(crate) fn base(&self) -> &Url {
        self.reach.base()
    }

    /// Returns who we say we are, for messages.
    pub(crate) fn who(&self) -> String {
        self.credentials.who()
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Sends a request until it is answered for good; returns an answer with a status of 2xx or
    /// one that the call accepts. While the host answers nobody, nothing is repeated.
    pub(crate) async fn send(&self, call: &Call) -> Result<Response> {
        let is_silent = || self.http.is_silent(&call.url);
        let before_retry = || self.counters.count_retry();
        self.retry
            .run_unless(is_silent, before_retry, || self.attempt(call))
            .await
    }

    /// Reads a whole body.
    pub(crate) async fn body(&self, response: Response, limit: u64, what: &str) -> Result<Bytes> {
        let body = response.bytes(limit).await;
        body.map_err(|error| Error::from_body(what, error))
    }

    /// Sends a request whose answer is JSON of up to `limit` bytes; returns the headers, too.
    pub(crate) async fn json<T: DeserializeOwned>(
        &self,
        call: &Call,
        limit: u64,
        expected: &'static str,
    ) -> Result<(T, HeaderMap)> {
        let response = self.send(call).await?;
        let headers = response.headers().clone();
        let value = self.read_json(call, response, limit, expected).await?;
        Ok((value, headers))
    }

    async fn read_json<T: DeserializeOwned>(
        &self,
        call: &Call,
        response: Response,
        limit: u64,
        expected: &'static str,
    ) -> Result<T> {
        let body = self.body(response, limit, &call.what).await?;
        parse_json(call, &body, expected)
    }

    /// Reads a page of a listing; returns its headers, too, and remembers it.
    async fn read_page<T: DeserializeOwned>(
        &self,
        call: &Call,
        page: Page,
        limit: u64,
        expected: &'static str,
    ) -> Result<(T, HeaderMap)> {
        let response = match page {
            Page::Unchanged(known) => {
                return Ok((
                    parse_json(call, &known.body, expected)?,
                    known.links.clone(),
                ));
            }
            Page::Sent(response) => response,
        };
        let headers = response.headers().clone();
        let body = self.body(response, limit, &call.what).await?;
        let value = parse_json(call, &body, expected)?;
        self.memory.keep(&call.url, &headers, &body);
        Ok((value, headers))
    }

    async fn attempt(&self, call: &Call) -> Result<Response> {
        let mode = self.mode().await?;
        let authorization = self.authorize(&mode, call, None, None).await?;
        let response = self.send_once(call, authorization.as_ref()).await?;
        if !self.is_challenge(&response) {
            return self.accept(call, response).await;
        }
        if matches!(self.credentials, RegistryCredentials::Bearer(_)) {
            return Err(self.unauthorized(response).await);
        }
        let challenges = Challenge::parse_all(response.headers());
        let Some((mode, scope)) = self.choose(&challenges).await? else {
            return Err(self.unauthorized(response).await);
        };
        let asks_no_more = scope.as_ref().is_none_or(|scope| *scope == call.scope);
        // The same again would only be refused again, and may lock the account.
        let is_hopeless = match (&mode, &authorization) {
            (Mode::Basic, Some(sent)) => sent.token.is_none(),
            (Mode::Bearer(_), Some(sent)) => sent.is_new_token && asks_no_more,
            _ => false,
        };
        if is_hopeless {
            return Err(self.refused_twice(call, &mode, response).await);
        }
        // It has a place at the host, which the next request may need.
        drop(response);
        *self.mode.lock().await = Some(mode.clone());
        let rejected = authorization.and_then(|authorization| authorization.token);
        let authorization = self
            .authorize(&mode, call, scope.as_deref(), rejected)
            .await?;
        let response = self.send_once(call, authorization.as_ref()).await?;
        if self.is_challenge(&response) {
            return Err(self.refused_twice(call, &mode, response).await);
        }
        self.accept(call, response).await
    }

    /// Returns whether the registry itself, not a host behind it, wants other credentials.
    fn is_challenge(&self, response: &Response) -> bool {
        response.status() == StatusCode::UNAUTHORIZED
            && rule::same_origin(response.url(), self.base())
    }

    /// Sends a request and follows its redirects. Credentials stay with the registry, and once a
    /// redirect has left it they are gone for good.
    async fn send_once(
        &self,
        call: &Call,
        authorization: Option<&Authorization>,
    ) -> Result<Response> {
        self.counters.count(call.kind);
        let mut url = call.url.clone();
        let mut authorization = authorization.map(|authorization| authorization.value.clone());
        for _ in 0..=MAX_REDIRECTS {
            let mut request = Request::new(call.method.clone(), url.clone());
            if let Some(accept) = call.accept {
                request = request.with_header(header::ACCEPT, HeaderValue::from_static(accept));
            }
            for (name, value) in call.header.iter().chain(&call.condition) {
                request = request.with_header(name.clone(), value.clone());
            }
            if let Some((media_type, body)) = &call.body {
                request = request
                    .with_header(header::CONTENT_TYPE, HeaderValue::from_static(media_type))
                    .with_body(body.clone());
            }
            if let Some(value) = &authorization {
                request = request.with_authorization(value.clone());
            }
            if call.is_streamed {
                request = request.without_deadline();
            }
            let response = self.http.send(request).await?;
            if !is_redirect(response.status()) {
                return Ok(response);
            }
            url = self.redirect_target(call, &url, &response).await?;
            if !rule::same_origin(&url, self.base()) {
                authorization = None;
            }
        }
        Err(Error::RefusedRedirect {
            from: RedactedUrl::from(&call.url),
            to: RedactedUrl::from(&url).to_string(),
            reason: "there were too many before it",
        })
    }

    async fn redirect_target(&self, call: &Call, from: &Url, response: &Response) -> Result<Url> {
        let refused = |to: String, reason| Error::RefusedRedirect {
            from: RedactedUrl::from(from),
            to,
            reason,
        };
        let Some(location) = response.header(header::LOCATION) else {
            return Err(refused("nowhere".to_owned(), "it names no address"));
        };
        let Ok(to) = from.join(location) else {
            return Err(refused("nowhere".to_owned(), "it names no address"));
        };
        let leaves = call.redirects == Redirects::SameHost && to.host() != self.base().host();
        let checked = if leaves {
            Err("it leads to another host")
        } else {
            self.reach.check_redirect(from, &to).await
        };
        match checked {
            Ok(()) => Ok(to),
            Err(reason) => Err(refused(RedactedUrl::from(&to).to_string(), reason)),
        }
    }

    async fn accept(&self, call: &Call, response: Response) -> Result<Response> {
        let status = response.status();
        let is_unchanged = status == StatusCode::NOT_MODIFIED && call.condition.is_some();
        if status.is_success() || is_unchanged || call.also_accepted.contains(&status) {
            return Ok(response);
        }
        Err(self.refused(call, response).await)
    }

    /// Puts a refusal into words.
    pub(crate) async fn refused(&self, call: &Call, response: Response) -> Error {
        self.refusal(call.what.clone(), response).await
    }

    /// Reads what a refusal says, without our secrets.
    pub(crate) async fn read_refusal(&self, response: Response) -> Refusal {
        let secret = match &self.credentials {
            RegistryCredentials::Anonymous => "",
            RegistryCredentials::Basic { password, .. } => password.expose_secret(),
            RegistryCredentials::Bearer(token) => token.expose_secret(),
        };
        Refusal::read(response, &[secret]).await
    }

    async fn refusal(&self, what: String, response: Response) -> Error {
        let url = RedactedUrl::from(response.url());
        let status = response.status();
        let headers = response.headers();
        let retry_after = retry_after(headers, server_time(headers));
        let Refusal { code, text: detail } = self.read_refusal(response).await;
        match status {
            StatusCode::NOT_FOUND if code.as_deref() == Some(NAME_UNKNOWN) => {
                Error::UnknownRepository { what, detail }
            }
            StatusCode::NOT_FOUND => Error::NotFound { what, detail },
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Error::Denied {
                url,
                who: self.credentials.who(),
                what,
                detail,
            },
            StatusCode::TOO_MANY_REQUESTS => {
                self.counters.count_throttled();
                Error::TooManyRequests {
                    url,
                    retry_after,
                    detail,
                }
            }
            _ if status.is_server_error() => Error::Unavailable {
                url,
                status: status.as_u16(),
                retry_after,
                detail,
            },
            _ => Error::UnexpectedStatus {
                url,
                status: status.as_u16(),
                detail,
            },
        }
    }

    /// With a fresh token, 401 means that it does not allow enough; with a password, that the
    /// password is wrong.
    async fn refused_twice(&self, call: &Call, mode: &Mode, response: Response) -> Error {
        match mode {
            Mode::Bearer(_) => self.refusal(call.what.clone(), response).await,
            _ => self.unauthorized(response).await,
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("registry", &self.registry)
            .field("credentials", &self.credentials.who())
            .finish_non_exhaustive()
    }
}

fn parse_json<T: DeserializeOwned>(call: &Call, body: &[u8], expected: &'static str) -> Result<T> {
    serde_json::from_slice(body).map_err(|source| Error::InvalidAnswer {
        url: RedactedUrl::from(&call.url),
        expected,
        source: Arc::new(source),
    })
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}
