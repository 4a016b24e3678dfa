//! Answers that come in pieces: as messages of an event stream.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::BytesMut;
use protocol::{Bytes, EventMessage, Fault, Structure, Value};
use serde_json::json;
use service::Source;

use super::Fixture;

/// The messages of one invocation: each one's kind, media type and payload.
async fn messages(
    fixture: &Fixture,
    event: &serde_json::Value,
) -> Result<Vec<(String, String, String)>, Fault> {
    let input = Structure::new()
        .with("FunctionName", "orders")
        .with("LogType", "Tail")
        .with("Payload", Bytes::from(event.to_string()));
    let (who, source) = (fixture.kit.administrator(), Source::platform("test"));
    let input = Value::Structure(input);
    let answer =
        fixture.kit.pipeline.invoke(who, source, "lambda", "InvokeWithResponseStream", input).await?;
    let Value::Structure(answer) = answer else { panic!("no structure") };
    assert_eq!(answer.str("ResponseStreamContentType"), Some("application/vnd.amazon.eventstream"));
    assert_eq!(answer.str("ExecutedVersion"), Some("$LATEST"));
    let Some(Value::Stream(stream)) = answer.get("EventStream") else { panic!("no stream") };
    let mut bytes = BytesMut::from(stream.collect(1_000_000).await?.as_ref());
    let mut read = Vec::new();
    while let Some(message) = EventMessage::take(&mut bytes).unwrap() {
        let payload = String::from_utf8(message.payload.to_vec()).unwrap();
        read.push((message.event_type, message.content_type, payload));
    }
    assert!(bytes.is_empty());
    Ok(read)
}

#[tokio::test]
async fn every_answer_ends_with_a_message_that_says_how_it_went() {
    let fixture = Fixture::start().await;
    let late = "Lambda-Runtime-Function-Error-Type: Late\r\nLambda-Runtime-Function-Error-Body: e30=\r\n";
    for (event, kind, body, error) in [
        (json!({"stream": ["one", "two"]}), "text/plain", "onetwo", None),
        (json!({"stream": ["one"], "trailers": late}), "text/plain", "one", Some("{}")),
        (json!({"fail": true}), "", "", Some(r#"{"errorType":"E"}"#)),
        (json!({"plain": 1}), "application/json", r#""plain":1"#, None),
    ] {
        let messages = messages(&fixture, &event).await.unwrap();
        let (end, pieces) = messages.split_last().unwrap();
        let text: String = pieces.iter().map(|(_, _, payload)| payload.as_str()).collect();
        assert!(text.contains(body) && (body.is_empty() == text.is_empty()), "{event}: {text}");
        assert!(pieces.iter().all(|(name, content_type, _)| name == "PayloadChunk" && content_type == kind));
        assert_eq!((end.0.as_str(), end.1.as_str()), ("InvokeComplete", "application/json"));
        let end: serde_json::Value = serde_json::from_str(&end.2).unwrap();
        assert_eq!(end["ErrorDetails"].as_str(), error, "{event}");
        assert_eq!(end["ErrorCode"].as_str(), error.map(|_| "Unhandled"));
        let tail = STANDARD.decode(end["LogResult"].as_str().unwrap()).unwrap();
        assert!(String::from_utf8(tail).unwrap().contains("REPORT RequestId: "));
    }
}

#[tokio::test]
async fn what_never_ran_is_an_error_of_the_call() {
    let fixture = Fixture::start().await;
    fixture
        .ok("PutFunctionConcurrency", json!({"FunctionName": "orders", "ReservedConcurrentExecutions": 0}))
        .await;
    assert_eq!(messages(&fixture, &json!({})).await.unwrap_err().code, "TooManyRequestsException");
}
