//! What an integration may be here: a Lambda proxy or a mock with fixed templates. Everything else is refused when it is
//! put, never when it is called.

use std::collections::BTreeMap;

use gateway::records::{Credentials, Integration, Mock, MockResponse};
use gateway::{INTEGRATION_MILLIS_MAX, selection_pattern};
use identity::RoleName;
use serde_json::Value;

use crate::Error;
use crate::records::{IntegrationRecord, IntegrationResponseRecord};

const INTEGRATION_MILLIS_MIN: u32 = 50;
const CALLER_CREDENTIALS: &str = "arn:aws:iam::*:user/*";

/// Checks an integration, and puts it into the form that is served.
pub(crate) fn served(record: &IntegrationRecord) -> Result<Integration, Error> {
    if !(INTEGRATION_MILLIS_MIN..=INTEGRATION_MILLIS_MAX).contains(&record.timeout_millis) {
        return Err(Error::bad("Timeout should be between 50 ms and 29000 ms"));
    }
    match record.kind.as_str() {
        "AWS_PROXY" => lambda_proxy(record),
        "MOCK" => mock(record).map(Integration::Mock),
        other => Err(Error::unsupported(&format!("The integration type {other}"))),
    }
}

/// The role that API Gateway would assume for an integration, if it names one.
pub(crate) fn role(credentials: Option<&str>) -> Option<&str> {
    credentials.filter(|credentials| !credentials.is_empty() && *credentials != CALLER_CREDENTIALS)
}

fn lambda_proxy(record: &IntegrationRecord) -> Result<Integration, Error> {
    match record.http_method.as_deref() {
        None | Some("") => return Err(Error::bad("Enumeration value for HttpMethod must be non-empty")),
        Some("POST") => {}
        Some(_) => return Err(Error::bad("The integration HTTP method of a Lambda function is POST")),
    }
    if record.content_handling.as_deref() == Some("CONVERT_TO_BINARY") {
        return Err(Error::unsupported("contentHandling CONVERT_TO_BINARY"));
    }
    let uri = record.uri.as_deref().unwrap_or_default();
    let function = function_of(uri).ok_or_else(|| {
        if uri.starts_with("arn:") {
            Error::bad("AWS ARN for integration must contain path or action")
        } else {
            Error::bad("Invalid ARN specified in the request")
        }
    })?;
    let credentials = match record.credentials.as_deref() {
        None | Some("") => Credentials::Service,
        Some(CALLER_CREDENTIALS) => Credentials::Caller,
        // SECURITY: leave to pass a role is asked for its name. A name that a stage's variables would complete later
        // could become one that nobody was asked about.
        Some(role) if role.contains("${") => {
            return Err(Error::unsupported("A stage variable in an integration's credentials"));
        }
        Some(role) if RoleName::parse(role).is_some() => Credentials::Role(role.to_owned()),
        Some(_) => return Err(Error::bad("Invalid ARN specified in the request")),
    };
    Ok(Integration::LambdaProxy {
        function: function.to_owned(),
        credentials,
        timeout_millis: record.timeout_millis,
    })
}

/// The function of `arn:aws:apigateway:<region>:lambda:path/2015-03-31/functions/<function>/invocations`.
pub(crate) fn function_of(uri: &str) -> Option<&str> {
    let rest = uri.strip_prefix("arn:aws:apigateway:")?;
    let (_region, rest) = rest.split_once(':')?;
    let function = rest.strip_prefix("lambda:path/2015-03-31/functions/")?.strip_suffix("/invocations")?;
    let braces = function.matches("${").count() == function.matches("${stageVariables.").count();
    (!function.is_empty() && !function.contains('/') && braces).then_some(function)
}

fn mock(record: &IntegrationRecord) -> Result<Mock, Error> {
    let mut statuses = BTreeMap::new();
    for (content_type, template) in &record.request_templates {
        statuses.insert(content_type.to_ascii_lowercase(), template_status(template)?);
    }
    let passes_through = match record.passthrough_behavior.as_str() {
        "WHEN_NO_MATCH" => true,
        "WHEN_NO_TEMPLATES" => statuses.is_empty(),
        _ => false,
    };
    let responses = record.responses.iter().map(|(status, response)| mock_response(status, response));
    Ok(Mock { statuses, passes_through, responses: responses.collect::<Result<_, _>>()? })
}

/// The status that a fixed request template gives.
fn template_status(template: &str) -> Result<u16, Error> {
    let unsupported = || Error::unsupported("A request template that is not fixed JSON with a statusCode");
    if !is_static(template) {
        return Err(unsupported());
    }
    let json: Value = serde_json::from_str(template).map_err(|_| unsupported())?;
    let status = json.get("statusCode").and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok());
    status.ok_or_else(unsupported)
}

