//! The life of one environment: start, wait, invocations one after the other, end.
//!
//! It keeps the Runtime API's rules: one invocation at a time, an answer only to the invocation in progress, nothing
//! out of order. What an outcome means to the caller of Invoke is not decided here.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use base::{Clock, Timestamp};
use bytes::Bytes;
use tokio::time::{Instant, timeout_at};

use super::answering::Answering;
use super::arriving::Arriving;
use super::door::OpenDoor;
use super::extensions::Extensions;
use super::following::Following;
use super::output::Output;
use super::parked::Started;
use super::telemetry::Telemetry;
use crate::BoxFuture;
use crate::contract::{AwsDoor, EnvironmentIdentity, Exit, LogTarget, Process};
use crate::function::{FunctionKey, SharedSpec};
use crate::limits::SHUTDOWN_TIME_EXTERNAL;
use crate::logs::LogQueue;
use crate::runtime_api::{ConnectionId, Refused, RuntimeApi, RuntimeRequest};

/// One execution environment. Its processes end when it is dropped.
pub(crate) struct Environment {
    pub(crate) placement: Placement,
    pub(crate) output: Output,
    pub(crate) made_at: Instant,
    /// When it was last given back.
    pub(crate) idle_since: Instant,
    /// How long its end may take: nothing where no extension asks for the time.
    pub(crate) shutdown_time: Duration,
    pub(super) clock: Clock,
    pub(super) extensions: Extensions,
    pub(super) telemetry: Telemetry,
    following: Following,
    /// Bytes of the last answer.
    pub(crate) produced_bytes: u64,
    /// When the last answer began and ended.
    pub(crate) answering: Answering,
    pub(super) phase: Phase,
    is_frozen: bool,
    pub(super) api: RuntimeApi,
    process: Arc<dyn Process>,
    exit: BoxFuture<'static, Exit>,
    memory_peak: Option<(Instant, u64)>,
    /// An answer that comes in pieces.
    pub(super) arriving: Option<Arriving>,
    /// Calls that were refused since the last invocation began.
    pub(super) refusals: u32,
    pub(super) logs: LogQueue,
    _doors: Vec<OpenDoor>,
}

/// A file among a function's extensions that cannot be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unlaunchable {
    /// The file's name.
    pub(crate) name: String,
    /// Why.
    pub(crate) cause: LaunchProblem,
}

/// Why an extension's program cannot be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LaunchProblem {
    /// Its file is not executable.
    PermissionDenied,
    /// There are as many as may be without it.
    TooManyExtensions,
}

impl LaunchProblem {
    /// As the log and telemetry have it.
    pub(crate) const fn error_type(self) -> &'static str {
        match self {
            Self::PermissionDenied => "PermissionDenied",
            Self::TooManyExtensions => "TooManyExtensions",
        }
    }
}

/// What an environment is made for; fixed for its life.
pub(crate) struct Placement {
    pub(crate) key: Arc<FunctionKey>,
    pub(crate) spec: SharedSpec,
    pub(crate) log: Arc<LogTarget>,
    /// When its credentials end.
    pub(crate) credentials_end: Timestamp,
    /// Why it was started, as its function learns it.
    pub(crate) initialization: &'static str,
    /// A file among its extensions that cannot be started.
    pub(crate) unlaunchable: Option<Unlaunchable>,
    /// Its code stays where it is as long as it runs.
    pub(crate) _code: crate::package::CodeLease,
    /// Its share of the machine, given back when it is dropped.
    pub(crate) _share: crate::pool::HostShare,
}

/// Who serves what comes through its doors.
pub(crate) struct Doors {
    pub(crate) aws: AwsDoor,
    /// Closed where it is `None`.
    pub(crate) egress: Option<AwsDoor>,
}

/// Where in its life an environment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Starting,
    /// It asked for the next invocation.
    Ready,
    Busy,
    /// It answered, and has not asked for the next invocation yet.
    Answered,
    Ended(Exit),
}

