//! When one organization's metrics are asked for again, and what its token is worth meanwhile.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::hosted::pace::{MAX_RETRY_AFTER, Pace, spread};
use crate::hosted::problem::Problem;

/// When one organization's metrics are asked for again, and what its token is worth meanwhile.
///
/// One task asks at [`due`](Self::due) and reports how it went; so nothing is asked twice at once.
/// `chance` is a random number from 0 to 1 that spreads the pauses.
///
/// ```
/// use std::time::Duration;
/// use scout_api::hosted::{Pace, Problem, Schedule, Standing};
///
/// let start: jiff::Timestamp = "2026-11-21T10:00:00Z".parse()?;
/// let mut schedule = Schedule::new(Pace::default());
/// assert_eq!(schedule.due(start), Duration::ZERO);
///
/// schedule.succeeded(start, 0.0);
/// assert_eq!(schedule.standing(), Standing::Accepted);
/// assert_eq!(schedule.due(start), Pace::TTL);
///
/// let later = start + Pace::TTL;
/// schedule.failed(later, Problem::Unauthorized, None, 0.0);
/// assert_eq!(schedule.standing(), Standing::Unauthorized);
/// assert_eq!(schedule.due(later), Duration::from_secs(600));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    pace: Pace,
    state: ScheduleState,
}

/// What a schedule remembers, also across restarts.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ScheduleState {
    /// When the server was asked last.
    pub asked_at: Option<Timestamp>,
    /// When it may be asked again; nothing means at once.
    pub next_at: Option<Timestamp>,
    /// When it gave an answer last.
    pub read_at: Option<Timestamp>,
    /// How many reads failed since.
    pub failures: u32,
    /// Why the last one failed; nothing if it did not.
    pub problem: Option<Problem>,
    /// What the token is worth.
    pub standing: Standing,
}

/// What a token is worth at the server, as far as is known.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Standing {
    /// It was not used yet, or no answer came that says something of it.
    #[default]
    Unconfirmed,
    /// It was accepted when it was used last.
    Accepted,
    /// It was refused as unknown when it was used last (status 401).
    Unauthorized,
    /// It was refused for this organization when it was used last (status 403).
    Forbidden,
}

impl Schedule {
    /// Returns the schedule of a server that was never asked: it is due.
    #[must_use]
    pub fn new(pace: Pace) -> Self {
        Self {
            pace,
            state: ScheduleState::default(),
        }
    }

    /// Returns the schedule of a program that was started again.
    ///
    /// What it knew still holds, so that a program that starts over and over asks no more often
    /// than one that runs. `has_answer` tells whether the last good answer was kept, too;
    /// `same_token` whether the token is the one it was used with.
    #[must_use]
    pub fn restored(
        pace: Pace,
        state: ScheduleState,
        has_answer: bool,
        same_token: bool,
        now: Timestamp,
    ) -> Self {
        let mut schedule = Self { pace, state };
        if !has_answer {
            schedule.state.read_at = None;
            if schedule.state.problem.is_none() {
                schedule.ask_soon(now);
            }
        }
        // An answer may be good for a shorter time than when it came.
        if let (None, Some(read_at)) = (schedule.state.problem, schedule.state.read_at) {
            let latest = add(read_at, pace.longest_after_success());
            let next = schedule
                .state
                .next_at
                .map_or(latest, |next| next.min(latest));
            schedule.state.next_at = Some(next);
        }
        if !same_token {
            schedule.token_changed(now);
        }
        schedule
    }

    /// Returns how long to wait before the server may be asked; zero if it may be now.
    #[must_use]
    pub fn due(&self, now: Timestamp) -> Duration {
        let Some(next) = self.state.next_at else {
            return Duration::ZERO;
        };
        // Where the clock was set back, the pause that was chosen then begins now at the latest.
        let from = self.state.asked_at.map_or(now, |asked| asked.max(now));
        let shift = from.duration_since(now);
        let wait = next.duration_since(now) - shift.max(SignedDuration::ZERO);
        let longest = self
            .pace
            .longest_after_success()
            .max(spread(MAX_RETRY_AFTER, 1.0));
        Duration::try_from(wait).unwrap_or_default().min(longest)
    }

    /// Notes an answer.
    pub fn succeeded(&mut self, now: Timestamp, chance: f64) {
        self.state = ScheduleState {
            asked_at: Some(now),
            next_at: Some(add(now, self.pace.after_success(chance))),
            read_at: Some(now),
            failures: 0,
            problem: None,
            standing: Standing::Accepted,
        };
    }

    /// Notes a read that gave nothing. `retry_after` is what the server asked for.
    pub fn failed(
        &mut self,
        now: Timestamp,
        problem: Problem,
        retry_after: Option<Duration>,
        chance: f64,
    ) {
        let state = &mut self.state;
        state.failures = match state.problem {
            // Refusals and faults are counted apart: a fault is no reason to stay away for long.
            Some(before) if before.is_refusal() != problem.is_refusal() => 1,
            _ => state.failures.saturating_add(1),
        };
        let own = if problem.is_refusal() {
            self.pace.after_refusal(state.failures, chance)
        } else {
            self.pace.after_failure(state.failures, chance)
        };
        let asked = retry_after.map(|asked| spread(asked.min(MAX_RETRY_AFTER), chance));
        let pause = asked.map_or(own, |asked| asked.max(own));
        state.asked_at = Some(now);
        state.next_at = Some(add(now, pause));
        state.problem = Some(problem);
        match problem {
            Problem::Unauthorized => state.standing = Standing::Unauthorized,
            Problem::Forbidden => state.standing = Standing::Forbidden,
            // Says nothing of the token: it stays what it was.
            _ => {}
        }
    }

    /// Notes that another token is to be used from now on: the server is asked soon, unless it
    /// has troubles that another token does not end.
    pub fn token_changed(&mut self, now: Timestamp) {
        self.state.standing = Standing::Unconfirmed;
        if self.state.problem.is_none_or(Problem::is_refusal) {
            self.state.failures = 0;
            self.ask_soon(now);
        }
    }

    /// Returns what the token is worth.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.state.standing
    }

    /// Returns everything that is remembered.
    #[must_use]
    pub fn state(&self) -> &ScheduleState {
        &self.state
    }

    /// Brings the next read forward, but keeps the shortest pause after the last one.
    fn ask_soon(&mut self, now: Timestamp) {
        let soon = self.state.asked_at.map_or(now, |asked| {
            // A time that is still to come is that of a clock that was wrong.
            add(asked.min(now), self.pace.shortest())
        });
        let next = self.state.next_at.map_or(soon, |next| next.min(soon));
        self.state.next_at = Some(next);
    }
}

/// The end of time is late enough.
fn add(time: Timestamp, pause: Duration) -> Timestamp {
    time.saturating_add(pause).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
