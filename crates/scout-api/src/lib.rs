#![doc = include_str!("../README.md")]

#[cfg(feature = "client")]
mod client;
mod envelope;
#[cfg(feature = "client")]
mod error;
mod path;
mod token;

#[cfg(feature = "client")]
pub use client::{MAX_METRICS_BYTES, MetricsText, ScoutClient};
pub use envelope::{ErrorBody, ErrorCode, ErrorItem};
#[cfg(feature = "client")]
pub use error::{Error, Result};
pub use path::{METRICS_ROUTE, OLDER_METRICS_ROUTE, metrics_path, older_metrics_path};
pub use token::{InvalidToken, Token};