/// How an invocation ended, as far as the environment can tell.
#[derive(Debug)]
pub(crate) enum Completion {
    Response(Bytes),
    /// The answer has more than so many bytes.
    TooLarge(u64),
    /// The answer has more bytes than can be handed on as they come; no more of them are taken.
    CutOff(u64),
    FunctionError(Bytes),
    TimedOut,
    Exited(Exit),
    /// An extension cannot go on, and says so.
    ExtensionFailed {
        error_type: String,
    },
}

/// Why an environment did not come up.
#[derive(Debug)]
pub(crate) enum InitFailure {
    Reported {
        error_type: Option<String>,
        body: Bytes,
    },
    /// An extension says that it cannot go on.
    Extension {
        error_type: String,
    },
    /// An extension's program cannot be started.
    NotLaunched(Unlaunchable),
    Exited(Exit),
    TimedOut,
}

/// What happens to an environment.
pub(super) enum Event {
    Request(ConnectionId, RuntimeRequest),
    /// An extension made a call; what of, where it cannot go on.
    Extension(Option<String>),
    Exited(Exit),
}

/// Calls that make no sense, of one invocation, after which a runtime is ended.
const REFUSALS_MAX: u32 = 1_000;
/// Calls that an idle runtime may make between two looks.
pub(super) const IDLE_CALLS_MAX: usize = 16;
/// How long a stale figure of memory use is good enough for a report.
const MEMORY_PEAK_AGE_MAX: Duration = Duration::from_millis(500);

impl Environment {
    /// Takes charge of what was started.
    ///
    /// # Errors
    /// Where its descriptors cannot be registered with this runtime; the process is ended.
    pub(crate) fn new(
        placement: Placement,
        started: Started,
        doors: Doors,
        logs: LogQueue,
        clock: Clock,
    ) -> std::io::Result<Self> {
        let identity = Arc::new(EnvironmentIdentity {
            account: placement.spec.account,
            function_arn: placement.spec.arn.clone(),
            version: placement.spec.version.clone(),
            role_arn: placement.spec.role_arn.clone(),
            environment_id: placement.log.environment_id.clone(),
        });
        let Started { api, aws_api, secure_api, egress, stdout, stderr, process, extensions } = started;
        let extensions = Extensions::expecting(extensions);
        let shutdown_time = if extensions.has_external() { SHUTDOWN_TIME_EXTERNAL } else { Duration::ZERO };
        let logging = placement.spec.logging;
        let made = Output::new(stdout, stderr, logging, clock.clone()).and_then(|output| {
            let Doors { aws, egress: out } = doors;
            let secure = secure_api.map(|listener| (listener, Arc::clone(&aws)));
            let out = out.map(|door| (egress, door));
            let all = [Some((aws_api, aws)), secure, out].into_iter().flatten();
            let open = |(listener, door)| OpenDoor::open(listener, door, Arc::clone(&identity));
            Ok((output, all.map(open).collect::<std::io::Result<Vec<_>>>()?))
        });
        let (output, doors) = made.inspect_err(|_| process.kill())?;
        Ok(Self {
            placement,
            output,
            made_at: Instant::now(),
            idle_since: Instant::now(),
            shutdown_time,
            telemetry: Telemetry::new(Arc::clone(&process), clock.clone()),
            following: Following::new(),
            answering: Answering::from(clock.now()),
            clock,
            extensions,
            produced_bytes: 0,
            phase: Phase::Starting,
            is_frozen: false,
            api,
            exit: process.exited(),
            process,
            memory_peak: None,
            arriving: None,
            refusals: 0,
            logs,
            _doors: doors,
        })
    }

