//! From what another server sent to families, strictly.

use scout_metrics::{Exposition, Format, NotDocumented, ParseError, documented_families, parse};

use crate::source::BoxError;

/// Longest piece of a `Content-Type` that is told, in characters.
const MAX_SHOWN: usize = 60;

/// Reads an answer. May take seconds: call it where blocking is allowed.
///
/// `secret` is the token the answer was asked for with: who sends it back sends no metrics, and
/// it must neither be kept nor be shown.
pub(super) fn read_answer(
    content_type: Option<&str>,
    body: &[u8],
    secret: &[u8],
) -> Result<Exposition, InvalidAnswer> {
    if !secret.is_empty() && memchr::memmem::find(body, secret).is_some() {
        return Err(InvalidAnswer::Token);
    }
    let format = format_of(content_type)?;
    let text = std::str::from_utf8(body).ok().ok_or(InvalidAnswer::Utf8)?;
    let parsed = parse(text, format).map_err(InvalidAnswer::of)?;
    documented_families(&parsed).map_err(|source| InvalidAnswer::Other { source })
}

/// Without a type it is the format that everything reads. A page for people, as proxies and
/// sign-in services answer with, is told by its type.
fn format_of(content_type: Option<&str>) -> Result<Format, InvalidAnswer> {
    let Some(content_type) = content_type else {
        return Ok(Format::PrometheusText);
    };
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    let is = |name: &str| media_type.eq_ignore_ascii_case(name);
    match () {
        () if is("text/plain") => Ok(Format::PrometheusText),
        () if is("application/openmetrics-text") => Ok(Format::OpenMetrics),
        () => Err(InvalidAnswer::Type {
            found: media_type.chars().take(MAX_SHOWN).collect(),
        }),
    }
}

/// Why an answer is not used. Of the text nothing is told: it may be anything.
#[derive(Debug, thiserror::Error)]
pub(super) enum InvalidAnswer {
    /// Another kind of document.
    #[error("the answer is {found:?}, not metrics: a proxy or a sign-in page may stand between")]
    Type {
        /// What it says it is.
        found: String,
    },
    /// The token is in the answer.
    #[error("the answer repeats the token, as no Scout server does")]
    Token,
    /// No text.
    #[error("the answer is not UTF-8 text")]
    Utf8,
    /// Not in the format.
    #[error("the answer breaks the rules of its format, or is cut off")]
    Malformed,
    /// More than is parsed.
    #[error("the answer is too long to be parsed")]
    TooLong {
        /// What is too much.
        source: BoxError,
    },
    /// Not the metrics of a Scout.
    #[error("the answer is not Docker Scout's metrics")]
    Other {
        /// What is wrong.
        source: NotDocumented,
    },
}

impl InvalidAnswer {
    fn of(error: ParseError) -> Self {
        match error {
            ParseError::TooLong { .. } | ParseError::TooManySamples { .. } => Self::TooLong {
                source: error.into(),
            },
            // Its text repeats parts of the answer.
            _ => Self::Malformed,
        }
    }

    pub(super) fn is_too_long(&self) -> bool {
        matches!(self, Self::TooLong { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "# TYPE scout_stream_vulnerabilities gauge\n\
        scout_stream_vulnerabilities{streamName=\"a\",severity=\"LOW\"} 1\n";

    fn check(content_type: Option<&str>, body: &[u8], expected: &str) {
        let read = read_answer(content_type, body, b"canary");
        let said = match read {
            Ok(families) => format!("{} series", families.series_count()),
            Err(error) => error.to_string(),
        };
        assert!(said.contains(expected), "{content_type:?}: {said}");
        assert!(!said.contains("canary"), "{said}");
    }

    #[test]
    fn both_formats_are_read_and_nothing_else() {
        let openmetrics = format!("{GOOD}# EOF\n");
        let (text, good) = (Some("text/plain"), GOOD.as_bytes());
        check(None, good, "1 series");
        check(text, good, "1 series");
        check(Some("Text/Plain; version=0.0.4"), good, "1 series");
        check(
            Some("application/openmetrics-text; version=1.0.0; charset=utf-8"),
            openmetrics.as_bytes(),
            "1 series",
        );
        check(text, b"", "0 series");
        check(Some("text/html"), good, "\"text/html\"");
        check(Some("application/json"), b"{}", "\"application/json\"");
        check(Some(""), good, "\"\"");
        check(Some(&"x".repeat(999)), good, "x\", not metrics");
        check(text, b"\xff", "not UTF-8");
        check(text, b"<html>", "breaks the rules");
        check(text, &good[..good.len() - 1], "breaks the rules");
        check(text, &good[..good.len() - 9], "breaks the rules");
        check(Some("application/openmetrics-text"), good, "cut off");
        check(text, b"# TYPE up gauge\nup 1\n", "not Docker Scout's");
        check(text, &b"a 1\n".repeat(20_000_000), "too long");
    }

    #[test]
    fn who_repeats_the_token_is_not_believed() {
        let echo = GOOD.replace("\"a\"", "\"canary\"");
        check(None, echo.as_bytes(), "repeats the token");
        check(Some("text/html"), b"Bearer canary", "repeats the token");
    }
}
