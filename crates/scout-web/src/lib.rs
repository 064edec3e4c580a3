#![doc = include_str!("../README.md")]

mod auth;
mod body;
mod cache;
mod caching;
mod empty;
mod exporter;
mod failure;
mod hosted;
mod lookup;
mod options;
mod page;
mod reader;
mod routes;
mod serve;
mod source;
mod stats;
mod tls;
mod upstream;
mod webhook;

pub use caching::{CacheMode, CacheTtl, InvalidCacheMode, InvalidCacheTtl};
pub use empty::EmptySource;
pub use exporter::{Exporter, POLL_TIMEOUT, REQUEST_TIMEOUT};
pub use hosted::{
    Hosted, HostedOptions, HostedTimes, LOOK_INTERVAL, MetricsServer, Random, TokenReader,
};
pub use options::{Clock, ExporterOptions, POLL_INTERVAL};
pub use reader::ReaderSource;
pub use serve::{
    HEAD_TIMEOUT, MAX_CONNECTION_AGE, MAX_CONNECTIONS, MAX_HEAD_BYTES, SHUTDOWN_DEADLINE, serve,
};
pub use source::{BoxError, MetricsSource, TokenGrant};
pub use tls::{HANDSHAKE_TIMEOUT, MAX_PEM_BYTES, RELOAD_INTERVAL, Tls, TlsError, TlsFiles};
pub use upstream::{Upstream, UpstreamMetrics, UpstreamToken};
pub use webhook::{
    EventSink, InvalidRoutes, Recorded, SenderRate, SinkError, WebhookOptions, WebhookReceiver,
    WebhookRoute, WebhookStats,
};

#[cfg(test)]
mod tests;
