//! The body of every answer that reports a failure.

use serde::{Deserialize, Serialize};

/// What went wrong: `{"errors":[{"code":"…","message":"…"}]}`, with one entry or more.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ErrorBody {
    /// What went wrong, the most important first.
    pub errors: Vec<ErrorItem>,
}

/// One thing that went wrong.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ErrorItem {
    /// What kind of failure it is, for programs.
    pub code: ErrorCode,
    /// What happened and what to do, for people. Its wording may change.
    pub message: String,
}

/// The kind of a failure.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorCode {
    /// No token was sent, or nothing that looks like one (status 401).
    Unauthorized,
    /// The token is mistyped, unknown, revoked or expired (status 401).
    InvalidToken,
    /// The token is good but not for this (status 403).
    Forbidden,
    /// There is no such thing (status 404).
    NotFound,
    /// The path exists, but not with this method (status 405).
    MethodNotAllowed,
    /// Nothing that can be sent is accepted by the caller (status 406).
    NotAcceptable,
    /// Too many requests were refused; a good token is let in (status 429).
    TooManyRequests,
    /// The server cannot answer now; the same request may succeed later (status 503).
    Unavailable,
    /// A code that this version does not know.
    #[serde(other)]
    Unknown,
}

impl ErrorBody {
    /// Returns the body that reports one failure.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            errors: vec![ErrorItem { code, message }],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_is_as_documented() {
        let body = ErrorBody::new(ErrorCode::MethodNotAllowed, "use GET");
        let json = r#"{"errors":[{"code":"method_not_allowed","message":"use GET"}]}"#;
        assert_eq!(serde_json::to_string(&body).unwrap(), json);
        assert_eq!(serde_json::from_str::<ErrorBody>(json).unwrap(), body);
    }

    #[test]
    fn a_code_of_a_newer_server_is_read() {
        let json = r#"{"errors":[{"code":"quota","message":"m","more":1}],"x":2}"#;
        let body: ErrorBody = serde_json::from_str(json).unwrap();
        assert_eq!(body, ErrorBody::new(ErrorCode::Unknown, "m"));
    }
}
