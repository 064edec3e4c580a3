//! A breaker for each registry: one that is out of reach is left alone for a while, instead of
//! failing image after image.
//!
//! It opens with the first answer that concerns the whole registry. Then one image is tried after
//! each pause, and each that fails too doubles the pause. Any answer closes it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long a registry is left alone at first. Shorter ones are repeated by the registry client.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// How long it is left alone at most between two tries: what an outage costs after its end, where
/// no sweep notices it before.
const LONGEST_PAUSE: Duration = Duration::from_secs(5 * 60);
/// How long it is left alone at most because it asked for it. One that asks for days is asked
/// again all the same.
const LONGEST_ASKED: Duration = Duration::from_secs(15 * 60);
/// How many tries in vain a single run makes before it leaves what is queued to the next one: for
/// 6 seconds, if the registry asked for no other pause.
const TRIES_OF_A_RUN: u32 = 2;

/// Whether a registry's work may be leased.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Pass {
    /// All of it.
    Free,
    /// One image, to see whether the registry answers.
    Probe,
    /// None.
    Shut,
}

/// The breaker of one registry.
#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<Option<Open>>);

/// What is known of a registry that is out of reach.
#[derive(Debug)]
struct Open {
    pause: Duration,
    next: Instant,
    /// Until when the registry asked to be left alone.
    asked_until: Instant,
    /// Whether an image is being tried.
    is_probed: bool,
    /// Tries in vain.
    tried: u32,
}

impl Breaker {
    fn open(&self) -> MutexGuard<'_, Option<Open>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether work may be leased now.
    pub(super) fn pass(&self) -> Pass {
        match self.open().as_ref() {
            None => Pass::Free,
            Some(open) if !open.is_probed && open.next <= Instant::now() => Pass::Probe,
            Some(_) => Pass::Shut,
        }
    }

    /// Takes the right to try one image; the one who took it tells how it ended.
    pub(super) fn begin_probe(&self) -> bool {
        let is_due = self.pass() == Pass::Probe;
        match self.open().as_mut() {
            Some(open) if is_due && !open.is_probed => {
                open.is_probed = true;
                true
            }
            _ => false,
        }
    }

    /// Notes that the try told nothing of the registry.
    pub(super) fn drop_probe(&self) {
        if let Some(open) = self.open().as_mut() {
            open.is_probed = false;
        }
    }

    /// Notes that the registry answered; returns whether it was out of reach until now. While it
    /// asked to be left alone it is, whatever else it answers.
    pub(super) fn close(&self) -> bool {
        let now = Instant::now();
        self.open()
            .take_if(|open| open.asked_until <= now)
            .is_some()
    }

    /// Notes that the registry could not answer, and perhaps how long it wants to be left alone;
    /// returns for how long it is, if that was not known before.
    pub(super) fn trip(&self, is_probe: bool, retry_after: Option<Duration>) -> Option<Duration> {
        let asked = retry_after.unwrap_or_default().min(LONGEST_ASKED);
        let mut state = self.open();
        let (pause, tried) = match state.as_ref() {
            None => (FIRST_PAUSE, 0),
            Some(open) if is_probe => ((open.pause * 2).min(LONGEST_PAUSE), open.tried + 1),
            // Begun before the breaker opened: it knows no more than what opened it.
            Some(_) => return None,
        };
        let wait = pause.max(asked);
        let now = Instant::now();
        *state = Some(Open {
            pause,
            next: now + wait,
            asked_until: now + asked,
            is_probed: false,
            tried,
        });
        Some(wait)
    }

    /// Returns whether the registry is out of reach, as far as is known.
    pub(super) fn is_open(&self) -> bool {
        self.open().is_some()
    }

    /// Returns whether a run that is to end has tried long enough.
    pub(super) fn has_given_up(&self) -> bool {
        let state = self.open();
        state
            .as_ref()
            .is_some_and(|open| open.tried >= TRIES_OF_A_RUN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn pass_after(breaker: &Breaker, seconds: u64) -> Pass {
        tokio::time::advance(Duration::from_secs(seconds)).await;
        breaker.pass()
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_to_a_bound_and_end_with_an_answer() {
        let breaker = Breaker::default();
        assert_eq!(breaker.pass(), Pass::Free);
        assert!(!breaker.begin_probe() && !breaker.close());
        breaker.trip(false, None);
        for expected in [2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
            assert_eq!(pass_after(&breaker, expected - 1).await, Pass::Shut);
            assert_eq!(pass_after(&breaker, 1).await, Pass::Probe, "{expected}");
            assert!(breaker.begin_probe() && !breaker.begin_probe());
            assert_eq!(pass_after(&breaker, 9_000).await, Pass::Shut, "one at once");
            assert!(breaker.trip(true, None).is_some());
        }
        assert!(breaker.close());
        assert_eq!(breaker.pass(), Pass::Free);
        assert_eq!(breaker.trip(false, None), Some(FIRST_PAUSE));
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_registry_asks_for_is_heeded_within_bounds() {
        for (asked, expected) in [(0, 2), (1, 2), (60, 60), (900, 900), (86_400, 900)] {
            let breaker = Breaker::default();
            let wait = breaker.trip(false, Some(Duration::from_secs(asked)));
            assert_eq!(wait, Some(Duration::from_secs(expected)), "{asked}");
            assert_eq!(pass_after(&breaker, expected - 1).await, Pass::Shut);
            assert_eq!(breaker.close(), asked < expected, "{asked}");
            breaker.trip(false, None);
            let left = if asked < expected { 2 } else { 1 };
            assert_eq!(pass_after(&breaker, left).await, Pass::Probe);
            assert!(breaker.close());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_begun_before_does_not_count_as_a_try() {
        let breaker = Breaker::default();
        breaker.trip(false, None);
        for _ in 0..9 {
            assert_eq!(breaker.trip(false, None), None);
        }
        assert!(breaker.is_open() && !breaker.has_given_up());
        assert_eq!(pass_after(&breaker, 2).await, Pass::Probe);
        assert!(breaker.begin_probe());
        breaker.drop_probe();
        assert_eq!(breaker.pass(), Pass::Probe, "a try that told nothing");
        for tries in 1..=TRIES_OF_A_RUN {
            assert!(!breaker.has_given_up(), "{tries}");
            breaker.trip(true, None);
        }
        assert!(breaker.has_given_up());
    }
}
