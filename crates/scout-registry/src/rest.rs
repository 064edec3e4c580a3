//! A product's own REST API below one base address: what the adapters of Harbor and Nexus share.

use std::fmt;

use jiff::Timestamp;
use scout_http::RedactedUrl;
use url::Url;

use crate::client::{Client, Setup};
use crate::error::Error;

/// A product's own REST API below one base address, asked with user and password.
pub(crate) struct Rest {
    client: Client,
    /// Ends with `/`.
    base: Url,
}

impl Rest {
    pub(crate) fn new(setup: &Setup, base: Url) -> Self {
        Self {
            client: Client::direct(setup, base.clone()),
            base,
        }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Returns an address below the base. The path is percent-encoded already.
    pub(crate) fn url(&self, path: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path()));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// Makes an error of "this is not that API" of what other servers answer to a question that
    /// the product always answers; other errors stay what they are.
    pub(crate) fn wrong_api(&self, error: Error, expected: &'static str) -> Error {
        let detail = match error {
            Error::NotFound { .. } | Error::UnknownRepository { .. } => {
                Some("status 404".to_owned())
            }
            Error::UnexpectedStatus { status, .. } => Some(format!("status {status}")),
            Error::RefusedRedirect { to, .. } => Some(format!("it redirects to {to}")),
            Error::InvalidAnswer { .. } | Error::TooLarge { .. } => None,
            other => return other,
        };
        Error::WrongApi {
            url: RedactedUrl::from(&self.base),
            expected,
            detail,
        }
    }
}

impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rest").field(&self.base.as_str()).finish()
    }
}

/// Reads a time in RFC 3339. Programs in Go write the year 1 where they know none.
pub(crate) fn time(text: &str) -> Option<Timestamp> {
    let time: Timestamp = text.parse().ok()?;
    (time > Timestamp::UNIX_EPOCH).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_there_were_registries_are_none() {
        for (text, expected) in [
            ("2026-03-31T07:21:38.547+00:00", Some(1_774_941_698)),
            ("2016-11-10T23:57:49.664+0000", Some(1_478_822_269)),
            ("2023-03-06T06:08:43Z", Some(1_678_082_923)),
            ("0001-01-01T00:00:00.000Z", None),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(time(text).map(Timestamp::as_second), expected, "{text}");
        }
    }
}
