#![doc = include_str!("../README.md")]

mod acr;
mod artifactory;
mod client;
mod config_file;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod credentials;
mod descriptor;
mod distribution;
mod docker_archive;
mod error;
pub mod events;
mod harbor;
mod integration;
mod manifest;
pub mod media_type;
mod nexus;
mod oci;
mod oci_dir;
mod rest;
pub mod runtime;
mod selection;
mod spec;
mod stats;
mod sysdig;
mod test;
#[cfg(test)]
mod testing;
mod verify;

pub use config_file::{ConfigFile, HistoryEntry, InvalidConfig};
pub use credentials::RegistryCredentials;
pub use descriptor::Descriptor;
pub use error::{Cause, Error, Result};
pub use integration::{
    BlobStream, Capabilities, Identity, ListedTag, ManifestDocument, RegistryIntegration, Resolved,
};
pub use manifest::{ImageManifest, Index, IndexEntry, InvalidManifest, Manifest};
pub use media_type::LayerKind;
pub use spec::{
    BuildOptions, Connection, CredentialRefs, InvalidSecretRef, InvalidSpec, Parameters,
    RegistrySpec, SecretRef, Variables, WebhookSpec,
};
pub use stats::Stats;
pub use test::{FailedTest, TestReport, TestStep, test_connection};
