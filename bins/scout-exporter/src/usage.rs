//! Faults in how the program is used that only show once flags and file are put together.

use std::fmt;

/// What is wrong, and what to do.
#[derive(Debug)]
pub(crate) struct Usage(String);

impl Usage {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns whether an error is in how the program is used, not in the machine or the data.
    pub(crate) fn is_behind(error: &anyhow::Error) -> bool {
        let of_config = error.downcast_ref::<scout_config::Error>();
        error.is::<Self>() || of_config.is_some_and(scout_config::Error::is_usage)
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}
