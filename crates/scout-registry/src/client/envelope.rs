//! Reads what a server says about its refusal, bounded and fit to show.

use scout_http::{Response, header};
use serde::Deserialize;

/// Longest error body read, in bytes. A proxy's error page fits; what is longer says nothing.
const MAX_BODY: u64 = 64 * 1024;
/// Longest text shown, in characters.
const MAX_SHOWN: usize = 300;

/// What a server says about its refusal.
#[derive(Debug, Default)]
pub(crate) struct Refusal {
    /// The code of the first error, by the distribution specification.
    pub(crate) code: Option<String>,
    /// Code and message, or whatever text came, for people.
    pub(crate) text: Option<String>,
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    errors: Option<Vec<Item>>,
    // What token services and gateways write instead.
    #[serde(default)]
    details: Option<String>,
    #[serde(default)]
    error_description: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    error: Option<String>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    message: Option<String>,
}

impl Refusal {
    /// Reads the body of a refusal. A body that cannot be read says nothing: the status counts.
    /// Texts equal to one of `secrets` inside are struck out.
    pub(crate) async fn read(response: Response, secrets: &[&str]) -> Self {
        let media_type = response.header(header::CONTENT_TYPE).unwrap_or_default();
        let is_page = media_type.contains("html");
        let Ok(body) = response.bytes(MAX_BODY).await else {
            return Self::default();
        };
        if is_page {
            return Self::default();
        }
        Self::parse(&body, secrets)
    }

    fn parse(body: &[u8], secrets: &[&str]) -> Self {
        let envelope: Envelope = match serde_json::from_slice(body) {
            Ok(envelope) => envelope,
            // `true` is all that some registries say.
            Err(_) if serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok() => {
                return Self::default();
            }
            Err(_) => {
                return Self {
                    code: None,
                    text: presentable(&String::from_utf8_lossy(body), secrets),
                };
            }
        };
        let first = envelope.errors.into_iter().flatten().next();
        let (code, message) = match first {
            Some(item) => (item.code, item.message),
            None => {
                let texts = [
                    envelope.details,
                    envelope.error_description,
                    envelope.message,
                    envelope.error,
                ];
                (None, texts.into_iter().flatten().next())
            }
        };
        let text = match (&code, message) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            (Some(code), None) => code.clone(),
            (None, message) => message.unwrap_or_default(),
        };
        Self {
            text: presentable(&text, secrets),
            code,
        }
    }
}

/// One line without control characters and secrets, cut at a bound.
fn presentable(text: &str, secrets: &[&str]) -> Option<String> {
    let mut text = text.to_owned();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        text = text.replace(secret, "…");
    }
    let shown: String = text
        .split(|c: char| c.is_control() || c.is_whitespace())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .take(MAX_SHOWN)
        .collect();
    (!shown.is_empty()).then_some(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_the_server_said_and_no_more() {
        for (body, code, text) in [
            (
                r#"{"errors":[{"code":"NAME_UNKNOWN","message":"repository name not known","detail":{"name":"x"}}]}"#,
                Some("NAME_UNKNOWN"),
                "NAME_UNKNOWN: repository name not known",
            ),
            (r#"{"errors":[{"status":400,"message":"no"}]}"#, None, "no"),
            (
                r#"{"errors":[{"code":"DENIED"}]}"#,
                Some("DENIED"),
                "DENIED",
            ),
            (r#"{"errors":[]}"#, None, ""),
            (r#"{"errors":null,"message":"later"}"#, None, "later"),
            (
                r#"{"details":"incorrect username or password"}"#,
                None,
                "incorrect username or password",
            ),
            ("true", None, ""),
            ("", None, ""),
            (
                "You have reached\r\n\u{1b}[31m your limit",
                None,
                "You have reached [31m your limit",
            ),
            (
                "the password hunter2 is wrong",
                None,
                "the password … is wrong",
            ),
        ] {
            let refusal = Refusal::parse(body.as_bytes(), &["hunter2", ""]);
            assert_eq!(refusal.code.as_deref(), code, "{body}");
            assert_eq!(refusal.text.unwrap_or_default(), text, "{body}");
        }
        let long = "x".repeat(10_000);
        assert_eq!(
            Refusal::parse(long.as_bytes(), &[]).text.unwrap().len(),
            MAX_SHOWN
        );
    }
}
