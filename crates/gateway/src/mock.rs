//! Mock integrations: a status chooses an answer, both from texts with variables.
//!
//! Nothing is evaluated: templates that would need it were refused when they were put. There is no integration behind a
//! mock, so `$input.body` of its answer is an empty object; parameters are the request's.

mod status;

pub use status::mock_status;

pub(crate) use status::fuzz_status;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use regex_automata::meta::Regex;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::records::{Mock, MockResponse};
use crate::refusal::Refusal;
use crate::response_header::{self, Named};
use crate::template::{Payload, Template, Unfilled};
use crate::variables::Variables;

/// What a request without a content type counts as.
const TYPE_DEFAULT: &str = "application/json";

/// What a mock integration is asked.
pub(crate) struct Asked<'r> {
    pub(crate) stage: &'r BTreeMap<String, String>,
    pub(crate) headers: &'r HeaderMap,
    pub(crate) query: &'r str,
    pub(crate) path: &'r [(String, String)],
    pub(crate) body: &'r [u8],
    /// What `$context` names; made for templates that have variables.
    pub(crate) context: &'r dyn Fn() -> Value,
}

/// The answer of a mock integration. `patterns` are the compiled ones of its responses, in order.
pub(crate) fn answer(
    mock: &Mock,
    patterns: &[Option<Regex>],
    asked: &Asked<'_>,
) -> Result<Response<Bytes>, Refusal> {
    let status = asked.integration_status(mock)?;
    let response = select(mock, patterns, status).ok_or_else(Refusal::integration_failed)?;
    asked.write(response)
}

impl Asked<'_> {
    fn integration_status(&self, mock: &Mock) -> Result<u16, Refusal> {
        let content_type = header(self.headers, "content-type").map_or(TYPE_DEFAULT, essence);
        if let Some(status) = of_type(&mock.statuses, content_type) {
            return Ok(*status);
        }
        if let Some(template) = of_type(&mock.request_templates, content_type) {
            return status_in(self.fill(template, self.body)?.as_bytes());
        }
        // Passed through, the request itself has to name the status.
        if mock.passes_through { status_in(self.body) } else { Err(Refusal::unsupported_media_type()) }
    }

    fn write(&self, mock: &MockResponse) -> Result<Response<Bytes>, Refusal> {
        let accepted = header(self.headers, "accept").map_or(TYPE_DEFAULT, essence);
        let template = mock.templates.get_key_value(accepted);
        let template = template.or_else(|| mock.templates.get_key_value(TYPE_DEFAULT));
        let template = template.or_else(|| mock.templates.first_key_value());
        let (content_type, template) =
            template.map_or((TYPE_DEFAULT, ""), |(kind, template)| (kind.as_str(), template.as_str()));
        let mut response = Response::new(Bytes::from(self.fill(template, b"")?.into_owned()));
        *response.status_mut() = StatusCode::from_u16(mock.status).unwrap_or(StatusCode::OK);
        set(response.headers_mut(), "content-type", content_type);
        for (name, value) in &mock.headers {
            set(response.headers_mut(), name, value);
        }
        if !mock.variables.is_empty() {
            let context = (self.context)();
            let variables = self.variables(&context);
            for (name, variable) in &mock.variables {
                if let Some(value) = variables.value(variable) {
                    set(response.headers_mut(), name, &value);
                }
            }
        }
        Ok(response)
    }

    fn fill<'t>(&self, template: &'t str, body: &[u8]) -> Result<Cow<'t, str>, Refusal> {
        let parsed = Template::parse(template).map_err(|_| Refusal::integration_failed())?;
        if parsed.is_fixed() {
            return Ok(Cow::Borrowed(template));
        }
        let context = (self.context)();
        let filled = parsed.fill(&Payload { variables: &self.variables(&context), body });
        filled.map(Cow::Owned).map_err(|error| match error {
            Unfilled::TooLarge => Refusal::integration_failed(),
            Unfilled::NoJson(reason) => Refusal::no_json(&reason),
        })
    }

    fn variables<'v>(&'v self, context: &'v Value) -> Variables<'v> {
        let Self { stage, headers, query, path, .. } = *self;
        Variables { context, stage, headers, query, path }
    }
}

