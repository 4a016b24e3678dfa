//! Where the outcome of an invocation goes: to another function or into a bucket, in the name of this function's role.
//!
//! What the role may not send is not sent, and is logged; the invocation itself is over either way.

use std::sync::Arc;

use base::Timestamp;
use compute::{EventAnswer, EventEnding, QueuedEvent, Settlement};
use identity::Principal;
use protocol::{Bytes, Fault, Structure, Value};
use serde_json::json;
use service::{Call, Pipeline, Source};

use crate::Lambda;
use crate::catalog::Loaded;
use crate::error::Error;
use crate::model::destination::Destination;
use crate::model::name::{FunctionId, LATEST, Target};
use crate::records::EventConfig;
use crate::roles::FunctionRoles;

const SERVICE: &str = "lambda.amazonaws.com";

/// Sends the outcome where the function's settings say, if anywhere.
pub(crate) async fn send(
    roles: &FunctionRoles,
    pipeline: &Pipeline,
    loaded: &Loaded,
    target: &Target,
    event: &QueuedEvent,
    settlement: &Settlement,
) {
    let qualifier = target.qualifier.as_deref().unwrap_or(LATEST);
    let config = loaded.function.record.event_configs.get(qualifier);
    let Some(destination) = config.and_then(|config| chosen(config, settlement.ending)) else { return };
    let function_arn = target.id.qualified_arn(qualifier);
    let role = loaded.function.qualified(Some(qualifier)).map(|version| version.role.as_str());
    let now = pipeline.clock().now();
    let principal = match role {
        Some(role) => roles.session(role, &target.id).await,
        None => None,
    };
    let Some(principal) = principal else {
        tracing::warn!(function = function_arn, "the function's role cannot be assumed to send an outcome");
        return;
    };
    let record = record(&function_arn, event, settlement, now).to_string().into_bytes();
    let sent = match Destination::parse(destination, &target.id) {
        Ok(Destination::Bucket(bucket)) => {
            let folder = format!("aws/lambda/async/{}", target.id.name);
            put(pipeline, principal, &bucket, &folder, record).await
        }
        _ => invoke(pipeline, principal, destination, record, &event.trace_id).await,
    };
    if let Err(fault) = sent {
        tracing::warn!(
            function = function_arn,
            destination,
            request_id = event.request_id,
            code = %fault.code,
            message = fault.message,
            "an outcome was not taken by its destination"
        );
    }
}

fn chosen(config: &EventConfig, ending: EventEnding) -> Option<&str> {
    match ending {
        EventEnding::Done => config.on_success.as_deref(),
        EventEnding::Gone => None,
        _ => config.on_failure.as_deref(),
    }
}

async fn invoke(
    pipeline: &Pipeline,
    principal: Principal,
    destination: &str,
    record: Vec<u8>,
    trace: &str,
) -> Result<(), Fault> {
    // The trace goes along, so that two functions that are each other's destination are found to be a loop.
    let source = Source { trace: Some(trace.to_owned()), ..Source::platform(SERVICE) };
    let input = Structure::new()
        .with("FunctionName", destination)
        .with("InvocationType", "Event")
        .with("Payload", Bytes::from(record));
    let input = Value::Structure(input);
    pipeline.invoke(Arc::new(principal), source, "lambda", "Invoke", input).await.map(drop)
}

/// Puts a record of a failure into a bucket, under Lambda's names.
pub(crate) async fn put(
    pipeline: &Pipeline,
    principal: Principal,
    bucket: &str,
    folder: &str,
    record: Vec<u8>,
) -> Result<(), Fault> {
    let key = object_key(folder, pipeline.clock().now(), &crypto::random::uuid());
    let input = Structure::new()
        .with("Bucket", bucket)
        .with("Key", key)
        .with("ContentType", "application/json")
        .with("Body", Bytes::from(record));
    let source = Source::platform(SERVICE);
    pipeline.invoke(Arc::new(principal), source, "s3", "PutObject", Value::Structure(input)).await.map(drop)
}

/// `<folder>/YYYY/MM/DD/YYYY-MM-DDTHH.MM.SS-<id>`
fn object_key(folder: &str, now: Timestamp, id: &str) -> String {
    let time = now.iso8601_secs();
    let time = time.trim_end_matches('Z').replace(':', ".");
    let day = time.split('T').next().unwrap_or_default().replace('-', "/");
    format!("{folder}/{day}/{time}-{id}")
}

/// Refuses a bucket that is not there, or that the function's role cannot use.
pub(crate) async fn check_bucket(
    lambda: &Lambda,
    call: &Call,
    function: &FunctionId,
    role: &str,
    bucket: &str,
) -> Result<(), Error> {
    let refuse = |message: String| Err(Error::InvalidParameterValue(message));
    let denied = "The provided execution role does not have permissions to call ListBucket on S3";
    let Some(principal) = lambda.roles.session(role, function).await else {
        return refuse(denied.to_owned());
    };
    let input = Value::Structure(Structure::new().with("Bucket", bucket));
    let source = Source::platform(SERVICE);
    match call.pipeline().invoke(Arc::new(principal), source, "s3", "HeadBucket", input).await {
        Ok(_) => Ok(()),
        Err(fault) if fault.status == 404 => refuse(format!("The bucket {bucket} does not exist.")),
        Err(_) => refuse(denied.to_owned()),
    }
}

