//! Where a registry is asked, and how much at once: address, trust, approved hosts, limits.

use std::path::{Path, PathBuf};

use scout_http::{HostLimits, rule};
use url::Url;

use crate::spec::field::Fields;
use crate::spec::{InvalidSpec, without_credentials};

/// The keys of a [`Connection`].
pub(super) const KEYS: &[&str] = &[
    "registry",
    "insecure",
    "ca",
    "allow-host",
    "max-requests",
    "rate",
];
/// The most of `max-requests=`: more connections than a registry keeps for one client.
const MAX_REQUESTS: u32 = 256;
/// The most of `rate=`, in requests per second: beyond it nothing is held back that counts.
const MAX_RATE: u32 = 1000;

/// Where a registry is asked, checked.
#[derive(Clone, Debug)]
pub struct Connection {
    base: Url,
    host: String,
    insecure: bool,
    ca: Option<PathBuf>,
    allowed_hosts: Vec<String>,
    limits: HostLimits,
}

impl Connection {
    pub(super) fn read(kind: &'static str, fields: &Fields) -> Result<Self, InvalidSpec> {
        Self::at("registry", fields.required(kind, "registry")?, fields)
    }

    /// Reads the address that another key than `registry=` gives, by the same rules, with the
    /// other keys of a connection. A path is allowed; it is part of the returned address only,
    /// which ends with `/`.
    pub(crate) fn with_path(
        key: &'static str,
        text: &str,
        fields: &Fields,
    ) -> Result<(Self, Url), InvalidSpec> {
        let scheme_len = text.find("://").map_or(0, |index| index + "://".len());
        let (scheme, rest) = text.split_at(scheme_len);
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let connection = Self::at(key, &format!("{scheme}{host}"), fields)?;
        let url = connection.api_address(key, text)?;
        Ok((connection, url))
    }

    fn at(key: &'static str, text: &str, fields: &Fields) -> Result<Self, InvalidSpec> {
        let insecure = fields.flag("insecure")?;
        let ca = fields.optional("ca")?.map(PathBuf::from);
        let (base, host) = address(key, text, insecure, ca.is_some())?;
        let allowed_hosts = fields.list(&["allow-host"]);
        let is_host = |host: &&String| {
            Url::parse(&format!("https://{host}/")).is_ok_and(|url| {
                url.path() == "/" && url.username().is_empty() && url.query().is_none()
            })
        };
        if let Some(bad) = allowed_hosts.iter().find(|host| !is_host(host)) {
            return Err(InvalidSpec::NotAHost {
                key: "allow-host",
                value: without_credentials(bad),
            });
        }
        let max_requests = fields.number("max-requests", MAX_REQUESTS)?;
        let rate = fields.number("rate", MAX_RATE)?;
        let max_requests = max_requests.map(|max| max as usize);
        Ok(Self {
            base,
            host,
            insecure,
            ca,
            limits: HostLimits::new(max_requests, rate.map(f64::from)),
            allowed_hosts: allowed_hosts
                .into_iter()
                .map(|host| host.to_ascii_lowercase())
                .collect(),
        })
    }

    /// Returns the address that is asked, without a path.
    #[must_use]
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// Returns the registry as people write it, `host[:port]`; `docker.io` for Docker Hub.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns whether plain HTTP to other machines was allowed.
    #[must_use]
    pub fn allows_plain_http(&self) -> bool {
        self.insecure
    }

    /// Returns how much is asked of a host at most.
    #[must_use]
    pub fn limits(&self) -> HostLimits {
        self.limits
    }

    /// Returns the file with extra certificate authorities.
    #[must_use]
    pub fn ca_file(&self) -> Option<&Path> {
        self.ca.as_deref()
    }

    /// Returns the other hosts that were approved, `host` or `host:port`.
    #[must_use]
    pub fn allowed_hosts(&self) -> &[String] {
        &self.allowed_hosts
    }

    /// Reads an address of the product's own API, `[scheme://]host[:port][/path]`, by the rules
    /// of `registry=`. The path of the result ends with `/`.
    pub(crate) fn api_address(&self, key: &'static str, text: &str) -> Result<Url, InvalidSpec> {
        let bad = || InvalidSpec::NotAnAddress {
            key,
            value: without_credentials(text),
        };
        let scheme = match text.contains("://") {
            true => "",
            false if self.base.scheme() == "http" => "http://",
            false => "https://",
        };
        let mut url = Url::parse(&format!("{scheme}{text}"))
            .ok()
            .filter(|url| is_plain_address(url) && url.host().is_some())
            .ok_or_else(bad)?;
        if !rule::is_scheme_allowed(&url, self.insecure) {
            return Err(InvalidSpec::PlainHttp {
                registry: url.to_string(),
            });
        }
        let path = format!("{}/", url.path().trim_end_matches('/'));
        url.set_path(&path);
        Ok(url)
    }

    /// Returns the root of the OCI distribution API, `…/v2/`.
    pub(crate) fn v2_root(&self) -> Url {
        let mut root = self.base.clone();
        root.set_path("/v2/");
        root
    }

    /// Completes a bare name, without dot and port, to a host below `domain`.
    pub(crate) fn with_default_domain(mut self, domain: &str) -> Self {
        let is_bare = !self.host.contains(['.', ':']) && !rule::is_loopback(&self.base);
        let host = format!("{}.{domain}", self.host);
        if is_bare && self.base.set_host(Some(&host)).is_ok() {
            self.host = host;
        }
        self
    }

    /// Approves another host that the configuration names, as it approves the registry's.
    pub(crate) fn with_approved(mut self, url: &Url) -> Self {
        self.allowed_hosts.extend(url.host_str().map(str::to_owned));
        self
    }
}

fn is_plain_address(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
}

/// Docker Hub's names, and the host that serves its images.
const DOCKER_HUB: &[&str] = &["docker.io", "index.docker.io", "registry-1.docker.io"];
const DOCKER_HUB_SERVER: &str = "registry-1.docker.io";

/// Reads `[scheme://]host[:port]`. Without a scheme it is https; but http for a registry on this
/// machine, unless a certificate authority is named, and with `insecure=true`.
fn address(
    key: &'static str,
    text: &str,
    insecure: bool,
    has_ca: bool,
) -> Result<(Url, String), InvalidSpec> {
    let bad = || InvalidSpec::NotAHost {
        key,
        value: without_credentials(text),
    };
    let is_explicit = text.contains("://");
    let mut url = if is_explicit {
        Url::parse(text)
    } else {
        Url::parse(&format!("https://{text}"))
    }
    .ok()
    .filter(|url| is_plain_address(url) && url.path() == "/")
    .ok_or_else(bad)?;
    if !is_explicit && (insecure || (rule::is_loopback(&url) && !has_ca)) {
        // Parsed again: the port that is left out depends on the scheme.
        url = Url::parse(&format!("http://{text}")).ok().ok_or_else(bad)?;
    }
    if !rule::is_scheme_allowed(&url, insecure) {
        return Err(InvalidSpec::PlainHttp {
            registry: text.to_owned(),
        });
    }
    let host = url.host_str().ok_or_else(bad)?.to_owned();
    if DOCKER_HUB.contains(&host.as_str()) && url.port().is_none() {
        url.set_host(Some(DOCKER_HUB_SERVER)).ok().ok_or_else(bad)?;
        return Ok((url, "docker.io".to_owned()));
    }
    let host = match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host,
    };
    Ok((url, host))
}