fn of_type<'m, T>(by_type: &'m BTreeMap<String, T>, content_type: &str) -> Option<&'m T> {
    by_type.iter().find(|(known, _)| known.eq_ignore_ascii_case(content_type)).map(|(_, found)| found)
}

fn status_in(request: &[u8]) -> Result<u16, Refusal> {
    let text = std::str::from_utf8(request).ok();
    text.and_then(mock_status).ok_or_else(Refusal::integration_failed)
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

    fn mock() -> Mock {
        let response = |status, pattern: Option<&str>| MockResponse {
            status,
            selection_pattern: pattern.map(str::to_owned),
            headers: BTreeMap::from([
                ("X-From".to_owned(), status.to_string()),
                ("Content-Length".to_owned(), "99".to_owned()),
            ]),
            variables: BTreeMap::from([
                ("X-Id".to_owned(), "context.requestId".to_owned()),
                ("X-Of-Stage".to_owned(), "stageVariables.k".to_owned()),
                ("X-None".to_owned(), "context.nowhere".to_owned()),
            ]),
            templates: BTreeMap::from([
                ("application/json".to_owned(), "{}".to_owned()),
                ("text/plain".to_owned(), "plain".to_owned()),
                (
                    "text/v".to_owned(),
                    "$context.requestId $stageVariables.k $input.params('q')<$input.body>".to_owned(),
                ),
            ]),
        };
        Mock {
            statuses: BTreeMap::from([("application/json".to_owned(), 200), ("text/x".to_owned(), 404)]),
            request_templates: BTreeMap::from([
                (
                    "text/v".to_owned(),
                    r#"{"statusCode": $input.params('s'), "body": $input.json('$')}"#.to_owned(),
                ),
                ("text/w".to_owned(), "{ statusCode: $input.params('s'), }".to_owned()),
            ]),
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
        let stage = BTreeMap::from([("k".to_owned(), "v".to_owned())]);
        let asked = Asked {
            stage: &stage,
            headers: &headers,
            query: "q=a&s=404",
            path: &[],
            body: body.as_bytes(),
            context: &|| serde_json::json!({"requestId": "r"}),
        };
        let response = match answer(mock, &patterns, &asked) {
            Ok(response) => response,
            Err(refusal) => refusal.into_response(),
        };
        assert!(!response.headers().contains_key("content-length"));
        if response.status().as_u16() < 450 && response.headers().contains_key("x-from") {
            assert_eq!(response.headers()["x-id"], "r");
            assert_eq!(response.headers()["x-of-stage"], "v");
            assert!(!response.headers().contains_key("x-none"));
        }
        (response.status().as_u16(), String::from_utf8(response.into_body().to_vec()).unwrap())
    }

    #[test]
    fn a_status_chooses_the_answer() {
        for (content_type, accept, body, expected) in [
            ("application/json; charset=utf-8", "*/*", "", (201, "{}")),
            ("application/json", "text/plain;q=1", "", (201, "plain")),
            ("text/x", "*/*", "", (444, "{}")),
            ("text/y", "*/*", r#"{"statusCode": 410}"#, (444, "{}")),
            ("text/y", "*/*", "{ statusCode: 410 }", (444, "{}")),
            ("text/w", "*/*", "", (444, "{}")),
            ("application/json", "text/v", "b", (201, "r v a<{}>")),
            ("text/v", "*/*", "", (444, "{}")),
            ("text/v", "*/*", "[1]", (444, "{}")),
            ("text/y", "*/*", "none", (500, r#"{"message":"Internal server error"}"#)),
        ] {
            let (status, body) = run(&mock(), content_type, accept, body);
            assert_eq!((status, body.as_str()), expected, "{content_type}");
        }
        let (status, body) = run(&mock(), "text/v", "*/*", "{");
        assert!(status == 400 && body.contains("Could not parse request body into json: EOF"), "{body}");
        let strict = Mock { passes_through: false, ..mock() };
        assert_eq!(run(&strict, "text/y", "*/*", "").0, 415);
    }
}
