//! The last phase of an environment: its runtime is asked to end, its extensions are told, then everything is killed.
//!
//! Lambda's rules: without extensions nothing is asked and no time is given; otherwise the runtime gets SIGTERM, and
//! extensions learn of it when the runtime is gone. Which extensions there are is not decided here.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::life::{Environment, Event, IDLE_CALLS_MAX};
use crate::limits::{RUNTIME_SHUTDOWN_TIME, SHUTDOWN_TIME_EXTERNAL};
use crate::runtime_api::RuntimeRequest;

/// Why an environment ends, in the words of the Extensions API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ShutdownReason {
    /// Nobody needs it any more.
    Spindown,
    /// An invocation took too long.
    Timeout,
    /// Its runtime or an extension ended, or did not come up.
    Failure,
}

impl ShutdownReason {
    /// As a `SHUTDOWN` event says it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Spindown => "spindown",
            Self::Timeout => "timeout",
            Self::Failure => "failure",
        }
    }
}

impl Environment {
    /// Ends it: asks first where an extension gives it the time to, waits for the end, and reads what was written.
    pub(crate) async fn shut_down(&mut self, reason: ShutdownReason, patience: Duration) {
        // Taken: what has been asked once is not asked again.
        let time = std::mem::take(&mut self.shutdown_time);
        if !time.is_zero() {
            self.thaw();
            let begin = Instant::now();
            self.ask_runtime(begin + runtime_share(time)).await;
            self.tell_extensions(reason, begin + time);
            self.await_gone(begin + time).await;
        }
        self.kill_and_read(patience).await;
    }

    /// SIGTERM, and SIGKILL where it is still there at the deadline.
    async fn ask_runtime(&mut self, deadline: Instant) {
        self.process().ask_to_end();
        loop {
            match self.event_before(deadline).await {
                Some(Event::Request(connection, request)) => self.refuse(connection, &request),
                Some(Event::Extension(_)) => {}
                Some(Event::Exited(_)) => return,
                None => return self.process().end_runtime(),
            }
        }
    }

    /// Sends the `SHUTDOWN` event to whoever registered for it.
    fn tell_extensions(&mut self, reason: ShutdownReason, deadline: Instant) {
        tracing::debug!(
            environment = %self.placement.log.environment_id,
            reason = reason.as_str(),
            "an environment with extensions ends"
        );
        let left = deadline.saturating_duration_since(Instant::now()).as_millis();
        let deadline = self.clock.now().plus_millis(i64::try_from(left).unwrap_or(i64::MAX));
        self.tell_extensions_of_end(reason.as_str(), deadline);
    }

    /// Waits until nothing of it runs, and serves meanwhile who still talks.
    async fn await_gone(&mut self, deadline: Instant) {
        let mut gone = self.process().gone();
        let farewell = poll_fn(|cx| {
            self.poll_farewell(cx);
            if self.extensions.are_done() { Poll::Ready(()) } else { gone.as_mut().poll(cx) }
        });
        // At the deadline it is killed.
        let _ = timeout_at(deadline, farewell).await;
    }

    // SECURITY: bounded, because what still runs may talk for ever.
    fn poll_farewell(&mut self, cx: &mut Context<'_>) {
        self.read_output(cx);
        for _ in 0..IDLE_CALLS_MAX {
            match self.poll_call(cx) {
                Poll::Pending => return,
                Poll::Ready((connection, RuntimeRequest::Extension(call))) => {
                    self.extension_call(connection, call);
                }
                Poll::Ready((connection, request)) => self.refuse(connection, &request),
            }
        }
        cx.waker().wake_by_ref();
    }
}

/// What the runtime gets of the whole phase.
fn runtime_share(time: Duration) -> Duration {
    if time >= SHUTDOWN_TIME_EXTERNAL { RUNTIME_SHUTDOWN_TIME } else { time }
}
