//! Bodies of the fuzz targets: ordinary functions, so that tests call them too.
//!
//! Each takes whatever bytes there are, must not panic, and asserts what must hold of everything that was accepted.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};

use crate::{Fault, OperationModel, Redact, Shape, Value, WireRequest};

/// JSON bodies of the json protocols.
pub fn fuzz_json(data: &[u8]) {
    exercise("dynamodb", data);
    exercise("logs", data);
    exercise("cloudtrail", data);
}

/// Forms of the query protocol.
pub fn fuzz_query(data: &[u8]) {
    exercise("iam", data);
    exercise("sts", data);
    exercise("cloudformation", data);
}

/// Paths, queries, headers and bodies of the rest-json protocol. Lines: path?query, one header, then the body.
pub fn fuzz_rest_json(data: &[u8]) {
    exercise("lambda", data);
    exercise("apigateway", data);
}

/// Paths, queries, headers and XML bodies of the rest-xml protocol. Lines as before.
pub fn fuzz_rest_xml(data: &[u8]) {
    exercise("s3", data);
}

/// Routing. Lines: target or empty, path?query, then the body.
pub fn fuzz_route(data: &[u8]) {
    let mut lines = data.splitn(3, |byte| *byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let (target, uri, body) =
        (line(), String::from_utf8_lossy(line()).into_owned(), Bytes::copy_from_slice(line()));
    let mut headers = HeaderMap::new();
    if let (false, Ok(target)) = (target.is_empty(), HeaderValue::from_bytes(target)) {
        headers.insert("x-amz-target", target);
    }
    let (path, query) = uri.split_once('?').unwrap_or((&uri, ""));
    for method in ["GET", "POST", "PUT", "DELETE"] {
        let request = WireRequest { method, path, query, headers: &headers, body: &body };
        for scope in [None, Some("iam"), Some("dynamodb"), Some("lambda"), Some("s3"), Some("")] {
            if let Err(fault) = crate::route(scope, &request) {
                let answer = fault.encode("id");
                assert!(answer.status >= 400 && answer.status < 500, "{fault:?}");
            }
        }
    }
}

/// What stands before an operation is chosen by the first byte; the rest is the request.
fn exercise(service: &str, data: &[u8]) {
    let Some((choice, rest)) = data.split_first() else { return };
    let Some(model) = crate::model(service) else { return };
    let count = model.operations().len();
    let Some(operation) = model.operations().nth(usize::from(*choice) % count) else { return };
    let Some(shape) = operation.input() else { return };
    let body = Bytes::copy_from_slice(rest);
    let (head, header, tail) = split(rest);
    let (path, query) = head.split_once('?').unwrap_or((&head, ""));
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_bytes(header) {
        headers.insert("x-amz-invocation-type", value);
    }
    let whole = WireRequest { method: "POST", path: "/", query: "", headers: &headers, body: &body };
    let tail = Bytes::copy_from_slice(tail);
    let parts = WireRequest { method: operation.http_method(), path, query, headers: &headers, body: &tail };
    for request in [whole, parts] {
        match crate::decode_input(operation, &request) {
            Ok(value) => accepted(operation, shape, &value),
            Err(fault) => refused(operation, &fault),
        }
    }
}

fn split(rest: &[u8]) -> (String, &[u8], &[u8]) {
    let mut lines = rest.splitn(3, |byte| *byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    (String::from_utf8_lossy(line()).into_owned(), line(), line())
}

/// What was decoded is validated, recorded, and survives the way through internal JSON.
fn accepted(operation: OperationModel, shape: Shape, value: &Value) {
    if let Err(fault) = crate::validate_input(operation, value) {
        refused(operation, &fault);
    }
    let mut trail = Vec::new();
    crate::write_audit_json(shape, value, &mut trail);
    assert!(serde_json::from_slice::<serde_json::Value>(&trail).is_ok(), "the trail is JSON");
    let json = crate::value_to_json(shape, value, Redact::No);
    let again = crate::value_from_json(shape, &json);
    assert!(again.is_ok(), "{again:?}");
    crate::value_to_json(shape, value, Redact::Sensitive);
    crate::encode_output(operation, value, "id");
}

/// A refusal is the caller's fault, and can be said.
fn refused(operation: OperationModel, fault: &Fault) {
    assert!(fault.is_sender(), "{fault:?}");
    let answer = crate::encode_fault(operation.model(), Some(operation), fault, "id");
    assert!((400..500).contains(&answer.status), "{fault:?}");
}

/// Any bytes as an event stream: messages are taken or refused, and a message that is taken can be written again.
pub fn fuzz_event_stream(data: &[u8]) {
    let mut arrived = bytes::BytesMut::from(data);
    while let Ok(Some(message)) = crate::EventMessage::take(&mut arrived) {
        let mut again = message.encode().map(bytes::BytesMut::from).unwrap_or_default();
        assert_eq!(crate::EventMessage::take(&mut again), Ok(Some(message)), "a message came back changed");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Requests from which a fuzzer starts; the first byte chooses the operation.
    const SEEDS: &[&str] = &[
        "\u{1}{\"TableName\":\"a\",\"Item\":{\"k\":{\"L\":[{\"B\":\"AA==\"},{\"NULL\":true}]}}}",
        "\u{1}{\"TableName\":\"a\",\"TableName\":\"b\"}",
        "\u{2}{\"logGroupName\":\"x\",\"logEvents\":[{\"timestamp\":1e3,\"message\":\"\u{e9}\"}]}",
        "\u{3}[[[[[[[[[[",
        "\u{3}{\"a\":1}{}",
        "\u{1}Action=CreateUser&Tags.member.1.Key=a&Tags.member.1.Value=b&Tags.member.x.Key=c",
        "\u{5}UserName=a&UserName=b",
        "\u{5}a.b.c.d.e.f=1&a.b=2&.=3&..=4",
        "\u{9}/2015-03-31/functions/a%2Fb/invocations?Qualifier=1\nEvent\n{\"a\":1}",
        "\u{9}/2015-03-31/functions/%ff/invocations?Qualifier=%ff\n\n\u{0}",
        "\u{1}/b/k?uploadId=u&partNumber=1\nx\n<CompleteMultipartUpload><Part><ETag>\"a\"</ETag></Part></CompleteMultipartUpload>",
        "\u{1}/b?delete\nx\n<Delete><Object><Key>&#x41;&amp;</Key></Object><Quiet>true</Quiet></Delete>",
        "\u{1}/b?tagging\nx\n<!DOCTYPE a [<!ENTITY b 'c'>]><Tagging><TagSet>&b;</TagSet></Tagging>",
    ];

    #[test]
    fn seeds_hold() {
        for seed in SEEDS {
            for choice in 0..=u8::MAX {
                let mut data = seed.as_bytes().to_vec();
                data[0] = choice;
                fuzz_json(&data);
                fuzz_query(&data);
                fuzz_rest_json(&data);
                fuzz_rest_xml(&data);
            }
            fuzz_route(seed.as_bytes());
            fuzz_event_stream(seed.as_bytes());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

        #[test]
        fn any_bytes_hold(data in proptest::collection::vec(any::<u8>(), 0..256)) {
            fuzz_json(&data);
            fuzz_query(&data);
            fuzz_rest_json(&data);
            fuzz_rest_xml(&data);
            fuzz_route(&data);
            fuzz_event_stream(&data);
        }

        #[test]
        fn any_json_holds(choice: u8, body in "[\\[\\]{},:\"a-zA-Z0-9.eE+-]{0,80}") {
            fuzz_json(&[&[choice], body.as_bytes()].concat());
        }

        #[test]
        fn any_xml_holds(choice: u8, body in "(</?(Delete|Object|Key|Tagging|TagSet|Tag|Grantee)( xsi:type=\"a\")?/?>|&(amp|#65|x);|[a-z ]){0,20}") {
            fuzz_rest_xml(&[&[choice], b"/b/k?delete&tagging\n\n".as_slice(), body.as_bytes()].concat());
        }

        #[test]
        fn any_form_holds(choice: u8, body in "([A-Z][a-zA-Z]{0,8}(\\.(member|entry|1|2|x)){0,4}(=[a-z%+]{0,4})?&?){0,8}") {
            fuzz_query(&[&[choice], body.as_bytes()].concat());
        }
    }
}
