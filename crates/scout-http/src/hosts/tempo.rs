//! When the next request to a host may begin: a rate that was set, and one that was learned from
//! a server that asks to slow down.
//!
//! A refusal halves the rate at which requests were begun. From there it grows by a tenth a
//! second, slowly where it was refused last, and is forgotten when the host bears more than
//! matters. Nothing here waits or reads the time.

use std::time::Duration;

use tokio::time::Instant;

use crate::hosts::Slowing;

/// How much a learned rate grows in a second: doubled after seven.
const GROWTH: f64 = 0.10;
/// The same near the rate that was refused last: four seconds to get past it.
const CAREFUL_GROWTH: f64 = 0.05;
/// What is near.
const NEAR: std::ops::RangeInclusive<f64> = 0.9..=1.1;
/// The rate from which on it does not matter, in requests per second: faster than timers are.
const FREE_RATE: f64 = 1000.0;
/// The longest time between two requests that lets the rate grow: what a host bears is not
/// learned while nobody asks it.
const LONGEST_STEP: Duration = Duration::from_secs(1);
/// How far back speed is measured.
const MEMORY: Duration = Duration::from_secs(1);
/// How late a request may be without those after it being late, too: timers count milliseconds.
const CATCH_UP: Duration = Duration::from_millis(5);
/// Most doublings of a pause.
const MAX_DOUBLINGS: u32 = 16;

/// The pace of one host.
#[derive(Debug)]
pub(super) struct Tempo {
    /// When the next request may begin.
    next: Instant,
    learned: Option<Learned>,
    /// Requests begun per second, averaged over [`MEMORY`].
    speed: f64,
    /// When one was begun last.
    begun_at: Instant,
    /// When the last refusal came that counts.
    refused_at: Option<Instant>,
    /// Such refusals since the last good answer.
    in_a_row: u32,
}

/// A rate that was learned.
#[derive(Debug)]
struct Learned {
    rate: f64,
    /// The rate that was refused last.
    refused: f64,
}

impl Tempo {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            next: now,
            learned: None,
            speed: 0.0,
            begun_at: now,
            refused_at: None,
            in_a_row: 0,
        }
    }

    /// Returns when the next request may begin.
    pub(super) fn next(&self) -> Instant {
        self.next
    }

    /// Notes that a request begins now; `rate` is the one that was set, if any.
    pub(super) fn begin(&mut self, now: Instant, rate: Option<f64>) {
        let since = now.duration_since(self.begun_at);
        self.speed = self.speed_at(now) + 1.0 / MEMORY.as_secs_f64();
        self.begun_at = now;
        if let Some(learned) = &mut self.learned {
            learned.grow(since.min(LONGEST_STEP));
        }
        self.learned.take_if(|learned| learned.rate > FREE_RATE);
        let learned = self.learned.as_ref().map(|learned| learned.rate);
        let rate = match (rate, learned) {
            (Some(set), Some(learned)) => set.min(learned),
            (set, learned) => match set.or(learned) {
                Some(rate) => rate,
                None => return,
            },
        };
        let begun = self.next.max(now.checked_sub(CATCH_UP).unwrap_or(now));
        let space = Duration::try_from_secs_f64(1.0 / rate).unwrap_or(Duration::MAX);
        self.next = begun.checked_add(space).unwrap_or(begun);
    }

    fn speed_at(&self, now: Instant) -> f64 {
        let since = now.duration_since(self.begun_at);
        self.speed * (-since.div_duration_f64(MEMORY)).exp()
    }

    /// Notes a good answer to a request that was begun at that time.
    pub(super) fn answered(&mut self, begun: Instant) {
        if self.refused_at.is_none_or(|refused| begun > refused) {
            self.in_a_row = 0;
        }
    }

    /// Notes that the host asked to slow down, in answer to a request that was begun at that
    /// time, and perhaps for how long it wants to be left alone.
    pub(super) fn refused(
        &mut self,
        (begun, now): (Instant, Instant),
        asked: Option<Duration>,
        slowing: &Slowing,
    ) {
        // Those that were in flight together are refused together, which says nothing new.
        let is_news = self.refused_at.is_none_or(|refused| begun >= refused);
        if is_news {
            self.slow_down(now, slowing.least_rate);
        }
        let jitter = slowing.jitter.next();
        let pause = match asked {
            // No earlier than was asked for.
            // Bounded first: a server may ask for more than can be multiplied.
            Some(asked) => {
                let asked = asked.min(slowing.longest_pause);
                asked.mul_f64(1.0 + jitter / 10.0)
            }
            None if !is_news => return,
            None => {
                let doublings = self.in_a_row.saturating_sub(1).min(MAX_DOUBLINGS);
                let whole = slowing.first_pause.saturating_mul(1 << doublings);
                whole.mul_f64(0.5 + jitter / 2.0)
            }
        };
        self.next = self.next.max(now + pause.min(slowing.longest_pause));
    }

    fn slow_down(&mut self, now: Instant, least: f64) {
        self.in_a_row = self.in_a_row.saturating_add(1);
        self.refused_at = Some(now);
        let speed = self.speed_at(now);
        let refused = match &self.learned {
            Some(learned) => learned.rate.min(speed),
            None => speed,
        };
        self.learned = Some(Learned {
            rate: (refused / 2.0).max(least),
            refused,
        });
    }

    #[cfg(test)]
    fn rate(&self) -> Option<f64> {
        self.learned.as_ref().map(|learned| learned.rate)
    }
}

impl Learned {
    fn grow(&mut self, step: Duration) {
        let growth = match NEAR.contains(&(self.rate / self.refused)) {
            true => CAREFUL_GROWTH,
            false => GROWTH,
        };
        self.rate *= 1.0 + growth * step.as_secs_f64();
    }
}

#[cfg(test)]
mod tests;
