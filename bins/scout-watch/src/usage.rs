//! Faults in how the program is used that only show once it looks at the record.

use scout_envs::IntegrationName;

use crate::settings::Settings;

/// What is wrong, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) String);

impl Usage {
    /// An integration that is named is nowhere.
    pub(crate) fn no_integration(name: &IntegrationName, settings: &Settings) -> Self {
        Self(format!(
            "there is no integration {name}; `scout integration list --org {}` lists those of the \
             record",
            settings.org
        ))
    }

    /// A runtime of which it is not said what is asked for, or for what.
    pub(crate) fn incomplete_runtime(name: &str, kind: &str) -> Self {
        Self(format!(
            "integration {name}: to be watched it needs cluster= and environment=; `scout \
             integration add {kind}` without cluster= lists the clusters"
        ))
    }

    /// A flag about serving, where nothing is served.
    pub(crate) fn needs_serve(flag: &str) -> Self {
        Self(format!(
            "{flag} is about what --serve serves: add --serve ADDR, or leave it out"
        ))
    }

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