fn mock_response(status: &str, response: &IntegrationResponseRecord) -> Result<MockResponse, Error> {
    let status: u16 = status.parse().map_err(|_| Error::bad("Invalid Response status code specified"))?;
    if let Some(pattern) = &response.selection_pattern {
        selection_pattern(pattern)?;
    }
    let mut headers = BTreeMap::new();
    for (target, source) in &response.parameters {
        let name = target.strip_prefix("method.response.header.").ok_or_else(|| {
            Error::bad(format!("Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping expression parameter specified: {target}]"))
        })?;
        let literal = source.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
        let literal =
            literal.ok_or_else(|| Error::unsupported("A response parameter that is not a quoted text"))?;
        if !is_header(name, literal) {
            return Err(Error::bad(format!("Invalid response parameter: {target}")));
        }
        headers.insert(name.to_owned(), literal.to_owned());
    }
    if !response.templates.values().all(|template| is_static(template)) {
        return Err(Error::unsupported("A response template that is not fixed text"));
    }
    Ok(MockResponse {
        status,
        selection_pattern: response.selection_pattern.clone(),
        headers,
        templates: response.templates.clone(),
    })
}

/// True where a header may have this name and this value.
pub(crate) fn is_header(name: &str, value: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let visible = |byte: u8| byte == b'\t' || (byte >= b' ' && byte != 0x7f);
    !name.is_empty() && name.bytes().all(token) && value.bytes().all(visible)
}

/// True where a mapping template has nothing that would have to be evaluated.
fn is_static(template: &str) -> bool {
    let directive = |(mark, next): (char, char)| {
        matches!(mark, '$' | '#')
            && (next.is_ascii_alphabetic() || matches!(next, '{' | '!' | '#' | '*' | '['))
    };
    !template.chars().zip(template.chars().skip(1)).any(directive)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_found_in_uris() {
        const PATH: &str = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/";
        for (function, found) in [
            ("arn:aws:lambda:us-east-1:111111111111:function:f/invocations", true),
            ("arn:aws:lambda:us-east-1:111111111111:function:${stageVariables.f}:live/invocations", true),
            ("/invocations", false),
            ("f", false),
            ("f/x/invocations", false),
            ("${other}/invocations", false),
        ] {
            assert_eq!(function_of(&format!("{PATH}{function}")).is_some(), found, "{function}");
        }
        assert_eq!(function_of("arn:aws:apigateway:us-east-1:dynamodb:action/PutItem"), None);
        assert_eq!(function_of("https://example.com"), None);
    }

    #[test]
    fn templates_that_need_evaluation_are_told_from_fixed_ones() {
        for (template, expected) in [
            ("{\n  \"statusCode\" : 200\n}\n", true),
            ("costs $5 # ten", true),
            ("$input.body", false),
            ("#set($x = 1)", false),
            ("${x}", false),
            ("$!x", false),
            ("## comment", false),
        ] {
            assert_eq!(is_static(template), expected, "{template}");
        }
        assert_eq!(template_status("{\"statusCode\": 204}").unwrap(), 204);
        assert!(template_status("{}").is_err());
        assert!(template_status("{\"statusCode\": $x}").is_err());
    }

    #[test]
    fn what_is_not_served_is_refused() {
        let base = IntegrationRecord {
            kind: "MOCK".into(),
            passthrough_behavior: "NEVER".into(),
            timeout_millis: 29_000,
            ..IntegrationRecord::default()
        };
        assert!(served(&base).is_ok());
        for kind in ["HTTP", "HTTP_PROXY", "AWS"] {
            assert!(served(&IntegrationRecord { kind: kind.into(), ..base.clone() }).is_err(), "{kind}");
        }
        assert!(served(&IntegrationRecord { timeout_millis: 29_001, ..base.clone() }).is_err());
        let mapped = IntegrationResponseRecord {
            parameters: BTreeMap::from([(
                "method.response.header.X".into(),
                "integration.response.header.Y".into(),
            )]),
            ..IntegrationResponseRecord::default()
        };
        let mapped =
            IntegrationRecord { responses: BTreeMap::from([("200".into(), mapped)]), ..base.clone() };
        assert!(served(&mapped).is_err());
        let split = IntegrationResponseRecord {
            parameters: BTreeMap::from([("method.response.header.X".into(), "'a\r\nb'".into())]),
            ..IntegrationResponseRecord::default()
        };
        assert!(
            served(&IntegrationRecord { responses: BTreeMap::from([("200".into(), split)]), ..base })
                .is_err()
        );
    }
}
