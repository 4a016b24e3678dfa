//! `Invoke`: synchronous, asynchronous, and as a rehearsal.
//!
//! The resource policy had its say before. Nothing here knows how a function is run.

use std::sync::Arc;
use std::time::Duration;

use base::AccountId;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use compute::limits::{
    ACCOUNT_CONCURRENCY_MAX, EVENT_AGE_MAX, EVENT_BYTES_MAX, EVENT_RETRIES_MAX, REQUEST_BYTES_MAX,
};
use compute::{
    Concurrency, EventError, InvokeError, InvokeOutcome, InvokeRequest, QueuedEvent, SharedSpec, Throttled,
};
use protocol::{Bytes, Sensitive};
use service::{Call, Permit};

use super::recursion::is_loop;
use super::{existing, not_found, target};
use crate::Lambda;
use crate::api;
use crate::catalog::Loaded;
use crate::error::Error;
use crate::model::alias;
use crate::model::name::{LATEST, Target};
use crate::model::settings::not_supported;
use crate::model::trace::Trace;

/// The longest client context, in base64.
const CLIENT_CONTEXT_BYTES_MAX: usize = 3_583;

pub(crate) async fn invoke(
    lambda: Arc<Lambda>,
    permit: Permit<api::Invoke>,
) -> Result<api::InvocationResponse, Error> {
    let (input, call) = super::parts(permit);
    if input.durable_execution_name.is_some() || input.tenant_id.is_some() {
        return Err(not_supported("DurableExecutionName or TenantId"));
    }
    let kind = input.invocation_type.as_deref().unwrap_or("RequestResponse");
    let asked = Asked {
        function_name: &input.function_name,
        qualifier: input.qualifier.as_deref(),
        client_context: input.client_context.as_deref(),
        wants_log_tail: input.log_type.as_deref() == Some("Tail"),
        payload: input.payload.map(Sensitive::into_exposed),
    };
    match kind {
        "Event" => enqueue(&lambda, &call, asked).await,
        "DryRun" => {
            prepare(&lambda, &call, asked)?;
            Ok(api::InvocationResponse { status_code: Some(204), ..Default::default() })
        }
        _ => {
            let prepared = prepare(&lambda, &call, asked)?;
            let outcome = lambda.compute.invoke(&prepared.spec, prepared.request).await.map_err(refused)?;
            Ok(answer(outcome))
        }
    }
}

/// What a call of either operation asks for.
pub(crate) struct Asked<'a> {
    pub(crate) function_name: &'a str,
    pub(crate) qualifier: Option<&'a str>,
    pub(crate) client_context: Option<&'a str>,
    pub(crate) wants_log_tail: bool,
    pub(crate) payload: Option<Bytes>,
}

/// A synchronous invocation that is ready to run.
pub(crate) struct Prepared {
    pub(crate) spec: SharedSpec,
    pub(crate) request: InvokeRequest,
}

/// Finds what is to run and checks what it is given.
pub(crate) fn prepare(lambda: &Lambda, call: &Call, asked: Asked<'_>) -> Result<Prepared, Error> {
    let target = target(call, asked.function_name, asked.qualifier)?;
    let loaded = existing(lambda, &target)?;
    let spec = choose(&loaded, &target)?;
    let client_context = asked.client_context.map(client_context).transpose()?;
    let payload = payload(asked.payload, REQUEST_BYTES_MAX, "RequestResponse")?;
    let trace = Trace::next(call.source().trace.as_deref(), &spec.arn, call.now());
    if is_loop(&loaded, trace.hops()) {
        return Err(Error::RecursiveInvocation);
    }
    let request = InvokeRequest {
        request_id: call.request_id().to_owned(),
        payload,
        invoked_arn: target.arn(),
        trace_id: trace.header(),
        client_context,
        wants_log_tail: asked.wants_log_tail,
        concurrency: concurrency(lambda, &loaded, &spec.version, target.id.account),
        answer_sink: None,
    };
    Ok(Prepared { spec, request })
}

async fn enqueue(lambda: &Lambda, call: &Call, asked: Asked<'_>) -> Result<api::InvocationResponse, Error> {
    let target = target(call, asked.function_name, asked.qualifier)?;
    let loaded = existing(lambda, &target)?;
    choose(&loaded, &target)?;
    let client_context = asked.client_context.map(client_context).transpose()?;
    let payload = payload(asked.payload, EVENT_BYTES_MAX, "Event")?;
    let trace = Trace::next(call.source().trace.as_deref(), &target.id.arn(), call.now());
    let event = event(call, &loaded, &target, client_context, &trace);
    queue(lambda, call, &event, payload).await
}

