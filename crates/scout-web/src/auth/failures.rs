//! How often each address was refused: a token bucket for each, of failures alone.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How many refusals an address may have at once. A Prometheus with a wrong token in 50 jobs shall
/// be told what is wrong with each.
const BURST: f64 = 60.0;
/// How many more it may have a second. Guessing is hopeless at any rate; what is limited is the
/// work of refusing.
const PER_SECOND: f64 = 1.0;
/// Most addresses remembered, about 300 kB. Of more, the one that was refused longest ago is
/// forgotten, and may begin anew.
const MAX_ADDRESSES: usize = 4096;
/// How often it is logged at most that an address is refused too often.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// Whose bucket: the IPv4 address or IPv6 network; one for all whose address is not known, as on a
/// Unix socket. Sharing one does no harm: who has a good token never needs it.
pub(super) type Address = Option<IpAddr>;

/// The buckets.
#[derive(Debug, Default)]
pub(super) struct Failures(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    buckets: HashMap<Address, Bucket>,
    logged_at: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// Refusals that are left.
    left: f64,
    filled_at: Instant,
}

impl Bucket {
    fn filled(&self, now: Instant) -> f64 {
        let seconds = now.duration_since(self.filled_at).as_secs_f64();
        (self.left + seconds * PER_SECOND).min(BURST)
    }

    fn fill(&mut self, now: Instant) {
        self.left = self.filled(now);
        self.filled_at = now;
    }

    /// How long until there is one refusal again.
    fn wait(&self) -> Option<Duration> {
        let missing = 1.0 - self.left;
        (missing > 0.0).then(|| Duration::from_secs_f64(missing / PER_SECOND))
    }
}

impl Failures {
    /// Returns how long an address has to wait that was refused too often, if it was.
    pub(super) fn wait(&self, address: Address, now: Instant) -> Option<Duration> {
        let table = self.table();
        let mut bucket = *table.buckets.get(&address)?;
        bucket.fill(now);
        bucket.wait()
    }

    /// Counts a refusal.
    ///
    /// # Errors
    ///
    /// How long to wait, if there were too many.
    pub(super) fn count(&self, address: Address, now: Instant) -> Result<(), Duration> {
        let mut table = self.table();
        if table.buckets.len() >= MAX_ADDRESSES && !table.buckets.contains_key(&address) {
            table.make_room(now);
        }
        let bucket = table.buckets.entry(address).or_insert(Bucket {
            left: BURST,
            filled_at: now,
        });
        bucket.fill(now);
        if let Some(wait) = bucket.wait() {
            return Err(wait);
        }
        bucket.left -= 1.0;
        let is_last = bucket.wait().is_some();
        let logged = table.logged_at;
        let is_due = logged.is_none_or(|at| now.duration_since(at) >= LOG_INTERVAL);
        if is_last && is_due {
            table.logged_at = Some(now);
            let from = address.map_or_else(|| "callers".to_owned(), |address| address.to_string());
            tracing::warn!(
                "refused {from} {BURST} times: more requests without a good token are answered \
                 with 429 for a while; good tokens go on being served"
            );
        }
        Ok(())
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // A panic leaves a bucket a little too full.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Forgets who may be refused as often as one who never was; else the one refused longest ago.
    fn make_room(&mut self, now: Instant) {
        self.buckets.retain(|_, bucket| bucket.filled(now) < BURST);
        if self.buckets.len() < MAX_ADDRESSES {
            return;
        }
        let oldest = self
            .buckets
            .iter()
            .min_by_key(|(_, bucket)| bucket.filled_at);
        if let Some(address) = oldest.map(|(address, _)| *address) {
            self.buckets.remove(&address);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn address(number: usize) -> Address {
        let bits = u32::try_from(number).unwrap();
        Some(Ipv4Addr::from_bits(bits).into())
    }

    /// Returns how many refusals are let through at this time.
    fn burst(failures: &Failures, address: Address, now: Instant) -> usize {
        let counts = (0..10_000).take_while(|_| failures.count(address, now).is_ok());
        counts.count()
    }

    #[test]
    fn an_address_has_its_burst_and_then_its_rate() {
        let failures = Failures::default();
        let start = Instant::now();
        assert_eq!(failures.wait(address(1), start), None, "nobody knows it");
        assert_eq!(burst(&failures, address(1), start), 60);
        let wait = failures.wait(address(1), start).unwrap();
        assert_eq!(wait, Duration::from_secs(1));
        assert_eq!(failures.count(address(1), start), Err(wait));
        assert_eq!(failures.wait(address(2), start), None, "others may go on");
        assert_eq!(burst(&failures, None, start), 60);
        let later = start + wait;
        assert_eq!(failures.wait(address(1), later), None);
        assert_eq!(burst(&failures, address(1), later), 1);
        let later = start + Duration::from_secs(3600);
        assert_eq!(burst(&failures, address(1), later), 60);
    }

    #[test]
    fn the_table_does_not_grow_and_forgets_the_oldest() {
        let failures = Failures::default();
        let start = Instant::now();
        for number in 0..MAX_ADDRESSES + 100 {
            let at = start + Duration::from_micros(u64::try_from(number).unwrap());
            failures.count(address(number), at).unwrap();
        }
        let table = failures.table();
        assert_eq!(table.buckets.len(), MAX_ADDRESSES);
        assert!(!table.buckets.contains_key(&address(99)));
        assert!(table.buckets.contains_key(&address(100)));
        drop(table);
        // All of them have recovered a minute later.
        let later = start + Duration::from_secs(61);
        failures.count(address(9_999), later).unwrap();
        assert_eq!(failures.table().buckets.len(), 1);
    }
}
