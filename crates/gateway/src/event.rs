//! The event that a function gets from a proxy integration: the REST API's format, version 1.0.
//!
//! It is built from what arrived and what the stage says; nothing of it is the function's to trust but
//! `requestContext`. Header names, which arrive in lower case, are written in title case as most clients send them.

use base::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use identity::Principal;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use service::Source;

use crate::authorizer::Verdict;
use crate::records::{Authorization, DeployedMethod};
use crate::route::RequestPath;
use crate::stages::LiveStage;

/// Headers that end at the gateway.
const DROPPED: [&str; 13] = [
    "connection",
    "content-length",
    "content-md5",
    "expect",
    "max-forwards",
    "proxy-authenticate",
    "proxy-authorization",
    "server",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "www-authenticate",
];

/// Headers that prove the caller to the gateway and are nobody else's business.
pub(crate) const CREDENTIALS: [&str; 3] = ["authorization", "x-amz-security-token", "x-amz-content-sha256"];

/// Query parameters of a presigned request that do the same.
pub(crate) const SIGNATURE_PARAMETERS: [&str; 2] = ["X-Amz-Signature", "X-Amz-Security-Token"];

/// Everything that an event tells.
pub(crate) struct Invocation<'r> {
    pub(crate) stage: &'r LiveStage,
    pub(crate) method: &'r DeployedMethod,
    pub(crate) http_method: &'r str,
    pub(crate) path: &'r RequestPath<'r>,
    pub(crate) parameters: &'r [(String, String)],
    pub(crate) query: &'r str,
    pub(crate) headers: &'r HeaderMap,
    pub(crate) body: &'r [u8],
    pub(crate) domain_name: &'r str,
    pub(crate) protocol: &'r str,
    pub(crate) source: &'r Source,
    /// Who signed; `None` where the method does not ask.
    pub(crate) caller: Option<&'r Principal>,
    /// What a function said of the caller; `None` where none is asked.
    pub(crate) verdict: Option<&'r Verdict>,
    /// The id of the API key that is good for this call, and the key as it was sent.
    pub(crate) key: Option<(&'r str, &'r str)>,
    pub(crate) request_id: &'r str,
    pub(crate) extended_request_id: &'r str,
    pub(crate) trace_id: &'r str,
    pub(crate) arrived: Timestamp,
}

