//! botocore's protocol test vectors, inverted: its requests decode to their parameters, our answers equal its responses.
//!
//! A case that fails must stand in `EXPECTED_…` with a reason, and one that stands there must fail: the list shrinks.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod vectors;

use std::collections::BTreeMap;

use bytes::Bytes;
use protocol::{Fault, Model, OperationModel, Structure, Value, WireRequest, WireResponse};
use serde_json::Value as Json;
use vectors::{Case, element, value};

/// Requests that decode otherwise, and why.
const EXPECTED_INPUT: Expected = &[
    ("SDKAppliedContentEncoding_awsJson1_1", COMPRESSED),
    ("SDKAppendsGzipAndIgnoresHttpProvidedEncoding_awsJson1_1", COMPRESSED),
    ("SDKAppliedContentEncoding_awsQuery", COMPRESSED),
    ("SDKAppendsGzipAndIgnoresHttpProvidedEncoding_awsQuery", COMPRESSED),
    ("SDKAppliedContentEncoding_restJson1", COMPRESSED),
    ("SDKAppendedGzipAfterProvidedEncoding_restJson1", COMPRESSED),
    ("QueryProtocolIdempotencyTokenAutoFill", UNSAID),
    ("QueryEmptyQueryMaps", UNSAID),
    ("RestJsonOmitsEmptyListQueryValues", UNSAID),
    ("RestJsonQueryIdempotencyTokenAutoFill", UNSAID),
    ("RestJsonHttpWithEmptyStructurePayload", UNSAID),
    ("RestJsonHttpWithHeadersButNoPayload", UNSAID),
    ("RestJsonQueryParamsStringListMap", WHOLE_QUERY),
    ("SDKAppliedContentEncoding_awsJson1_0", COMPRESSED),
    ("SDKAppendsGzipAndIgnoresHttpProvidedEncoding_awsJson1_0", COMPRESSED),
    ("RestJsonQueryPrecedence", WHOLE_QUERY),
    ("AllQueryStringTypes", WHOLE_QUERY),
    ("RestXmlQueryStringEscaping", WHOLE_QUERY),
    ("RestXmlSupportsNaNFloatQueryValues", WHOLE_QUERY),
    ("RestXmlSupportsInfinityFloatQueryValues", WHOLE_QUERY),
    ("RestXmlSupportsNegativeInfinityFloatQueryValues", WHOLE_QUERY),
    ("RestXmlZeroAndFalseQueryValues", WHOLE_QUERY),
    ("RestXmlQueryParamsStringListMap", WHOLE_QUERY),
    ("RestXmlQueryPrecedence", WHOLE_QUERY),
    ("SDKAppliedContentEncoding_restXml", COMPRESSED),
    ("SDKAppendedGzipAfterProvidedEncoding_restXml", COMPRESSED),
    ("QueryIdempotencyTokenAutoFill", UNSAID),
];

/// Answers that differ, and why.
const EXPECTED_OUTPUT: Expected = &[
    ("AwsJson10DeserializeIgnoreType", LENIENT),
    ("AwsJson10DeserializeAllowNulls", LENIENT),
    ("AwsJson10HandlesUnexpectedJsonOutput", LENIENT),
    ("AwsJson11DateTimeWithNegativeOffset", LENIENT),
    ("AwsJson11DateTimeWithPositiveOffset", LENIENT),
    ("handles_unexpected_json_output", LENIENT),
    ("AwsJson11DeserializeIgnoreType", LENIENT),
    ("parses_the_request_id_from_the_response", LENIENT),
    ("AwsJson11StructuresDontDeserializeNullValues", LENIENT),
    ("RestJsonDateTimeWithNegativeOffset", LENIENT),
    ("RestJsonDateTimeWithPositiveOffset", LENIENT),
    ("RestJsonDeserializesDenseSetMapAndSkipsNull", LENIENT),
    ("RestJsonDeserializeIgnoreType", LENIENT),
    ("RestJsonDoesntDeserializeNullStructureValues", LENIENT),
    ("AwsQueryDateTimeWithNegativeOffset", LENIENT),
    ("AwsQueryDateTimeWithPositiveOffset", LENIENT),
    ("RestXmlDateTimeWithNegativeOffset", LENIENT),
    ("RestXmlDateTimeWithPositiveOffset", LENIENT),
    ("IgnoreQueryParamsInResponse", LENIENT),
    ("InvalidGreetingError", LENIENT),
    ("ComplexError", LENIENT),
    ("SimpleScalarPropertiesComplexEscapes", SPELLING),
];

type Expected = &'static [(&'static str, &'static str)];

