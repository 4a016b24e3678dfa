//! The environment's network: a loopback interface, and the doors on it.

use std::io;
use std::net::{Ipv4Addr, TcpListener};

use crate::sys;

/// Listeners on the namespace's own loopback, in the order asked. A socket stays in the namespace it was born in,
/// so the server that receives them can serve them, and nothing else can reach them.
pub(super) fn open_doors(ports: &[u16]) -> io::Result<Vec<TcpListener>> {
    sys::raise_loopback()?;
    ports.iter().map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port))).collect()
}
