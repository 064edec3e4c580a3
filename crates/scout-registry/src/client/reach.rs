//! Where a registry may send us, and who may see its credentials.
//!
//! The host in the configuration is approved at any address. Nothing a server says widens that,
//! except that a blob may lie on any public https host, which then gets no credentials.

use scout_http::rule;
use url::Url;

use crate::spec::Connection;

/// Why an address is refused, for people.
pub(crate) type Reason = &'static str;

const PRIVATE: Reason =
    "it leads to a private address (allow-host= approves a host in the registry string)";

/// The registry's own address, and what else was approved with it.
#[derive(Debug)]
pub(crate) struct Reach {
    base: Url,
    allowed_hosts: Vec<String>,
    allow_plain_http: bool,
}

impl Reach {
    /// Returns the rules for what is asked at `base` with the credentials of `connection`.
    pub(crate) fn new(base: Url, connection: &Connection) -> Self {
        let mut allowed_hosts = connection.allowed_hosts().to_vec();
        allowed_hosts.extend(connection.base().host_str().map(str::to_owned));
        Self {
            base,
            allowed_hosts,
            allow_plain_http: connection.allows_plain_http(),
        }
    }

    pub(crate) fn base(&self) -> &Url {
        &self.base
    }

    /// Returns whether a person approved the host, whatever its port.
    fn is_approved(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        let with_port = match url.port_or_known_default() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        url.host() == self.base.host()
            || self
                .allowed_hosts
                .iter()
                .any(|allowed| *allowed == host || *allowed == with_port)
    }

    fn both_loopback(&self, url: &Url) -> bool {
        rule::is_loopback(url) && rule::is_loopback(&self.base)
    }

    /// Returns whether the host belongs to the registry's owner, as far as can be told.
    fn is_kin(&self, url: &Url) -> bool {
        self.is_approved(url)
            || self.both_loopback(url)
            || rule::same_registrable_domain(url, &self.base)
    }

    /// Private addresses are for registries that are private themselves.
    async fn check_privacy(&self, url: &Url) -> Result<(), Reason> {
        if self.is_approved(url) || self.both_loopback(url) || !rule::leads_to_private(url).await {
            return Ok(());
        }
        let same_domain = rule::same_registrable_domain(url, &self.base);
        if same_domain && rule::leads_to_private(&self.base).await {
            return Ok(());
        }
        Err(PRIVATE)
    }

    /// Checks where a redirect leads.
    pub(crate) async fn check_redirect(&self, from: &Url, to: &Url) -> Result<(), Reason> {
        check_no_user(to)?;
        match to.scheme() {
            "https" => {}
            "http" if from.scheme() == "https" => return Err("it leaves https for plain http"),
            "http" if !rule::is_scheme_allowed(to, self.allow_plain_http) || !self.is_kin(to) => {
                return Err("it leads to another host over plain http");
            }
            "http" => {}
            _ => return Err("it is not an http address"),
        }
        self.check_privacy(to).await
    }

    /// Checks that a token service may see the registry's credentials.
    pub(crate) async fn check_realm(&self, realm: &Url) -> Result<(), Reason> {
        check_no_user(realm)?;
        let is_plain = realm.scheme() != "https";
        if is_plain && realm.scheme() != "http" {
            return Err("it is not an http address");
        }
        if is_plain && !self.both_loopback(realm) {
            let is_allowed = rule::is_scheme_allowed(realm, self.allow_plain_http);
            if self.base.scheme() == "https" || !is_allowed {
                return Err("it is plain http");
            }
        }
        if !self.is_kin(realm) {
            return Err("it is another host (allow-host= approves a host in the registry string)");
        }
        self.check_privacy(realm).await
    }
}

