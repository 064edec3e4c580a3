//! What an answer means. Slack's are documented at
//! <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks> and
//! <https://api.slack.com/changelog/2016-05-17-changes-to-errors-for-incoming-webhooks>.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::spec::ChannelKind;

/// Longest word of an answer that is shown, in bytes; Slack's have about 30.
const MAX_WORD: usize = 64;

/// An answer that was read.
#[derive(Debug)]
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: &'a [u8],
}

impl Answer<'_> {
    /// Returns whether the message was taken, and if not, why.
    pub(crate) fn check(&self, kind: ChannelKind, host: &str) -> Result<()> {
        let host = host.to_owned();
        let reason = self.word();
        let status = self.status;
        Err(match status {
            200..=299 if self.is_taken(kind) => return Ok(()),
            429 => Error::RateLimited {
                host,
                retry_after: self.retry_after,
            },
            400 => Error::InvalidPayload { host, reason },
            403 => Error::Forbidden { host, reason },
            404 => Error::NotFound { host, reason },
            410 => Error::Archived { host, reason },
            408 | 500..=599 => Error::Unavailable {
                host,
                status,
                reason,
                retry_after: self.retry_after,
            },
            _ => Error::Unexpected {
                host,
                status,
                reason,
            },
        })
    }

    /// Slack says `ok`, and so does Mattermost
    /// (<https://developers.mattermost.com/integrate/webhooks/incoming>); Rocket.Chat says
    /// `{"success":true}`. Of a program, any status of success will do.
    fn is_taken(&self, kind: ChannelKind) -> bool {
        match kind {
            ChannelKind::Webhook => true,
            ChannelKind::Slack => self.status == 200 && (self.text() == "ok" || self.is_success()),
        }
    }

    fn is_success(&self) -> bool {
        let body: Option<serde_json::Value> = serde_json::from_slice(self.body).ok();
        let success = body.as_ref().and_then(|body| body.get("success"));
        success.and_then(serde_json::Value::as_bool) == Some(true)
    }

    fn text(&self) -> &str {
        std::str::from_utf8(self.body).unwrap_or_default().trim()
    }

    /// Returns the body if it is one of Slack's words. Anything longer is not shown: a proxy's
    /// page may repeat the address, which is a secret.
    fn word(&self) -> Option<String> {
        let text = self.text();
        let is_word = !text.is_empty()
            && text.len() <= MAX_WORD
            && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        is_word.then(|| text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: ChannelKind, status: u16, body: &str) -> Result<()> {
        let answer = Answer {
            status,
            retry_after: Some(Duration::from_secs(7)),
            body: body.as_bytes(),
        };
        answer.check(kind, "hooks.slack.com")
    }

    #[test]
    fn what_is_taken() {
        use ChannelKind::{Slack, Webhook};
        for (kind, status, body, expected) in [
            (Slack, 200, "ok", true),
            (Slack, 200, "ok\n", true),
            (Slack, 200, "{\"success\":true}", true),
            (Slack, 200, "{\"success\":false}", false),
            (Slack, 200, "", false),
            (Slack, 200, "<html>Sign in</html>", false),
            (Slack, 202, "ok", false),
            (Webhook, 200, "anything", true),
            (Webhook, 204, "", true),
            (Webhook, 302, "", false),
        ] {
            assert_eq!(
                check(kind, status, body).is_ok(),
                expected,
                "{status} {body}"
            );
        }
    }

    #[test]
    fn documented_errors_say_what_to_do() {
        for (status, body, permanent, words) in [
            (400, "invalid_payload", true, &["invalid_payload"][..]),
            (403, "action_prohibited", true, &["administrator"]),
            (
                404,
                "channel_not_found",
                true,
                &["make a new webhook", "channel_not_found"],
            ),
            (404, "no_service", true, &["no_service"]),
            (410, "channel_is_archived", true, &["unarchive"]),
            (500, "rollup_error", false, &["500 rollup_error"]),
            (503, "<html>/services/T/B/secret</html>", false, &["503"]),
            (429, "", false, &["429"]),
            (302, "", true, &["302", "check the address"]),
        ] {
            let error = check(ChannelKind::Slack, status, body).unwrap_err();
            let text = error.to_string();
            assert_eq!(error.is_permanent(), permanent, "{text}");
            assert!(!text.contains("secret"), "{text}");
            for word in words {
                assert!(text.contains(word), "{text}");
            }
        }
        for (status, expected) in [(429, Some(7)), (503, Some(7)), (404, None)] {
            let error = check(ChannelKind::Slack, status, "").unwrap_err();
            assert_eq!(error.retry_after(), expected.map(Duration::from_secs));
        }
    }
}
