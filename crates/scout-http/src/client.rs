//! The client: timeouts, trust, proxies; no redirects, no transparent decompression.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use url::Url;

use crate::error::{Error, Result};
use crate::hosts::{HostLimits, Hosts, Permit, Wish};
use crate::message::{Request, Response};
use crate::priority::Priority;
use crate::redact::RedactedUrl;
use crate::retry::{retry_after, server_time};
use crate::rule;

/// How long connecting may take, TLS included. Three lost SYN packets take 7 s.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a server may be silent while an answer is awaited or read. Registries that fetch from
/// an upstream on demand are silent for tens of seconds.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// Sends requests by the rules of this crate. Cheap to clone; connections are shared.
#[derive(Clone, Debug)]
pub struct HttpClient {
    proxied: reqwest::Client,
    direct: reqwest::Client,
    allow_plain_http: bool,
    hosts: Hosts,
    limits: Arc<HostLimits>,
}

impl HttpClient {
    /// Starts a client that calls itself `user_agent`.
    #[must_use]
    pub fn builder(user_agent: impl Into<String>) -> HttpClientBuilder {
        HttpClientBuilder {
            user_agent: user_agent.into(),
            ca_pem: None,
            allow_plain_http: false,
            connect_timeout: CONNECT_TIMEOUT,
            idle_timeout: IDLE_TIMEOUT,
            hosts: Hosts::default(),
            limits: HostLimits::default(),
        }
    }

    /// Sends a request and returns its answer, whatever its status; redirects are answers.
    ///
    /// It waits for a place and for its time at the host first, with its
    /// [priority](Priority::current). The answer keeps the place until its body was read or it is
    /// dropped.
    ///
    /// # Errors
    ///
    /// When no answer came, or when the scheme of the address is not allowed.
    pub async fn send(&self, request: Request) -> Result<Response> {
        let url = request.url;
        if !rule::is_scheme_allowed(&url, self.allow_plain_http) {
            let url = RedactedUrl::from(&url);
            return Err(Error::PlainHttp { url });
        }
        let client = if rule::is_loopback(&url) {
            &self.direct
        } else {
            &self.proxied
        };
        let wish = Wish {
            priority: Priority::current(),
            is_streamed: request.deadline.is_none(),
            is_nested: request.is_nested,
        };
        let permit = self.hosts.gate(&url).enter(&self.limits, wish).await;
        let mut builder = client
            .request(request.method, url.clone())
            .headers(request.headers);
        if let Some(body) = request.body {
            builder = builder.body(body);
        }
        if let Some(deadline) = request.deadline {
            builder = builder.timeout(deadline);
        }
        match builder.send().await {
            Ok(inner) => {
                note_pace(&permit, &inner);
                Ok(Response::new(url, inner, permit))
            }
            Err(error) => {
                let error = Error::classify(&url, error);
                if error.is_retryable() {
                    permit.note_silence();
                }
                Err(error)
            }
        }
    }

    /// Returns whether the host of an address has left the last requests of all clients without
    /// any answer: what just failed there need not be repeated at once.
    #[must_use]
    pub fn is_silent(&self, url: &Url) -> bool {
        self.hosts.gate(url).is_silent()
    }
}

/// Notes what an answer says about our pace. A server that is out of order says nothing of it,
/// unless it says when to come back (RFC 9110, 10.2.3; RFC 6585, 4).
fn note_pace(permit: &Permit, answer: &reqwest::Response) {
    let headers = answer.headers();
    let asked = retry_after(headers, server_time(headers));
    match answer.status() {
        StatusCode::TOO_MANY_REQUESTS => permit.note_refusal(asked),
        StatusCode::SERVICE_UNAVAILABLE if asked.is_some() => permit.note_refusal(asked),
        _ => permit.note_answer(),
    }
}

/// The choices behind an [`HttpClient`].
#[derive(Clone, Debug)]
pub struct HttpClientBuilder {
    user_agent: String,
    ca_pem: Option<Vec<u8>>,
    allow_plain_http: bool,
    connect_timeout: Duration,
    idle_timeout: Duration,
    hosts: Hosts,
    limits: HostLimits,
}

impl HttpClientBuilder {
    /// Trusts these certificate authorities (PEM, one or several) beside the system's.
    #[must_use]
    pub fn with_ca_pem(mut self, pem: Option<Vec<u8>>) -> Self {
        self.ca_pem = pem;
        self
    }

    /// Allows plain HTTP to other machines, which hides neither credentials nor content.
    #[must_use]
    pub fn with_plain_http(mut self, allowed: bool) -> Self {
        self.allow_plain_http = allowed;
        self
    }

    /// Replaces [`CONNECT_TIMEOUT`] and [`IDLE_TIMEOUT`].
    #[must_use]
    pub fn with_timeouts(mut self, connect: Duration, idle: Duration) -> Self {
        self.connect_timeout = connect;
        self.idle_timeout = idle;
        self
    }

    /// Shares places and pace with the other clients of these hosts; without it the client is
    /// alone.
    #[must_use]
    pub fn with_hosts(mut self, hosts: Hosts) -> Self {
        self.hosts = hosts;
        self
    }

    /// Allows itself no more than this at each host.
    #[must_use]
    pub fn with_limits(mut self, limits: HostLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Makes the client.
    ///
    /// # Errors
    ///
    /// When the extra certificate authorities cannot be read.
    pub fn build(self) -> Result<HttpClient> {
        let certificates = match &self.ca_pem {
            None => Vec::new(),
            Some(pem) => {
                let invalid = |error: reqwest::Error| Error::InvalidCertificates {
                    source: error.into(),
                };
                let found = reqwest::Certificate::from_pem_bundle(pem).map_err(invalid)?;
                if found.is_empty() {
                    return Err(Error::NoCertificates);
                }
                found
            }
        };
        Ok(HttpClient {
            proxied: self.build_one(&certificates, |builder| builder)?,
            // A proxy cannot reach our own machine, and must not see what goes there.
            direct: self.build_one(&certificates, reqwest::ClientBuilder::no_proxy)?,
            allow_plain_http: self.allow_plain_http,
            hosts: self.hosts,
            limits: Arc::new(self.limits),
        })
    }

    fn build_one(
        &self,
        certificates: &[reqwest::Certificate],
        choose_proxy: impl Fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
    ) -> Result<reqwest::Client> {
        let base = || {
            choose_proxy(
                reqwest::Client::builder()
                    .user_agent(&self.user_agent)
                    .connect_timeout(self.connect_timeout)
                    .read_timeout(self.idle_timeout)
                    .redirect(reqwest::redirect::Policy::none())
                    .referer(false),
            )
        };
        let system = base().tls_certs_merge(certificates.to_vec()).build();
        // A machine without any trusted authority (a bare container) can still speak plain HTTP
        // to itself; over TLS it will be told that nobody is trusted.
        let made = match system {
            Err(_) if certificates.is_empty() => base().tls_certs_only([]).build(),
            other => other,
        };
        made.map_err(|error| Error::Setup {
            source: error.into(),
        })
    }
}

#[cfg(test)]
mod tests;
