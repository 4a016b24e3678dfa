//! An environment that was started before its function is known: it has run no code but the runtime's own.
//!
//! It is assigned once and never comes back here. It decides nothing about which function gets it.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, timeout};

use crate::contract::{LaunchError, LaunchOrder, Launched, Process};
use crate::pool::HostShare;
use crate::runtime_api::{Refused, RuntimeApi, RuntimeRequest};

/// A process that was started, with its Runtime API served.
pub(crate) struct Started {
    pub(crate) api: RuntimeApi,
    pub(crate) aws_api: TcpListener,
    pub(crate) secure_api: Option<TcpListener>,
    pub(crate) egress: TcpListener,
    pub(crate) stdout: OwnedFd,
    pub(crate) stderr: OwnedFd,
    pub(crate) process: Arc<dyn Process>,
    /// The external extensions that run beside the runtime.
    pub(crate) extensions: Vec<String>,
}

impl Started {
    /// Takes charge of what was launched.
    ///
    /// # Errors
    /// Where its descriptors cannot be registered with this runtime; the process is ended.
    pub(crate) fn of(launched: Launched) -> io::Result<Self> {
        let Launched { runtime_api, aws_api, secure_api, egress, stdout, stderr, process } = launched;
        let api = RuntimeApi::new(runtime_api).inspect_err(|_| process.kill())?;
        Ok(Self { api, aws_api, secure_api, egress, stdout, stderr, process, extensions: Vec::new() })
    }
}

/// An environment that awaits its function.
pub(crate) struct Parked {
    pub(crate) environment_id: String,
    pub(crate) since: Instant,
    started: Started,
    /// Whether a runtime has come up and asks what for.
    is_booted: bool,
    _share: HostShare,
}

impl Parked {
    /// Takes charge of one without a program.
    ///
    /// # Errors
    /// Where its descriptors cannot be registered with this runtime; the process is ended.
    pub(crate) fn empty(environment_id: String, launched: Launched, share: HostShare) -> io::Result<Self> {
        let started = Started::of(launched)?;
        Ok(Self { environment_id, since: Instant::now(), started, is_booted: false, _share: share })
    }

    /// Waits until the runtime has come up and asks what for.
    ///
    /// # Errors
    /// Where it ends, or takes longer than `limit`; where it is given up, the error is of the kind `Interrupted`. The process is ended.
    pub(crate) async fn boot(
        environment_id: String,
        launched: Launched,
        share: HostShare,
        limit: Duration,
        given_up: impl Future<Output = ()>,
    ) -> io::Result<Self> {
        let mut started = Started::of(launched)?;
        let mut exit = started.process.exited();
        let process = Arc::clone(&started.process);
        let asked = poll_fn(|cx| {
            if exit.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            while let Poll::Ready((connection, request)) = started.api.poll_request(cx) {
                match request {
                    RuntimeRequest::Assignment => {
                        started.api.park(connection);
                        return Poll::Ready(Ok(()));
                    }
                    _ => started.api.refuse(connection, Refused::State),
                }
            }
            Poll::Pending
        });
        let asked: io::Result<()> = tokio::select! {
            asked = timeout(limit, asked) => asked.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())),
            () = given_up => Err(io::ErrorKind::Interrupted.into()),
        };
        asked.inspect_err(|_| process.kill())?;
        Ok(Self { environment_id, since: Instant::now(), started, is_booted: true, _share: share })
    }

    /// Whether it still waits.
    pub(crate) fn is_waiting(&mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        self.started.api.poll_request(&mut cx).is_pending()
            && (!self.is_booted || self.started.api.is_parked())
    }

    /// Makes it an environment of one function: files and limits first, then the program or, where a runtime has come up,
    /// the variables, which let it go on.
    ///
    /// # Errors
    /// Where it has gone, or a step failed; the process is ended.
    pub(crate) async fn assign(self, order: &LaunchOrder) -> Result<Started, LaunchError> {
        let mut started = self.started;
        let assigned = started.process.assign(order).await.and_then(|()| {
            if !self.is_booted {
                return Ok(());
            }
            let gone = || LaunchError::sandbox(io::Error::from(io::ErrorKind::BrokenPipe));
            started.api.hand_over(document(order)?).then_some(()).ok_or_else(gone)
        });
        assigned.inspect_err(|_| started.process.kill())?;
        Ok(started)
    }

    /// Ends it.
    pub(crate) fn end(self) {
        self.started.process.kill();
    }
}

/// The variables, for a process that has been executed already.
fn document(order: &LaunchOrder) -> Result<Bytes, LaunchError> {
    let variables: BTreeMap<&str, &str> =
        order.variables.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
    serde_json::to_vec(&variables).map(Bytes::from).map_err(LaunchError::sandbox)
}
