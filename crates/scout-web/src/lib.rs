#![doc = include_str!("../README.md")]

mod auth;
mod body;
mod cache;
mod discovery;
mod exporter;
mod failure;
mod health;
mod hosted;
mod lookup;
mod options;
mod own;
mod page;
mod reader;
mod record;
mod routes;
mod scrape;
mod serve;
mod source;
mod stats;
mod tls;
mod upstream;
mod watcher;
mod webhook;

pub use discovery::{DISCOVERY_ROUTE, InvalidPublicAddress, PublicAddress};
pub use exporter::{Exporter, POLL_TIMEOUT, REQUEST_TIMEOUT};
pub use health::HealthServer;
pub use hosted::{
    HOSTED_FAMILIES, Hosted, HostedOptions, HostedTimes, LOOK_INTERVAL, MetricsServer, Random,
    TokenReader,
};
pub use options::{Clock, ExporterOptions, POLL_INTERVAL, UPKEEP_INTERVAL};
pub use own::OwnFamilies;
pub use reader::ReaderSource;
pub use record::{RECORD_FAMILIES, RECORD_INTERVAL};
pub use scout_api::{CacheMode, CacheTtl, InvalidCacheMode, InvalidCacheTtl};
pub use scout_metrics::Family;
pub use serve::{
    HEAD_TIMEOUT, MAX_CONNECTION_AGE, MAX_CONNECTIONS, MAX_HEAD_BYTES, SHUTDOWN_DEADLINE, serve,
};
pub use source::{BoxError, MetricsSource, TokenGrant, TokenUse};
pub use stats::EXPORTER_FAMILIES;
pub use tls::{HANDSHAKE_TIMEOUT, MAX_PEM_BYTES, RELOAD_INTERVAL, Tls, TlsError, TlsFiles};
pub use upstream::{Upstream, UpstreamMetrics, UpstreamToken};
pub use watcher::{WATCHER_FAMILIES, watcher_families};
pub use webhook::{
    EventSink, InvalidRoutes, Recorded, SenderRate, SinkError, WebhookOptions, WebhookReceiver,
    WebhookRoute, WebhookStats, webhook_families,
};

#[cfg(test)]
mod tests;
