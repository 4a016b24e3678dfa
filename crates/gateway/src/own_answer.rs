//! What an API's owner wants the gateway's own answers to look like: status, headers, words.
//!
//! Templates are texts with variables, not programs. An answer that cannot be written as its owner wants it is the usual
//! one: a refusal never turns into something that is none.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde_json::{Value, json};

use crate::records::{GatewayResponse, HeaderSource, ResponseType};
use crate::refusal::Refusal;
use crate::response_header::{self, Named};
use crate::template::{Payload, Template};
use crate::variables::Variables;

/// The longest body of an answer, in bytes.
const BODY_BYTES_MAX: usize = 64 * 1_024;
/// The longest header of an answer, in bytes: API Gateway's bound for all of them.
const HEADER_BYTES_MAX: usize = 10_240;

/// A refusal as an API's owner wants it answered.
pub(crate) fn write(
    refusal: Refusal,
    responses: &BTreeMap<ResponseType, GatewayResponse>,
    variables: &Variables<'_>,
) -> Response<Bytes> {
    let family = if refusal.status() < 500 { ResponseType::Default4xx } else { ResponseType::Default5xx };
    let own = responses.get(&refusal.kind()).or_else(|| responses.get(&family));
    let Some(own) = own else { return refusal.into_response() };
    let mut context = variables.context.clone();
    if let Value::Object(members) = &mut context {
        members.insert("error".to_owned(), error(&refusal));
    }
    let variables = Variables { context: &context, ..*variables };
    let mut response = refusal.into_response();
    if let Some(status) = own.status.and_then(|status| StatusCode::from_u16(status).ok()) {
        *response.status_mut() = status;
    }
    if let Some((kind, template)) = template(own, variables.headers) {
        *response.body_mut() = variables.fill(template, "", BODY_BYTES_MAX).into();
        if let Ok(kind) = HeaderValue::from_str(kind) {
            response.headers_mut().insert(http::header::CONTENT_TYPE, kind);
        }
    }
    for (name, source) in &own.headers {
        let value = match source {
            HeaderSource::Text(text) => Some(text.clone()),
            HeaderSource::Variable(name) => variables.value(name),
        };
        let value = value.filter(|value| value.len() <= HEADER_BYTES_MAX);
        let value = value.and_then(|value| HeaderValue::from_str(&value).ok());
        if let (Named::As(name), Some(value)) = (response_header::name(name), value) {
            // A map that is full takes no more; the answer goes without it.
            let _full = response.headers_mut().try_insert(name, value);
        }
    }
    response
}

/// What `$context.error` names.
pub(crate) fn error(refusal: &Refusal) -> Value {
    json!({
        "message": refusal.message(),
        "messageString": Value::from(refusal.message()).to_string(),
        "responseType": refusal.kind().name(),
        "validationErrorString": refusal.validation(),
    })
}

/// The template for what the caller takes: JSON where it does not say, or where there is none for what it says.
fn template<'o>(own: &'o GatewayResponse, headers: &HeaderMap) -> Option<(&'o str, &'o str)> {
    let accept = headers.get(http::header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let accepted = accept.split([',', ';']).next().unwrap_or_default().trim();
    let found = own.templates.get_key_value(accepted);
    let found = found.or_else(|| own.templates.get_key_value("application/json"));
    found
        .or_else(|| own.templates.first_key_value())
        .map(|(kind, template)| (kind.as_str(), template.as_str()))
}

/// Reads any bytes as a template; what comes of it is bounded text.
pub(crate) fn fuzz_template(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (context, stage) = (json!({"error": {"message": "m"}}), BTreeMap::new());
    let headers = HeaderMap::new();
    let variables = Variables { context: &context, stage: &stage, headers: &headers, query: text, path: &[] };
    let filled = variables.fill(text, "-", 512);
    assert!(filled.len() <= 512, "an answer without an end");
    if let Ok(template) = Template::parse(text) {
        let filled = template.fill(&Payload { variables: &variables, body: b"[]" });
        assert!(
            !template.is_fixed() || filled.is_ok_and(|filled| filled == text),
            "a fixed text that changes"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(refusal: Refusal, own: &[(ResponseType, GatewayResponse)], accept: &str) -> String {
        let headers = HeaderMap::from_iter([
            ("accept".parse().unwrap(), accept.parse().unwrap()),
            ("origin".parse().unwrap(), "https://a.example".parse().unwrap()),
        ]);
        let (context, stage) = (json!({"requestId": "r"}), BTreeMap::new());
        let variables =
            Variables { context: &context, stage: &stage, headers: &headers, query: "", path: &[] };
        let response = write(refusal, &own.iter().cloned().collect(), &variables);
        let header = |name: &str| response.headers().get(name).map_or("", |value| value.to_str().unwrap());
        let (allow, kind) = (header("access-control-allow-origin"), header("content-type"));
        let body = String::from_utf8_lossy(response.body()).into_owned();
        format!("{} {kind} [{allow}] {body}", response.status().as_u16())
    }

    #[test]
    fn an_answer_is_what_its_owner_wants() {
        let text = |text: &str| HeaderSource::Text(text.to_owned());
        let cors = |source| GatewayResponse {
            headers: BTreeMap::from([("Access-Control-Allow-Origin".to_owned(), source)]),
            ..GatewayResponse::default()
        };
        let worded = GatewayResponse {
            status: Some(418),
            templates: BTreeMap::from([
                ("application/json".to_owned(), r#"{"e":$context.error.messageString,"t":"$context.error.responseType","v":"$context.error.validationErrorString"}"#.to_owned()),
                ("text/plain".to_owned(), "$context.requestId".to_owned()),
            ]),
            ..GatewayResponse::default()
        };
        let both = [(ResponseType::Default4xx, cors(text("*"))), (ResponseType::BadRequestBody, worded)];
        let bad_body = || Refusal::bad_body(&["x".to_owned()]);
        let usual = r#"{"message":"Unauthorized"}"#;
        for (refusal, own, accept, expected) in [
            (Refusal::unauthorized(), &[][..], "*/*", format!("401 application/json [] {usual}")),
            (Refusal::unauthorized(), &both, "*/*", format!("401 application/json [*] {usual}")),
            (
                bad_body(),
                &both,
                "*/*",
                r#"418 application/json [] {"e":"Invalid request body","t":"BAD_REQUEST_BODY","v":"[x]"}"#
                    .to_owned(),
            ),
            (bad_body(), &both, "text/plain", "418 text/plain [] r".to_owned()),
            (
                Refusal::timed_out(),
                &both,
                "",
                r#"504 application/json [] {"message":"Endpoint request timed out"}"#.to_owned(),
            ),
        ] {
            assert_eq!(shown(refusal, own, accept), expected);
        }
        let of_request = HeaderSource::Variable("method.request.header.Origin".to_owned());
        let echoed = [(ResponseType::Throttled, cors(of_request))];
        assert!(shown(Refusal::throttled(), &echoed, "").contains("[https://a.example]"));
        let nowhere = [(ResponseType::Throttled, cors(HeaderSource::Variable("context.none".to_owned())))];
        assert!(shown(Refusal::throttled(), &nowhere, "").starts_with("429 application/json []"));
    }
}
