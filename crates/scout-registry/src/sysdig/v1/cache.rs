//! What is remembered of images between one list and the next.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::sysdig::v1::details::Details;
use crate::sysdig::v1::row::Wanted;

/// How often what is known of an image is used again although packages may have come into use: at
/// a poll each half hour, half a day.
const MAX_REUSES: u32 = 24;

/// What is known of images, between one list and the next.
#[derive(Debug, Default)]
pub(in crate::sysdig) struct Cache(Mutex<HashMap<String, Cached>>);

#[derive(Clone, Debug)]
pub(super) struct Cached {
    pub(super) version: Option<String>,
    pub(super) reuses: u32,
    pub(super) details: Arc<Details>,
}

impl Cache {
    pub(super) fn get(&self, wanted: &Wanted) -> Option<Cached> {
        let cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = cached.get(&wanted.id)?;
        let is_fresh = found.version.is_none() || found.reuses < MAX_REUSES;
        let is_same = found.version == wanted.version;
        (is_fresh && is_same).then(|| Cached {
            reuses: found.reuses.saturating_add(1),
            ..found.clone()
        })
    }

    /// Keeps what the last list needed, and forgets the rest.
    pub(super) fn replace(&self, used: HashMap<String, Cached>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = used;
    }
}
