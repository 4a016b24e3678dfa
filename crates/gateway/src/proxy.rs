//! What a function's answer to a proxy integration becomes.
//!
//! An answer that is not of the documented form is an error of the function's, and the caller learns nothing of it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde_json::{Map, Value};

use crate::response_header::{self, Named};

/// What a proxy answer may hold. None of it is mandatory, and nothing else is allowed.
const MEMBERS: [&str; 5] = ["statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"];

/// API Gateway's bound on the names and values of an answer's headers together.
///
/// SECURITY: a header map holds some 32,000 entries and panics beyond; a function's payload has room for many more.
pub(crate) const HEADER_BYTES_MAX: usize = 10_240;

/// The answer is not of the documented form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed Lambda proxy response")]
pub(crate) struct Malformed;

/// Reads a function's answer. `wants_bytes` is true where the caller takes bytes of a binary type.
pub(crate) fn answer(payload: &[u8], wants_bytes: bool) -> Result<Response<Bytes>, Malformed> {
    let Ok(Value::Object(members)) = serde_json::from_slice(payload) else { return Err(Malformed) };
    if members.keys().any(|name| !MEMBERS.contains(&name.as_str())) {
        return Err(Malformed);
    }
    let mut response = Response::new(body(&members, wants_bytes)?);
    *response.status_mut() = status(members.get("statusCode"))?;
    let headers = response.headers_mut();
    let mut room = HEADER_BYTES_MAX;
    add_headers(headers, members.get("headers"), &mut room)?;
    add_headers(headers, members.get("multiValueHeaders"), &mut room)?;
    if !headers.contains_key(http::header::CONTENT_TYPE) {
        headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    Ok(response)
}

pub(crate) fn status(value: Option<&Value>) -> Result<StatusCode, Malformed> {
    let number = match value {
        None | Some(Value::Null) => return Ok(StatusCode::OK),
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(text)) => text.parse().ok(),
        Some(_) => None,
    };
    let number = number.and_then(|number| u16::try_from(number).ok()).ok_or(Malformed)?;
    // 1xx would leave the caller waiting for the real answer.
    if !(200..600).contains(&number) {
        return Err(Malformed);
    }
    StatusCode::from_u16(number).map_err(|_| Malformed)
}

fn body(members: &Map<String, Value>, wants_bytes: bool) -> Result<Bytes, Malformed> {
    let text = match members.get("body") {
        None | Some(Value::Null) => return Ok(Bytes::new()),
        Some(Value::String(text)) => text,
        Some(_) => return Err(Malformed),
    };
    let encoded = match members.get("isBase64Encoded") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(encoded)) => *encoded,
        Some(_) => return Err(Malformed),
    };
    if encoded && wants_bytes {
        return STANDARD.decode(text).map(Bytes::from).map_err(|_| Malformed);
    }
    Ok(Bytes::copy_from_slice(text.as_bytes()))
}

pub(crate) fn add_headers(
    headers: &mut HeaderMap,
    value: Option<&Value>,
    room: &mut usize,
) -> Result<(), Malformed> {
    let entries = match value {
        None | Some(Value::Null) => return Ok(()),
        Some(Value::Object(entries)) => entries,
        Some(_) => return Err(Malformed),
    };
    for (name, value) in entries {
        let name = match response_header::name(name) {
            Named::As(name) => name,
            Named::Dropped => continue,
            Named::Invalid => return Err(Malformed),
        };
        let mut measured = |value: &Value| {
            let value = scalar(value)?;
            *room = room.checked_sub(name.as_str().len() + value.len()).ok_or(Malformed)?;
            Ok(value)
        };
        match value {
            Value::Array(values) => {
                headers.remove(&name);
                for value in values {
                    headers.append(&name, measured(value)?);
                }
            }
            value => {
                let value = measured(value)?;
                headers.insert(name, value);
            }
        }
    }
    Ok(())
}

