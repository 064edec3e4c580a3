//! How fast each sender is: a token bucket for each address and integration.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::webhook::options::SenderRate;

/// Most buckets. A few senders deliver; who comes from more addresses at once than this is many
/// machines, and all that are new share one bucket then.
const MAX_BUCKETS: usize = 4096;
/// How long to wait before full buckets are looked for again. Looking at all takes microseconds.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);
/// What a wrong secret costs more, in time: who guesses gets 2 guesses a second.
const GUESS_PENALTY: Duration = Duration::from_millis(500);
/// Longest time for which a sender is shut out, so that a corrected secret works within a minute.
const MAX_DEBT: Duration = Duration::from_secs(60);

/// Whose bucket: the network, and the integration, if the path has one. With both, a sender whose
/// secret is wrong does not shut out the others behind the same proxy.
pub(super) type Key = (IpAddr, Option<usize>);

/// The buckets.
#[derive(Debug)]
pub(super) struct Senders {
    per_second: f64,
    burst: f64,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    buckets: HashMap<Key, Bucket>,
    /// Of those for whom there is no room.
    others: Option<Bucket>,
    swept_at: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// Deliveries that may come now; below 0 after wrong secrets.
    tokens: f64,
    filled_at: Instant,
}

impl Senders {
    pub(super) fn new(rate: SenderRate) -> Self {
        Self {
            per_second: f64::from(rate.per_second.max(1)),
            burst: f64::from(rate.burst.max(1)),
            table: Mutex::default(),
        }
    }

    /// Counts a request.
    ///
    /// # Errors
    ///
    /// How long to wait, if there were too many.
    pub(super) fn take(&self, key: Key, now: Instant) -> Result<(), Duration> {
        let mut table = self.table();
        let bucket = self.bucket(&mut table, key, now);
        if bucket.tokens < 1.0 {
            let missing = (1.0 - bucket.tokens) / self.per_second;
            return Err(Duration::try_from_secs_f64(missing).unwrap_or(MAX_DEBT));
        }
        bucket.tokens -= 1.0;
        Ok(())
    }

    /// Takes back what [`take`](Self::take) counted: the request was authentic, and cost nothing to
    /// speak of.
    pub(super) fn give_back(&self, key: Key, now: Instant) {
        let mut table = self.table();
        let bucket = self.bucket(&mut table, key, now);
        bucket.tokens = (bucket.tokens + 1.0).min(self.burst);
    }

    /// Counts a wrong secret.
    pub(super) fn penalize(&self, key: Key, now: Instant) {
        let mut table = self.table();
        let bucket = self.bucket(&mut table, key, now);
        let least = -self.per_second * MAX_DEBT.as_secs_f64();
        let penalty = self.per_second * GUESS_PENALTY.as_secs_f64();
        bucket.tokens = (bucket.tokens - penalty).max(least);
    }

