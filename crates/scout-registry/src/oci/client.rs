//! One request to a registry: authorized, redirected by hand, repeated within bounds, and its
//! refusal put into words.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use scout_http::{
    HeaderValue, HttpClient, Method, RedactedUrl, Request, Response, RetryPolicy, StatusCode,
    header, retry_after, rule, server_time,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use url::Url;

use crate::credentials::RegistryCredentials;
use crate::error::{Error, Result};
use crate::oci::challenge::Challenge;
use crate::oci::envelope::Refusal;
use crate::oci::reach::Reach;
use crate::oci::token::{Grant, MAX_ANSWER, Token, TokenCache};
use crate::spec::OciSpec;
use crate::stats::{Counters, RequestKind};

/// Most redirects of one request. Registries use one, those behind a mirror two.
const MAX_REDIRECTS: usize = 5;

/// The scope of a request that needs none.
pub(super) const REGISTRY_PING: &str = "";

const CHECK_PASSWORD: &str = "check the user and the password";
const NEEDS_CREDENTIALS: &str = "credentials are needed";
const CHECK_TOKEN: &str = "check the token, it may have expired";

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

/// How the registry wants to be asked, once that is known.
#[derive(Clone, Debug)]
enum Mode {
    /// Without credentials.
    Open,
    /// With user and password.
    Basic,
    /// With a token of this service.
    Bearer(Arc<TokenService>),
}

#[derive(Debug)]
struct TokenService {
    realm: Url,
    service: Option<String>,
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

/// The credentials of one request.
struct Authorization {
    value: HeaderValue,
    token: Option<u64>,
    is_new_token: bool,
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

    /// Returns how the registry wants to be asked; finds it out with one request if need be.
    async fn mode(&self) -> Result<Mode> {
        if matches!(self.credentials, RegistryCredentials::Bearer(_)) {
            return Ok(Mode::Open);
        }
        let mut known = self.mode.lock().await;
        if let Some(mode) = &*known {
            return Ok(mode.clone());
        }
        let mut url = self.base().clone();
        url.set_path("/v2/");
        let what = format!("a registry at {}", self.registry);
        self.counters.count(RequestKind::Ping);
        let response = self.http.send(Request::get(url)).await?;
        let mode = match response.status() {
            StatusCode::UNAUTHORIZED => {
                let challenges = Challenge::parse_all(response.headers());
                match self.choose(&challenges).await? {
                    Some((mode, _)) => mode,
                    None => return Err(self.unauthorized(response).await),
                }
            }
            status
                if status.is_server_error()
                    || status == StatusCode::TOO_MANY_REQUESTS
                    || status == StatusCode::BAD_REQUEST =>
            {
                return Err(self.refusal(what, response).await);
            }
            // Registries that let anybody in never ask for the credentials that open the rest.
            _ if matches!(self.credentials, RegistryCredentials::Basic { .. }) => Mode::Basic,
            _ => Mode::Open,
        };
        *known = Some(mode.clone());
        Ok(mode)
    }

    /// Picks the challenge to meet: a token before a password. Returns the scope it names, too.
    async fn choose(&self, challenges: &[Challenge]) -> Result<Option<(Mode, Option<String>)>> {
        for challenge in challenges {
            let Challenge::Bearer {
                realm,
                service,
                scope,
            } = challenge
            else {
                continue;
            };
            let service = TokenService {
                realm: self.token_service(realm).await?,
                service: service.clone(),
            };
            return Ok(Some((Mode::Bearer(Arc::new(service)), scope.clone())));
        }
        let is_basic = matches!(self.credentials, RegistryCredentials::Basic { .. });
        let wants_basic = challenges.contains(&Challenge::Basic);
        Ok((wants_basic && is_basic).then_some((Mode::Basic, None)))
    }

    async fn token_service(&self, realm: &str) -> Result<Url> {
        let refused = |realm: String, reason| Error::RefusedRealm {
            registry: self.registry.clone(),
            realm,
            reason,
        };
        let Ok(url) = self.base().join(realm) else {
            return Err(refused("something".to_owned(), "it is not an address"));
        };
        match self.reach.check_realm(&url).await {
            Ok(()) => Ok(url),
            Err(reason) => Err(refused(RedactedUrl::from(&url).to_string(), reason)),
        }
    }

    async fn authorize(
        &self,
        mode: &Mode,
        call: &Call,
        demanded_scope: Option<&str>,
        rejected: Option<u64>,
    ) -> Result<Option<Authorization>> {
        if let RegistryCredentials::Bearer(token) = &self.credentials {
            let value = header_value("Bearer ", token)?;
            return Ok(Some(Authorization {
                value,
                token: None,
                    is_new_token: false,
            }));
        }
        match mode {
            Mode::Open => Ok(None),
            Mode::Basic => Ok(self.basic()?.map(|value| Authorization {
                value,
                token: None,
                is_new_token: false,
            })),
            Mode::Bearer(service) => {
                let granted_before = self.tokens.granted();
                let fetch = || self.fetch_token(service, call, demanded_scope);
                let Token { value, serial, .. } =
                    self.tokens.get(&call.scope, rejected, fetch).await?;
                Ok(Some(Authorization {
                    value: header_value("Bearer ", &value)?,
                    token: Some(serial),
                    is_new_token: serial > granted_before,
                }))
            }
        }
    }

    fn basic(&self) -> Result<Option<HeaderValue>> {
        let RegistryCredentials::Basic { user, password } = &self.credentials else {
            return Ok(None);
        };
        let pair = format!("{user}:{}", password.expose_secret());
        header_value("Basic ", &BASE64_STANDARD.encode(pair).into()).map(Some)
    }

    async fn fetch_token(
        &self,
        service: &TokenService,
        call: &Call,
        demanded_scope: Option<&str>,
    ) -> Result<Grant> {
        let mut url = service.realm.clone();
        {
            let mut query = url.query_pairs_mut();
            if let Some(service) = &service.service {
                query.append_pair("service", service);
            }
            if !call.scope.is_empty() {
                query.append_pair("scope", &call.scope);
            }
            if let Some(scope) = demanded_scope.filter(|scope| *scope != call.scope) {
                query.append_pair("scope", scope);
            }
        }
        let mut request = Request::get(url.clone());
        if let Some(value) = self.basic()? {
            request = request.with_authorization(value);
        }
        self.counters.count(RequestKind::Token);
        let response = self.http.send(request).await?;
        let status = response.status();
        if status == StatusCode::UNAUTHORIZED {
            return Err(self.unauthorized(response).await);
        }
        if !status.is_success() {
            return Err(self.refusal(call.what.clone(), response).await);
        }
        let body = self.body(response, MAX_ANSWER, "the token service's answer").await?;
        Grant::parse(&body).map_err(|source| Error::InvalidAnswer {
            url: RedactedUrl::from(&url),
            expected: "a token",
            source: Arc::new(source),
        })
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

    async fn unauthorized(&self, response: Response) -> Error {
        Error::Unauthorized {
            url: RedactedUrl::from(response.url()),
            who: self.credentials.who(),
            advice: match self.credentials {
                RegistryCredentials::Anonymous => NEEDS_CREDENTIALS,
                RegistryCredentials::Basic { .. } => CHECK_PASSWORD,
                RegistryCredentials::Bearer(_) => CHECK_TOKEN,
            },
            detail: self.read_refusal(response).await.text,
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

fn header_value(scheme: &'static str, secret: &SecretString) -> Result<HeaderValue> {
    let text = format!("{scheme}{}", secret.expose_secret());
    let value = HeaderValue::from_str(&text).ok();
    value.ok_or(Error::UnusableCredentials)
}
