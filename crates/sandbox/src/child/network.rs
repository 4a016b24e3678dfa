//! The environment's network: a loopback interface, and the doors on it.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use crate::caller::CALLER;
use crate::sys;

/// Listeners on the namespace's own loopback, in the order asked. A socket stays in the namespace it was born in,
/// so the server that receives them can serve them, and nothing else can reach them.
pub(super) fn open_doors(ports: &[u16]) -> io::Result<Vec<TcpListener>> {
    sys::raise_loopback()?;
    let open = |port: &u16| match *port {
        CALLER => socket().map(TcpListener::from),
        port => TcpListener::bind((Ipv4Addr::LOCALHOST, port)),
    };
    ports.iter().map(open).collect()
}

/// A socket that listens to nothing and is connected to nothing.
fn socket() -> io::Result<OwnedFd> {
    Ok(socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None)?)
}