const LENIENT: &str = "clients are lenient to what no server of ours sends";
const COMPRESSED: &str = "compressed request bodies are refused; none of our operations takes them";
const SPELLING: &str = "the same characters, escaped otherwise";
const UNSAID: &str = "the request does not say it: the client fills it in, or leaves it out";
const WHOLE_QUERY: &str = "a map in the query takes every parameter, also the named ones";

fn check(text: &'static str, expected: Expected, run: fn(&Case) -> Result<(), String>) {
    let cases: Vec<Case> = serde_json::from_str(text).unwrap();
    assert!(!cases.is_empty());
    let mut problems = Vec::new();
    for case in &cases {
        let reason = expected.iter().find(|(id, _)| *id == case.id);
        match (run(case), reason) {
            (Err(problem), None) => problems.push(format!("{}: {problem}", case.id)),
            (Ok(()), Some(_)) => problems.push(format!("{}: passes now, remove it from EXPECTED", case.id)),
            _ => {}
        }
    }
    assert!(problems.is_empty(), "{} of {} cases:\n{}", problems.len(), cases.len(), problems.join("\n"));
}

fn operation(case: &Case) -> OperationModel {
    let model = Model::leak(String::leak(case.model.to_string())).map_err(|error| error.to_string()).unwrap();
    model.operations().next().unwrap()
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Structure(members) => {
            let members: BTreeMap<&'static str, Value> =
                members.into_iter().map(|(name, value)| (name, sorted(value))).collect();
            Value::Structure(
                members.into_iter().fold(Structure::new(), |all, (name, value)| all.with(name, value)),
            )
        }
        Value::List(items) => Value::List(items.into_iter().map(sorted).collect()),
        Value::Map(entries) => {
            let entries: BTreeMap<String, Value> =
                entries.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            Value::Map(entries.into_iter().collect())
        }
        plain => plain,
    }
}

fn input(case: &Case) -> Result<(), String> {
    let operation = operation(case);
    let sent = case.serialized.as_ref().unwrap();
    let mut headers = http::HeaderMap::new();
    for (name, text) in sent.get("headers").and_then(Json::as_object).into_iter().flatten() {
        let name = http::HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.insert(name, text.as_str().unwrap().parse().unwrap());
    }
    let body = Bytes::from(sent.get("body").and_then(Json::as_str).unwrap_or_default().to_owned());
    let uri = sent.get("uri").and_then(Json::as_str).unwrap_or("/");
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let request = WireRequest { method: "POST", path, query, headers: &headers, body: &body };
    let decoded = protocol::decode_input(operation, &request).map_err(|fault| format!("{fault:?}"))?;
    let expected = match operation.input() {
        Some(shape) => value(shape, case.params.as_ref().unwrap_or(&Json::Null)),
        None => Value::Structure(Structure::new()),
    };
    let (decoded, expected) = (sorted(decoded), sorted(expected));
    // NaN equals nothing, so the comparison is of what is printed.
    if format!("{decoded:?}") == format!("{expected:?}") {
        return Ok(());
    }
    Err(format!("\n  decoded  {decoded:.600?}\n  expected {expected:.600?}"))
}

fn output(case: &Case) -> Result<(), String> {
    let operation = operation(case);
    let expected = case.response.as_ref().unwrap();
    let answer = match &case.error_code {
        Some(code) => {
            protocol::encode_fault(operation.model(), Some(operation), &fault(operation, code, case), "id")
        }
        None => {
            let result = case.result.as_ref().unwrap_or(&Json::Null);
            let output = operation
                .output()
                .map_or_else(|| Value::Structure(Structure::new()), |shape| value(shape, result));
            protocol::encode_output(operation, &output, "id")
        }
    };
    let status = expected.get("status_code").and_then(Json::as_u64).unwrap_or(200);
    if u64::from(answer.status) != status {
        return Err(format!("status {} instead of {status}", answer.status));
    }
    same_headers(&answer, expected)?;
    same_body(&answer, expected, case.error_code.is_some())
}

fn fault(operation: OperationModel, code: &str, case: &Case) -> Fault {
    let shape = operation.model().error(code).unwrap_or_else(|| panic!("no error {code}"));
    let mut fault = Fault::sender(code.to_owned(), "");
    let Value::Structure(members) = value(shape, case.error.as_ref().unwrap()) else {
        panic!("not a structure")
    };
    for (name, value) in members {
        match value {
            Value::String(text) if name.eq_ignore_ascii_case("message") => fault.message = text,
            value => fault = fault.with_member(name, value),
        }
    }
    // The model's own status wins where it has one.
    fault.with_status(case.response.as_ref().unwrap()["status_code"].as_u64().unwrap() as u16)
}

