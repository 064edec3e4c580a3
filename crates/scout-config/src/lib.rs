#![doc = include_str!("../README.md")]

mod clock;
mod config_file;
mod credentials;
mod docker;
mod environment;
mod error;
mod file;
mod hosted;
mod log;
mod output;
mod registry;
mod secret;
mod stop;
mod store;
mod token;
mod usage;
mod webhook;

pub use clock::SystemClock;
pub use config_file::{
    ConfigFile, ConfiguredIntegration, Defaults, HostedOrganization, InvalidConfigFile, check_api,
};
pub use credentials::CredentialSource;
pub use environment::{Environment, ProcessEnvironment};
pub use error::{Error, Result};
pub use log::{LogFormat, log};
pub use output::write_text;
pub use registry::{OpenedRegistry, open_integration, open_integration_to_test, open_registry};
pub use scout_registry::SecretRef;
pub use secret::SecretFiles;
pub use stop::StopSignal;
pub use store::{DEFAULT_DATA_DIR, has_store, open_store, open_store_to_read};
pub use token::{new_token, own_token};
pub use usage::{USAGE, usage_status};
pub use webhook::{TlsFiles, WebhookSettings};
