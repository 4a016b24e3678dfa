//! The event that a function gets through its URL: payload format 2.0.
//!
//! It is built from what arrived; nothing of it is the function's to trust but `requestContext`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use identity::Principal;
use serde_json::{Map, Value, json};

use super::Visit;
use super::address::UrlAddress;
use super::live::{FunctionUrl, UrlAuth};
use crate::event::{CREDENTIALS, SIGNATURE_PARAMETERS, form_decode, or_null, request_time};

/// Headers that end here: those of the connection, and cookies, which have a member of their own.
const DROPPED: [&str; 6] = ["connection", "cookie", "expect", "te", "transfer-encoding", "upgrade"];

/// The event of a request.
pub(super) fn of(
    visit: &Visit<'_>,
    address: &UrlAddress<'_>,
    url: &FunctionUrl,
    caller: &Principal,
) -> Value {
    let (body, is_base64_encoded) = body(visit);
    let mut event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": address.path,
        "rawQueryString": visit.head.uri.query().unwrap_or_default(),
        "headers": headers(visit, url),
        "requestContext": context(visit, address, url, caller),
        "isBase64Encoded": is_base64_encoded,
    });
    if let Some(members) = event.as_object_mut() {
        let cookies = cookies(visit);
        if !cookies.is_empty() {
            members.insert("cookies".to_owned(), json!(cookies));
        }
        if let Value::Object(query) = or_null(query(visit, url)) {
            members.insert("queryStringParameters".to_owned(), Value::Object(query));
        }
        if let Some(body) = body {
            members.insert("body".to_owned(), Value::String(body));
        }
    }
    event
}

fn context(visit: &Visit<'_>, address: &UrlAddress<'_>, url: &FunctionUrl, caller: &Principal) -> Value {
    let account = caller.account().map_or("anonymous".to_owned(), |account| account.as_str().to_owned());
    let mut context = json!({
        "accountId": account,
        "apiId": url.url_id,
        "domainName": address.domain_name,
        "domainPrefix": url.url_id,
        "http": {
            "method": visit.head.method.as_str(),
            "path": address.path,
            "protocol": format!("{:?}", visit.head.version),
            "sourceIp": visit.source.ip.to_string(),
            "userAgent": visit.source.user_agent,
        },
        "requestId": &**visit.request_id,
        "routeKey": "$default",
        "stage": "$default",
        "time": request_time(visit.now),
        "timeEpoch": visit.now.millis(),
    });
    if let (UrlAuth::AwsIam, Some(members)) = (url.auth, context.as_object_mut()) {
        let iam = json!({
            "accessKey": caller.access_key_id(),
            "accountId": account,
            "callerId": caller.user_id(),
            "cognitoIdentity": null,
            "principalOrgId": null,
            "userArn": caller.arn(),
            "userId": caller.user_id(),
        });
        members.insert("authorizer".to_owned(), json!({ "iam": iam }));
    }
    context
}

fn headers(visit: &Visit<'_>, url: &FunctionUrl) -> Map<String, Value> {
    let mut headers = Map::new();
    for name in visit.head.headers.keys() {
        // SECURITY: a function never sees the signature or the session token with which its caller was proven.
        let secret = url.auth == UrlAuth::AwsIam && CREDENTIALS.contains(&name.as_str());
        if secret || DROPPED.contains(&name.as_str()) {
            continue;
        }
        let values = visit.head.headers.get_all(name).iter();
        let values: Vec<_> = values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        headers.insert(name.as_str().to_owned(), json!(values.join(",")));
    }
    let forwarded = match headers.get("x-forwarded-for").and_then(Value::as_str) {
        Some(chain) => format!("{chain}, {}", visit.source.ip),
        None => visit.source.ip.to_string(),
    };
    let (scheme, port) = if visit.source.speaks_tls { ("https", "443") } else { ("http", "80") };
    let host = headers.get("host").and_then(Value::as_str).unwrap_or_default();
    let named = host.rsplit_once(':').map(|(_, port)| port).filter(|port| port.parse::<u16>().is_ok());
    let port = named.unwrap_or(port).to_owned();
    for (name, value) in [
        ("x-amzn-trace-id", visit.trace_id.to_owned()),
        ("x-forwarded-for", forwarded),
        ("x-forwarded-port", port),
        ("x-forwarded-proto", scheme.to_owned()),
    ] {
        headers.insert(name.to_owned(), json!(value));
    }
    headers
}

fn cookies(visit: &Visit<'_>) -> Vec<String> {
    let headers = visit.head.headers.get_all(http::header::COOKIE).iter();
    let texts = headers.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let cookies = texts.flat_map(|text| text.split(';').map(|it| it.trim().to_owned()).collect::<Vec<_>>());
    cookies.filter(|cookie| !cookie.is_empty()).collect()
}

/// The query's parameters, decoded; values of the same name are joined with commas.
fn query(visit: &Visit<'_>, url: &FunctionUrl) -> Map<String, Value> {
    let mut joined: Map<String, Value> = Map::new();
    for pair in visit.head.uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (form_decode(name), form_decode(value));
        let is_secret = SIGNATURE_PARAMETERS.iter().any(|secret| name.eq_ignore_ascii_case(secret));
        if is_secret && url.auth == UrlAuth::AwsIam {
            continue;
        }
        match joined.get_mut(&name) {
            Some(Value::String(values)) => {
                values.push(',');
                values.push_str(&value);
            }
            _ => drop(joined.insert(name, Value::String(value))),
        }
    }
    joined
}

/// Text as it is; what is none, or is not said to be, in base64.
fn body(visit: &Visit<'_>) -> (Option<String>, bool) {
    if visit.body.is_empty() {
        return (None, false);
    }
    let kind = visit.head.headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    match std::str::from_utf8(visit.body) {
        Ok(text) if kind.is_some_and(is_text) => (Some(text.to_owned()), false),
        _ => (Some(STANDARD.encode(visit.body)), true),
    }
}

fn is_text(kind: &str) -> bool {
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let named = ["application/json", "application/xml", "application/javascript"];
    kind.starts_with("text/")
        || named.contains(&kind.as_str())
        || (kind.starts_with("application/") && (kind.ends_with("+json") || kind.ends_with("+xml")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_what_says_so() {
        for kind in
            ["text/plain", "application/json; charset=utf-8", "Application/Vnd.X+JSON", "application/xml"]
        {
            assert!(is_text(kind), "{kind}");
        }
        for kind in ["", "image/png", "application/octet-stream", "application/x-www-form-urlencoded"] {
            assert!(!is_text(kind), "{kind}");
        }
    }
}
