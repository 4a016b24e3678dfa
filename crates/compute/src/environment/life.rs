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

use super::arriving::{Arriving, Stopped};
use super::door::OpenDoor;
use super::output::Output;
use super::parked::Started;
use super::report::error_payload;
use crate::BoxFuture;
use crate::contract::{AwsDoor, EnvironmentIdentity, Exit, LogTarget, Process};
use crate::function::{FunctionKey, InvokeRequest, SharedSpec};
use crate::limits::{RESPONSE_BYTES_MAX, SHUTDOWN_TIME_EXTERNAL, STREAMED_BYTES_MAX};
use crate::logs::LogQueue;
use crate::runtime_api::{Assignment, ConnectionId, Refused, RuntimeApi, RuntimeRequest};

/// One execution environment. Its processes end when it is dropped.
pub(crate) struct Environment {
    pub(crate) placement: Placement,
    pub(crate) output: Output,
    pub(crate) made_at: Instant,
    /// When it was last given back.
    pub(crate) idle_since: Instant,
    /// How long its end may take: nothing where no extension asks for the time.
    pub(crate) shutdown_time: Duration,
    phase: Phase,
    is_frozen: bool,
    api: RuntimeApi,
    process: Arc<dyn Process>,
    exit: BoxFuture<'static, Exit>,
    memory_peak: Option<(Instant, u64)>,
    /// An answer that comes in pieces.
    arriving: Option<Arriving>,
    /// Calls that were refused since the last invocation began.
    refusals: u32,
    logs: LogQueue,
    _doors: Vec<OpenDoor>,
}

/// What an environment is made for; fixed for its life.
pub(crate) struct Placement {
    pub(crate) key: FunctionKey,
    pub(crate) spec: SharedSpec,
    pub(crate) log: Arc<LogTarget>,
    /// When its credentials end.
    pub(crate) credentials_end: Timestamp,
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
enum Phase {
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
}

/// Why an environment did not come up.
#[derive(Debug)]
pub(crate) enum InitFailure {
    Reported { error_type: Option<String>, body: Bytes },
    Exited(Exit),
    TimedOut,
}

/// What happens to an environment.
pub(super) enum Event {
    Request(ConnectionId, RuntimeRequest),
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
        let Started { api, aws_api, secure_api, egress, stdout, stderr, process, has_extensions } = started;
        let shutdown_time = if has_extensions { SHUTDOWN_TIME_EXTERNAL } else { Duration::ZERO };
        let made = Output::new(stdout, stderr, clock).and_then(|output| {
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

    /// Waits until the runtime asks for its first invocation.
    ///
    /// # Errors
    /// Where it reports a failure, ends, or takes longer than `limit`.
    pub(crate) async fn initialise(&mut self, limit: Duration) -> Result<(), InitFailure> {
        let deadline = Instant::now() + limit;
        loop {
            match self.event_before(deadline).await {
                None => return Err(InitFailure::TimedOut),
                Some(Event::Exited(exit)) => return Err(InitFailure::Exited(exit)),
                Some(Event::Request(connection, RuntimeRequest::Next)) => {
                    self.ready(connection);
                    return Ok(());
                }
                Some(Event::Request(connection, RuntimeRequest::InitError { error_type, body })) => {
                    self.api.accept_request(connection);
                    self.output.read_now();
                    return Err(InitFailure::Reported { error_type, body });
                }
                Some(Event::Request(connection, request)) => self.refuse(connection, &request),
            }
        }
    }

    /// Waits until the runtime asks for the next invocation, after it answered the last one.
    pub(crate) async fn wait_until_ready(&mut self, deadline: Instant) -> bool {
        while !self.is_ready() {
            match self.event_before(deadline).await {
                None | Some(Event::Exited(_)) => return false,
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
                Poll::Ready(Event::Exited(_)) => return false,
                Poll::Ready(Event::Request(connection, request)) => {
                    self.between_invocations(connection, &request);
                }
            }
        }
        false
    }

    /// True where an invocation can be handed to the runtime at once.
    pub(crate) fn is_ready(&self) -> bool {
        self.phase == Phase::Ready && self.api.is_parked()
    }

    /// Hands the runtime an invocation and waits for its end.
    pub(crate) async fn run(
        &mut self,
        request: &InvokeRequest,
        deadline_millis: i64,
        limit: Duration,
    ) -> Completion {
        let deadline = Instant::now() + limit;
        let assignment = Assignment {
            request_id: &request.request_id,
            deadline_millis,
            invoked_arn: &request.invoked_arn,
            trace_id: &request.trace_id,
            client_context: request.client_context.as_deref(),
            payload: &request.payload,
        };
        self.phase = Phase::Busy;
        self.arriving = None;
        self.refusals = 0;
        if !self.api.assign(&assignment) {
            // The connection went away since it was looked at: so did the runtime, and its end says how.
            tracing::debug!(environment = %self.placement.log.environment_id, "no connection to hand an invocation to");
        }
        let completion = self.converse(request, deadline).await;
        // Whoever takes the pieces must not wait for more of them.
        self.arriving = None;
        completion
    }

    /// Serves the runtime's calls until one of them ends the invocation.
    async fn converse(&mut self, request: &InvokeRequest, deadline: Instant) -> Completion {
        loop {
            let (connection, call) = match self.event_before(deadline).await {
                None => return Completion::TimedOut,
                Some(Event::Exited(exit)) => return Completion::Exited(exit),
                Some(Event::Request(connection, call)) => (connection, call),
            };
            let call = match (&mut self.arriving, call) {
                (Some(arriving), RuntimeRequest::ResponsePiece(piece)) if arriving.is_on(connection) => {
                    match arriving.take(piece, deadline).await {
                        Ok(()) => continue,
                        Err(Stopped::TimedOut) => return Completion::TimedOut,
                        Err(Stopped::TooLarge) => {
                            self.api.cut_off(connection, Refused::TooLarge);
                            return Completion::CutOff(STREAMED_BYTES_MAX);
                        }
                    }
                }
                (_, call) => call,
            };
            if let Some(completion) = self.during_invocation(connection, call, request) {
                self.output.read_now();
                return completion;
            }
        }
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
                Some(Event::Request(..)) => {}
            }
        }
        self.output.read_now();
        self.output.end_lines();
    }

