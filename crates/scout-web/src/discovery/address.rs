//! An address at which others reach this server.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

/// Longest name of a host, in bytes (RFC 1035, 2.3.4).
const MAX_NAME_BYTES: usize = 253;

/// A host and perhaps a port, with `http` or `https` or without: what stands before the path of an
/// address. Holds nothing but letters, digits, `.`, `-`, `_`, and `:` with `[` and `]`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PublicAddress {
    scheme: Option<&'static str>,
    authority: String,
}

impl PublicAddress {
    /// Reads what stands in a `Host` header.
    pub(super) fn of_host(text: &str) -> Option<Self> {
        is_authority(text).then(|| Self {
            scheme: None,
            authority: text.to_owned(),
        })
    }

    /// Returns host and port.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    pub(super) fn scheme_or(&self, other: &'static str) -> &'static str {
        self.scheme.unwrap_or(other)
    }
}

impl FromStr for PublicAddress {
    type Err = InvalidPublicAddress;

    /// Reads `https://scout.example.com`, `http://10.0.0.1:9318` or `scout:9318`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (scheme, rest) = match text.split_once("://") {
            Some(("http", rest)) => (Some("http"), rest),
            Some(("https", rest)) => (Some("https"), rest),
            Some(_) => return Err(InvalidPublicAddress),
            None => (None, text),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if !is_authority(authority) {
            return Err(InvalidPublicAddress);
        }
        Ok(Self {
            scheme,
            authority: authority.to_owned(),
        })
    }
}

impl fmt::Display for PublicAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(scheme) = self.scheme {
            write!(f, "{scheme}://")?;
        }
        f.write_str(&self.authority)
    }
}

/// A text that is no address of a server.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("write HOST, HOST:PORT, http://HOST[:PORT] or https://HOST[:PORT], without a path")]
pub struct InvalidPublicAddress;

/// Whether a text is a host (a name, an IPv4 address, or an IPv6 address in brackets) and perhaps a
/// port. Names with characters that an URL would have to escape are refused.
fn is_authority(text: &str) -> bool {
    if let Some(rest) = text.strip_prefix('[') {
        let Some((address, port)) = rest.split_once(']') else {
            return false;
        };
        let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return address.parse::<Ipv6Addr>().is_ok() && is_port;
    }
    match text.split_once(':') {
        Some((host, port)) => is_host(host) && is_port(port),
        None => is_host(text),
    }
}

fn is_host(host: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let is_edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    let last = host.strip_suffix('.').unwrap_or(host);
    host.len() <= MAX_NAME_BYTES
        && host.bytes().all(is_plain)
        && is_edge(last.bytes().next())
        && is_edge(last.bytes().next_back())
        && !host.contains("..")
}

fn is_port(port: &str) -> bool {
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
    is_number && port.parse::<u16>().is_ok_and(|port| port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_and_addresses_with_a_port_or_without() {
        for good in [
            "scout",
            "scout:9318",
            "scout.example.com",
            "scout_exporter:80",
            "10.0.0.1:65535",
            "[::1]:9318",
            "[2001:db8::1]",
            "localhost.",
        ] {
            assert!(PublicAddress::of_host(good).is_some(), "{good}");
        }
        let long = "a".repeat(MAX_NAME_BYTES + 1);
        for bad in [
            "",
            ":80",
            "scout:",
            "scout:0",
            "scout:65536",
            "scout:+80",
            "scout:8 0",
            "a b",
            "user@scout",
            "scout/path",
            "scout\"",
            "scout\\",
            "${HOST}",
            "{{host}}",
            "a,b",
            "a..b",
            "-a",
            ".",
            "ö",
            "::1",
            "[::1",
            "[::1]9318",
            "[::1]:",
            "[scout]:80",
            "[fe80::1%25eth0]",
            "http://scout",
            &long,
        ] {
            assert!(PublicAddress::of_host(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn an_address_that_is_configured_may_name_its_scheme() {
        let read = |text: &str| text.parse::<PublicAddress>();
        for (text, scheme, authority) in [
            ("https://scout.example.com", "https", "scout.example.com"),
            ("http://scout:9318/", "http", "scout:9318"),
            ("scout:9318", "other", "scout:9318"),
        ] {
            let address = read(text).unwrap();
            assert_eq!(address.scheme_or("other"), scheme, "{text}");
            assert_eq!(address.authority(), authority, "{text}");
            assert_eq!(read(&address.to_string()).unwrap(), address);
        }
        for bad in [
            "ftp://scout",
            "https://",
            "https://scout/metrics",
            "https://a:b@scout",
            "//a",
        ] {
            assert_eq!(read(bad), Err(InvalidPublicAddress), "{bad}");
        }
    }
}