    /// Waits until the runtime asks for its first invocation, and every extension for its first event.
    ///
    /// # Errors
    /// Where one reports a failure, ends, or takes longer than `limit`.
    pub(crate) async fn initialise(&mut self, limit: Duration) -> Result<(), InitFailure> {
        let deadline = Instant::now() + limit;
        while !self.is_ready() {
            match self.event_before(deadline).await {
                Some(Event::Extension(None)) => {}
                Some(Event::Extension(Some(error_type))) => {
                    self.output.read_now();
                    return Err(InitFailure::Extension { error_type });
                }
                None => return Err(InitFailure::TimedOut),
                Some(Event::Exited(exit)) => return Err(InitFailure::Exited(exit)),
                Some(Event::Request(connection, RuntimeRequest::Next)) if self.phase == Phase::Starting => {
                    self.ready(connection);
                }
                Some(Event::Request(connection, RuntimeRequest::InitError { error_type, body })) => {
                    self.api.accept_request(connection);
                    self.output.read_now();
                    return Err(InitFailure::Reported { error_type, body });
                }
                Some(Event::Request(connection, request)) => self.refuse(connection, &request),
            }
        }
        self.close_registration();
        Ok(())
    }

    /// Waits until the runtime asks for the next invocation, after it answered the last one.
    pub(crate) async fn wait_until_ready(&mut self, deadline: Instant) -> bool {
        while !self.is_ready() {
            match self.event_before(deadline).await {
                None | Some(Event::Exited(_) | Event::Extension(Some(_))) => return false,
                Some(Event::Extension(None)) => {}
                Some(Event::Request(connection, request)) => self.between_invocations(connection, &request),
            }
        }
        true
    }

    /// Looks at what happened since anyone last looked, without waiting. False where it has ended.
    pub(crate) async fn is_alive(&mut self) -> bool {
        poll_fn(|cx| Poll::Ready(self.look(cx))).await
    }

    /// As [`Environment::is_alive`], with nobody to wake.
    // SECURITY: bounded, because it runs under the pool's lock. A runtime that keeps talking while nobody asks it
    // anything counts as broken.
    pub(crate) fn look(&mut self, cx: &mut Context<'_>) -> bool {
        for _ in 0..IDLE_CALLS_MAX {
            match self.poll_event(cx) {
                Poll::Pending => return true,
                Poll::Ready(Event::Exited(_) | Event::Extension(Some(_))) => return false,
                Poll::Ready(Event::Extension(None)) => {}
                Poll::Ready(Event::Request(connection, request)) => {
                    self.between_invocations(connection, &request);
                }
            }
        }
        false
    }

    /// True where an invocation can be handed to the runtime at once.
    pub(crate) fn is_ready(&self) -> bool {
        self.phase == Phase::Ready && self.api.is_parked() && self.extensions.are_ready(&self.api)
    }

    /// Ends all of its processes. What they had written can still be read.
    pub(crate) fn kill(&self) {
        self.process.kill();
        if self.is_frozen {
            // A process that is frozen by a version 1 cgroup dies only once it runs again; it gets no further.
            self.process.thaw();
        }
    }

    /// Ends all of its processes and waits until they are gone, to read what they had written.
    pub(crate) async fn kill_and_read(&mut self, patience: Duration) {
        self.kill();
        let deadline = Instant::now() + patience;
        while !matches!(self.phase, Phase::Ended(_)) {
            match self.event_before(deadline).await {
                None | Some(Event::Exited(_)) => break,
                Some(Event::Request(..) | Event::Extension(_)) => {}
            }
        }
        self.output.read_now();
        self.output.end_lines();
    }

    /// Stops it from running.
    pub(crate) fn freeze(&mut self) {
        if !std::mem::replace(&mut self.is_frozen, true) {
            self.api.let_go();
            self.process.freeze();
        }
    }

    /// Lets it run again.
    pub(crate) fn thaw(&mut self) {
        if std::mem::replace(&mut self.is_frozen, false) {
            self.process.thaw();
        }
    }

    /// True where it does not run.
    pub(crate) const fn is_frozen(&self) -> bool {
        self.is_frozen
    }

    /// The most memory that it ever used; not older than half a second.
    pub(crate) fn memory_peak_bytes(&mut self) -> u64 {
        match self.memory_peak {
            Some((read, bytes)) if read.elapsed() < MEMORY_PEAK_AGE_MAX => bytes,
            _ => {
                let bytes = self.process.memory_peak_bytes().unwrap_or(0);
                self.memory_peak = Some((Instant::now(), bytes));
                bytes
            }
        }
    }

