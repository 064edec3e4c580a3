//! Questions about addresses: who may be asked, and who may see credentials.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// Returns whether two addresses have the same scheme, host and port.
#[must_use]
pub fn same_origin(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme()
        && a.host() == b.host()
        && a.port_or_known_default() == b.port_or_known_default()
}

/// Returns whether two addresses belong to one owner: the same host, or names below the same
/// registrable domain of the public suffix list (`a.example.co.uk` and `b.example.co.uk`).
///
/// Numeric hosts belong together only when they are equal.
#[must_use]
pub fn same_registrable_domain(a: &Url, b: &Url) -> bool {
    match (a.host(), b.host()) {
        (Some(Host::Domain(a)), Some(Host::Domain(b))) => {
            let (a, b) = (normal(a), normal(b));
            a == b || registrable(&a).is_some_and(|domain| registrable(&b) == Some(domain))
        }
        (a, b) => a.is_some() && a == b,
    }
}

/// The suffix list looks at the last labels only, so `com` alone has no registrable domain.
fn registrable(name: &str) -> Option<&str> {
    psl::domain_str(name)
}

fn normal(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// Returns whether the host is this machine by its very name: `127.0.0.0/8`, `::1`, `localhost`
/// or a name below it.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => {
            address.is_loopback() || address.to_ipv4_mapped().is_some_and(|v4| v4.is_loopback())
        }
        Some(Host::Domain(name)) => {
            let name = normal(name);
            name == "localhost" || name.ends_with(".localhost")
        }
        None => false,
    }
}

/// Returns whether an address may be asked by its scheme: `https` always, `http` on loopback or
/// when it was allowed, anything else never.
#[must_use]
pub fn is_scheme_allowed(url: &Url, allow_plain_http: bool) -> bool {
    match url.scheme() {
        "https" => true,
        "http" => allow_plain_http || is_loopback(url),
        _ => false,
    }
}

/// Returns whether an address is not on the public internet: loopback, private, link-local
/// (cloud metadata services), shared, reserved, multicast, and IPv6 forms that wrap one of these.
#[must_use]
pub fn is_private_address(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_private_v4(address),
        IpAddr::V6(address) => is_private_v6(address),
    }
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (b == 18 || b == 19))
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let embedded = match segments {
        // ::ffff:a.b.c.d, ::a.b.c.d and 64:ff9b::a.b.c.d
        [0, 0, 0, 0, 0, 0xffff | 0, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            Some((high, low))
        }
        // 2002:ab:cd::/48
        [0x2002, high, low, ..] => Some((high, low)),
        _ => None,
    };
    if let Some((high, low)) = embedded {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        return is_private_v4(Ipv4Addr::new(a, b, c, d));
    }
    let [first, ..] = segments;
    address.is_multicast()
        || (first & 0xfe00) == 0xfc00
        || (first & 0xffc0) == 0xfe80
        || (first & 0xffc0) == 0xfec0
}

/// Returns whether an address leads to a private network, as far as this machine's name service
/// knows. A name it does not know is not private here: a proxy may resolve it.
pub async fn leads_to_private(url: &Url) -> bool {
    if is_loopback(url) {
        return true;
    }
    match url.host() {
        Some(Host::Ipv4(address)) => is_private_v4(address),
        Some(Host::Ipv6(address)) => is_private_v6(address),
        Some(Host::Domain(name)) => {
            let port = url.port_or_known_default().unwrap_or(443);
            match tokio::net::lookup_host((name, port)).await {
                Ok(mut found) => found.any(|address| is_private_address(address.ip())),
                Err(_) => false,
            }
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn origins_need_scheme_host_and_port() {
        for (a, b, expected) in [
            ("https://h/a", "https://h:443/b?c", true),
            ("https://H/", "https://h/", true),
            ("https://h/", "http://h/", false),
            ("https://h/", "https://h:444/", false),
            ("https://h/", "https://h.evil/", false),
        ] {
            assert_eq!(same_origin(&url(a), &url(b)), expected, "{a} {b}");
        }
    }

    #[test]
    fn owners_are_told_by_the_public_suffix_list() {
        for (a, b, expected) in [
            ("registry.example.com", "auth.example.com", true),
            ("example.com", "auth.example.com.", true),
            ("registry.foo.co.uk", "auth.bar.co.uk", false),
            ("foo.github.io", "bar.github.io", false),
            ("r.corp.lan", "minio.corp.lan", true),
            ("localhost", "localhost", true),
            ("com", "example.com", false),
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1", "10.0.0.2", false),
            ("[::1]", "[::1]", true),
        ] {
            let (left, right) = (url(&format!("https://{a}")), url(&format!("https://{b}/x")));
            assert_eq!(same_registrable_domain(&left, &right), expected, "{a} {b}");
        }
    }

    #[test]
    fn plain_http_is_for_loopback() {
        for (address, strict, lax) in [
            ("http://127.0.0.1:5000", true, true),
            ("http://127.9.9.9", true, true),
            ("http://[::1]:5000", true, true),
            ("http://localhost:5000", true, true),
            ("http://a.localhost", true, true),
            ("http://localhost.example.com", false, true),
            ("http://10.0.0.1", false, true),
            ("http://registry.example.com", false, true),
            ("https://registry.example.com", true, true),
            ("ftp://localhost", false, false),
        ] {
            let address = url(address);
            assert_eq!(is_scheme_allowed(&address, false), strict, "{address}");
            assert_eq!(is_scheme_allowed(&address, true), lax, "{address}");
        }
    }

    #[test]
    fn private_addresses_in_all_their_clothes() {
        for address in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fc00::1",
            "fe80::1",
            "ff02::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2002:a00:1::1",
        ] {
            assert!(is_private_address(address.parse().unwrap()), "{address}");
        }
        for address in [
            "8.8.8.8",
            "172.32.0.1",
            "100.128.0.1",
            "2606:4700::1",
            "::ffff:8.8.8.8",
        ] {
            assert!(!is_private_address(address.parse().unwrap()), "{address}");
        }
    }
}
