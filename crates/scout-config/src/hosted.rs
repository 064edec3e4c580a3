//! Opening what `[[hosted]]` describes: the server, and the token.

use std::path::PathBuf;
use std::time::Duration;

use scout_api::{ScoutClient, ScoutServer};
use scout_http::rule::is_scheme_allowed;
use scout_http::{CONNECT_TIMEOUT, HttpClient};
use secrecy::SecretString;

use crate::config_file::HostedOrganization;
use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::file::read_file;
use crate::secret::{SecretFiles, read_secret};

/// How we call ourselves.
const USER_AGENT: &str = concat!("scout-exporter/", env!("CARGO_PKG_VERSION"));
/// Longest file of certificate authorities, in bytes; those of a whole system have a quarter.
const MAX_CA: u64 = 1024 * 1024;

impl HostedOrganization {
    /// Returns how long a read may take, `default` if nothing is said.
    #[must_use]
    pub fn timeout(&self, default: Duration) -> Duration {
        self.timeout_seconds.map_or(default, Duration::from_secs)
    }

    /// Reads the token from where it is kept.
    ///
    /// # Errors
    ///
    /// If the variable or file is missing, empty, too long, or holds no single word. The content is
    /// never told.
    pub fn read_token(&self, environment: &impl Environment) -> Result<SecretString> {
        let files = &mut SecretFiles::default();
        let token = read_secret(environment, files, "token", &self.token)?;
        match ScoutServer::check_token(&token) {
            Ok(()) => Ok(token),
            Err(_) => Err(Error::NotAToken {
                reference: self.token.to_string(),
            }),
        }
    }

    /// Returns the server to read from; `timeout` is how long it may be silent.
    ///
    /// # Errors
    ///
    /// If the file of authorities cannot be used, or the token would be sent over plain HTTP to
    /// another machine without leave.
    pub fn server(&self, timeout: Duration) -> Result<ScoutServer> {
        let refused = self
            .api
            .as_ref()
            .filter(|api| !is_scheme_allowed(api, self.insecure));
        if let Some(api) = refused {
            return Err(Error::HostedPlainHttp {
                org: self.org.clone(),
                host: api.host_str().unwrap_or_default().to_owned(),
            });
        }
        let read = |path: &PathBuf| {
            read_file(path, MAX_CA).map_err(|source| Error::File {
                action: "read the authorities of ca= in",
                path: path.clone(),
                source,
            })
        };
        let ca = self.ca.as_ref().map(read).transpose()?;
        let wrong = |source: Box<dyn std::error::Error + Send + Sync>| Error::Hosted {
            org: self.org.clone(),
            source,
        };
        let http = HttpClient::builder(USER_AGENT)
            .with_ca_pem(ca)
            .with_plain_http(self.insecure)
            .with_timeouts(CONNECT_TIMEOUT.min(timeout), timeout)
            .build()
            .map_err(|source| wrong(source.into()))?;
        let base = match &self.api {
            Some(api) => api.clone(),
            None => ScoutClient::DOCKER
                .parse()
                .map_err(|source| wrong(Box::new(source)))?,
        };
        ScoutServer::new(http, base).map_err(|source| wrong(source.into()))
    }
}

#[cfg(test)]
mod tests {
    use scout_registry::SecretRef;
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_token_is_one_word_and_is_not_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        let token = SecretRef::File(path.clone());
        let organization = HostedOrganization::new("acme".parse().unwrap(), token);
        std::fs::write(&path, " dckr_pat_canary\n").unwrap();
        let token = organization.read_token(&[]).unwrap();
        assert_eq!(token.expose_secret(), "dckr_pat_canary");
        for text in ["canary two\n", "canary\ncanary", "canary\u{e4}"] {
            std::fs::write(&path, text).unwrap();
            let error = organization.read_token(&[]).unwrap_err();
            let said = format!("{error} {error:?}");
            assert!(said.contains("is not an access token"), "{said}");
            assert!(!said.contains("canary"), "{said}");
        }
    }

    #[test]
    fn the_server_is_dockers_unless_said_otherwise() {
        let token = SecretRef::Env("T".to_owned());
        let mut organization = HostedOrganization::new("acme".parse().unwrap(), token);
        let address = |organization: &HostedOrganization| {
            let server = organization.server(Duration::from_secs(5)).unwrap();
            server.address().to_string()
        };
        assert_eq!(address(&organization), "https://api.scout.docker.com/");
        organization.api = Some("https://proxy/scout".parse().unwrap());
        assert_eq!(address(&organization), "https://proxy/scout");
        organization.api = Some("http://proxy/scout".parse().unwrap());
        let error = organization.server(Duration::from_secs(5)).unwrap_err();
        assert!(error.to_string().contains("plain http"), "{error}");
        assert!(error.is_usage());
        organization.insecure = true;
        assert_eq!(address(&organization), "http://proxy/scout");
        organization.ca = Some("/nonexistent.pem".into());
        let error = organization.server(Duration::from_secs(5)).unwrap_err();
        assert!(error.to_string().contains("/nonexistent.pem"), "{error}");
    }
}
