//! When tags were pushed, where no search tells: asked of the file, once for each tag and digest.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use scout_envs::{Digest, RepositoryName, Tag};

use crate::artifactory::api::Api;
use crate::artifactory::pushes::{LIST, MANIFEST};
use crate::error::Error;
use crate::integration::Resolved;
use crate::media_type;

/// Most tags remembered: as many as the images we are made for, in some tens of MiB.
const MAX_TAGS: usize = 100_000;

/// The digest that a tag had, and since when.
type Known = HashMap<(RepositoryName, Tag), (Digest, Option<Timestamp>)>;

/// When tags were pushed, as far as it was asked.
#[derive(Debug, Default)]
pub(super) struct Times {
    known: Mutex<Known>,
    is_refused: AtomicBool,
}

impl Times {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns when the tag got this digest, if the server tells. `key` and `image` are where it
    /// lies. That it does not tell is remembered as well; that it could not is not.
    pub(super) async fn get(
        &self,
        api: &Api,
        (key, image): (&str, &str),
        repository: &RepositoryName,
        tag: &Tag,
        resolved: &Resolved,
    ) -> Option<Timestamp> {
        let place = (repository.clone(), tag.clone());
        if let Some((digest, time)) = self.known().get(&place)
            && *digest == resolved.digest
        {
            return *time;
        }
        if self.is_refused.load(Ordering::Relaxed) {
            return None;
        }
        let time = match self
            .ask(api, key, &format!("{image}/{tag}"), resolved)
            .await
        {
            Ok(time) => time,
            Err(Error::Denied { .. } | Error::Unauthorized { .. }) => {
                self.is_refused.store(true, Ordering::Relaxed);
                return None;
            }
            Err(_) => return None,
        };
        let mut known = self.known();
        if known.len() >= MAX_TAGS
            && let Some(any) = known.keys().next().cloned()
        {
            known.remove(&any);
        }
        known.insert(place, (resolved.digest.clone(), time));
        time
    }

    async fn ask(
        &self,
        api: &Api,
        key: &str,
        folder: &str,
        resolved: &Resolved,
    ) -> Result<Option<Timestamp>, Error> {
        let names = match resolved.media_type.as_deref() {
            Some(media_type::OCI_INDEX | media_type::DOCKER_LIST) => [LIST, MANIFEST],
            _ => [MANIFEST, LIST],
        };
        for name in names {
            match api.file(key, &format!("{folder}/{name}")).await {
                Ok((digest, time)) if digest.as_ref() == Some(&resolved.digest) => {
                    return Ok(time);
                }
                Ok(_) => {}
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}
