//! Which repositories of Artifactory there are, which are watched, and how.
//!
//! - *Local* and *federated* ones hold what was pushed to them, and are watched.
//! - Of a *remote* one its cache is watched, which Artifactory calls `<key>-cache`: what was
//!   pulled through it. The remote's own catalog is that of the registry behind it, which is not
//!   ours. Images are called by the remote's key, as in a pull command.
//! - A *virtual* one only shows what others hold. It is watched if it is named; when all are
//!   watched it is not, so that no image is counted twice.
//!
//! Sources: JFrog, "List Docker Repositories" (catalogs of remote repositories), "Repository
//! naming rules" (no key ends with `-cache`).

use std::sync::{Arc, PoisonError, RwLock};

use scout_envs::RepositoryName;

use crate::artifactory::api::{Api, ListedRepository};
use crate::artifactory::naming::Naming;
use crate::error::{Error, Result};
use crate::stats::Counters;

/// What Artifactory puts after a remote repository's key for its cache.
const CACHE_SUFFIX: &str = "-cache";
/// How many keys a message lists.
const MAX_SHOWN: usize = 10;

/// How a repository comes by its images.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// They are pushed to it.
    Local,
    /// They are pulled through it.
    Remote,
    /// They are in others: in these, if that is known.
    Virtual(Option<Vec<String>>),
}

/// A repository that is watched.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Key {
    /// As people write it.
    pub(super) name: String,
    pub(super) kind: Kind,
}

impl Key {
    /// Returns a repository that holds its images itself.
    pub(super) fn local(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind: Kind::Local,
        }
    }

    /// Returns the key under which its images are stored, searched and asked for.
    pub(super) fn data(&self) -> String {
        match self.kind {
            Kind::Remote => format!("{}{CACHE_SUFFIX}", self.name),
            Kind::Local | Kind::Virtual(_) => self.name.clone(),
        }
    }

    /// Returns whether images that an event reports of `repo_key` may be seen here.
    fn shows(&self, repo_key: &str) -> bool {
        let source = repo_key.strip_suffix(CACHE_SUFFIX).unwrap_or(repo_key);
        match &self.kind {
            Kind::Virtual(Some(members)) => {
                members.iter().any(|key| key == source || key == repo_key)
            }
            Kind::Virtual(None) => true,
            Kind::Local | Kind::Remote => self.name == source || self.name == repo_key,
        }
    }
}

/// The repositories that are watched, as far as they are known.
#[derive(Debug)]
pub(super) struct Keys {
    naming: Arc<Naming>,
    counters: Arc<Counters>,
    known: RwLock<Option<Arc<Vec<Key>>>>,
}

impl Keys {
    pub(super) fn new(naming: Arc<Naming>, counters: Arc<Counters>) -> Self {
        Self {
            naming,
            counters,
            known: RwLock::default(),
        }
    }

