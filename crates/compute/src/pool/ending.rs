//! What an ending means: which payload the caller gets, what the log says, and whether the environment may go on.
//!
//! Words only; who ends what is decided where the invocation runs.

use std::time::Duration;

use bytes::Bytes;

use crate::contract::Exit;
use crate::environment::{
    Environment, LaunchProblem, PlatformEvent, Status, Unlaunchable, error_payload, exit_message,
    timeout_message,
};
use crate::function::{InvokeOutcome, InvokeRequest};

/// What an ending means.
pub(super) struct Ending {
    pub(super) payload: Bytes,
    pub(super) status: Status,
    pub(super) error_type: Option<String>,
    pub(super) is_reusable: bool,
}

impl Ending {
    /// The function says itself that it failed.
    pub(super) const fn failure(payload: Bytes, is_reusable: bool) -> Self {
        Self { payload, status: Status::Failure, error_type: None, is_reusable }
    }
}

/// Says that the runtime is done: extensions wait for it.
pub(super) fn tell_done(
    environment: &mut Environment,
    request: &InvokeRequest,
    ending: &Ending,
    took: Duration,
) {
    environment.output.end_lines();
    let (produced_bytes, spans) = (environment.produced_bytes, environment.answering.spans());
    environment.tell(PlatformEvent::RuntimeDone {
        request_id: request.request_id.clone(),
        status: ending.status,
        error_type: ending.error_type.clone(),
        trace_id: request.trace_id.clone(),
        duration: took,
        produced_bytes,
        spans,
    });
}

/// What the caller is told, but for the log.
pub(super) fn outcome_of(
    environment: &Environment,
    ending: &Ending,
    duration: Duration,
    init_duration: Option<Duration>,
) -> InvokeOutcome {
    InvokeOutcome {
        payload: ending.payload.clone(),
        is_function_error: ending.status != Status::Success,
        log_tail: None,
        executed_version: environment.placement.spec.version.clone(),
        duration,
        init_duration,
    }
}

pub(super) fn too_large(limit: u64, is_reusable: bool) -> Ending {
    let message = format!("Response payload size exceeded maximum allowed payload size ({limit} bytes).");
    let payload = error_payload("Function.ResponseSizeTooLarge", &message).into();
    Ending::failure(payload, is_reusable)
}

pub(super) fn exited(environment: &mut Environment, request: &InvokeRequest, exit: Exit) -> Ending {
    let (kind, message) = exit_message(exit);
    ended(environment, request, kind, &message)
}

/// What the function's own process reported before it came up. That a program could not be executed is the platform's to say, with
/// the id of the request.
pub(super) fn reported(
    environment: &mut Environment,
    request: &InvokeRequest,
    error_type: Option<&str>,
    body: Bytes,
) -> Ending {
    let message = (error_type == Some(INVALID_ENTRYPOINT)).then(|| message_of(&body)).flatten();
    match message {
        Some(message) => ended(environment, request, INVALID_ENTRYPOINT, &message),
        None => Ending::failure(body, false),
    }
}

/// An extension's program cannot be started.
pub(super) fn not_launched(
    environment: &mut Environment,
    request: &InvokeRequest,
    unlaunchable: &Unlaunchable,
) -> Ending {
    let message = match unlaunchable.cause {
        LaunchProblem::PermissionDenied => {
            format!("fork/exec /opt/extensions/{}: permission denied", unlaunchable.name)
        }
        LaunchProblem::TooManyExtensions => "ErrTooManyExtensions".to_owned(),
    };
    ended(environment, request, EXTENSION_LAUNCH, &message)
}

/// The type of the error that tells of an extension whose program cannot be started.
pub(super) const EXTENSION_LAUNCH: &str = "Extension.LaunchError";
const INVALID_ENTRYPOINT: &str = "Runtime.InvalidEntrypoint";

fn message_of(body: &[u8]) -> Option<String> {
    let report: serde_json::Value = serde_json::from_slice(body).ok()?;
    Some(report.get("errorMessage")?.as_str()?.to_owned())
}

fn ended(
    environment: &mut Environment,
    request: &InvokeRequest,
    kind: &'static str,
    message: &str,
) -> Ending {
    let message = format!("RequestId: {} Error: {message}", request.request_id);
    environment.output.platform_line(message.as_str());
    environment.output.platform_line(kind);
    Ending {
        payload: error_payload(kind, &message).into(),
        status: Status::Error,
        error_type: Some(kind.to_owned()),
        is_reusable: false,
    }
}

pub(super) fn timed_out(request: &InvokeRequest, timeout: Duration) -> Ending {
    let message = format!("RequestId: {} Error: {}", request.request_id, timeout_message(timeout));
    Ending {
        payload: error_payload("Sandbox.Timedout", &message).into(),
        status: Status::Timeout,
        error_type: None,
        is_reusable: false,
    }
}

pub(super) fn extension_failed(request: &InvokeRequest, error_type: String) -> Ending {
    let message = format!("RequestId: {} Error: an extension could not go on", request.request_id);
    Ending {
        payload: error_payload(&error_type, &message).into(),
        status: Status::Error,
        error_type: Some(error_type),
        is_reusable: false,
    }
}
