//! Who is at the other end of a connection, and how many connections it has.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The bits of an IPv6 address that one customer of a network provider cannot choose: whoever has
/// one address usually has the other 2^64 of its network.
const IPV6_NETWORK_BITS: u32 = 64;

/// The other end of a connection, as the operating system knows it. What a header says about it
/// is not believed: anybody may write one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Peer(IpAddr);

impl Peer {
    pub(crate) fn new(address: IpAddr) -> Self {
        Self(address.to_canonical())
    }

    /// Returns what limits are counted by: the IPv4 address, or the IPv6 network.
    pub(crate) fn network(self) -> IpAddr {
        match self.0 {
            IpAddr::V4(_) => self.0,
            IpAddr::V6(address) => {
                let mask = u128::MAX << (u128::BITS - IPV6_NETWORK_BITS);
                Ipv6Addr::from_bits(address.to_bits() & mask).into()
            }
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How many connections each network has. No larger than the number of connections.
#[derive(Clone, Debug)]
pub(super) struct Peers {
    most: usize,
    counts: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Peers {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            counts: Arc::default(),
        }
    }

    /// Returns a place for one more connection, which is free again when it is dropped; nothing
    /// if the network has the most it may have.
    pub(super) fn enter(&self, peer: Peer) -> Option<Place> {
        let network = peer.network();
        let mut counts = self.counts();
        let count = counts.entry(network).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        drop(counts);
        Some(Place {
            network,
            peers: self.clone(),
        })
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        // A panic between two additions leaves numbers that are still numbers.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one connection.
#[derive(Debug)]
pub(super) struct Place {
    network: IpAddr,
    peers: Peers,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.peers.counts();
        if let Some(count) = counts.get_mut(&self.network) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(address: &str) -> Peer {
        Peer::new(address.parse().unwrap())
    }

    #[test]
    fn a_network_is_an_ipv4_address_or_half_an_ipv6_address() {
        for (address, network) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("::1", "::"),
        ] {
            assert_eq!(peer(address).network().to_string(), network, "{address}");
        }
    }

    #[test]
    fn a_network_has_so_many_places_and_gets_them_back() {
        let peers = Peers::new(2);
        let first = peers.enter(peer("2001:db8::1")).unwrap();
        let _second = peers.enter(peer("2001:db8::2")).unwrap();
        assert!(peers.enter(peer("2001:db8::3")).is_none());
        let other = peers.enter(peer("192.0.2.7")).unwrap();
        drop(first);
        let _third = peers.enter(peer("2001:db8::3")).unwrap();
        drop(other);
        assert_eq!(peers.counts().len(), 1, "nothing is kept of who is gone");
    }
}
