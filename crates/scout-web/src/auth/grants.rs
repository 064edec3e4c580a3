//! What good tokens grant, kept only as long as nothing at all was committed.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::source::TokenGrant;

/// Most grants kept, about 1 MB. Who has more tokens in use waits for the store more often.
const MAX_GRANTS: usize = 4096;

/// Grants, all read under one mark of [`MetricsSource::change_mark`].
///
/// A revoked token must be refused at once, also when another process revoked it. So a grant is
/// used only in a request in which the source still has the mark that it had before the grant was
/// looked up: then nothing was committed in between, no revocation either.
///
/// [`MetricsSource::change_mark`]: crate::MetricsSource::change_mark
#[derive(Debug, Default)]
pub(super) struct Grants(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    mark: Option<u64>,
    grants: HashMap<[u8; 32], TokenGrant>,
}

impl Grants {
    /// Returns the grant of the token with this hash, if it was looked up under the mark of now.
    pub(super) fn get(&self, mark: u64, hash: &[u8; 32]) -> Option<TokenGrant> {
        let mut kept = self.kept();
        if kept.mark != Some(mark) {
            kept.mark = Some(mark);
            kept.grants.clear();
        }
        kept.grants.get(hash).cloned()
    }

    /// Keeps a grant that was looked up after the source had this mark.
    pub(super) fn keep(&self, mark: u64, hash: [u8; 32], grant: TokenGrant) {
        let mut kept = self.kept();
        if kept.mark != Some(mark) {
            return;
        }
        if kept.grants.len() >= MAX_GRANTS && !kept.grants.contains_key(&hash) {
            kept.grants.clear();
        }
        kept.grants.insert(hash, grant);
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // The mark is changed before anything is forgotten, so a panic leaves too little.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use scout_envs::Role;

    use super::*;

    fn grant() -> TokenGrant {
        TokenGrant::new("acme".parse().unwrap(), Role::Owner)
    }

    #[test]
    fn a_grant_is_used_under_its_mark_alone() {
        let grants = Grants::default();
        assert_eq!(grants.get(1, &[1; 32]), None);
        grants.keep(1, [1; 32], grant());
        assert_eq!(grants.get(1, &[1; 32]), Some(grant()));
        assert_eq!(grants.get(1, &[2; 32]), None, "another token");
        assert_eq!(grants.get(2, &[1; 32]), None);
        grants.keep(1, [1; 32], grant());
        assert_eq!(grants.get(2, &[1; 32]), None, "looked up too early");
        assert_eq!(grants.get(1, &[1; 32]), None, "forgotten");
    }

    #[test]
    fn only_so_many_are_kept() {
        let grants = Grants::default();
        assert_eq!(grants.get(1, &[0; 32]), None);
        for number in 0..=MAX_GRANTS {
            let mut hash = [0; 32];
            hash[..8].copy_from_slice(&number.to_be_bytes());
            grants.keep(1, hash, grant());
        }
        assert_eq!(grants.kept().grants.len(), 1);
    }
}