    fn known(&self) -> Option<Arc<Vec<Key>>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.clone()
    }

    /// Finds a repository; asks for the list if that was never done. What is not in the list may
    /// be new, and is taken as it is.
    pub(super) async fn find(&self, api: &Api, name: &str) -> Result<Key> {
        let known = match self.known() {
            Some(known) => known,
            None => self.load(api).await?,
        };
        let found = known.iter().find(|key| key.name == name);
        Ok(found.cloned().unwrap_or_else(|| Key::local(name)))
    }

    /// Asks which repositories there are; returns those that are watched.
    ///
    /// # Errors
    ///
    /// If one that is named is not there, or holds no images.
    pub(super) async fn load(&self, api: &Api) -> Result<Arc<Vec<Key>>> {
        let listed = api.docker_repositories().await?;
        let keys = match self.naming.keys.is_empty() {
            true => self.all(&listed),
            false => self.named(api, &listed).await?,
        };
        let keys = Arc::new(keys);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        *known = Some(Arc::clone(&keys));
        Ok(keys)
    }

    /// Of all repositories, those that hold images themselves and that Docker can name.
    fn all(&self, listed: &[ListedRepository]) -> Vec<Key> {
        let mut keys = Vec::new();
        for repository in listed {
            let kind = match kind(repository) {
                Some(kind @ (Kind::Local | Kind::Remote)) => kind,
                Some(Kind::Virtual(_)) | None => continue,
            };
            if Naming::name(&repository.key, "x").is_none() {
                self.counters.count_invalid_name();
                continue;
            }
            keys.push(Key {
                name: repository.key.clone(),
                kind,
            });
        }
        keys
    }

    async fn named(&self, api: &Api, listed: &[ListedRepository]) -> Result<Vec<Key>> {
        let mut keys = Vec::with_capacity(self.naming.keys.len());
        for name in &self.naming.keys {
            let find = |name: &str| listed.iter().find(|listed| listed.key == *name);
            let mut kind = match find(name) {
                Some(listed) => kind(listed).unwrap_or(Kind::Local),
                None => {
                    let remote = name.strip_suffix(CACHE_SUFFIX).and_then(find);
                    match remote.and_then(kind) {
                        // The cache itself is named; it is in no list.
                        Some(Kind::Remote) => Kind::Local,
                        _ => return Err(missing(api, name, listed).await),
                    }
                }
            };
            if let Kind::Virtual(members) = &mut kind {
                *members = own_members(api.members(name).await, listed);
            }
            keys.push(Key {
                name: name.clone(),
                kind,
            });
        }
        Ok(keys)
    }

    /// Returns the images, as the integration names them, that an event of `repo_key` concerns.
    ///
    /// Events name the repository that holds an image: a local one, or the cache of a remote one.
    pub(super) fn concerned(&self, repo_key: &str, image: &str) -> Vec<RepositoryName> {
        let source = repo_key.strip_suffix(CACHE_SUFFIX).unwrap_or(repo_key);
        let names: Vec<String> = match self.known() {
            _ if self.naming.keys.is_empty() => vec![source.to_owned()],
            Some(known) => {
                let shown = known.iter().filter(|key| key.shows(repo_key));
                shown.map(|key| key.name.clone()).collect()
            }
            None => {
                let named = self.naming.keys.iter();
                let is_it = |key: &&String| *key == source || *key == repo_key;
                named.filter(is_it).cloned().collect()
            }
        };
        let images = names.iter().filter_map(|key| Naming::name(key, image));
        images.filter(|name| self.naming.selects(name)).collect()
    }
}

/// Reads a repository's type; nothing for those that hold no images of their own kind, such as
/// release bundles.
fn kind(listed: &ListedRepository) -> Option<Kind> {
    let kind = listed.kind.as_deref().unwrap_or("local");
    match kind.to_ascii_lowercase().as_str() {
        "local" | "federated" => Some(Kind::Local),
        "remote" => Some(Kind::Remote),
        "virtual" => Some(Kind::Virtual(None)),
        _ => None,
    }
}

/// A virtual repository may hold further virtual ones, whose members are not known then.
fn own_members(members: Option<Vec<String>>, listed: &[ListedRepository]) -> Option<Vec<String>> {
    members.filter(|members| {
        members.iter().all(|member| {
            let found = listed.iter().find(|listed| listed.key == *member);
            matches!(found.and_then(kind), Some(Kind::Local | Kind::Remote))
        })
    })
}

/// Says why a repository that is named cannot be watched.
async fn missing(api: &Api, name: &str, listed: &[ListedRepository]) -> Error {
    let other = match api.all_repositories().await {
        Ok(all) => all.into_iter().find(|listed| listed.key == name),
        Err(_) => None,
    };
    let detail = match other.and_then(|other| other.package_type) {
        Some(package_type) => {
            format!("the repository of this key holds {package_type} packages")
        }
        None if listed.is_empty() => "the credentials may see none at all".to_owned(),
        None => {
            let keys = listed.iter().map(|listed| listed.key.as_str());
            let shown: Vec<_> = keys.take(MAX_SHOWN).collect();
            let more = if listed.len() > MAX_SHOWN {
                ", …"
            } else {
                ""
            };
            format!("the credentials may see {}{more}", shown.join(", "))
        }
    };
    Error::NotFound {
        what: format!("a Docker repository with the key {name:?}"),
        detail: Some(detail),
    }
}
