#![doc = include_str!("../README.md")]

mod exposition;
mod family;
mod format;
mod negotiate;
mod number;
#[cfg(feature = "openmetrics-parser")]
mod parse;
mod render;
mod schema;
mod scout;

pub use exposition::Exposition;
pub use family::{CounterFamily, Family, GaugeFamily, Kind, Sample};
pub use format::Format;
pub use negotiate::negotiate;
pub use number::Number;
#[cfg(feature = "openmetrics-parser")]
pub use parse::{MAX_PARSED_BYTES, MAX_PARSED_SAMPLES, ParseError, parse};
pub use render::render;
pub use schema::{CounterSchema, GaugeSchema, InvalidSchema};
pub use scout::scout_families;
