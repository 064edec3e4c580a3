//! What an integration needs beside its parameters.

use std::time::Duration;

use scout_http::{Hosts, IDLE_TIMEOUT, RetryPolicy};
use secrecy::SecretString;

use crate::credentials::RegistryCredentials;

/// What an integration needs beside its parameters: what they only point to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BuildOptions {
    /// How we call ourselves.
    pub user_agent: String,
    /// Who we are.
    pub credentials: RegistryCredentials,
    /// What webhooks are authenticated with; none is empty.
    pub webhook_secrets: Vec<SecretString>,
    /// Extra certificate authorities, PEM.
    pub ca_pem: Option<Vec<u8>>,
    /// How patiently failed requests are repeated. Its jitter is the only randomness used.
    pub retry: RetryPolicy,
    /// How long a server may be silent while an answer is awaited or read.
    pub idle_timeout: Duration,
    /// The hosts that are asked, with what all integrations of a process ask of them together.
    pub hosts: Hosts,
}

impl BuildOptions {
    /// Returns options without credentials and with the usual patience.
    #[must_use]
    pub fn new(user_agent: impl Into<String>) -> Self {
        Self {
            user_agent: user_agent.into(),
            credentials: RegistryCredentials::Anonymous,
            webhook_secrets: Vec::new(),
            ca_pem: None,
            retry: RetryPolicy::default(),
            idle_timeout: IDLE_TIMEOUT,
            hosts: Hosts::default(),
        }
    }

    /// Uses these credentials.
    #[must_use]
    pub fn with_credentials(mut self, credentials: RegistryCredentials) -> Self {
        self.credentials = credentials;
        self
    }

    /// Accepts webhooks that are authenticated with one of these: the current one, and the one
    /// before it while the sender is being changed. Without any, no webhook is accepted.
    #[must_use]
    pub fn with_webhook_secrets(mut self, secrets: Vec<SecretString>) -> Self {
        self.webhook_secrets = secrets;
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

    /// Shares places and pace with the other integrations that ask these hosts; without it the
    /// integration is alone.
    #[must_use]
    pub fn with_hosts(mut self, hosts: Hosts) -> Self {
        self.hosts = hosts;
        self
    }

    /// Waits this long for a silent server.
    #[must_use]
    pub fn with_idle_timeout(mut self, idle: Duration) -> Self {
        self.idle_timeout = idle;
        self
    }
}
