//! What an integration needs beside its registry string.

use scout_envs::RepositoryName;
use scout_http::RetryPolicy;

use crate::credentials::RegistryCredentials;

/// What an integration needs beside its registry string.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BuildOptions {
    /// How we call ourselves.
    pub user_agent: String,
    /// Who we are.
    pub credentials: RegistryCredentials,
    /// The repositories to look at, in place of those in the registry string; empty: none named.
    pub repositories: Vec<RepositoryName>,
    /// Extra certificate authorities, PEM.
    pub ca_pem: Option<Vec<u8>>,
    /// How patiently failed requests are repeated. Its jitter is the only randomness used.
    pub retry: RetryPolicy,
}

impl BuildOptions {
    /// Returns options without credentials and with the usual patience.
    #[must_use]
    pub fn new(user_agent: impl Into<String>) -> Self {
        Self {
            user_agent: user_agent.into(),
            credentials: RegistryCredentials::Anonymous,
            repositories: Vec::new(),
            ca_pem: None,
            retry: RetryPolicy::default(),
        }
    }

    /// Uses these credentials.
    #[must_use]
    pub fn with_credentials(mut self, credentials: RegistryCredentials) -> Self {
        self.credentials = credentials;
        self
    }

    /// Looks at these repositories only.
    #[must_use]
    pub fn with_repositories(mut self, repositories: Vec<RepositoryName>) -> Self {
        self.repositories = repositories;
        self
    }

    /// Trusts these certificate authorities, too.
    #[must_use]
    pub fn with_ca_pem(mut self, pem: Option<Vec<u8>>) -> Self {
        self.ca_pem = pem;
        self
    }

    /// Repeats failed requests this way.
    #[must_use]
    pub fn with_retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }
}