/// The version that runs; for an alias with two, by lot.
pub(crate) fn choose(loaded: &Loaded, target: &Target) -> Result<SharedSpec, Error> {
    let qualifier = target.qualifier.as_deref().unwrap_or(LATEST);
    let version = match loaded.function.aliases.get(qualifier) {
        Some(found) if found.routing.is_some() => alias::choose(found, draw()),
        Some(found) => &found.version,
        None => qualifier,
    };
    loaded.spec(version).cloned().ok_or_else(|| not_found(&target.arn()))
}

/// A number from 0 up to but not including 1.
fn draw() -> f64 {
    f64::from(u32::from_le_bytes(crypto::random::bytes())) / (f64::from(u32::MAX) + 1.0)
}

/// How much may run at this moment.
pub(crate) fn concurrency(
    lambda: &Lambda,
    loaded: &Loaded,
    version: &str,
    account: AccountId,
) -> Concurrency {
    if let Some(reserved) = loaded.function.record.reserved_concurrency {
        return Concurrency {
            reserved: Some(reserved),
            provisioned: loaded.function.provisioned_of(version),
            provisioned_in_all: loaded.function.record.provisioned_in_all(),
            unreserved_max: 0,
        };
    }
    // What is kept ready for one function is nobody else's.
    let others = lambda.catalog.reserved(account).saturating_add(lambda.catalog.set_aside(account));
    Concurrency {
        reserved: None,
        provisioned: loaded.function.provisioned_of(version),
        provisioned_in_all: loaded.function.record.provisioned_in_all(),
        unreserved_max: ACCOUNT_CONCURRENCY_MAX.saturating_sub(others),
    }
}

fn payload(payload: Option<Bytes>, limit: usize, kind: &str) -> Result<Bytes, Error> {
    let payload = payload.unwrap_or_default();
    if payload.len() > limit {
        return Err(Error::RequestTooLarge(format!(
            "{} byte payload is too large for the {kind} invocation type (limit {limit} bytes)",
            payload.len()
        )));
    }
    if payload.is_empty() {
        return Ok(Bytes::from_static(b"{}"));
    }
    // What is thrown away is not looked at: texts that are no UTF-8 would reach the function.
    let text = std::str::from_utf8(&payload).map_err(|error| {
        let at = error.valid_up_to();
        Error::InvalidRequestContent(format!(
            "Could not parse request body into json: Invalid UTF-8 at byte {at} of the payload"
        ))
    })?;
    match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Ok(_) => Ok(payload),
        Err(error) => Err(Error::InvalidRequestContent(format!(
            "Could not parse request body into json: Could not parse payload into json: line {}, column {}",
            error.line(),
            error.column()
        ))),
    }
}

fn client_context(text: &str) -> Result<String, Error> {
    let refuse = || {
        Error::InvalidRequestContent("Client context must be a valid Base64-encoded JSON object.".to_owned())
    };
    if text.len() > CLIENT_CONTEXT_BYTES_MAX {
        return Err(Error::InvalidRequestContent(format!(
            "Client context must be at most {CLIENT_CONTEXT_BYTES_MAX} bytes."
        )));
    }
    let bytes = STANDARD.decode(text).map_err(|_| refuse())?;
    let context: serde_json::Value = serde_json::from_slice(&bytes).map_err(|_| refuse())?;
    if context.is_object() { Ok(context.to_string()) } else { Err(refuse()) }
}

fn answer(outcome: InvokeOutcome) -> api::InvocationResponse {
    api::InvocationResponse {
        status_code: Some(200),
        function_error: outcome.is_function_error.then(|| "Unhandled".to_owned()),
        log_result: outcome.log_tail.map(|tail| STANDARD.encode(tail)),
        payload: Some(Sensitive::new(outcome.payload)),
        executed_version: Some(outcome.executed_version),
        durable_execution_arn: None,
    }
}

