//! How many connections each peer has open, so that one peer cannot take the places of all.
//!
//! A peer is an IPv4 address or an IPv6 /64, which one household or host commands whole. Only peers with an open connection
//! take memory, and there are never more of those than connections.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// The count of every peer. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Peers {
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
    each_max: usize,
}

/// One connection of a peer's share; given back when dropped.
pub(crate) struct Share {
    peers: Peers,
    peer: IpAddr,
}

impl Peers {
    /// Nobody yet; `each_max` connections for each.
    pub(crate) fn new(each_max: usize) -> Self {
        Self { open: Arc::default(), each_max }
    }

    /// A place for one more connection of this peer; `None` where it has all of its share.
    pub(crate) fn admit(&self, address: IpAddr) -> Option<Share> {
        let peer = peer(address);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(peer).or_default();
        if *count >= self.each_max {
            return None;
        }
        *count += 1;
        Some(Share { peers: self.clone(), peer })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut open = self.peers.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.peer) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                open.remove(&self.peer);
            }
        }
    }
}

fn peer(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_peer_has_its_share_and_no_more_and_others_keep_theirs() {
        let peers = Peers::new(2);
        let first = peers.admit(ip("192.0.2.1")).unwrap();
        let _second = peers.admit(ip("::ffff:192.0.2.1")).unwrap();
        assert!(peers.admit(ip("192.0.2.1")).is_none());
        assert!(peers.admit(ip("192.0.2.2")).is_some());
        drop(first);
        assert!(peers.admit(ip("192.0.2.1")).is_some());
    }

    #[test]
    fn a_network_of_ipv6_addresses_is_one_peer() {
        let peers = Peers::new(1);
        let _first = peers.admit(ip("2001:db8:1:2::1")).unwrap();
        assert!(peers.admit(ip("2001:db8:1:2:ffff::9")).is_none());
        assert!(peers.admit(ip("2001:db8:1:3::1")).is_some());
    }

    #[test]
    fn a_peer_without_connections_takes_no_memory() {
        let peers = Peers::new(1);
        drop(peers.admit(ip("192.0.2.1")));
        assert!(peers.open.lock().unwrap().is_empty());
    }
}
