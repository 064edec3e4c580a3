//! Politeness: what all clients of a process ask of one host together.
//!
//! Requests wait here for a place and for their time; nothing else in a process needs to know of
//! the others that talk to the same host.

mod gate;
mod tempo;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use url::Url;

pub(crate) use crate::hosts::gate::{Gate, Permit, Wish};
use crate::retry::Jitter;

/// Most hosts remembered that nobody asks just now: ten times the registries one watcher has,
/// with their token services and storage.
const MAX_IDLE_HOSTS: usize = 256;

/// What one client allows itself to ask of each host. Where several clients ask one host, the
/// strictest limits count for all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct HostLimits {
    /// Most requests in flight at once; without it [`HostLimits::MAX_REQUESTS`]. A body that is
    /// being read is in flight.
    pub max_requests: Option<usize>,
    /// Most requests begun in a second; without it as many as are answered.
    pub rate: Option<f64>,
}

impl HostLimits {
    /// Most requests in flight to one host: 8 of a sweep (HTTP/1.1 browsers have 6), and as many
    /// for workers, which read one blob each.
    pub const MAX_REQUESTS: usize = 16;

    /// Returns limits with these values; nothing leaves what is usual.
    #[must_use]
    pub fn new(max_requests: Option<usize>, rate: Option<f64>) -> Self {
        Self { max_requests, rate }
    }
}

/// How a host that asks to slow down (status 429, or 503 with `Retry-After`) is treated.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Slowing {
    /// How long it is left alone if it does not say, doubled while it goes on.
    pub first_pause: Duration,
    /// How long it is left alone at most. Whoever was told to wait for longer gets the error;
    /// others may ask for something else then, as a quota often counts pulls only.
    pub longest_pause: Duration,
    /// The rate below which it is never slowed, in requests per second.
    pub least_rate: f64,
    /// Spreads the ends of pauses: several processes do not come back at the same instant.
    pub jitter: Jitter,
}

impl Slowing {
    /// One second: the window in which most servers count.
    pub const FIRST_PAUSE: Duration = Duration::from_secs(1);
    /// A minute, the longest wait that is [waited for](crate::RetryPolicy::MAX_RETRY_AFTER).
    pub const LONGEST_PAUSE: Duration = Duration::from_secs(60);
    /// One a second: no server is hurt by it, and it grows to a hundred in 50 s.
    pub const LEAST_RATE: f64 = 1.0;
}

impl Default for Slowing {
    fn default() -> Self {
        Self {
            first_pause: Self::FIRST_PAUSE,
            longest_pause: Self::LONGEST_PAUSE,
            least_rate: Self::LEAST_RATE,
            jitter: Jitter::default(),
        }
    }
}

/// The hosts that are asked, each with its limits and its pace. Cheap to clone; a process has
/// one, shared by all its clients.
#[derive(Clone, Default)]
pub struct Hosts(Arc<Shared>);

#[derive(Default)]
struct Shared {
    slowing: Arc<Slowing>,
    gates: Mutex<HashMap<String, Arc<Gate>>>,
}

impl Hosts {
    /// Returns hosts of which none was asked yet.
    #[must_use]
    pub fn new(slowing: Slowing) -> Self {
        Self(Arc::new(Shared {
            slowing: Arc::new(slowing),
            gates: Mutex::default(),
        }))
    }

    /// Returns the gate of the host of an address.
    pub(crate) fn gate(&self, url: &Url) -> Arc<Gate> {
        let port = url.port_or_known_default().unwrap_or_default();
        let host = format!("{}:{port}", url.host_str().unwrap_or_default());
        let mut gates = self.0.gates.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(gate) = gates.get(&host) {
            return Arc::clone(gate);
        }
        if gates.len() >= MAX_IDLE_HOSTS {
            // Others hold those that are being asked.
            gates.retain(|_, gate| Arc::strong_count(gate) > 1);
        }
        let gate = Arc::new(Gate::new(Arc::clone(&self.0.slowing)));
        gates.insert(host, Arc::clone(&gate));
        gate
    }
}

impl fmt::Debug for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hosts")
            .field("slowing", &self.0.slowing)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_one_host_however_it_is_written_and_idle_ones_are_forgotten() {
        let hosts = Hosts::default();
        let gate = |text: &str| hosts.gate(&text.parse().unwrap());
        let held = gate("https://h/a?b");
        for (address, same) in [
            ("https://H:443/v2/", true),
            ("https://user@h/", true),
            ("https://h:444/", false),
            ("http://h/", false),
            ("https://i/", false),
        ] {
            assert_eq!(Arc::ptr_eq(&held, &gate(address)), same, "{address}");
        }
        for number in 0..2 * MAX_IDLE_HOSTS {
            gate(&format!("https://h{number}/"));
        }
        assert!(hosts.0.gates.lock().unwrap().len() <= MAX_IDLE_HOSTS + 1);
        assert!(Arc::ptr_eq(&held, &gate("https://h/")));
    }
}
