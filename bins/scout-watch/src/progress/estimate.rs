//! From counters to what people want to know: how much is done, how fast it goes, how long it takes.

use std::time::Duration;

use scout_platform::Progress;

/// After which time a burst counts a third: long enough that one large image does not make the
/// time left jump, short enough to follow a registry that slows down.
const MEMORY: Duration = Duration::from_secs(30);
/// The longest time left that is told. What is longer is no estimate.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);

/// What is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct View {
    /// The sweeps that go on, if they take a while.
    pub(super) sweep: Option<SweepView>,
    /// The work that there is, if it takes a while.
    pub(super) work: Option<WorkView>,
}

/// How far sweeps are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct SweepView {
    /// Whether they are the first ones since the start.
    pub(super) is_first: bool,
    pub(super) repositories_done: u64,
    /// 0 while the registry lists them.
    pub(super) repositories: u64,
    pub(super) tags: u64,
    pub(super) tags_per_second: f64,
}

/// How far workers are with what is known to be wanted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct WorkView {
    pub(super) done: u64,
    pub(super) left: u64,
    pub(super) failed: u64,
    pub(super) in_hand: u64,
    /// What waits for registries out of reach.
    pub(super) held_back: u64,
    pub(super) per_second: f64,
    pub(super) bytes_per_second: f64,
    /// Nothing as long as it cannot be told.
    pub(super) time_left: Option<Duration>,
}

/// A moving average: what happened counts the less the longer ago it was.
#[derive(Clone, Copy, Debug, Default)]
struct Rate {
    amount: f64,
    seconds: f64,
}

impl Rate {
    fn add(&mut self, amount: u64, seconds: f64) {
        let kept = (-seconds / MEMORY.as_secs_f64()).exp();
        self.amount = self.amount * kept + amount as f64;
        self.seconds = self.seconds * kept + seconds;
    }

    /// Returns how much it is a second; 0 as long as nothing is known.
    fn per_second(self) -> f64 {
        if self.seconds > 0.0 {
            self.amount / self.seconds
        } else {
            0.0
        }
    }

    fn time_for(self, left: u64) -> Option<Duration> {
        let seconds = left as f64 / self.per_second();
        // Also refuses what is no number.
        (seconds <= LONGEST.as_secs_f64()).then(|| Duration::from_secs_f64(seconds))
    }
}

/// What was seen so far.
#[derive(Debug, Default)]
pub(super) struct Estimate {
    last: Option<(Duration, Progress)>,
    /// What was done and had failed when the work that goes on began.
    begun: (u64, u64),
    images: Rate,
    bytes: Rate,
    tags: Rate,
}

impl Estimate {
    /// Takes a look at the counters. `at` is the time since any moment, the same for all looks.
    pub(super) fn look(&mut self, at: Duration, now: &Progress) -> View {
        let Some((before_at, before)) = self.last.replace((at, *now)) else {
            self.begun = (now.done, now.failed);
            return View::default();
        };
        let seconds = at.saturating_sub(before_at).as_secs_f64();
        // Another watcher took over, as registries were opened anew: it counts from zero.
        let is_same = before.done <= now.done && before.bytes <= now.bytes;
        if !is_same {
            self.begun = (0, 0);
        }
        View {
            sweep: self.sweep(seconds, &before, now),
            work: self.work(seconds, &before, now, is_same),
        }
    }

    fn sweep(&mut self, seconds: f64, before: &Progress, now: &Progress) -> Option<SweepView> {
        if now.sweeping == 0 || before.sweeping == 0 {
            self.tags = Rate::default();
            return None;
        }
        self.tags.add(now.tags.saturating_sub(before.tags), seconds);
        Some(SweepView {
            is_first: !now.swept,
            repositories_done: now.repositories_done.min(now.repositories),
            repositories: now.repositories,
            tags: now.tags,
            tags_per_second: self.tags.per_second(),
        })
    }

    fn work(
        &mut self,
        seconds: f64,
        before: &Progress,
        now: &Progress,
        is_same: bool,
    ) -> Option<WorkView> {
        if now.left == 0 {
            self.begun = (now.done, now.failed);
            (self.images, self.bytes) = (Rate::default(), Rate::default());
            return None;
        }
        if is_same {
            self.images.add(now.done - before.done, seconds);
            self.bytes.add(now.bytes - before.bytes, seconds);
        }
        // What ends within a look or two is not worth a bar.
        if before.left == 0 {
            return None;
        }
        let (done, failed) = self.begun;
        Some(WorkView {
            done: now.done.saturating_sub(done),
            left: now.left,
            failed: now.failed.saturating_sub(failed),
            in_hand: now.in_hand,
            held_back: now.held_back,
            per_second: self.images.per_second(),
            bytes_per_second: self.bytes.per_second(),
            time_left: self.images.time_for(now.left),
        })
    }
}

#[cfg(test)]
mod tests;