fn scalar(value: &Value) -> Result<HeaderValue, Malformed> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        _ => return Err(Malformed),
    };
    HeaderValue::from_str(&text).map_err(|_| Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(payload: &str) -> String {
        match answer(payload.as_bytes(), true) {
            Err(Malformed) => "malformed".to_owned(),
            Ok(response) => {
                let headers = response
                    .headers()
                    .iter()
                    .map(|(name, value)| format!(" {name}={}", value.to_str().unwrap()));
                let headers: String = headers.collect();
                format!(
                    "{}{headers} {}",
                    response.status().as_u16(),
                    String::from_utf8_lossy(response.body())
                )
            }
        }
    }

    #[test]
    fn answers_of_the_documented_form_are_handed_on() {
        for (payload, expected) in [
            (r#"{"statusCode":201,"body":"x"}"#, "201 content-type=application/json x"),
            ("{}", "200 content-type=application/json "),
            (
                r#"{"statusCode":"404","headers":{"Content-Type":"text/plain"}}"#,
                "404 content-type=text/plain ",
            ),
            (r#"{"headers":{"X-A":true,"x-b":1}}"#, "200 x-a=true x-b=1 content-type=application/json "),
            (
                r#"{"headers":{"x-a":"1"},"multiValueHeaders":{"X-A":["2","3"]}}"#,
                "200 x-a=2 x-a=3 content-type=application/json ",
            ),
            (
                r#"{"headers":{"Content-Length":"99","Date":"now","Transfer-Encoding":"chunked"}}"#,
                "200 x-amzn-remapped-content-length=99 x-amzn-remapped-date=now content-type=application/json ",
            ),
            (r#"{"body":"eHl6","isBase64Encoded":true}"#, "200 content-type=application/json xyz"),
            (r#"{"body":null,"headers":null}"#, "200 content-type=application/json "),
        ] {
            assert_eq!(shown(payload), expected, "{payload}");
        }
        let text = answer(br#"{"body":"eHl6","isBase64Encoded":true}"#, false).unwrap();
        assert_eq!(text.body().as_ref(), b"eHl6");
    }

    #[test]
    fn other_answers_are_malformed() {
        for payload in [
            "",
            "null",
            "\"text\"",
            "[]",
            r#"{"message":"hi"}"#,
            r#"{"statusCode":"ok"}"#,
            r#"{"statusCode":100}"#,
            r#"{"statusCode":99999}"#,
            r#"{"statusCode":200.5}"#,
            r#"{"body":{"a":1}}"#,
            r#"{"headers":[]}"#,
            r#"{"headers":{"a b":"c"}}"#,
            r#"{"headers":{"x":"a\r\nSet-Cookie: b"}}"#,
            r#"{"headers":{"x":null}}"#,
            r#"{"isBase64Encoded":"yes","body":""}"#,
            r#"{"isBase64Encoded":true,"body":"!"}"#,
        ] {
            assert_eq!(shown(payload), "malformed", "{payload}");
        }
    }

    #[test]
    fn headers_end_at_their_bytes_however_many_there_are() {
        let value = "v".repeat(HEADER_BYTES_MAX - "x".len());
        let fits = format!(r#"{{"headers":{{"x":"{value}"}}}}"#);
        assert!(shown(&fits).starts_with("200 x=vvv"));
        for payload in [
            fits.replace("vv", "vvv"),
            format!(r#"{{"headers":{{"x":"{value}"}},"multiValueHeaders":{{"y":[""]}}}}"#),
            format!(r#"{{"multiValueHeaders":{{"x":[{}""]}}}}"#, r#""","#.repeat(40_000)),
            format!(
                r#"{{"headers":{{{}"x":""}}}}"#,
                (0..40_000).map(|number| format!(r#""a{number}":"","#)).collect::<String>()
            ),
        ] {
            assert_eq!(shown(&payload), "malformed");
        }
    }
}
