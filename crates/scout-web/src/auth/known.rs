//! Which tokens there are at all, for those who come from an address that is refused too often.
//!
//! A good scraper may share its address with a bad one. So that it is never locked out, it is
//! looked up as ever, and so that the bad one costs nothing, nobody else is: one list of hashes
//! tells them apart.

use std::collections::HashSet;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::exporter::{Exporter, REQUEST_TIMEOUT};
use crate::failure::Failure;
use crate::stats::Operation;

/// Most hashes kept, about 8 MB. Who has more tokens has every one looked up.
const MAX_HASHES: usize = 100_000;
/// How old the list may be when something was committed since. A token that is younger waits this
/// long, if somebody at its address is refused too often.
const MAX_AGE: Duration = Duration::from_secs(1);

/// The list, once it was needed.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<Option<List>>);

#[derive(Debug)]
struct List {
    mark: Option<u64>,
    read_at: Instant,
    /// Nothing if the source cannot tell, or not all.
    hashes: Option<HashSet<[u8; 32]>>,
}

impl Known {
    /// Returns whether there may be a token with this hash. Reads the list at most once a second.
    pub(super) async fn may_be(
        &self,
        exporter: &Exporter,
        hash: &[u8; 32],
    ) -> Result<bool, Failure> {
        // Who waits here waits for one list.
        let list = timeout(REQUEST_TIMEOUT, self.0.lock()).await;
        let mut list = list.map_err(|_late| Failure::Unavailable)?;
        let mark = exporter.source().change_mark();
        let is_good = |list: &List| {
            let is_unchanged = mark.is_some() && list.mark == mark;
            is_unchanged || list.read_at.elapsed() < MAX_AGE
        };
        let list = match list.take_if(|list| is_good(list)) {
            Some(good) => list.insert(good),
            None => {
                let read_at = Instant::now();
                let question = exporter.source().token_hashes(MAX_HASHES);
                let hashes = exporter.ask(Operation::Token, question).await?;
                let hashes = hashes.filter(|hashes| hashes.len() < MAX_HASHES);
                list.insert(List {
                    mark,
                    read_at,
                    hashes: hashes.map(HashSet::from_iter),
                })
            }
        };
        let hashes = list.hashes.as_ref();
        Ok(hashes.is_none_or(|hashes| hashes.contains(hash)))
    }
}
