#![doc = include_str!("../README.md")]

mod channel;
mod clock;
mod completion;
mod config_file;
mod credentials;
mod docker;
mod environment;
mod error;
mod extended;
mod file;
mod hosted;
mod integration;
mod log;
mod output;
mod patience;
mod registry;
mod runtime;
mod secret;
mod serving;
mod stop;
mod store;
mod token;
mod usage;
mod webhook;

pub use channel::OpenedChannel;
pub use clock::SystemClock;
pub use completion::{Shell, write_completions};
pub use config_file::{
    ConfigFile, ConfiguredIntegration, Defaults, HostedOrganization, InvalidConfigFile, check_api,
};
pub use credentials::CredentialSource;
pub use environment::{Environment, ProcessEnvironment};
pub use error::{Error, Result};
pub use extended::ExtendedArguments;
pub use integration::{
    IntegrationSpec, InvalidIntegration, OpenedIntegration, open_integration,
    open_integration_to_test,
};
pub use log::{LogFormat, log, log_to};
pub use output::write_text;
pub use patience::random_fraction;
pub use registry::{OpenedRegistry, open_registry};
pub use runtime::OpenedRuntime;
pub use scout_registry::SecretRef;
pub use secret::SecretFiles;
pub use serving::ServingArguments;
pub use stop::StopSignal;
pub use store::{DEFAULT_DATA_DIR, has_store, open_store, open_store_to_read, open_store_to_serve};
pub use token::{TokenFile, new_token, own_token};
pub use usage::{USAGE, usage_status};
pub use webhook::{TlsFiles, WebhookSettings};
