//! Mock integrations: a fixed status chooses a fixed answer.
//!
//! Nothing is evaluated: templates that would need it were refused when they were put.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use regex_automata::meta::Regex;
use serde_json::Value;

use crate::records::{Mock, MockResponse};
use crate::refusal::Refusal;
use crate::response_header::{self, Named};

/// What a request without a content type counts as.
const TYPE_DEFAULT: &str = "application/json";

/// The answer of a mock integration. `patterns` are the compiled ones of its responses, in order.
pub(crate) fn answer(
    mock: &Mock,
    patterns: &[Option<Regex>],
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Response<Bytes>, Refusal> {
    let status = integration_status(mock, headers, body)?;
    let response = select(mock, patterns, status).ok_or_else(Refusal::integration_failed)?;
    Ok(write(response, headers))
}

fn integration_status(mock: &Mock, headers: &HeaderMap, body: &[u8]) -> Result<u16, Refusal> {
    let content_type = header(headers, "content-type").map_or(TYPE_DEFAULT, essence);
    let found = mock.statuses.iter().find(|(known, _)| known.eq_ignore_ascii_case(content_type));
    match found {
        Some((_, status)) => Ok(*status),
        None if !mock.passes_through => Err(Refusal::unsupported_media_type()),
        // Passed through, the request itself has to name the status.
        None => {
            let json: Option<Value> = serde_json::from_slice(body).ok();
            let status = json.as_ref().and_then(|json| json.get("statusCode")).and_then(Value::as_u64);
            status.and_then(|status| u16::try_from(status).ok()).ok_or_else(Refusal::integration_failed)
        }
    }
}

/// The first response whose pattern fits the status, else the default one.
fn select<'m>(mock: &'m Mock, patterns: &[Option<Regex>], status: u16) -> Option<&'m MockResponse> {
    let status = status.to_string();
    let mut pairs = mock.responses.iter().zip(patterns);
    let fitting =
        pairs.find(|(_, pattern)| pattern.as_ref().is_some_and(|pattern| pattern.is_match(&status)));
    let default = || mock.responses.iter().find(|response| response.selection_pattern.is_none());
    fitting.map(|(response, _)| response).or_else(default)
}

fn write(mock: &MockResponse, request: &HeaderMap) -> Response<Bytes> {
    let accepted = header(request, "accept").map_or(TYPE_DEFAULT, essence);
    let template = mock.templates.get_key_value(accepted);
    let template = template.or_else(|| mock.templates.get_key_value(TYPE_DEFAULT));
    let template = template.or_else(|| mock.templates.first_key_value());
    let (content_type, body) =
        template.map_or((TYPE_DEFAULT, ""), |(kind, body)| (kind.as_str(), body.as_str()));
    let mut response = Response::new(Bytes::copy_from_slice(body.as_bytes()));
    *response.status_mut() = StatusCode::from_u16(mock.status).unwrap_or(StatusCode::OK);
    set(response.headers_mut(), "content-type", content_type);
    for (name, value) in &mock.headers {
        set(response.headers_mut(), name, value);
    }
    response
}

fn set(headers: &mut HeaderMap, name: &str, value: &str) {
    if let (Named::As(name), Ok(value)) = (response_header::name(name), HeaderValue::from_str(value)) {
        // An API's document has room for more headers than a map takes; `insert` would panic then.
        let _full = headers.try_insert(name, value);
    }
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The first media type of a header, without its parameters.
fn essence(header: &str) -> &str {
    header.split([',', ';']).next().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn mock() -> Mock {
        let response = |status, pattern: Option<&str>| MockResponse {
            status,
            selection_pattern: pattern.map(str::to_owned),
            headers: BTreeMap::from([
                ("X-From".to_owned(), status.to_string()),
                ("Content-Length".to_owned(), "99".to_owned()),
            ]),
            templates: BTreeMap::from([
                ("application/json".to_owned(), "{}".to_owned()),
                ("text/plain".to_owned(), "plain".to_owned()),
            ]),
        };
        Mock {
            statuses: BTreeMap::from([("application/json".to_owned(), 200), ("text/x".to_owned(), 404)]),
            passes_through: true,
            responses: vec![response(201, None), response(444, Some("4\\d{2}"))],
        }
    }

    fn run(mock: &Mock, content_type: &str, accept: &str, body: &str) -> (u16, String) {
        let patterns: Vec<_> = mock
            .responses
            .iter()
            .map(|it| it.selection_pattern.as_deref().map(|it| crate::stages::selection_pattern(it).unwrap()))
            .collect();
        let mut headers = HeaderMap::new();
        set(&mut headers, "content-type", content_type);
        set(&mut headers, "accept", accept);
        let response = match answer(mock, &patterns, &headers, body.as_bytes()) {
            Ok(response) => response,
            Err(refusal) => refusal.into_response(),
        };
        assert!(!response.headers().contains_key("content-length"));
        (response.status().as_u16(), String::from_utf8(response.into_body().to_vec()).unwrap())
    }

    #[test]
    fn a_status_chooses_the_answer() {
        for (content_type, accept, body, expected) in [
            ("application/json; charset=utf-8", "*/*", "", (201, "{}")),
            ("application/json", "text/plain;q=1", "", (201, "plain")),
            ("text/x", "*/*", "", (444, "{}")),
            ("text/y", "*/*", r#"{"statusCode": 410}"#, (444, "{}")),
            ("text/y", "*/*", "none", (500, r#"{"message":"Internal server error"}"#)),
        ] {
            let (status, body) = run(&mock(), content_type, accept, body);
            assert_eq!((status, body.as_str()), expected, "{content_type}");
        }
        let strict = Mock { passes_through: false, ..mock() };
        assert_eq!(run(&strict, "text/y", "*/*", "").0, 415);
    }
}
