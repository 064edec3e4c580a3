//! The gate of one host: who may ask now, who waits, who is next.
//!
//! A request holds its place until its body was read or dropped. What may be needed by somebody
//! who holds a place himself (a token) takes one that is always free, and bodies that are
//! streamed leave some for short requests: nobody waits for a place that its owner cannot leave.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::hosts::tempo::Tempo;
use crate::hosts::{HostLimits, Slowing};
use crate::priority::Priority;

/// How many places streamed bodies leave to short requests.
const SHORT_PLACES: usize = 2;
/// Every how many requests the one that waits longest is next, however little it matters: a
/// sweep comes to its end beside any number of workers.
const TURN_OF_THE_OLDEST: u64 = 4;
/// After how many requests without any answer a host is silent: a sweep has as many in flight,
/// so it is known after one time without an answer.
const SILENT_AFTER: u32 = 8;

/// What a request is like, as far as others are concerned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish {
    pub(crate) priority: Priority,
    /// Whether its body is read for as long as its reader likes.
    pub(crate) is_streamed: bool,
    /// Whether its answer may be needed by somebody who has a place: it waits for none.
    pub(crate) is_nested: bool,
}

/// The gate of one host.
#[derive(Debug)]
pub(crate) struct Gate {
    slowing: Arc<Slowing>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The limits of the clients that asked so far and are still there.
    limits: Vec<Weak<HostLimits>>,
    waiting: Vec<Waiting>,
    /// How many ever waited; numbers tell them apart, smaller ones came first.
    arrived: u64,
    begun: u64,
    places: Places,
    tempo: Tempo,
    /// Requests without an answer since the last answer.
    unanswered: u32,
}

#[derive(Debug)]
struct Waiting {
    number: u64,
    wish: Wish,
    wake: Arc<Notify>,
}

/// Places that are taken.
#[derive(Debug, Default)]
struct Places {
    all: usize,
    sweep: usize,
    streamed: usize,
}

impl Places {
    fn take(&mut self, wish: Wish) {
        self.all += 1;
        self.sweep += usize::from(wish.priority == Priority::Sweep);
        self.streamed += usize::from(wish.is_streamed);
    }

    fn leave(&mut self, wish: Wish) {
        self.all -= 1;
        self.sweep -= usize::from(wish.priority == Priority::Sweep);
        self.streamed -= usize::from(wish.is_streamed);
    }

    fn is_free(&self, wish: Wish, max: usize) -> bool {
        let sweep = (max / 2).max(1);
        let streamed = max.saturating_sub(SHORT_PLACES).max(1);
        wish.is_nested
            || (self.all < max
                && (wish.priority != Priority::Sweep || self.sweep < sweep)
                && (!wish.is_streamed || self.streamed < streamed))
    }
}

/// What a waiting request does next.
enum Step {
    Enter(Instant),
    /// It is next, at this time.
    At(Instant),
    Wait,
}

