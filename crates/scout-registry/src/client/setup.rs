//! What the clients of one integration share.

use std::sync::Arc;

use scout_http::{CONNECT_TIMEOUT, HttpClient, RetryPolicy};

use crate::client::grant::TokenGrant;
use crate::client::remembered::Memory;
use crate::credentials::RegistryCredentials;
use crate::error::Result;
use crate::spec::{BuildOptions, Connection};
use crate::stats::Counters;

/// What the clients of one integration share: connections, trust, credentials, counters.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) http: HttpClient,
    pub(crate) connection: Connection,
    pub(crate) credentials: RegistryCredentials,
    /// How tokens are asked for with them.
    pub(crate) grant: TokenGrant,
    pub(crate) retry: RetryPolicy,
    pub(crate) counters: Arc<Counters>,
    /// The listings that need not be sent again.
    pub(crate) memory: Arc<Memory>,
}

impl Setup {
    /// Prepares the connections; nothing is asked yet.
    ///
    /// # Errors
    ///
    /// When the certificate authorities cannot be used.
    pub(crate) fn new(connection: &Connection, options: BuildOptions) -> Result<Self> {
        let http = HttpClient::builder(options.user_agent)
            .with_ca_pem(options.ca_pem)
            .with_plain_http(connection.allows_plain_http())
            .with_timeouts(CONNECT_TIMEOUT, options.idle_timeout)
            .with_hosts(options.hosts)
            .with_limits(connection.limits())
            .build()?;
        Ok(Self {
            http,
            connection: connection.clone(),
            credentials: options.credentials,
            grant: TokenGrant::default(),
            retry: options.retry,
            counters: Arc::default(),
            memory: Arc::default(),
        })
    }
}
