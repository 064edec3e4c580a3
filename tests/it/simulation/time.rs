//! Time that passes only when nothing else can happen.
//!
//! The clock of the runtime is paused: it moves on to the next timer when no task can go on and
//! no transaction runs. Answers on the loopback are no reason for it to stand still, so a ticker
//! keeps each move short: a hop over a socket takes a tick at most, and a minute without work
//! takes a few milliseconds.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use scout_platform::Clock;
use tokio::time::Instant;

/// The longest move of the clock.
const TICK: Duration = Duration::from_millis(50);

/// The clock that everything in a history goes by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Time {
    start: Timestamp,
    origin: Instant,
}

impl Time {
    /// Starts the time of a runtime whose clock is paused.
    pub(crate) fn start() -> Self {
        tokio::spawn(async {
            loop {
                tokio::time::sleep(TICK).await;
            }
        });
        Self {
            start: Timestamp::from_second(1_700_000_000).unwrap(),
            origin: Instant::now(),
        }
    }

    /// Returns how long the history has lasted.
    pub(crate) fn elapsed(self) -> Duration {
        self.origin.elapsed()
    }
}

impl Clock for Time {
    fn now(&self) -> Timestamp {
        self.start + SignedDuration::try_from(self.elapsed()).unwrap()
    }
}
