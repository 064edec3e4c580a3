//! Other ways to get a token than with a password: OAuth2 as Azure Container Registry speaks it.
//!
//! Source: Azure/acr `docs/AAD-OAuth.md`; data-plane API description 2021-07-01.

use scout_http::{HeaderValue, Method, Request, StatusCode, header};
use secrecy::ExposeSecret;
use url::form_urlencoded::Serializer;

use crate::client::Client;
use crate::client::auth::TokenService;
use crate::client::token::Grant;
use crate::credentials::RegistryCredentials;
use crate::error::Result;

/// The place in the token cache of the refresh token that was exchanged for an Entra token. No
/// scope has a line break.
pub(crate) const EXCHANGED: &str = "\nexchanged";

/// How tokens are asked for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) enum TokenGrant {
    /// By `GET`, with user and password if there are any: the Docker way.
    #[default]
    Password,
    /// The password is a refresh token, which is posted.
    RefreshToken,
    /// The password is an access token of Microsoft Entra, which the registry itself exchanges
    /// for a refresh token first.
    Exchange {
        /// The directory that issued it.
        tenant: String,
    },
}

impl TokenGrant {
    /// Returns whether this answer says that the credentials are wrong. Beside 401, OAuth2 has
    /// 400 for grants that are wrong or have expired (RFC 6749, 5.2).
    pub(crate) fn is_refused_by(&self, status: StatusCode) -> bool {
        *self != Self::Password && status == StatusCode::BAD_REQUEST
    }

    /// Says what to do when the credentials are refused.
    pub(crate) fn advice(&self) -> &'static str {
        match self {
            Self::Password => "check the user and the password",
            Self::RefreshToken => "get a new refresh token, this one is wrong or has expired",
            Self::Exchange { .. } => {
                "check the tenant, and get a new Entra access token if it has expired"
            }
        }
    }
}

impl Client {
    pub(crate) fn password(&self) -> &str {
        match &self.credentials {
            RegistryCredentials::Basic { password, .. } => password.expose_secret(),
            _ => "",
        }
    }

    /// Returns the request for an access token. A scope may be given more than once.
    pub(crate) fn refresh_request(
        &self,
        service: &TokenService,
        scopes: &[&str],
        refresh_token: &str,
    ) -> Request {
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "refresh_token")
            .append_pair("service", service.service().unwrap_or(&self.registry));
        for scope in scopes {
            form.append_pair("scope", scope);
        }
        form.append_pair("refresh_token", refresh_token);
        post(service.realm().clone(), form.finish())
    }

    /// Gets a refresh token for the Entra access token. That opens more than this registry, so
    /// it goes to the registry's own address, whatever its challenge names.
    pub(crate) async fn exchange(&self, service: &TokenService, tenant: &str) -> Result<Grant> {
        let mut url = self.base().clone();
        url.set_path("/oauth2/exchange");
        let form = Serializer::new(String::new())
            .append_pair("grant_type", "access_token")
            .append_pair("service", service.service().unwrap_or(&self.registry))
            .append_pair("tenant", tenant)
            .append_pair("access_token", self.password())
            .finish();
        let what = format!("a registry at {}", self.registry);
        self.ask_for_token(post(url, form), &what, Grant::parse_refresh)
            .await
    }
}

fn post(url: url::Url, form: String) -> Request {
    Request::new(Method::POST, url)
        .with_header(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        )
        .with_body(form)
}
