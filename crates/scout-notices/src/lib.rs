#![doc = include_str!("../README.md")]

mod answer;
mod channel;
mod error;
mod json;
mod notice;
mod selection;
mod slack;
mod spec;

pub use channel::{Channel, ChannelOptions, SEND_TIMEOUT};
pub use error::{Error, InvalidChannel, Result};
pub use json::{MAX_JSON_NOTICES, SIGNATURE_HEADER, VERSION, json, signature};
pub use notice::{
    AffectedPackage, Batch, Event, FailedPolicy, MAX_PACKAGES, MAX_REASONS, NewVulnerability,
    Notice,
};
pub use selection::{Minimum, Selection};
pub use slack::{MAX_SLACK_BLOCKS, MAX_SLACK_SECTION, MAX_SLACK_TEXT, slack};
pub use spec::{ChannelKind, ChannelSpec};
