#![doc = include_str!("../README.md")]

#[cfg(feature = "client")]
mod caching;
#[cfg(feature = "client")]
mod client;
mod envelope;
#[cfg(feature = "client")]
mod error;
#[cfg(feature = "client")]
pub mod hosted;
mod path;
mod token;

#[cfg(feature = "client")]
pub use caching::{CacheMode, CacheTtl, InvalidCacheMode, InvalidCacheTtl};
#[cfg(feature = "client")]
pub use client::{MAX_METRICS_BYTES, MetricsText, ScoutClient, ScoutServer};
pub use envelope::{ErrorBody, ErrorCode, ErrorItem};
#[cfg(feature = "client")]
pub use error::{Error, Result};
pub use path::{METRICS_ROUTE, OLDER_METRICS_ROUTE, metrics_path, older_metrics_path};
pub use token::{InvalidToken, Token};