fn check_no_user(url: &Url) -> Result<(), Reason> {
    if url.username().is_empty() && url.password().is_none() {
        Ok(())
    } else {
        Err("it carries a user of its own")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::RegistrySpec;

    fn reach(spec: &str) -> Reach {
        let spec = RegistrySpec::parse(spec).unwrap();
        let connection = spec.connection().unwrap();
        Reach::new(connection.base().clone(), connection)
    }

    // Hosts are numeric or below `.invalid`, which no name service knows: no test asks one.
    #[tokio::test]
    async fn credentials_go_to_the_registrys_own_token_service_only() {
        for (spec, realm, expected) in [
            ("r.example.invalid", "https://r.example.invalid/token", true),
            (
                "r.example.invalid",
                "https://r.example.invalid:8443/token",
                true,
            ),
            (
                "r.example.invalid",
                "https://auth.example.invalid/token",
                true,
            ),
            ("r.example.invalid", "http://r.example.invalid/token", false),
            (
                "r.example.invalid",
                "https://auth.other.invalid/token",
                false,
            ),
            (
                "r.example.invalid",
                "https://u:p@r.example.invalid/token",
                false,
            ),
            ("r.example.invalid", "https://169.254.169.254/token", false),
            ("r.example.invalid", "file:///etc/passwd", false),
            (
                "type=oci,registry=r.example.invalid,allow-host=auth.other.invalid",
                "https://auth.other.invalid/token",
                true,
            ),
            (
                "type=oci,registry=r.example.invalid,insecure=true",
                "http://auth.example.invalid/token",
                true,
            ),
            (
                "type=oci,registry=r.example.invalid,insecure=true",
                "http://auth.other.invalid/token",
                false,
            ),
            ("docker.io", "https://auth.docker.io.invalid/token", false),
            ("127.0.0.1:5000", "http://127.0.0.1:5001/token", true),
            (
                "https://localhost:5000",
                "http://127.0.0.1:5001/token",
                true,
            ),
            ("127.0.0.1:5000", "http://10.0.0.1/token", false),
            ("10.0.0.1:5000", "https://10.0.0.2/token", false),
        ] {
            let realm = realm.parse().unwrap();
            let result = reach(spec).check_realm(&realm).await;
            assert_eq!(result.is_ok(), expected, "{spec} {realm} {result:?}");
        }
    }

    #[tokio::test]
    async fn redirects_lead_to_public_https_hosts_or_stay_at_home() {
        for (spec, to, expected) in [
            (
                "r.example.invalid",
                "https://cdn.other.invalid/x?sig=1",
                true,
            ),
            ("r.example.invalid", "http://cdn.other.invalid/x", false),
            ("r.example.invalid", "https://10.0.0.1/x", false),
            ("r.example.invalid", "https://[::1]/x", false),
            ("r.example.invalid", "https://localhost/x", false),
            ("r.example.invalid", "https://169.254.169.254/latest", false),
            ("r.example.invalid", "ftp://r.example.invalid/x", false),
            (
                "type=oci,registry=r.example.invalid,allow-host=10.0.0.1:9000",
                "https://10.0.0.1:9000/x",
                true,
            ),
            (
                "type=oci,registry=r.example.invalid,allow-host=10.0.0.1:9000",
                "https://10.0.0.1:9001/x",
                false,
            ),
            (
                "type=oci,registry=10.0.0.1:5000,insecure=true",
                "http://10.0.0.1:9000/x",
                true,
            ),
            (
                "type=oci,registry=10.0.0.1:5000,insecure=true",
                "http://10.0.0.2:9000/x",
                false,
            ),
            ("127.0.0.1:5000", "http://127.0.0.1:9000/x", true),
            ("127.0.0.1:5000", "http://10.0.0.1:9000/x", false),
            ("127.0.0.1:5000", "https://10.0.0.1:9000/x", false),
            ("127.0.0.1:5000", "https://cdn.other.invalid/x", true),
        ] {
            let reach = reach(spec);
            let to = to.parse().unwrap();
            let from = reach.base().clone();
            let result = reach.check_redirect(&from, &to).await;
            assert_eq!(result.is_ok(), expected, "{spec} {to} {result:?}");
        }
    }
}
