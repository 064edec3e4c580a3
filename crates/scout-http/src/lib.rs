#![doc = include_str!("../README.md")]

mod client;
mod error;
mod hosts;
mod message;
mod priority;
mod redact;
mod retry;
pub mod rule;

pub use client::{CONNECT_TIMEOUT, HttpClient, HttpClientBuilder, IDLE_TIMEOUT};
pub use error::{BoxError, CertificateFault, Error, Result};
pub use hosts::{HostLimits, Hosts, Slowing};
pub use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
pub use message::{DEADLINE, Request, Response};
pub use priority::Priority;
pub use redact::RedactedUrl;
pub use retry::{Jitter, RetryPolicy, Transient, date, retry_after, server_time};
