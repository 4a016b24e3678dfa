//! What a function's answer becomes that was asked through a URL: payload format 2.0.
//!
//! JSON without a `statusCode` is the body as it is; an answer with one that is not of the documented form is an error
//! of the function's.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, header};
use serde_json::{Map, Value};

use crate::proxy::{self, HEADER_BYTES_MAX, Malformed};

/// Reads a function's answer.
pub(super) fn of(payload: &Bytes) -> Result<Response<Bytes>, Malformed> {
    let members = match serde_json::from_slice(payload) {
        Ok(Value::Object(members)) if members.contains_key("statusCode") => members,
        Ok(_) => return Ok(plain(payload.clone())),
        Err(_) => return Err(Malformed),
    };
    let mut response = Response::new(body(&members)?);
    *response.status_mut() = proxy::status(members.get("statusCode"))?;
    add_head(response.headers_mut(), &members, "application/json")?;
    Ok(response)
}

/// Adds headers and cookies as an answer gives them, and a media type where it gives none.
pub(super) fn add_head(
    headers: &mut HeaderMap,
    members: &Map<String, Value>,
    content_type: &'static str,
) -> Result<(), Malformed> {
    let mut room = HEADER_BYTES_MAX;
    proxy::add_headers(headers, members.get("headers"), &mut room)?;
    for cookie in cookies(members.get("cookies"))? {
        room = room.checked_sub(header::SET_COOKIE.as_str().len() + cookie.len()).ok_or(Malformed)?;
        headers.append(header::SET_COOKIE, cookie);
    }
    if !headers.contains_key(header::CONTENT_TYPE) {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    Ok(())
}

fn plain(payload: Bytes) -> Response<Bytes> {
    let mut response = Response::new(payload);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn body(members: &Map<String, Value>) -> Result<Bytes, Malformed> {
    let text = match members.get("body") {
        None | Some(Value::Null) => return Ok(Bytes::new()),
        Some(Value::String(text)) => text,
        Some(_) => return Err(Malformed),
    };
    match members.get("isBase64Encoded") {
        None | Some(Value::Null | Value::Bool(false)) => Ok(Bytes::copy_from_slice(text.as_bytes())),
        Some(Value::Bool(true)) => STANDARD.decode(text).map(Bytes::from).map_err(|_| Malformed),
        Some(_) => Err(Malformed),
    }
}

fn cookies(value: Option<&Value>) -> Result<Vec<HeaderValue>, Malformed> {
    let entries = match value {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(entries)) => entries,
        Some(_) => return Err(Malformed),
    };
    let cookie =
        |entry: &Value| HeaderValue::from_str(entry.as_str().ok_or(Malformed)?).map_err(|_| Malformed);
    entries.iter().map(cookie).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(payload: &str) -> String {
        let Ok(response) = of(&Bytes::copy_from_slice(payload.as_bytes())) else {
            return "malformed".to_owned();
        };
        let headers = response.headers().iter();
        let headers: String = headers.map(|(n, v)| format!(" {n}={}", v.to_str().unwrap())).collect();
        format!("{}{headers} {}", response.status().as_u16(), String::from_utf8_lossy(response.body()))
    }

    #[test]
    fn answers_of_both_forms_are_handed_on() {
        for (payload, expected) in [
            (r#""Hello""#, r#"200 content-type=application/json "Hello""#),
            (r#"{"a":1}"#, r#"200 content-type=application/json {"a":1}"#),
            ("null", "200 content-type=application/json null"),
            (r#"{"statusCode":201,"body":"x"}"#, "201 content-type=application/json x"),
            (
                r#"{"statusCode":200,"headers":{"x-n":5,"x-b":true},"body":"x"}"#,
                "200 x-n=5 x-b=true content-type=application/json x",
            ),
            (
                r#"{"statusCode":200,"headers":{"Content-Type":"text/plain"},"cookies":["a=1","b=2; Secure"],"body":"eA==","isBase64Encoded":true}"#,
                "200 content-type=text/plain set-cookie=a=1 set-cookie=b=2; Secure x",
            ),
        ] {
            assert_eq!(shown(payload), expected, "{payload}");
        }
    }

    #[test]
    fn other_answers_are_malformed() {
        let many = format!(r#"{{"statusCode":200,"cookies":[{}"a"]}}"#, r#""a","#.repeat(40_000));
        for payload in [
            "{",
            r#"{"statusCode":"ok"}"#,
            r#"{"statusCode":100}"#,
            r#"{"statusCode":200,"body":{}}"#,
            r#"{"statusCode":200,"cookies":"a"}"#,
            r#"{"statusCode":200,"cookies":["a\r\nb: c"]}"#,
            r#"{"statusCode":200,"body":"!","isBase64Encoded":true}"#,
            &many,
        ] {
            assert_eq!(shown(payload), "malformed", "{}", payload.get(..40).unwrap_or(payload));
        }
    }
}
