//! Which repositories an integration looks at: what is named, included and excluded.

use scout_envs::{RepositoryFilter, RepositoryName};

/// Which repositories an integration looks at. Its listings and its webhooks share one.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    host: String,
    filter: RepositoryFilter,
    named: Vec<RepositoryName>,
}

impl Selection {
    /// Returns the selection of what is `named`, else of everything, as far as the filter lets
    /// it through. The host stands before the names that globs are tried on.
    pub(crate) fn new(host: &str, filter: RepositoryFilter, named: Vec<RepositoryName>) -> Self {
        Self {
            host: host.to_owned(),
            filter,
            named,
        }
    }

    /// Returns the names that somebody gave; nothing if all there are count.
    pub(crate) fn named(&self) -> Option<Vec<RepositoryName>> {
        (!self.named.is_empty()).then(|| self.named.clone())
    }

    /// Returns whether a repository of this name is looked at.
    pub(crate) fn selects(&self, repository: &RepositoryName) -> bool {
        self.filter.selects(&self.host, repository)
            && (self.named.is_empty() || self.named.contains(repository))
    }

    /// Returns those that are looked at, sorted, each once.
    pub(crate) fn keep(&self, mut names: Vec<RepositoryName>) -> Vec<RepositoryName> {
        names.retain(|name| self.filter.selects(&self.host, name));
        names.sort();
        names.dedup();
        names
    }
}