fn same_headers(answer: &WireResponse, expected: &Json) -> Result<(), String> {
    for (name, text) in expected.get("headers").and_then(Json::as_object).into_iter().flatten() {
        if ["content-length", "x-amz-target"].contains(&name.to_ascii_lowercase().as_str()) {
            continue;
        }
        let text = text.as_str().unwrap();
        let ours = answer.headers.get(name).and_then(|value| value.to_str().ok());
        let typed = name.eq_ignore_ascii_case("x-amzn-errortype");
        let bare = |text: &str| text.split(':').next().unwrap().rsplit('#').next().unwrap().to_owned();
        let same = match ours {
            // Clients cut the namespace and what follows a colon, so we send neither.
            Some(ours) if typed => ours == bare(text),
            Some(ours) => ours.replace(", ", ",") == text.replace(", ", ","),
            None if name.eq_ignore_ascii_case("content-type") => answer.body.is_empty(),
            None => typed && answer.body.starts_with(b"{\"__type\""),
        };
        if !same {
            return Err(format!("header {name}: {ours:?} instead of {text:?}"));
        }
    }
    Ok(())
}

fn same_body(answer: &WireResponse, expected: &Json, error: bool) -> Result<(), String> {
    let expected = expected.get("body").and_then(Json::as_str).unwrap_or_default().trim();
    let ours = String::from_utf8_lossy(&answer.body).into_owned();
    // Vectors give no body, or an empty object, where there is nothing to say; so does AWS, by service.
    let nothing =
        |text: &str| matches!(text, "" | "{}") || text.contains("Result></") || !text.contains("Result>");
    if expected.is_empty() && (answer.body.is_empty() || nothing(&ours))
        || ours.is_empty() && expected == "{}"
    {
        return Ok(());
    }
    if expected.starts_with('<') {
        let (ours, expected) = (element(&ours), element(expected));
        return if ours == expected {
            Ok(())
        } else {
            Err(format!("\n  ours     {ours:?}\n  expected {expected:?}"))
        };
    }
    let parse = |text: &str| serde_json::from_str::<Json>(text).unwrap_or_else(|_| Json::from(text));
    let (mut mine, mut theirs) = (parse(&ours), parse(expected));
    if error {
        // Where the code stands is a freedom of the server; that it stands somewhere was checked with the headers.
        for json in [&mut mine, &mut theirs] {
            if json.as_str() == Some("") {
                *json = serde_json::json!({});
            }
            if let Some(members) = json.as_object_mut() {
                members.remove("__type");
                members.remove("code");
            }
        }
    }
    if mine == theirs { Ok(()) } else { Err(format!("\n  ours     {ours}\n  expected {expected}")) }
}

#[test]
fn json_requests_decode_to_their_parameters() {
    check(include_str!("vectors/json-input.json"), EXPECTED_INPUT, input);
    check(include_str!("vectors/json_1_0-input.json"), EXPECTED_INPUT, input);
}

#[test]
fn json_answers_equal_the_vectors() {
    check(include_str!("vectors/json-output.json"), EXPECTED_OUTPUT, output);
}

#[test]
fn json_1_0_answers_equal_the_vectors() {
    check(include_str!("vectors/json_1_0-output.json"), EXPECTED_OUTPUT, output);
}

#[test]
fn query_requests_decode_to_their_parameters() {
    check(include_str!("vectors/query-input.json"), EXPECTED_INPUT, input);
}

#[test]
fn query_answers_equal_the_vectors() {
    check(include_str!("vectors/query-output.json"), EXPECTED_OUTPUT, output);
}

#[test]
fn rest_json_requests_decode_to_their_parameters() {
    check(include_str!("vectors/rest-json-input.json"), EXPECTED_INPUT, input);
}

#[test]
fn rest_json_answers_equal_the_vectors() {
    check(include_str!("vectors/rest-json-output.json"), EXPECTED_OUTPUT, output);
}

#[test]
fn rest_xml_requests_decode_to_their_parameters() {
    check(include_str!("vectors/rest-xml-input.json"), EXPECTED_INPUT, input);
}

#[test]
fn rest_xml_answers_equal_the_vectors() {
    check(include_str!("vectors/rest-xml-output.json"), EXPECTED_OUTPUT, output);
}

#[test]
fn every_exception_is_a_case() {
    let all = [
        include_str!("vectors/json-input.json"),
        include_str!("vectors/json-output.json"),
        include_str!("vectors/json_1_0-input.json"),
        include_str!("vectors/json_1_0-output.json"),
        include_str!("vectors/query-input.json"),
        include_str!("vectors/query-output.json"),
        include_str!("vectors/rest-json-input.json"),
        include_str!("vectors/rest-json-output.json"),
        include_str!("vectors/rest-xml-input.json"),
        include_str!("vectors/rest-xml-output.json"),
    ]
    .concat();
    for (id, _) in EXPECTED_INPUT.iter().chain(EXPECTED_OUTPUT) {
        assert!(all.contains(&format!("\"id\":\"{id}\"")), "{id}");
    }
}
