//! A socket that was born inside an environment: with it, and only with it, something outside reaches what listens there.
//!
//! One connection at a time. It names no host: there is only the environment's own loopback.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::os::fd::OwnedFd;

use rustix::io::{Errno, ioctl_fionbio};
use rustix::net::{connect, connect_unspec};

/// In the place of a door's port: asks for a [`Caller`].
pub const CALLER: u16 = 0;

/// Reaches what listens inside one environment.
#[derive(Debug)]
pub struct Caller(OwnedFd);

impl From<TcpListener> for Caller {
    fn from(door: TcpListener) -> Self {
        Self(door.into())
    }
}

impl Caller {
    /// Begins a connection to this port, and gives up the one before. It is there once it can be written to.
    ///
    /// # Errors
    /// Where nothing listens at the port, as far as that is known at once.
    pub fn begin(&self, port: u16) -> io::Result<TcpStream> {
        connect_unspec(&self.0)?;
        ioctl_fionbio(&self.0, true)?;
        match connect(&self.0, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)) {
            Ok(()) | Err(Errno::INPROGRESS) => Ok(TcpStream::from(self.0.try_clone()?)),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use rustix::net::{AddressFamily, SocketType};

    use super::*;

    #[test]
    fn one_connection_follows_the_other() {
        let inside = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = inside.local_addr().unwrap().port();
        let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        let caller = Caller::from(TcpListener::from(socket));
        for word in ["one", "two", "three"] {
            let mut stream = caller.begin(port).unwrap();
            let (mut other, _) = inside.accept().unwrap();
            stream.set_nonblocking(false).unwrap();
            stream.write_all(word.as_bytes()).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            let mut heard = String::new();
            other.read_to_string(&mut heard).unwrap();
            assert_eq!(heard, word);
        }
        drop(inside);
        let refused = caller.begin(port).and_then(|stream| {
            stream.set_nonblocking(false)?;
            stream.take_error()?.map_or(Ok(()), Err)
        });
        assert!(refused.is_err());
    }
}
