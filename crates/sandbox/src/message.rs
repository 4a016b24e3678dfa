//! What the server and its spawner say to each other, over a packet socket that carries descriptors.
//!
//! One packet is one message; nothing is ever larger than [`PACKET_BYTES_MAX`]. Knows nothing of what is asked.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use crate::cgroup::EnvironmentCgroup;
use crate::layers::LayerStatus;
use crate::spec::{Assignment, EnvironmentSpec, Program};

/// The largest message: a spec at its limits, escaped.
const PACKET_BYTES_MAX: usize = 192 * 1_024;
/// The most descriptors of a message: pidfd, status, stdout, stderr, the doors and `/tmp`.
const DESCRIPTORS_MAX: usize = 16;

/// From the server to the spawner.
#[derive(Serialize, Deserialize)]
pub(crate) enum Request {
    /// Make an environment; comes with a socket, on which [`Reply::Launched`] or [`Reply::Refused`] follows.
    Launch(Box<EnvironmentSpec>),
    /// Give an environment that was made ahead what it is for; comes with a socket, on which [`Reply::Assigned`] or
    /// [`Reply::Refused`] follows.
    Assign { id: String, assignment: Assignment },
    /// End an environment and remove what is left of it; not answered.
    Release { id: String },
}

/// From the spawner to the server.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Reply {
    /// The first message: the spawner is ready, or cannot be.
    Started { layers: Vec<LayerStatus>, failure: Option<String> },
    /// With descriptors: pidfd, status, stdout, stderr, then the listeners in the order of the spec's doors, then the mount of `/tmp`.
    Launched { cgroup: EnvironmentCgroup },
    /// The environment is what it was assigned to be.
    Assigned,
    /// Nothing was made.
    Refused { stage: String, reason: String },
}

/// From a child to the spawner, and back.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Progress {
    /// With descriptors: the listeners, the mount of `/tmp`, and the mounts where an assignment follows. The program is about to be executed. To a child: it may go on.
    Ready,
    /// To a child that awaits it: what to execute once it may go on.
    Program(Program),
    /// It cannot be.
    Failed { stage: String, reason: String },
}

/// Says of an [`Ended`] that it is the function's own process.
pub(crate) const FUNCTION: u32 = u32::MAX;

/// From an environment's init to the server: a process that it started has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// [`FUNCTION`], or the place in the spec of what ran beside it.
    pub(crate) who: u32,
    /// Its wait status.
    pub(crate) status: i32,
}

impl Ended {
    /// Bytes of one packet.
    pub(crate) const BYTES: usize = 8;

    pub(crate) fn to_bytes(self) -> [u8; Self::BYTES] {
        (u64::from(self.who) << 32 | u64::from(self.status.cast_unsigned())).to_ne_bytes()
    }

    pub(crate) fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        let both = u64::from_ne_bytes(bytes);
        let (who, status) = ((both >> 32) as u32, (both & u64::from(u32::MAX)) as u32);
        Self { who, status: status.cast_signed() }
    }
}

/// One end of the socket.
#[derive(Debug)]
pub(crate) struct Channel(OwnedFd);

/// A message and the descriptors that came with it.
pub(crate) type Received<T> = (T, Vec<OwnedFd>);

impl Channel {
    /// Takes an end that was handed to this process.
    pub(crate) fn new(end: OwnedFd) -> Self {
        Self(end)
    }

    /// Two ends for messages of a few kilobytes, closed on exec.
    pub(crate) fn pair() -> io::Result<(Self, Self)> {
        use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
        let (one, other) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        Ok((Self(one), Self(other)))
    }

    /// Two ends for messages of any size that is allowed, closed on exec.
    pub(crate) fn wide_pair() -> io::Result<(Self, Self)> {
        let (one, other) = Self::pair()?;
        for end in [&one, &other] {
            rustix::net::sockopt::set_socket_send_buffer_size(end, PACKET_BYTES_MAX + 4_096)?;
        }
        Ok((one, other))
    }

    /// Sends one message. An oversized one is an error and not sent.
    pub(crate) fn send<T: Serialize>(&self, message: &T, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        self.send_with(message, descriptors, SendFlags::NOSIGNAL)
    }

    /// The same where there is room for it now.
    pub(crate) fn send_now<T: Serialize>(
        &self,
        message: &T,
        descriptors: &[BorrowedFd<'_>],
    ) -> io::Result<()> {
        self.send_with(message, descriptors, SendFlags::NOSIGNAL | SendFlags::DONTWAIT)
    }

    fn send_with<T: Serialize>(
        &self,
        message: &T,
        descriptors: &[BorrowedFd<'_>],
        flags: SendFlags,
    ) -> io::Result<()> {
        let mut packet = serde_json::to_vec(message)?;
        let result = self.send_packet(&packet, descriptors, flags);
        // SECURITY: specs carry credentials of functions.
        packet.zeroize();
        result
    }

    fn send_packet(&self, packet: &[u8], descriptors: &[BorrowedFd<'_>], flags: SendFlags) -> io::Result<()> {
        if packet.len() > PACKET_BYTES_MAX || descriptors.len() > DESCRIPTORS_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "message too large"));
        }
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() {
            control.push(SendAncillaryMessage::ScmRights(descriptors));
        }
        rustix::io::retry_on_intr(|| sendmsg(&self.0, &[IoSlice::new(packet)], &mut control, flags))?;
        Ok(())
    }

