//! One request to a registry: authorized, redirected by hand, repeated within bounds, and its
//! refusal put into words.

mod auth;

use std::fmt;

use bytes::Bytes;
use scout_http::{
    HeaderValue, HttpClient, Method, RedactedUrl, Request, Response, RetryPolicy, StatusCode,
    header, retry_after, rule, server_time,
};
use secrecy::ExposeSecret;
use tokio::sync::Mutex;
use url::Url;

use crate::credentials::RegistryCredentials;
use crate::error::{Error, Result};
use crate::oci::challenge::Challenge;
use crate::oci::client::auth::{Authorization, Mode};
use crate::oci::envelope::Refusal;
use crate::oci::reach::Reach;
use crate::oci::token::TokenCache;
use crate::spec::OciSpec;
use crate::stats::{Counters, RequestKind};

/// Most redirects of one request. Registries use one, those behind a mirror two.
const MAX_REDIRECTS: usize = 5;

/// The scope of a request that needs none.
pub(super) const REGISTRY_PING: &str = "";

/// What is asked.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) kind: RequestKind,
    pub(super) url: Url,
    /// What a token must allow.
    pub(super) scope: String,
    /// What is asked for, in messages.
    pub(super) what: String,
    pub(super) accept: Option<&'static str>,
    pub(super) redirects: Redirects,
    /// Statuses beside 2xx that the caller deals with.
    pub(super) also_accepted: &'static [StatusCode],
    /// Whether the answer may take any time.
    pub(super) is_streamed: bool,
}

/// Where redirects may lead.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Redirects {
    /// Nowhere else.
    SameHost,
    /// To any host that [`Reach`] lets through: content is checked by its digest.
    Anywhere,
}

/// Sends requests to one registry.
pub(super) struct Client {
    http: HttpClient,
    registry: String,
    reach: Reach,
    credentials: RegistryCredentials,
    retry: RetryPolicy,
    counters: Counters,
    // Locked while it is found out, so that this happens once.
    mode: Mutex<Option<Mode>>,
    tokens: TokenCache,
}

impl Client {
    pub(super) fn new(
        http: HttpClient,
        spec: &OciSpec,
        credentials: RegistryCredentials,
        retry: RetryPolicy,
    ) -> Self {
        Self {
            http,
            registry: spec.host().to_owned(),
            reach: Reach::new(spec),
            credentials,
            retry,
            counters: Counters::default(),
            mode: Mutex::new(None),
            tokens: TokenCache::default(),
        }
    }

    pub(super) fn base(&self) -> &Url {
        self.reach.base()
    }

    pub(super) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Sends a request until it is answered for good; returns an answer with a status of 2xx or
    /// one that the call accepts.
    pub(super) async fn send(&self, call: &Call) -> Result<Response> {
        let before_retry = || self.counters.count_retry();
        self.retry.run(before_retry, || self.attempt(call)).await
    }

    /// Reads a whole body.
    pub(super) async fn body(&self, response: Response, limit: u64, what: &str) -> Result<Bytes> {
        let body = response.bytes(limit).await;
        body.map_err(|error| Error::from_body(what, error))
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
        if status.is_success() || call.also_accepted.contains(&status) {
            return Ok(response);
        }
        Err(self.refused(call, response).await)
    }

    /// Puts a refusal into words.
    pub(super) async fn refused(&self, call: &Call, response: Response) -> Error {
        self.refusal(call.what.clone(), response).await
    }

    /// Reads what a refusal says, without our secrets.
    pub(super) async fn read_refusal(&self, response: Response) -> Refusal {
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
        let detail = self.read_refusal(response).await.text;
        match status {
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

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}