    /// Returns the sender's bucket, filled up to now.
    fn bucket<'t>(&self, table: &'t mut Table, key: Key, now: Instant) -> &'t mut Bucket {
        let new = Bucket {
            tokens: self.burst,
            filled_at: now,
        };
        if table.buckets.len() >= MAX_BUCKETS && !table.buckets.contains_key(&key) {
            self.sweep(table, now);
        }
        let is_full = table.buckets.len() >= MAX_BUCKETS;
        let bucket = if is_full && !table.buckets.contains_key(&key) {
            table.others.get_or_insert(new)
        } else {
            table.buckets.entry(key).or_insert(new)
        };
        bucket.tokens = self.filled(bucket, now);
        bucket.filled_at = now;
        bucket
    }

    /// Forgets who may do as much as somebody who never came.
    fn sweep(&self, table: &mut Table, now: Instant) {
        let is_due = |at| now.duration_since(at) >= SWEEP_INTERVAL;
        if table.swept_at.is_none_or(is_due) {
            table.swept_at = Some(now);
            table
                .buckets
                .retain(|_, bucket| self.filled(bucket, now) < self.burst);
        }
    }

    fn filled(&self, bucket: &Bucket, now: Instant) -> f64 {
        let seconds = now.duration_since(bucket.filled_at).as_secs_f64();
        (bucket.tokens + seconds * self.per_second).min(self.burst)
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // A panic leaves a bucket a little too full or too empty.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const RATE: SenderRate = SenderRate {
        per_second: 10,
        burst: 20,
    };

    fn key(number: usize) -> Key {
        let bits = u32::try_from(number).unwrap();
        (Ipv4Addr::from_bits(bits).into(), Some(0))
    }

    /// Returns how many requests are let through at this time.
    fn burst(senders: &Senders, key: Key, now: Instant) -> usize {
        (0..10_000)
            .take_while(|_| senders.take(key, now).is_ok())
            .count()
    }

    #[test]
    fn a_sender_has_its_burst_and_then_its_rate() {
        let senders = Senders::new(RATE);
        let start = Instant::now();
        assert_eq!(burst(&senders, key(1), start), 20);
        let wait = senders.take(key(1), start).unwrap_err();
        assert_eq!(wait, Duration::from_millis(100));
        assert_eq!(burst(&senders, key(1), start + wait), 1);
        assert_eq!(burst(&senders, key(1), start + Duration::from_secs(1)), 9);
        let later = start + Duration::from_secs(3600);
        assert_eq!(burst(&senders, key(1), later), 20, "no more than the burst");
    }

    #[test]
    fn a_sender_and_an_integration_do_not_touch_the_others() {
        let senders = Senders::new(RATE);
        let now = Instant::now();
        assert_eq!(burst(&senders, key(1), now), 20);
        assert_eq!(burst(&senders, key(2), now), 20);
        assert_eq!(burst(&senders, (key(1).0, Some(1)), now), 20);
        assert_eq!(burst(&senders, (key(1).0, None), now), 20);
    }

    #[test]
    fn who_guesses_gets_two_guesses_a_second() {
        let senders = Senders::new(RATE);
        let start = Instant::now();
        let mut guesses = 0;
        for millisecond in 0..60_000 {
            let now = start + Duration::from_millis(millisecond);
            if senders.take(key(1), now).is_ok() {
                senders.penalize(key(1), now);
                guesses += 1;
            }
        }
        assert!((80..=120).contains(&guesses), "{guesses}");
    }

    #[test]
    fn what_is_given_back_may_come_again_and_no_more() {
        let senders = Senders::new(RATE);
        let now = Instant::now();
        for _ in 0..1_000 {
            senders.take(key(1), now).unwrap();
            senders.give_back(key(1), now);
        }
        senders.give_back(key(1), now);
        assert_eq!(burst(&senders, key(1), now), 20);
        senders.give_back(key(1), now);
        assert_eq!(burst(&senders, key(1), now), 1);
    }

    #[test]
    fn nobody_is_shut_out_for_long() {
        let senders = Senders::new(RATE);
        let now = Instant::now();
        for _ in 0..100_000 {
            senders.penalize(key(1), now);
        }
        assert!(senders.take(key(1), now).unwrap_err() <= MAX_DEBT + Duration::from_secs(1));
    }

    #[test]
    fn the_table_does_not_grow_and_keeps_who_is_slowed_down() {
        let senders = Senders::new(RATE);
        let start = Instant::now();
        assert_eq!(burst(&senders, key(0), start), 20);
        senders.penalize(key(0), start);
        for number in 1..MAX_BUCKETS {
            assert!(senders.take(key(number), start).is_ok(), "{number}");
        }
        let others: usize = (0..100)
            .filter(|number| senders.take(key(MAX_BUCKETS + number), start).is_ok())
            .count();
        assert_eq!(others, 20, "all that are new share one bucket");
        assert!(senders.take(key(1), start).is_ok(), "who is known does not");

        // A second later all but the slow one are forgotten, and there is room.
        let later = start + SWEEP_INTERVAL;
        assert!(senders.take(key(9999), later).is_ok());
        assert!(senders.table().buckets.len() < 5);
        assert!(senders.table().buckets.contains_key(&key(0)));
    }

    #[test]
    fn a_rate_of_nothing_is_one() {
        let senders = Senders::new(SenderRate {
            per_second: 0,
            burst: 0,
        });
        let now = Instant::now();
        assert!(senders.take(key(1), now).is_ok());
        assert_eq!(senders.take(key(1), now), Err(Duration::from_secs(1)));
    }
}