    /// The next message; `None` when the other side is gone; `TimedOut` when it says nothing in time.
    pub(crate) fn receive<T: DeserializeOwned>(
        &self,
        patience: Option<Duration>,
    ) -> io::Result<Option<Received<T>>> {
        if let Some(patience) = patience {
            self.await_readable(patience)?;
        }
        // Its size first: room for the largest would cost more to clear than everything else here.
        let size = rustix::io::retry_on_intr(|| {
            rustix::net::recv(&self.0, &mut [0_u8; 0], RecvFlags::PEEK | RecvFlags::TRUNC)
        });
        let mut packet = vec![0_u8; size?.1.min(PACKET_BYTES_MAX)];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let received = rustix::io::retry_on_intr(|| {
            recvmsg(&self.0, &mut [IoSliceMut::new(&mut packet)], &mut control, RecvFlags::CMSG_CLOEXEC)
        })?;
        let mut descriptors = Vec::new();
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(arrived) = message {
                descriptors.extend(arrived);
            }
        }
        let text = packet.get_mut(..received.bytes).unwrap_or_default();
        if text.is_empty() {
            return Ok(None);
        }
        let message = serde_json::from_slice(text);
        // SECURITY: specs carry credentials of functions.
        text.zeroize();
        Ok(Some((message?, descriptors)))
    }

    fn await_readable(&self, patience: Duration) -> io::Result<()> {
        let timeout = Timespec::try_from(patience).map_err(io::Error::other)?;
        let mut watched = [PollFd::new(&self.0, PollFlags::IN)];
        match rustix::io::retry_on_intr(|| poll(&mut watched, Some(&timeout)))? {
            0 => Err(io::ErrorKind::TimedOut.into()),
            _ => Ok(()),
        }
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl From<Channel> for OwnedFd {
    fn from(channel: Channel) -> Self {
        channel.0
    }
}

/// Any bytes are a request or an error, and a request is checked before use.
pub fn fuzz_request(data: &[u8]) {
    match serde_json::from_slice::<Request>(data) {
        Ok(Request::Launch(spec)) => drop(spec.check()),
        Ok(Request::Assign { assignment, .. }) => drop(assignment.check()),
        Ok(Request::Release { .. }) | Err(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_message_arrives_with_its_descriptors() {
        let (here, there) = Channel::pair().unwrap();
        let file = tempfile::tempfile().unwrap();
        let request = Request::Release { id: "a".into() };
        here.send(&request, &[file.as_fd(), file.as_fd()]).unwrap();
        let (Request::Release { id }, descriptors) = there.receive(None).unwrap().unwrap() else {
            panic!("another message")
        };
        assert_eq!((id.as_str(), descriptors.len()), ("a", 2));
    }

    #[test]
    fn the_largest_spec_fits_a_packet_and_a_larger_message_is_refused() {
        let (here, there) = Channel::wide_pair().unwrap();
        let mut spec = EnvironmentSpec::new("a", vec!["/bin/true".into()]);
        spec.environment = vec![("A".into(), "\"".repeat(90 * 1_024))];
        spec.check().unwrap();
        here.send(&Request::Launch(Box::new(spec.clone())), &[]).unwrap();
        assert!(there.receive::<Request>(None).unwrap().is_some());
        spec.environment = vec![("A".into(), "\u{1}".repeat(90 * 1_024))];
        assert!(here.send(&Request::Launch(Box::new(spec)), &[]).is_err());
    }

    #[test]
    fn a_closed_end_is_none_and_silence_is_a_time_out() {
        let (here, there) = Channel::pair().unwrap();
        let silence = there.receive::<Request>(Some(Duration::from_millis(5)));
        assert_eq!(silence.err().unwrap().kind(), io::ErrorKind::TimedOut);
        drop(here);
        assert!(there.receive::<Request>(None).unwrap().is_none());
    }

    #[test]
    fn seeds_of_the_fuzzer_are_requests_or_errors() {
        let spec = serde_json::to_vec(&EnvironmentSpec::new("a", vec!["/bin/true".into()])).unwrap();
        let launch = [b"{\"Launch\":".as_slice(), &spec, b"}"].concat();
        let seeds: [&[u8]; 5] = [&launch, b"{\"Release\":{\"id\":\"a\"}}", b"", b"{\"Launch\":{}}", b"[[[["];
        for seed in seeds {
            fuzz_request(seed);
            for end in 0..seed.len() {
                fuzz_request(&seed[..end]);
            }
        }
        fuzz_request(&b"[".repeat(100_000));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_096))]

        #[test]
        fn any_bytes_are_a_request_or_an_error(data: Vec<u8>) {
            fuzz_request(&data);
        }
    }
}
