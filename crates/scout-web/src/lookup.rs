//! One look at the store for all requests that show the same token at the same time.
//!
//! A revoked token must be refused at once, so no answer is kept here: each request is answered by
//! a look that began after the request came. Requests that come while a look is under way wait
//! together for the next one.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};

use crate::failure::Failure;
use crate::source::TokenGrant;

type Answer = Result<Option<TokenGrant>, Failure>;
type Look = Shared<BoxFuture<'static, Answer>>;
type Hash = [u8; 32];

/// The looks under way, and those that wait for them. Holds no more than there are requests.
#[derive(Debug, Default)]
pub(crate) struct Lookups(Mutex<HashMap<Hash, Waiting>>);

/// How many requests with one token there are, and where they meet.
#[derive(Debug, Default)]
struct Waiting {
    guests: usize,
    place: Arc<Place>,
}

/// Where the requests with one token meet.
#[derive(Debug, Default)]
struct Place {
    /// Held during a look.
    turn: tokio::sync::Mutex<()>,
    /// The look that has not begun.
    next: Mutex<Option<Look>>,
}

impl Lookups {
    /// Returns what `look` finds, or what a look of another request finds that has not begun yet.
    ///
    /// Gives up after `limit`. Dropping the future leaves the look to the others who wait for it.
    pub(crate) async fn find(
        &self,
        hash: Hash,
        limit: Duration,
        look: impl Future<Output = Answer> + Send + 'static,
    ) -> Answer {
        let guest = self.enter(hash);
        let shared = guest.place.next_look(look);
        let answer = tokio::time::timeout(limit, shared).await;
        answer.unwrap_or(Err(Failure::Unavailable))
    }

    fn enter(&self, hash: Hash) -> Guest<'_> {
        let mut places = self.places();
        let waiting = places.entry(hash).or_default();
        waiting.guests += 1;
        Guest {
            lookups: self,
            hash,
            place: Arc::clone(&waiting.place),
        }
    }

    fn places(&self) -> MutexGuard<'_, HashMap<Hash, Waiting>> {
        // Numbers and entries are changed whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    fn next_look(self: &Arc<Self>, look: impl Future<Output = Answer> + Send + 'static) -> Look {
        let mut next = self.next();
        if let Some(waiting) = next.as_ref() {
            return waiting.clone();
        }
        let place = Arc::downgrade(self);
        let begun = async move {
            let place = place.upgrade().ok_or(Failure::Unavailable)?;
            let _turn = place.turn.lock().await;
            // Who comes from now on must not have this answer.
            place.next().take();
            look.await
        };
        next.insert(begun.boxed().shared()).clone()
    }

    fn next(&self) -> MutexGuard<'_, Option<Look>> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that waits. The last one takes the place away.
struct Guest<'a> {
    lookups: &'a Lookups,
    hash: Hash,
    place: Arc<Place>,
}

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        let mut places = self.lookups.places();
        if let Entry::Occupied(mut entry) = places.entry(self.hash) {
            let guests = &mut entry.get_mut().guests;
            *guests = guests.saturating_sub(1);
            if *guests == 0 {
                entry.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use scout_envs::Role;
    use tokio::sync::Notify;
    use tokio::task::yield_now;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(5);

    fn grant() -> TokenGrant {
        TokenGrant::new("acme".parse().unwrap(), Role::Owner)
    }

    #[tokio::test]
    async fn who_comes_during_a_look_waits_for_the_next_one_and_shares_it() {
        let lookups = Arc::new(Lookups::default());
        let (looks, go) = (Arc::new(AtomicU64::new(0)), Arc::new(Notify::new()));
        let ask = || {
            let (lookups, looks) = (Arc::clone(&lookups), Arc::clone(&looks));
            let go = Arc::clone(&go);
            tokio::spawn(async move {
                let look = async move {
                    let number = looks.fetch_add(1, Ordering::Relaxed);
                    go.notified().await;
                    // The token is revoked while the first look is under way.
                    Ok((number == 0).then(grant))
                };
                lookups.find([1; 32], LIMIT, look).await
            })
        };
        let first = ask();
        yield_now().await;
        let later: Vec<_> = (0..20).map(|_| ask()).collect();
        yield_now().await;
        assert_eq!(looks.load(Ordering::Relaxed), 1);
        go.notify_one();
        assert_eq!(first.await.unwrap(), Ok(Some(grant())));
        go.notify_one();
        for asked in later {
            assert_eq!(asked.await.unwrap(), Ok(None));
        }
        assert_eq!(looks.load(Ordering::Relaxed), 2);
        assert!(lookups.places().is_empty(), "nothing is kept");
    }

    #[tokio::test]
    async fn a_request_that_goes_away_leaves_its_look_to_the_others() {
        let lookups = Arc::new(Lookups::default());
        let go = Arc::new(Notify::new());
        let ask = |hash| {
            let (lookups, go) = (Arc::clone(&lookups), Arc::clone(&go));
            tokio::spawn(async move {
                let look = async move {
                    go.notified().await;
                    Ok(Some(grant()))
                };
                lookups.find(hash, LIMIT, look).await
            })
        };
        let first = ask([1; 32]);
        let gone = ask([1; 32]);
        let stays = ask([1; 32]);
        let other = ask([2; 32]);
        yield_now().await;
        first.abort();
        gone.abort();
        yield_now().await;
        go.notify_waiters();
        for _ in 0..10 {
            go.notify_one();
            yield_now().await;
        }
        assert_eq!(stays.await.unwrap(), Ok(Some(grant())));
        assert_eq!(other.await.unwrap(), Ok(Some(grant())));
        assert!(lookups.places().is_empty(), "nothing is kept");
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_hangs_is_not_waited_for_and_not_kept() {
        let lookups = Lookups::default();
        let hangs = std::future::pending();
        let answer = lookups.find([1; 32], LIMIT, hangs).await;
        assert_eq!(answer, Err(Failure::Unavailable));
        assert!(lookups.places().is_empty());
        let answer = lookups.find([1; 32], LIMIT, async { Ok(None) }).await;
        assert_eq!(answer, Ok(None));
    }
}
