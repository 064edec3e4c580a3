//! What is answered when something is not served.

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
}

impl Failure {
    fn status(self) -> StatusCode {
        match self {
            Self::NoToken | Self::InvalidToken => StatusCode::UNAUTHORIZED,
            Self::OtherOrganization | Self::NotOwner => StatusCode::FORBIDDEN,
            Self::UnknownOrganization | Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
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
        };
        ErrorBody::new(code, message)
    }

    /// The header that says more, if there is one.
    fn extra_header(self) -> Option<(HeaderName, &'static str)> {
        match self {
            Self::NoToken => Some((WWW_AUTHENTICATE, r#"Bearer realm="scout""#)),
            Self::InvalidToken => Some((
                WWW_AUTHENTICATE,
                r#"Bearer realm="scout", error="invalid_token""#,
            )),
            Self::NotOwner => Some((
                WWW_AUTHENTICATE,
                r#"Bearer realm="scout", error="insufficient_scope""#,
            )),
            Self::Unavailable => Some((RETRY_AFTER, RETRY_SECONDS)),
            // Another header gives another answer, though none is kept.
            Self::NotAcceptable => Some((VARY, VARIES)),
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
            let value = HeaderValue::from_static(value);
            response.headers_mut().insert(name, value);
        }
        response
    }
}
