//! Bytes between a function and what it was let through to, until either ends, is silent for too long, or time is up.
//!
//! Reads no content but where a plain request's body ends.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::body::Body;
use crate::limits::EGRESS_BUFFER_BYTES;

/// How long a connection may last.
#[derive(Debug, Clone, Copy)]
pub(super) struct RelayTimes {
    /// Without a byte in either direction.
    pub(super) idle: Duration,
    /// In all.
    pub(super) total: Duration,
}

/// Milliseconds from the start to the last byte.
struct Activity {
    started: Instant,
    last_millis: AtomicU64,
}

/// A tunnel: each direction ends by itself.
pub(super) async fn tunnel(
    mut client: TcpStream,
    mut server: TcpStream,
    early: &[u8],
    times: RelayTimes,
) -> io::Result<()> {
    let activity = Activity::start();
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let out = async {
        to_server.write_all(early).await?;
        copy(&mut from_client, &mut to_server, &activity).await
    };
    let back = copy(&mut from_server, &mut to_client, &activity);
    let both = async { tokio::try_join!(out, back).map(|_| ()) };
    activity.bound(both, times).await
}

/// One request's body out and one answer back: it is over when the answer is.
pub(super) async fn exchange(
    mut client: TcpStream,
    mut server: TcpStream,
    early: &[u8],
    body: Body,
    times: RelayTimes,
) -> io::Result<()> {
    let activity = Activity::start();
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let out = async {
        send_body(&mut from_client, &mut to_server, early, body, &activity).await?;
        std::future::pending::<io::Result<()>>().await
    };
    let back = copy(&mut from_server, &mut to_client, &activity);
    let both = async {
        tokio::select! {
            biased;
            done = back => done,
            failed = out => failed,
        }
    };
    activity.bound(both, times).await
}

async fn send_body(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    early: &[u8],
    mut body: Body,
    activity: &Activity,
) -> io::Result<()> {
    let malformed = |_| io::Error::from(io::ErrorKind::InvalidData);
    let taken = body.take(early).map_err(malformed)?;
    to.write_all(early.get(..taken).unwrap_or_default()).await?;
    let mut buffer = vec![0; EGRESS_BUFFER_BYTES];
    while !body.is_done() {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let bytes = buffer.get(..read).unwrap_or_default();
        let taken = body.take(bytes).map_err(malformed)?;
        to.write_all(bytes.get(..taken).unwrap_or_default()).await?;
        activity.note();
    }
    Ok(())
}

async fn copy(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    activity: &Activity,
) -> io::Result<()> {
    let mut buffer = vec![0; EGRESS_BUFFER_BYTES];
    loop {
        let read = from.read(&mut buffer).await?;
        activity.note();
        if read == 0 {
            return to.shutdown().await;
        }
        to.write_all(buffer.get(..read).unwrap_or_default()).await?;
        activity.note();
    }
}

impl Activity {
    fn start() -> Self {
        Self { started: Instant::now(), last_millis: AtomicU64::new(0) }
    }

    fn note(&self) {
        let millis = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_millis.store(millis, Ordering::Relaxed);
    }

    async fn bound(&self, work: impl Future<Output = io::Result<()>>, times: RelayTimes) -> io::Result<()> {
        let silence = async {
            loop {
                let last = Duration::from_millis(self.last_millis.load(Ordering::Relaxed));
                let over = self.started + last + times.idle;
                if over <= Instant::now() {
                    return;
                }
                tokio::time::sleep_until(over).await;
            }
        };
        tokio::select! {
            done = work => done,
            () = silence => Err(io::ErrorKind::TimedOut.into()),
            () = tokio::time::sleep(times.total) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}
