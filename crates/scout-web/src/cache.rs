//! The pages that are served now. Readers take a whole state; the poll replaces it whole.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use scout_envs::OrgName;
use tokio::sync::watch;

use crate::page::Page;

/// Holds the newest state.
#[derive(Debug, Default)]
pub(crate) struct Cache(watch::Sender<Arc<State>>);

/// What the last polls found.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    /// The page of each organization that could be read at least once.
    pub(crate) pages: BTreeMap<OrgName, Arc<Page>>,
    /// Organizations whose newest snapshot could not be read; they may have an older page.
    pub(crate) unread: BTreeSet<OrgName>,
    /// Whether the last poll read everything.
    pub(crate) up: bool,
    /// When the last poll that read everything ended.
    pub(crate) last_success: Option<Timestamp>,
    /// The epoch of the source: generations of another one say nothing.
    pub(crate) epoch: u64,
    /// Whether any poll could list the organizations.
    pub(crate) listed: bool,
}

/// What there is to serve for one organization.
#[derive(Debug)]
pub(crate) enum Lookup {
    /// This page.
    Page(Arc<Page>),
    /// Nothing yet: the organization is younger than the last poll.
    Nothing,
    /// It cannot be said: nothing was read since the start.
    Unknown,
}

impl Cache {
    pub(crate) fn state(&self) -> Arc<State> {
        Arc::clone(&self.0.borrow())
    }

    pub(crate) fn replace(&self, state: State) {
        self.0.send_replace(Arc::new(state));
    }
}

impl State {
    pub(crate) fn look_up(&self, org: &OrgName) -> Lookup {
        match self.pages.get(org) {
            Some(page) => Lookup::Page(Arc::clone(page)),
            None if self.listed && !self.unread.contains(org) => Lookup::Nothing,
            None => Lookup::Unknown,
        }
    }
}
