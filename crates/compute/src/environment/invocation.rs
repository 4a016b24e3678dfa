//! One invocation in an environment: handed to the runtime, and its calls served until it is over.
//!
//! It keeps the Runtime API's rules: an answer only to the invocation in progress. What an outcome means to the caller of
//! Invoke is not decided here.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Context;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::answering::Answering;
use super::arriving::{Arriving, Stopped};
use super::life::{Completion, Environment, Event, Phase};
use super::report::error_payload;
use crate::function::InvokeRequest;
use crate::limits::{RESPONSE_BYTES_MAX, STREAMED_BYTES_MAX};
use crate::runtime_api::{Assignment, ConnectionId, Refused, RuntimeRequest};

impl Environment {
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
        self.produced_bytes = 0;
        self.refusals = 0;
        self.tell_extensions_of(request, deadline_millis);
        self.answering = Answering::from(self.clock.now());
        if !self.api.assign(&assignment) {
            // The connection went away since it was looked at: so did the runtime, and its end says how.
            tracing::debug!(environment = %self.placement.log.environment_id, "no connection to hand an invocation to");
        }
        let completion = self.converse(request, deadline).await;
        // Whoever takes the pieces must not wait for more of them.
        self.arriving = None;
        completion
    }

    /// True where an invocation that was answered is not over before its extensions say so too.
    pub(crate) fn has_extensions(&self) -> bool {
        !self.extensions.is_empty()
    }

    /// Waits for the extensions' part of an invocation, within its time.
    pub(crate) async fn wait_for_extensions(&mut self, deadline: Instant) {
        self.wait_until_ready(deadline).await;
        self.output.read_now();
        self.output.end_lines();
    }

    /// Serves the runtime's calls until one of them ends the invocation.
    async fn converse(&mut self, request: &InvokeRequest, deadline: Instant) -> Completion {
        loop {
            let (connection, call) = match self.event_before(deadline).await {
                None => return Completion::TimedOut,
                Some(Event::Exited(exit)) => return Completion::Exited(exit),
                Some(Event::Extension(None)) => continue,
                Some(Event::Extension(Some(error_type))) => {
                    self.output.read_now();
                    return Completion::ExtensionFailed { error_type };
                }
                // What waits for the deadline wakes after it, and what came meanwhile came too late.
                Some(Event::Request(..)) if Instant::now() >= deadline => return Completion::TimedOut,
                Some(Event::Request(connection, call)) => (connection, call),
            };
            let call = match call {
                RuntimeRequest::ResponsePiece(piece) if self.is_arriving_on(connection) => {
                    match self.take_piece(piece, deadline).await {
                        Ok(()) => continue,
                        Err(Stopped::TimedOut) => return Completion::TimedOut,
                        Err(Stopped::TooLarge) => {
                            self.api.cut_off(connection, Refused::TooLarge);
                            return Completion::CutOff(STREAMED_BYTES_MAX);
                        }
                    }
                }
                call => call,
            };
            if let Some(completion) = self.during_invocation(connection, call, request) {
                self.output.read_now();
                return completion;
            }
        }
    }

    /// Takes a piece of the answer. While that waits for whoever reads the answer, the log goes on.
    async fn take_piece(&mut self, piece: Bytes, deadline: Instant) -> Result<(), Stopped> {
        let Some(mut arriving) = self.arriving.take() else { return Ok(()) };
        self.produced_bytes += piece.len() as u64;
        let taken = {
            let mut taking = pin!(arriving.take(piece, deadline));
            let take_or_read = |cx: &mut Context<'_>| {
                let taken = taking.as_mut().poll(cx);
                if taken.is_pending() {
                    self.read_output(cx);
                }
                taken
            };
            poll_fn(take_or_read).await
        };
        self.arriving = Some(arriving);
        taken
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
                self.answering.begins(Instant::now());
                self.arriving = Some(Arriving::new(connection, request.answer_sink.clone(), content_type));
                None
            }
            RuntimeRequest::ResponseEnds { failed_midway } if self.is_arriving_on(connection) => {
                self.phase = Phase::Answered;
                self.answering.ends();
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
            RuntimeRequest::Response { request_id, body, body_bytes, failed_midway, began }
                if request_id == *in_progress =>
            {
                self.phase = Phase::Answered;
                self.answering.begins(began.unwrap_or_else(Instant::now));
                self.answering.ends();
                self.produced_bytes = body_bytes;
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
}

/// An error's body; where the runtime sent none, its type stands in.
fn described(body: Bytes, error_type: Option<String>) -> Bytes {
    match error_type {
        Some(kind) if body.is_empty() => Bytes::from(serde_json::json!({ "errorType": kind }).to_string()),
        _ => body,
    }
}
