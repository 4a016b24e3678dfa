//! `InvokeWithResponseStream`: the answer as it comes, as the messages of an event stream.
//!
//! An invocation that never reached the function is an error of the call; a failure of the function's own is told by
//! the last message.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use compute::{InvokeError, InvokeOutcome, StreamedAnswer};
use futures_util::stream;
use protocol::{ByteStream, Bytes, EVENT_STREAM_TYPE, EventMessage, Fault, Sensitive};
use serde_json::json;
use service::Permit;

use super::invoke::{Asked, prepare, refused};
use crate::Lambda;
use crate::api;
use crate::error::Error;
use crate::model::settings::not_supported;

/// What a piece is said to be where the function does not say.
const BYTES_TYPE: &str = "application/octet-stream";

pub(crate) async fn invoke(
    lambda: Arc<Lambda>,
    permit: Permit<api::InvokeWithResponseStream>,
) -> Result<api::InvokeWithResponseStreamResponse, Error> {
    let (input, call) = super::parts(permit);
    if input.tenant_id.is_some() {
        return Err(not_supported("TenantId"));
    }
    let asked = Asked {
        function_name: &input.function_name,
        qualifier: input.qualifier.as_deref(),
        client_context: input.client_context.as_deref(),
        wants_log_tail: input.log_type.as_deref() == Some("Tail"),
        payload: input.payload.map(Sensitive::into_exposed),
    };
    let prepared = prepare(&lambda, &call, asked)?;
    let (event_stream, executed_version) = if input.invocation_type.as_deref() == Some("DryRun") {
        (ByteStream::whole(Bytes::new()), prepared.spec.version.clone())
    } else {
        let answer = lambda.compute.invoke_streaming(&prepared.spec, prepared.request).await;
        let answer = answer.map_err(refused)?;
        let version = answer.executed_version.clone();
        (messages(answer), version)
    };
    let is_rehearsal = input.invocation_type.as_deref() == Some("DryRun");
    Ok(api::InvokeWithResponseStreamResponse {
        status_code: Some(if is_rehearsal { 204 } else { 200 }),
        executed_version: Some(executed_version),
        event_stream: Some(event_stream),
        response_stream_content_type: Some(EVENT_STREAM_TYPE.to_owned()),
    })
}

/// Where in an answer its reader is.
enum Place {
    Pieces(StreamedAnswer),
    End,
}

/// The answer's pieces, and how it ended.
fn messages(answer: StreamedAnswer) -> ByteStream {
    let messages = stream::try_unfold(Place::Pieces(answer), |place| async move {
        let Place::Pieces(mut answer) = place else { return Ok(None) };
        if let Some(piece) = answer.pieces.recv().await {
            let content_type = answer.content_type.clone().unwrap_or_else(|| BYTES_TYPE.to_owned());
            return Ok(Some((message("PayloadChunk", content_type, piece)?, Place::Pieces(answer))));
        }
        let end = complete(answer.end.await);
        let end = Bytes::from(end.to_string());
        Ok(Some((message("InvokeComplete", "application/json".to_owned(), end)?, Place::End)))
    });
    ByteStream::new(None, Box::pin(messages))
}

fn message(event_type: &str, content_type: String, payload: Bytes) -> Result<Bytes, Fault> {
    let message = EventMessage { event_type: event_type.to_owned(), content_type, payload };
    Ok(message.encode()?)
}

/// The last message's members.
fn complete(end: Result<InvokeOutcome, InvokeError>) -> serde_json::Value {
    let outcome = match end {
        Ok(outcome) => outcome,
        Err(error) => {
            tracing::warn!(error = %base::Chain(&error), "an answer that had begun was lost");
            return json!({ "ErrorCode": "ServiceException", "ErrorDetails": "The answer was lost." });
        }
    };
    let mut members = serde_json::Map::new();
    if outcome.is_function_error {
        members.insert("ErrorCode".to_owned(), json!("Unhandled"));
        members.insert("ErrorDetails".to_owned(), json!(String::from_utf8_lossy(&outcome.payload)));
    }
    if let Some(tail) = outcome.log_tail {
        members.insert("LogResult".to_owned(), json!(STANDARD.encode(tail)));
    }
    serde_json::Value::Object(members)
}
