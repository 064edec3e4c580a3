//! Faults in how the program is used that only show once it looks at the record.

use crate::settings::Settings;

/// What is wrong, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) String);

impl Usage {
    /// There is neither a registry nor an integration.
    pub(crate) fn nothing_to_watch(settings: &Settings) -> Self {
        Self(format!(
            "there is nothing to watch for organization {} in {}: give --registry, or add an \
             integration with `scout integration add`",
            settings.org,
            settings.data_dir.display()
        ))
    }
}