    /// Stops it from running.
    pub(crate) fn freeze(&mut self) {
        if !std::mem::replace(&mut self.is_frozen, true) {
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

    // SECURITY: only the id of the invocation in progress is accepted, so that a function cannot answer for another
    // invocation, of itself or of anyone else.
    fn during_invocation(
        &mut self,
        connection: ConnectionId,
        call: RuntimeRequest,
        request: &InvokeRequest,
    ) -> Option<Completion> {
        let in_progress = &request.request_id;
        match call {
            RuntimeRequest::ResponseBegins { request_id, content_type }
                if request_id == *in_progress && self.arriving.is_none() =>
            {
                self.arriving = Some(Arriving::new(connection, request.answer_sink.clone(), content_type));
                None
            }
            RuntimeRequest::ResponseEnds { failed_midway } if self.is_arriving_on(connection) => {
                self.phase = Phase::Answered;
                self.api.accept_request(connection);
                let arrived = self.arriving.take()?;
                Some(match failed_midway {
                    None => arrived.whole(),
                    Some((kind, error)) => Completion::FunctionError(described(error, Some(kind))),
                })
            }
            RuntimeRequest::BrokeOff if self.is_arriving_on(connection) => {
                self.phase = Phase::Answered;
                let message = "The connection of the answer ended before the answer did";
                Some(Completion::FunctionError(error_payload("Runtime.TruncatedResponse", message).into()))
            }
            RuntimeRequest::Response { request_id, body, body_bytes, failed_midway }
                if request_id == *in_progress =>
            {
                self.phase = Phase::Answered;
                if body_bytes > u64::try_from(RESPONSE_BYTES_MAX).unwrap_or(u64::MAX) {
                    self.api.refuse(connection, Refused::TooLarge);
                    return Some(Completion::TooLarge(RESPONSE_BYTES_MAX as u64));
                }
                self.api.accept_request(connection);
                Some(match failed_midway {
                    None => Completion::Response(body),
                    Some((_, error)) => Completion::FunctionError(error),
                })
            }
            RuntimeRequest::InvocationError { request_id, error_type, body }
                if request_id == *in_progress =>
            {
                self.phase = Phase::Answered;
                self.api.accept_request(connection);
                Some(Completion::FunctionError(described(body, error_type)))
            }
            RuntimeRequest::Response { .. } | RuntimeRequest::InvocationError { .. } => {
                self.answer_refusal(connection, Refused::RequestId);
                None
            }
            call => {
                self.refuse(connection, &call);
                None
            }
        }
    }

    fn is_arriving_on(&self, connection: ConnectionId) -> bool {
        self.arriving.as_ref().is_some_and(|arriving| arriving.is_on(connection))
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
    fn answer_refusal(&mut self, connection: ConnectionId, refused: Refused) {
        self.api.refuse(connection, refused);
        self.count_refusal();
    }

    fn count_refusal(&mut self) {
        self.refusals = self.refusals.saturating_add(1);
        if self.refusals == REFUSALS_MAX {
            tracing::info!(environment = %self.placement.log.environment_id, "a runtime makes no sense and is ended");
            self.kill();
        }
    }

    /// Hands on the output that is held.
    pub(crate) fn hand_on(&mut self) {
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

    /// Reads what was written, and hands it on where it is much.
    pub(super) fn read_output(&mut self, cx: &mut Context<'_>) {
        self.output.poll_read(cx);
        if self.output.is_full() {
            self.hand_on();
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
            return Poll::Ready(Event::Request(connection, request));
        }
        match self.exit.as_mut().poll(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(exit) => {
                self.phase = Phase::Ended(exit);
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

/// An error's body; where the runtime sent none, its type stands in.
fn described(body: Bytes, error_type: Option<String>) -> Bytes {
    match error_type {
        Some(kind) if body.is_empty() => Bytes::from(serde_json::json!({ "errorType": kind }).to_string()),
        _ => body,
    }
}