    fn ready(&mut self, connection: ConnectionId) {
        self.api.park(connection);
        self.phase = Phase::Ready;
    }

    fn between_invocations(&mut self, connection: ConnectionId, request: &RuntimeRequest) {
        match request {
            RuntimeRequest::Next if !self.is_ready() => self.ready(connection),
            request => self.refuse(connection, request),
        }
    }

    pub(super) fn refuse(&mut self, connection: ConnectionId, request: &RuntimeRequest) {
        let refused = match request {
            RuntimeRequest::Unknown => Refused::Unknown,
            // What follows of it is no request of its own.
            RuntimeRequest::ResponseBegins { .. } | RuntimeRequest::ResponsePiece(_) => {
                self.api.cut_off(connection, Refused::RequestId);
                return self.count_refusal();
            }
            RuntimeRequest::BrokeOff => return self.count_refusal(),
            _ => Refused::State,
        };
        self.answer_refusal(connection, refused);
    }

    // SECURITY: answering costs the platform's time and not the function's: one that never stops asking is ended.
    pub(super) fn answer_refusal(&mut self, connection: ConnectionId, refused: Refused) {
        self.api.refuse(connection, refused);
        self.count_refusal();
    }

    pub(super) fn count_refusal(&mut self) {
        self.refusals = self.refusals.saturating_add(1);
        if self.refusals == REFUSALS_MAX {
            tracing::info!(environment = %self.placement.log.environment_id, "a runtime makes no sense and is ended");
            self.kill();
        }
    }

    /// Hands on all that was written so far, ended or not: nothing of it is to stand in anything that follows.
    pub(crate) fn hand_on_all(&mut self) {
        self.output.read_now();
        self.output.end_lines();
        self.hand_on();
    }

    /// Hands on the output that is held.
    pub(crate) fn hand_on(&mut self) {
        self.share_lines();
        let held = self.output.take_held();
        self.logs.put(&self.placement.log, held);
    }

    /// What happens next, if it happens before the deadline.
    // SECURITY: the deadline is looked at first, and others get their turn: a runtime that always has something to say
    // must not outlive its time-out, nor keep the thread for itself.
    pub(super) async fn event_before(&mut self, deadline: Instant) -> Option<Event> {
        tokio::task::coop::consume_budget().await;
        if Instant::now() >= deadline {
            return None;
        }
        timeout_at(deadline, poll_fn(|cx| self.poll_event(cx))).await.ok()
    }

    /// The next call of the runtime.
    pub(super) fn poll_call(&mut self, cx: &mut Context<'_>) -> Poll<(ConnectionId, RuntimeRequest)> {
        self.api.poll_request(cx)
    }

    /// Reads what was written, and hands it on where it is much or was held for a moment.
    pub(super) fn read_output(&mut self, cx: &mut Context<'_>) {
        self.output.poll_read(cx);
        let is_due = self.following.poll_due(cx, self.output.holds_anything());
        if is_due {
            self.output.end_old_lines();
        }
        if is_due || self.output.is_full() {
            self.hand_on();
            if is_due && self.output.holds_anything() {
                // What waits for its line feed is looked at again.
                self.following.poll_due(cx, true);
            }
        }
    }

    /// Its processes.
    pub(super) fn process(&self) -> &dyn Process {
        &*self.process
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        if let Phase::Ended(exit) = self.phase {
            return Poll::Ready(Event::Exited(exit));
        }
        self.read_output(cx);
        // Requests come before the end: an answer that was sent counts, even if the process is gone by now.
        if let Poll::Ready((connection, request)) = self.poll_call(cx) {
            return Poll::Ready(match request {
                RuntimeRequest::Extension(call) => Event::Extension(self.extension_call(connection, call)),
                request => Event::Request(connection, request),
            });
        }
        match self.exit.as_mut().poll(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(exit) => {
                self.phase = Phase::Ended(exit);
                // What ended it may be more than what was there a moment ago.
                self.memory_peak = None;
                self.output.read_now();
                self.output.end_lines();
                Poll::Ready(Event::Exited(exit))
            }
        }
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        self.kill();
    }
}
