//! What is answered when something is not served.

use std::time::Duration;

use axum::http::header::{
    CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, VARY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use scout_api::{ErrorBody, ErrorCode};

/// How long a scraper should wait when we cannot answer, in seconds: the next poll is by then done.
const RETRY_SECONDS: &str = "2";

/// What decides which representation is sent.
pub(crate) const VARIES: &str = "Accept, Accept-Encoding";

/// Why a request is not served.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Failure {
    /// No bearer token was sent.
    NoToken,
    /// The token is mistyped, unknown or revoked.
    InvalidToken,
    /// The token was good until its end. Told only to who shows all of it.
    ExpiredToken,
    /// The token is good, but another organization's.
    OtherOrganization,
    /// The token is the organization's, but not an owner's.
    NotOwner,
    /// There is no such organization.
    UnknownOrganization,
    /// There is no such path.
    NotFound,
    /// The path is served, but not with this method. The router names the right ones.
    MethodNotAllowed,
    /// The caller refuses every coding that can be sent.
    NotAcceptable,
    /// The source does not answer, or has not answered since the start.
    Unavailable,
    /// The address was refused too often, and is not looked up now.
    TooManyFailures {
        /// When to come again.
        retry_seconds: u64,
    },
}

/// Why somebody is not let in: what is counted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refusal {
    NoToken,
    InvalidToken,
    ExpiredToken,
    OtherOrganization,
    NotOwner,
    UnknownOrganization,
    TooManyFailures,
}

impl Refusal {
    pub(crate) const ALL: [Self; 7] = [
        Self::NoToken,
        Self::InvalidToken,
        Self::ExpiredToken,
        Self::OtherOrganization,
        Self::NotOwner,
        Self::UnknownOrganization,
        Self::TooManyFailures,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::NoToken => "no_token",
            Self::InvalidToken => "invalid_token",
            Self::ExpiredToken => "expired_token",
            Self::OtherOrganization => "other_organization",
            Self::NotOwner => "not_owner",
            Self::UnknownOrganization => "unknown_organization",
            Self::TooManyFailures => "too_many_failures",
        }
    }
}

impl Failure {
    /// Returns the answer for who was refused too often, and has to wait this long.
    pub(crate) fn too_many(wait: Duration) -> Self {
        // Rounded up: who comes earlier is refused again.
        let retry_seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        Self::TooManyFailures { retry_seconds }
    }

    /// Returns why somebody is not let in, if that is what it is.
    pub(crate) fn refusal(self) -> Option<Refusal> {
        match self {
            Self::NoToken => Some(Refusal::NoToken),
            Self::InvalidToken => Some(Refusal::InvalidToken),
            Self::ExpiredToken => Some(Refusal::ExpiredToken),
            Self::OtherOrganization => Some(Refusal::OtherOrganization),
            Self::NotOwner => Some(Refusal::NotOwner),
            Self::UnknownOrganization => Some(Refusal::UnknownOrganization),
            Self::TooManyFailures { .. } => Some(Refusal::TooManyFailures),
            Self::NotFound | Self::MethodNotAllowed | Self::NotAcceptable | Self::Unavailable => {
                None
            }
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::NoToken | Self::InvalidToken | Self::ExpiredToken => StatusCode::UNAUTHORIZED,
            Self::OtherOrganization | Self::NotOwner => StatusCode::FORBIDDEN,
            Self::UnknownOrganization | Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooManyFailures { .. } => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    fn body(self) -> ErrorBody {
        let (code, message) = match self {
            Self::NoToken => (
                ErrorCode::Unauthorized,
                "send the token of an owner: Authorization: Bearer scout_pat_...",
            ),
            Self::InvalidToken => (
                ErrorCode::InvalidToken,
                "the token is mistyped, unknown or revoked",
            ),
            Self::ExpiredToken => (
                ErrorCode::InvalidToken,
                "the token has expired: make a new one with `scout token create`",
            ),
            Self::OtherOrganization => (
                ErrorCode::Forbidden,
                "the token belongs to another organization",
            ),
            Self::NotOwner => (
                ErrorCode::Forbidden,
                "the metrics are for tokens with the role owner",
            ),
            Self::UnknownOrganization => (
                ErrorCode::NotFound,
                "there is no such organization: enroll it first",
            ),
            Self::NotFound => (ErrorCode::NotFound, "there is nothing at this path"),
            Self::MethodNotAllowed => (
                ErrorCode::MethodNotAllowed,
                "this path does not have that method",
            ),
            Self::NotAcceptable => (
                ErrorCode::NotAcceptable,
                "Accept-Encoding refuses all that can be sent: gzip, zstd and identity",
            ),
            Self::Unavailable => (
                ErrorCode::Unavailable,
                "the data cannot be read now, try again",
            ),
            Self::TooManyFailures { .. } => (
                ErrorCode::TooManyRequests,
                "too many requests without a good token came from this address: correct the \
                 token, or stop what sends it",
            ),
        };
        ErrorBody::new(code, message)
    }

    /// The header that says more, if there is one.
    fn extra_header(self) -> Option<(HeaderName, HeaderValue)> {
        let fixed = |name, value| Some((name, HeaderValue::from_static(value)));
        match self {
            Self::NoToken => fixed(WWW_AUTHENTICATE, r#"Bearer realm="scout""#),
            Self::InvalidToken => fixed(
                WWW_AUTHENTICATE,
                r#"Bearer realm="scout", error="invalid_token""#,
            ),
            Self::ExpiredToken => fixed(
                WWW_AUTHENTICATE,
                r#"Bearer realm="scout", error="invalid_token", error_description="the token has expired""#,
            ),
            Self::NotOwner => fixed(
                WWW_AUTHENTICATE,
                r#"Bearer realm="scout", error="insufficient_scope""#,
            ),
            Self::Unavailable => fixed(RETRY_AFTER, RETRY_SECONDS),
            Self::TooManyFailures { retry_seconds } => {
                Some((RETRY_AFTER, HeaderValue::from(retry_seconds)))
            }
            // Another header gives another answer, though none is kept.
            Self::NotAcceptable => fixed(VARY, VARIES),
            Self::OtherOrganization
            | Self::UnknownOrganization
            | Self::NotFound
            | Self::MethodNotAllowed => None,
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let headers = [
            (CONTENT_TYPE, "application/json"),
            // The next token or the next second may change the answer.
            (CACHE_CONTROL, "no-store"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        let body = serde_json::to_string(&self.body()).unwrap_or_default();
        let mut response = (self.status(), headers, body).into_response();
        if let Some((name, value)) = self.extra_header() {
            response.headers_mut().insert(name, value);
        }
        response
    }
}
