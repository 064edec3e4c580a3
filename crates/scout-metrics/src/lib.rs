#![doc = include_str!("../README.md")]

mod encoding;
mod exposition;
mod family;
mod format;
mod negotiate;
mod number;
#[cfg(feature = "openmetrics-parser")]
mod parse;
mod quality;
mod render;
mod schema;
mod scout;

pub use encoding::{Encoding, negotiate_encoding};
pub use exposition::Exposition;
pub use family::{CounterFamily, Family, GaugeFamily, Kind, Sample};
pub use format::Format;
pub use negotiate::negotiate;
pub use number::Number;
#[cfg(feature = "openmetrics-parser")]
pub use parse::{MAX_PARSED_BYTES, MAX_PARSED_SAMPLES, ParseError, parse};
pub use render::{Rendered, render};
pub use schema::{CounterSchema, FamilyDescription, GaugeSchema, InvalidSchema};
pub use scout::{
    DOCUMENTED_FAMILIES, EXTENDED_FAMILIES, InvalidSeriesBudget, NotDocumented, SeriesBudget,
    documented_families, extended_families, scout_families,
};

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod vectors;
