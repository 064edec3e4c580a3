//! What a request carries to be let in: nothing, a password, or a token that is asked for first.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use scout_http::{HeaderValue, RedactedUrl, Request, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::client::challenge::Challenge;
use crate::client::grant::{EXCHANGED, TokenGrant};
use crate::client::token::{Grant, MAX_ANSWER, Token};
use crate::client::{Call, Client};
use crate::credentials::RegistryCredentials;
use crate::error::{Error, Result};
use crate::stats::RequestKind;

pub(crate) const NEEDS_CREDENTIALS: &str = "credentials are needed";
const CHECK_TOKEN: &str = "check the token, it may have expired";

/// How the registry wants to be asked, once that is known.
#[derive(Clone, Debug)]
pub(crate) enum Mode {
    /// Without credentials.
    Open,
    /// With user and password.
    Basic,
    /// With a token of this service.
    Bearer(Arc<TokenService>),
}

#[derive(Debug)]
pub(crate) struct TokenService {
    realm: Url,
    service: Option<String>,
}

impl TokenService {
    pub(crate) fn realm(&self) -> &Url {
        &self.realm
    }

    pub(crate) fn service(&self) -> Option<&str> {
        self.service.as_deref()
    }
}

/// The credentials of one request.
pub(crate) struct Authorization {
    pub(crate) value: HeaderValue,
    /// The serial of the token in it, if it is one that was granted to us.
    pub(crate) token: Option<u64>,
    /// Whether nobody has used it before.
    pub(crate) is_new_token: bool,
}

impl Client {
    /// Returns how the registry wants to be asked; finds it out with one request if need be.
    pub(crate) async fn mode(&self) -> Result<Mode> {
        if matches!(self.credentials, RegistryCredentials::Bearer(_)) {
            return Ok(Mode::Open);
        }
        let mut known = self.mode.lock().await;
        if let Some(mode) = &*known {
            return Ok(mode.clone());
        }
        let url = self.ping.clone();
        let what = format!("a registry at {}", self.registry);
        self.counters.count(RequestKind::Ping);
        let response = self.http.send(Request::get(url).nested()).await?;
        let mode = match response.status() {
            StatusCode::UNAUTHORIZED => {
                let challenges = Challenge::parse_all(response.headers());
                match self.choose(&challenges).await? {
                    Some((mode, _)) => mode,
                    None => return Err(self.unauthorized(response).await),
                }
            }
            // What servers with TLS answer to a request without.
            StatusCode::BAD_REQUEST if self.base().scheme() == "http" => {
                return Err(Error::NotPlainHttp {
                    url: RedactedUrl::from(response.url()),
                });
            }
            status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
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
    pub(crate) async fn choose(
        &self,
        challenges: &[Challenge],
    ) -> Result<Option<(Mode, Option<String>)>> {
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

    pub(crate) async fn authorize(
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
        let mut scopes = vec![call.scope.as_str()];
        scopes.extend(demanded_scope.filter(|scope| *scope != call.scope));
        scopes.retain(|scope| !scope.is_empty());
        let request = match &self.grant {
            TokenGrant::Password => self.password_request(service, &scopes)?,
            TokenGrant::RefreshToken => self.refresh_request(service, &scopes, self.password()),
            TokenGrant::Exchange { tenant } => {
                let exchange = || self.exchange(service, tenant);
                let refresh = self.tokens.get(EXCHANGED, None, exchange).await?;
                self.refresh_request(service, &scopes, refresh.value.expose_secret())
            }
        };
        self.ask_for_token(request, &call.what, Grant::parse).await
    }

    fn password_request(&self, service: &TokenService, scopes: &[&str]) -> Result<Request> {
        let mut url = service.realm.clone();
        {
            let mut query = url.query_pairs_mut();
            if let Some(service) = &service.service {
                query.append_pair("service", service);
            }
            for scope in scopes {
                query.append_pair("scope", scope);
            }
        }
        let request = Request::get(url);
        Ok(match self.basic()? {
            Some(value) => request.with_authorization(value),
            None => request,
        })
    }

    /// Sends a request for a token, and reads the answer.
    pub(crate) async fn ask_for_token(
        &self,
        request: Request,
        what: &str,
        parse: fn(&[u8]) -> serde_json::Result<Grant>,
    ) -> Result<Grant> {
        self.counters.count(RequestKind::Token);
        let url = RedactedUrl::from(request.url());
        let response = self.http.send(request.nested()).await?;
        let status = response.status();
        if status == StatusCode::UNAUTHORIZED || self.grant.is_refused_by(status) {
            return Err(self.unauthorized(response).await);
        }
        if !status.is_success() {
            return Err(self.refusal(what.to_owned(), response).await);
        }
        let body = self
            .body(response, MAX_ANSWER, "the token service's answer")
            .await?;
        parse(&body).map_err(|source| Error::InvalidAnswer {
            url,
            expected: "a token",
            source: Arc::new(source),
        })
    }

    /// Says who was refused, and what to do about it.
    pub(crate) async fn unauthorized(&self, response: Response) -> Error {
        Error::Unauthorized {
            url: RedactedUrl::from(response.url()),
            who: self.credentials.who(),
            advice: match self.credentials {
                RegistryCredentials::Anonymous => NEEDS_CREDENTIALS,
                RegistryCredentials::Basic { .. } => self.grant.advice(),
                RegistryCredentials::Bearer(_) => CHECK_TOKEN,
            },
            detail: self.read_refusal(response).await.text,
        }
    }
}

fn header_value(scheme: &'static str, secret: &SecretString) -> Result<HeaderValue> {
    let text = format!("{scheme}{}", secret.expose_secret());
    let value = HeaderValue::from_str(&text).ok();
    value.ok_or(Error::UnusableCredentials)
}
