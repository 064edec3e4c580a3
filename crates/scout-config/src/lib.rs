#![doc = include_str!("../README.md")]

mod clock;
mod credentials;
mod docker;
mod environment;
mod error;
mod log;
mod output;
mod registry;
mod stop;
mod store;
mod token;
mod usage;

pub use clock::SystemClock;
pub use credentials::credentials;
pub use environment::{Environment, ProcessEnvironment};
pub use error::{Error, Result};
pub use log::{LogFormat, log};
pub use output::write_text;
pub use registry::{OpenedRegistry, open_registry};
pub use stop::StopSignal;
pub use store::{DEFAULT_DATA_DIR, has_store, open_store, open_store_to_read};
pub use token::{new_token, own_token};
pub use usage::{USAGE, usage_status};
