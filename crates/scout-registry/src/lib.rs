#![doc = include_str!("../README.md")]

mod config_file;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod credentials;
mod descriptor;
mod error;
mod filter;
mod integration;
mod manifest;
pub mod media_type;
mod oci;
mod oci_dir;
mod spec;
mod stats;
mod verify;

pub use config_file::{ConfigFile, HistoryEntry, InvalidConfig};
pub use credentials::RegistryCredentials;
pub use descriptor::Descriptor;
pub use error::{Cause, Error, Result};
pub use filter::{Filter, InvalidGlob};
pub use integration::{BlobStream, Capabilities, ManifestDocument, RegistryIntegration, Resolved};
pub use manifest::{ImageManifest, Index, IndexEntry, InvalidManifest, Manifest};
pub use media_type::LayerKind;
pub use oci::OciRegistry;
pub use oci_dir::OciDirectory;
pub use spec::{BuildOptions, InvalidSpec, OciDirSpec, OciSpec, RegistrySpec};
pub use stats::Stats;
