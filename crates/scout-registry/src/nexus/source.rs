//! One repository of a Nexus, and how its images are named among those of others.

use std::collections::BTreeMap;

use scout_envs::{RepositoryName, Tag};
use tokio::sync::OnceCell;
use url::Url;

use crate::client::Setup;
use crate::distribution::Distribution;
use crate::error::Result;
use crate::integration::Resolved;
use crate::nexus::api::{Kind, NexusApi};

/// One repository of a Nexus.
#[derive(Debug)]
pub(super) struct Source {
    /// The Nexus repository; none behind a connector, which does not tell.
    name: Option<String>,
    pub(super) distribution: Distribution,
    /// What kind of repository it is, once that is known.
    kind: OnceCell<Kind>,
}

impl Source {
    /// Returns the repository that a connector serves.
    pub(super) fn connector(setup: &Setup, host: &str) -> Self {
        Self {
            name: None,
            distribution: Distribution::new(setup, setup.connection.v2_root(), host),
            kind: OnceCell::new(),
        }
    }

    /// Returns a repository where Nexus serves it beside its API.
    pub(super) fn by_path(setup: &Setup, api: &Url, name: &str, host: &str) -> Self {
        let mut root = api.clone();
        root.set_path(&format!("{}repository/{name}/v2/", api.path()));
        let label = format!("{host} (repository {name})");
        Self {
            name: Some(name.to_owned()),
            distribution: Distribution::new(setup, root, label),
            kind: OnceCell::new(),
        }
    }

    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    pub(super) fn has_name(&self) -> bool {
        self.name.is_some()
    }

    /// Returns what the API knows of an image's tags at no further cost. Only hosted repositories
    /// are asked: a proxy may hold another manifest than it would give now. If the API cannot
    /// tell, nothing is known, and every tag is asked for.
    pub(super) async fn known(
        &self,
        api: &NexusApi,
        image: &RepositoryName,
    ) -> Result<BTreeMap<Tag, Resolved>> {
        let Some(name) = &self.name else {
            return Ok(BTreeMap::new());
        };
        let facts = async {
            let ask = || async {
                let repository = api.repository(name).await;
                repository.map(|repository| repository.kind)
            };
            match self.kind.get_or_try_init(ask).await? {
                Kind::Hosted => api.tags(name, image).await,
                Kind::Other => Ok(BTreeMap::new()),
            }
        };
        match facts.await {
            Err(error) if error.is_unauthorized() => Err(error),
            facts => Ok(facts.unwrap_or_default()),
        }
    }
}

/// How images are named: as in their repository, or with the repository before them if there are
/// several.
#[derive(Clone, Debug)]
pub(super) struct Naming {
    repositories: Vec<String>,
}

impl Naming {
    pub(super) fn new(repositories: &[String]) -> Self {
        Self {
            repositories: repositories.to_vec(),
        }
    }

    fn has_prefixes(&self) -> bool {
        self.repositories.len() > 1
    }

    /// Returns the position of a Nexus repository; nothing if it is not one of ours. Without
    /// names any may be the one behind the connector.
    pub(super) fn position(&self, repository: &str) -> Option<usize> {
        if self.repositories.is_empty() {
            return Some(0);
        }
        self.repositories.iter().position(|name| name == repository)
    }

    /// Names an image of the repository at this position.
    pub(super) fn join(&self, position: usize, image: &RepositoryName) -> Option<RepositoryName> {
        if !self.has_prefixes() {
            return Some(image.clone());
        }
        let prefix = self.repositories.get(position)?;
        format!("{prefix}/{image}").parse().ok()
    }

    /// Returns the position of an image's repository, and its name there.
    pub(super) fn split(&self, repository: &RepositoryName) -> Option<(usize, RepositoryName)> {
        if !self.has_prefixes() {
            return Some((0, repository.clone()));
        }
        let (prefix, image) = repository.as_str().split_once('/')?;
        Some((self.position(prefix)?, image.parse().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_of_several_repositories_carry_its_name() {
        let names =
            |list: &[&str]| Naming::new(&list.iter().map(|&n| n.to_owned()).collect::<Vec<_>>());
        let app: RepositoryName = "team/app".parse().unwrap();
        for (naming, position, whole) in [
            (names(&[]), 0, "team/app"),
            (names(&["One"]), 0, "team/app"),
            (names(&["one", "two"]), 0, "one/team/app"),
            (names(&["one", "two"]), 1, "two/team/app"),
        ] {
            let joined = naming.join(position, &app).unwrap();
            assert_eq!(joined.as_str(), whole);
            assert_eq!(naming.split(&joined), Some((position, app.clone())));
        }
        let two = names(&["one", "two"]);
        for foreign in ["three/app", "one"] {
            assert_eq!(two.split(&foreign.parse().unwrap()), None, "{foreign}");
        }
        assert_eq!(two.position("three"), None);
        assert_eq!(names(&[]).position("three"), Some(0));
        assert_eq!(names(&["One"]).position("one"), None);
    }
}
