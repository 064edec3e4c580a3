//! CycloneDX: the part of the format that we write and read
//! (<https://cyclonedx.org/docs/1.6/json/>).

mod read;
mod write;

pub(super) use read::read;
pub(super) use write::write;

const FORMAT: &str = "CycloneDX";