/// Refuses a function that this function's role may not invoke.
pub(crate) async fn check_function(
    lambda: &Lambda,
    call: &Call,
    function: &FunctionId,
    role: &str,
    destination: &str,
) -> Result<(), Error> {
    let refuse = || {
        Err(Error::InvalidParameterValue(format!(
            "The function's execution role does not have permissions to call InvokeFunction on {destination}"
        )))
    };
    let Some(principal) = lambda.roles.session(role, function).await else {
        return refuse();
    };
    let input = Structure::new().with("FunctionName", destination).with("InvocationType", "DryRun");
    let source = Source::platform(SERVICE);
    let asked =
        call.pipeline().invoke(Arc::new(principal), source, "lambda", "Invoke", Value::Structure(input));
    match asked.await {
        Err(fault) if fault.code == "AccessDeniedException" => refuse(),
        // Whether another account's function is there is seen when something is sent.
        _ => Ok(()),
    }
}

/// The invocation record, in Lambda's form.
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>
fn record(
    function_arn: &str,
    event: &QueuedEvent,
    settlement: &Settlement,
    now: Timestamp,
) -> serde_json::Value {
    let condition = match settlement.ending {
        EventEnding::Done => "Success",
        EventEnding::RetriesExhausted => "RetriesExhausted",
        EventEnding::AgeExceeded => "EventAgeExceeded",
        EventEnding::Rejected(why) => why,
        EventEnding::Gone => "FunctionDeleted",
    };
    let mut record = json!({
        "version": "1.0",
        "timestamp": now.iso8601_millis(),
        "requestContext": {
            "requestId": event.request_id,
            "functionArn": function_arn,
            "condition": condition,
            "approximateInvokeCount": settlement.tries,
        },
        "requestPayload": parsed(&settlement.payload),
    });
    if let (Some(answer), Some(members)) = (&settlement.answer, record.as_object_mut()) {
        members.insert("responseContext".to_owned(), response_context(answer));
        members.insert("responsePayload".to_owned(), parsed(&answer.payload));
    }
    record
}

/// What is told of the answer of the last try.
pub(crate) fn response_context(answer: &EventAnswer) -> serde_json::Value {
    let mut context = json!({ "statusCode": 200, "executedVersion": answer.executed_version });
    if let (true, Some(members)) = (answer.is_function_error, context.as_object_mut()) {
        members.insert("functionError".to_owned(), json!("Unhandled"));
    }
    context
}

/// JSON as it is; what is none, as text.
fn parsed(payload: &[u8]) -> serde_json::Value {
    serde_json::from_slice(payload).unwrap_or_else(|_| json!(String::from_utf8_lossy(payload)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> QueuedEvent {
        let now = Timestamp::from_secs(1);
        QueuedEvent {
            account: "000000000001".parse().unwrap(),
            request_id: "r".into(),
            function_arn: "f".into(),
            function_id: None,
            qualifier: None,
            client_context: None,
            trace_id: String::new(),
            queued_at: now,
            due_at: now,
            gives_up_at: now,
            retries_max: 2,
            failures: 0,
            refusals: 0,
        }
    }

    #[test]
    fn a_record_says_what_was_asked_and_what_came_of_it() {
        let answer = EventAnswer {
            payload: Bytes::from_static(br#"{"errorType":"E"}"#),
            executed_version: "$LATEST".into(),
            is_function_error: true,
        };
        let mut settlement = Settlement {
            ending: EventEnding::RetriesExhausted,
            answer: Some(answer),
            payload: Bytes::from_static(b"[1]"),
            tries: 3,
        };
        let now = Timestamp::from_millis(1_573_755_365_568);
        let made = |settlement: &Settlement| record("f:$LATEST", &event(), settlement, now);
        let failed = json!({
            "version": "1.0", "timestamp": "2019-11-14T18:16:05.568Z",
            "requestContext": {"requestId": "r", "functionArn": "f:$LATEST", "condition": "RetriesExhausted",
                "approximateInvokeCount": 3},
            "requestPayload": [1],
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
            "responsePayload": {"errorType": "E"},
        });
        assert_eq!(made(&settlement), failed);
        settlement.answer = None;
        settlement.ending = EventEnding::Rejected("ZeroReservedConcurrency");
        let refused = made(&settlement);
        assert_eq!(refused["requestContext"]["condition"], "ZeroReservedConcurrency");
        assert!(refused.get("responseContext").is_none() && refused.get("responsePayload").is_none());
        assert_eq!(parsed(b"plain"), json!("plain"));
    }

    #[test]
    fn objects_are_named_by_their_time() {
        let now = Timestamp::from_millis(1_573_755_365_568);
        let key = object_key("aws/lambda/async/f", now, "id");
        assert_eq!(key, "aws/lambda/async/f/2019/11/14/2019-11-14T18.16.05-id");
    }
}