impl Gate {
    pub(super) fn new(slowing: Arc<Slowing>) -> Self {
        Self {
            slowing,
            state: Mutex::new(State {
                limits: Vec::new(),
                waiting: Vec::new(),
                arrived: 0,
                begun: 0,
                places: Places::default(),
                tempo: Tempo::new(Instant::now()),
                unanswered: 0,
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a place and for the time to ask. Dropped while it waits, it leaves the line.
    pub(crate) async fn enter(self: &Arc<Self>, limits: &Arc<HostLimits>, wish: Wish) -> Permit {
        let place = self.line_up(limits, wish);
        loop {
            match self.step(place.number) {
                Step::Enter(begun) => {
                    return Permit {
                        gate: Arc::clone(self),
                        wish,
                        begun,
                    };
                }
                Step::At(time) => {
                    tokio::select! {
                        () = sleep_until(time) => {}
                        () = place.wake.notified() => {}
                    }
                }
                Step::Wait => place.wake.notified().await,
            }
        }
    }

    fn line_up(self: &Arc<Self>, limits: &Arc<HostLimits>, wish: Wish) -> Place {
        let mut state = self.state();
        state.know(limits);
        let number = state.arrived;
        state.arrived += 1;
        let wake = Arc::new(Notify::new());
        state.waiting.push(Waiting {
            number,
            wish,
            wake: Arc::clone(&wake),
        });
        Place {
            gate: Arc::clone(self),
            number,
            wake,
        }
    }

    fn step(&self, number: u64) -> Step {
        let mut state = self.state();
        let Some(index) = state.next() else {
            return Step::Wait;
        };
        let is_it = |waiting: &&Waiting| waiting.number == number;
        let Some(wish) = state.waiting.get(index).filter(is_it).map(|own| own.wish) else {
            return Step::Wait;
        };
        let now = Instant::now();
        let time = state.tempo.next();
        if time > now {
            return Step::At(time);
        }
        state.waiting.remove(index);
        state.begun += 1;
        state.places.take(wish);
        let rate = state.rate();
        state.tempo.begin(now, rate);
        state.wake_next();
        Step::Enter(now)
    }

    /// Returns whether the host has not answered for a while: repeating a request that just
    /// failed is of no use then.
    pub(crate) fn is_silent(&self) -> bool {
        self.state().unanswered >= SILENT_AFTER
    }

    /// Returns how many requests are in flight.
    #[cfg(test)]
    pub(super) fn in_flight(&self) -> usize {
        self.state().places.all
    }
}

impl State {
    /// Remembers the limits of a client, and forgets those of clients that are gone.
    fn know(&mut self, limits: &Arc<HostLimits>) {
        self.limits.retain(|known| known.strong_count() > 0);
        let own = Arc::downgrade(limits);
        if !self.limits.iter().any(|known| known.ptr_eq(&own)) {
            self.limits.push(own);
        }
    }

    fn live(&self) -> impl Iterator<Item = Arc<HostLimits>> {
        self.limits.iter().filter_map(Weak::upgrade)
    }

    fn max(&self) -> usize {
        let set = self.live().filter_map(|limits| limits.max_requests).min();
        set.unwrap_or(HostLimits::MAX_REQUESTS).max(1)
    }

    fn rate(&self) -> Option<f64> {
        let set = self.live().filter_map(|limits| limits.rate);
        set.min_by(f64::total_cmp)
    }

    /// Returns the index of who is next, whenever that is, if there is a place for anybody.
    fn next(&self) -> Option<usize> {
        let max = self.max();
        let is_turn_of_oldest = self.begun % TURN_OF_THE_OLDEST == TURN_OF_THE_OLDEST - 1;
        let all = self.waiting.iter().enumerate();
        let free = all.filter(|(_, waiting)| self.places.is_free(waiting.wish, max));
        let order = |(_, waiting): &(usize, &Waiting)| {
            let Wish {
                priority,
                is_nested,
                ..
            } = waiting.wish;
            let counts = !is_turn_of_oldest;
            let urgency = counts.then_some((is_nested, priority));
            (urgency, std::cmp::Reverse(waiting.number))
        };
        free.max_by_key(order).map(|(index, _)| index)
    }

    fn wake_next(&self) {
        if let Some(waiting) = self.next().and_then(|index| self.waiting.get(index)) {
            waiting.wake.notify_one();
        }
    }
}

/// A place in the line.
struct Place {
    gate: Arc<Gate>,
    number: u64,
    wake: Arc<Notify>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.gate.state();
        let before = state.waiting.len();
        state.waiting.retain(|other| other.number != self.number);
        // It may have been the next, and woken for nothing.
        if state.waiting.len() < before {
            state.wake_next();
        }
    }
}

/// The right to ask, which ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    gate: Arc<Gate>,
    wish: Wish,
    begun: Instant,
}

impl Permit {
    /// Notes an answer that was not about our pace.
    pub(crate) fn note_answer(&self) {
        let mut state = self.gate.state();
        state.unanswered = 0;
        state.tempo.answered(self.begun);
    }

    /// Notes that the host asks to slow down.
    pub(crate) fn note_refusal(&self, asked: Option<Duration>) {
        let mut state = self.gate.state();
        state.unanswered = 0;
        let times = (self.begun, Instant::now());
        state.tempo.refused(times, asked, &self.gate.slowing);
    }

    /// Notes that no answer came.
    pub(crate) fn note_silence(&self) {
        let mut state = self.gate.state();
        state.unanswered = state.unanswered.saturating_add(1);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.gate.state();
        state.places.leave(self.wish);
        state.wake_next();
    }
}

#[cfg(test)]
mod tests;