/// An asynchronous invocation with the settings of the version or alias that it names.
fn event(
    call: &Call,
    loaded: &Loaded,
    target: &Target,
    client_context: Option<String>,
    trace: &Trace,
) -> QueuedEvent {
    let now = call.now();
    let configs = &loaded.function.record.event_configs;
    let config = configs.get(target.qualifier.as_deref().unwrap_or(LATEST));
    let age = config.and_then(|config| config.age_max_secs);
    let age = age.map_or(EVENT_AGE_MAX, |secs| Duration::from_secs(secs.into()));
    QueuedEvent {
        account: target.id.account,
        request_id: call.request_id().to_owned(),
        function_arn: target.id.arn(),
        function_id: loaded.function.record.id.clone(),
        qualifier: target.qualifier.clone(),
        client_context,
        trace_id: trace.header(),
        queued_at: now,
        due_at: now,
        gives_up_at: now.plus_millis(i64::try_from(age.as_millis()).unwrap_or(i64::MAX)),
        retries_max: config.and_then(|config| config.retries_max).unwrap_or(EVENT_RETRIES_MAX),
        failures: 0,
        refusals: 0,
    }
}

/// Accepts an asynchronous invocation; it is durable when this returns.
async fn queue(
    lambda: &Lambda,
    call: &Call,
    event: &QueuedEvent,
    payload: Bytes,
) -> Result<api::InvocationResponse, Error> {
    call.transact(|transaction| {
        lambda.events.put(transaction, event, payload).map_err(|error| match error {
            EventError::Full => throttled("ConcurrentInvocationLimitExceeded", "Rate Exceeded."),
            EventError::Store(error) => Error::from(error),
        })
    })
    .await?;
    Ok(api::InvocationResponse { status_code: Some(202), ..Default::default() })
}

fn throttled(reason: &'static str, message: &str) -> Error {
    Error::TooManyRequests { reason, message: message.to_owned() }
}

/// An invocation that never reached the function, in the API's words.
pub(crate) fn refused(error: InvokeError) -> Error {
    match error {
        InvokeError::Throttled(Throttled::Reserved) => {
            throttled("ReservedFunctionConcurrentInvocationLimitExceeded", "Rate Exceeded.")
        }
        InvokeError::Throttled(Throttled::Account) => {
            throttled("ConcurrentInvocationLimitExceeded", "Rate Exceeded.")
        }
        InvokeError::Throttled(Throttled::Machine) => throttled(
            "ConcurrentInvocationLimitExceeded",
            "Rate Exceeded. This machine has no room for another execution environment.",
        ),
        InvokeError::Role(compute::CredentialError::NotAssumable) => {
            Error::AccessDenied("The role defined for the function cannot be assumed by Lambda.".to_owned())
        }
        InvokeError::RuntimeUnavailable { runtime, available } => Error::InvalidRuntime(format!(
            "Runtime {runtime} is not available on this machine, which has [{}].",
            available.join(", ")
        )),
        InvokeError::Code(compute::PackageError::Full) => Error::CodeStorageExceeded,
        InvokeError::Stopping => Error::Unavailable,
        InvokeError::Launch(error @ compute::LaunchError::Unavailable(_)) => {
            tracing::error!(error = %base::Chain(&error), "a function was not started");
            Error::NoEnvironment
        }
        error => Error::internal(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_are_json_and_bounded() {
        let check = |bytes: &[u8], limit| payload(Some(Bytes::copy_from_slice(bytes)), limit, "Event");
        assert_eq!(payload(None, REQUEST_BYTES_MAX, "").unwrap().as_ref(), b"{}");
        assert_eq!(check(b"[1]", REQUEST_BYTES_MAX).unwrap().as_ref(), b"[1]");
        for bad in [b"{".as_slice(), b"hello", b"{}x", b"\xff", &[b'['; 1_000]] {
            assert!(matches!(check(bad, REQUEST_BYTES_MAX), Err(Error::InvalidRequestContent(_))));
        }
        let large = [b"\"".as_slice(), &vec![b'x'; EVENT_BYTES_MAX], b"\""].concat();
        assert!(check(&large, REQUEST_BYTES_MAX).is_ok());
        assert!(matches!(check(&large, EVENT_BYTES_MAX), Err(Error::RequestTooLarge(_))));
    }

    #[test]
    fn a_client_context_is_an_object_in_base64() {
        assert_eq!(client_context(&STANDARD.encode(r#"{"a": 1}"#)).unwrap(), r#"{"a":1}"#);
        for bad in ["{}", &STANDARD.encode("[]"), &STANDARD.encode("{"), &"A".repeat(4_000)] {
            assert!(client_context(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_draw_is_below_one() {
        for _ in 0..1_000 {
            assert!((0.0..1.0).contains(&draw()));
        }
    }
}