impl Invocation<'_> {
    /// The event.
    pub(crate) fn event(&self) -> Value {
        let (headers, multi_value_headers) = self.header_maps();
        let (query, multi_value_query) = self.query_maps();
        let (body, is_base64_encoded) = self.body();
        let stage = &self.stage.record;
        let variables = stage.variables.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
        let parameters = self.parameters.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
        json!({
            "resource": self.method.resource_path,
            "path": self.path.raw(),
            "httpMethod": self.http_method,
            "headers": headers,
            "multiValueHeaders": multi_value_headers,
            "queryStringParameters": or_null(query),
            "multiValueQueryStringParameters": or_null(multi_value_query),
            "pathParameters": or_null(parameters),
            "stageVariables": or_null(variables),
            "requestContext": self.request_context(),
            "body": body,
            "isBase64Encoded": is_base64_encoded,
        })
    }

    fn request_context(&self) -> Value {
        let stage = &self.stage.record;
        let mut context = json!({
            "resourceId": self.method.resource_id,
            "resourcePath": self.method.resource_path,
            "httpMethod": self.http_method,
            "extendedRequestId": self.extended_request_id,
            "requestTime": request_time(self.arrived),
            "path": format!("/{}{}", stage.stage_name, self.path.raw()),
            "accountId": stage.account.as_str(),
            "protocol": self.protocol,
            "stage": stage.stage_name,
            "domainPrefix": self.domain_name.split('.').next().unwrap_or_default(),
            "requestTimeEpoch": self.arrived.millis(),
            "requestId": self.request_id,
            "identity": self.identity(),
            "domainName": self.domain_name,
            "deploymentId": stage.deployment_id,
            "apiId": stage.rest_api_id,
        });
        if let (Some(verdict), Value::Object(members)) = (self.verdict, &mut context) {
            let mut told = verdict.context.clone();
            told.insert("principalId".to_owned(), verdict.principal_id.clone().into());
            members.insert("authorizer".to_owned(), Value::Object(told));
        }
        context
    }

    fn identity(&self) -> Value {
        let caller = self.caller;
        let user_id = caller.map(Principal::user_id);
        let mut identity = json!({
            "cognitoIdentityPoolId": null,
            "accountId": caller.and_then(Principal::account).map(|account| account.as_str().to_owned()),
            "cognitoIdentityId": null,
            "caller": user_id,
            "sourceIp": self.source.ip.to_string(),
            "principalOrgId": null,
            "accessKey": caller.and_then(Principal::access_key_id),
            "cognitoAuthenticationType": null,
            "cognitoAuthenticationProvider": null,
            "userArn": caller.map(Principal::arn),
            "userAgent": self.source.user_agent,
            "user": user_id,
        });
        if let (Some((id, key)), Value::Object(members)) = (self.key, &mut identity) {
            members.insert("apiKey".to_owned(), key.into());
            members.insert("apiKeyId".to_owned(), id.into());
        }
        identity
    }

    // SECURITY: a function never sees the signature or the session token with which its caller was proven.
    fn is_passed_on(&self, name: &str) -> bool {
        let secret = self.method.authorization == Authorization::AwsIam && CREDENTIALS.contains(&name);
        !secret && !DROPPED.contains(&name)
    }

    /// The headers, each with its last value, and with all of them.
    fn header_maps(&self) -> (Map<String, Value>, Map<String, Value>) {
        let (mut single, mut multi) = (Map::new(), Map::new());
        for name in self.headers.keys().filter(|name| self.is_passed_on(name.as_str())) {
            let values = self.headers.get_all(name).iter();
            let values: Vec<_> =
                values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect();
            let name = title_case(name.as_str());
            single.insert(name.clone(), json!(values.last()));
            multi.insert(name, json!(values));
        }
        let forwarded = match single.get("X-Forwarded-For").and_then(Value::as_str) {
            Some(chain) => format!("{chain}, {}", self.source.ip),
            None => self.source.ip.to_string(),
        };
        let (scheme, port) = if self.source.speaks_tls { ("https", "443") } else { ("http", "80") };
        let host = self.headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
        let named = host.rsplit_once(':').map(|(_, port)| port).filter(|port| port.parse::<u16>().is_ok());
        let port = named.unwrap_or(port);
        let own = [
            ("X-Amzn-Trace-Id", self.trace_id.to_owned()),
            ("X-Forwarded-For", forwarded),
            ("X-Forwarded-Port", port.to_owned()),
            ("X-Forwarded-Proto", scheme.to_owned()),
        ];
        for (name, value) in own {
            multi.insert(name.to_owned(), json!([value]));
            single.insert(name.to_owned(), json!(value));
        }
        (single, multi)
    }

    /// The query's parameters, decoded, each with its last value, and with all of them.
    fn query_maps(&self) -> (Map<String, Value>, Map<String, Value>) {
        let (mut single, mut multi) = (Map::new(), Map::new());
        for pair in self.query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (form_decode(name), form_decode(value));
            let is_secret = SIGNATURE_PARAMETERS.iter().any(|secret| name.eq_ignore_ascii_case(secret));
            if is_secret && self.method.authorization == Authorization::AwsIam {
                continue;
            }
            match multi.get_mut(&name) {
                Some(Value::Array(values)) => values.push(json!(value)),
                _ => {
                    multi.insert(name.clone(), json!([value]));
                }
            }
            single.insert(name, json!(value));
        }
        (single, multi)
    }

    fn body(&self) -> (Value, bool) {
        if self.body.is_empty() {
            return (Value::Null, false);
        }
        let content_type = self.headers.get("content-type").and_then(|value| value.to_str().ok());
        match std::str::from_utf8(self.body) {
            Ok(text) if !self.stage.binary_types.contain(content_type) => (json!(text), false),
            // Bytes that are no text could only be handed on damaged.
            _ => (json!(STANDARD.encode(self.body)), true),
        }
    }
}

pub(crate) fn or_null(map: Map<String, Value>) -> Value {
    if map.is_empty() { Value::Null } else { Value::Object(map) }
}

pub(crate) fn form_decode(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

/// `content-type` as `Content-Type`.
fn title_case(name: &str) -> String {
    let mut upper = true;
    let one = |character: char| {
        let cased = if upper { character.to_ascii_uppercase() } else { character };
        upper = character == '-';
        cased
    };
    name.chars().map(one).collect()
}

/// `22/Nov/2026:03:17:00 +0000`.
pub(crate) fn request_time(moment: Timestamp) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let text = moment.iso8601_secs();
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    let month = part(5, 7).parse::<usize>().ok().and_then(|month| MONTHS.get(month.checked_sub(1)?));
    let (day, month, year, time) =
        (part(8, 10), month.copied().unwrap_or_default(), part(0, 4), part(11, 19));
    format!("{day}/{month}/{year}:{time} +0000")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_times_are_written_as_api_gateway_does() {
        assert_eq!(title_case("x-forwarded-for"), "X-Forwarded-For");
        assert_eq!(title_case("accept"), "Accept");
        assert_eq!(request_time(Timestamp::from_secs(1_440_938_160)), "30/Aug/2015:12:36:00 +0000");
        assert_eq!(form_decode("a+b%20c%2B"), "a b c+");
    }
}
