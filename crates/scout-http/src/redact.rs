//! Addresses as they may be shown: without user, password, query and fragment.

use std::fmt;

use url::Url;

/// An address that is safe to show.
///
/// A signed blob address carries its credential in the query, a careless one in the user part;
/// both are left out when the value is made, so they cannot leak later.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct RedactedUrl(String);

impl RedactedUrl {
    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&Url> for RedactedUrl {
    fn from(url: &Url) -> Self {
        let mut text = format!("{}://", url.scheme());
        text.push_str(url.host_str().unwrap_or_default());
        if let Some(port) = url.port() {
            text.push_str(&format!(":{port}"));
        }
        text.push_str(url.path());
        if url.query().is_some() {
            text.push_str("?…");
        }
        Self(text)
    }
}

impl fmt::Display for RedactedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_an_address_are_left_out() {
        for (url, expected) in [
            ("https://h/", "https://h/"),
            ("http://127.0.0.1:5000/v2/", "http://127.0.0.1:5000/v2/"),
            ("https://u:p@h:444/a/b?sig=s&x=y#z", "https://h:444/a/b?…"),
            ("https://u@[::1]:5000/a", "https://[::1]:5000/a"),
        ] {
            let redacted = RedactedUrl::from(&url.parse().unwrap());
            assert_eq!(redacted.as_str(), expected);
        }
    }
}
