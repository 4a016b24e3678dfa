//! What an integration may be here: a Lambda proxy or a mock whose templates are texts with variables. Everything else is
//! refused when it is put, never when it is called.

use std::collections::BTreeMap;

use gateway::records::{Credentials, Integration, Mock, MockResponse};
use gateway::{
    INTEGRATION_MILLIS_MAX, TEMPLATE_BYTES_MAX, Template, TemplateError, mock_status, selection_pattern,
};
use identity::RoleName;

use crate::Error;
use crate::records::{IntegrationRecord, IntegrationResponseRecord, MethodRecord};

const INTEGRATION_MILLIS_MIN: u32 = 50;
/// The longest name of a variable, in bytes.
const VARIABLE_BYTES_MAX: usize = 512;
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
    let (mut statuses, mut request_templates) = (BTreeMap::new(), BTreeMap::new());
    for (content_type, text) in &record.request_templates {
        let content_type = content_type.to_ascii_lowercase();
        if template(text)?.is_fixed() {
            statuses.insert(content_type, template_status(text)?);
        } else {
            request_templates.insert(content_type, text.clone());
        }
    }
    let passes_through = match record.passthrough_behavior.as_str() {
        "WHEN_NO_MATCH" => true,
        "WHEN_NO_TEMPLATES" => record.request_templates.is_empty(),
        _ => false,
    };
    let responses = record.responses.iter().map(|(status, response)| mock_response(status, response));
    let responses = responses.collect::<Result<_, _>>()?;
    Ok(Mock { statuses, request_templates, passes_through, responses })
}

/// Reads a mapping template; what would have to be evaluated is refused by name.
fn template(text: &str) -> Result<Template<'_>, Error> {
    Template::parse(text).map_err(|error| match error {
        TemplateError::Unspoken(_) => Error::unsupported(&error.to_string()),
        TemplateError::TooLarge => Error::bad(format!(
            "Invalid mapping template specified: it has too many variables, or more than {TEMPLATE_BYTES_MAX} bytes"
        )),
    })
}

/// The status that a fixed request template gives.
fn template_status(template: &str) -> Result<u16, Error> {
    let unsupported = || Error::unsupported("A request template that is not JSON with a statusCode");
    mock_status(template).ok_or_else(unsupported)
}

/// Checks that a method declares a response of its integration: the status, and each header.
///
/// # Errors
/// `BadRequestException` in API Gateway's words, which its importers and constructs show.
pub(crate) fn declared(
    method: &MethodRecord,
    status: &str,
    response: &IntegrationResponseRecord,
) -> Result<(), Error> {
    let Some(declared) = method.responses.get(status) else {
        return Err(invalid_mapping("No method response exists for method."));
    };
    let unknown = response.parameters.keys().find(|target| !declared.parameters.contains_key(*target));
    unknown.map_or(Ok(()), |target| Err(undeclared(target)))
}

fn undeclared(target: &str) -> Error {
    invalid_mapping(&format!("Invalid mapping expression parameter specified: {target}"))
}

fn invalid_mapping(error: &str) -> Error {
    Error::bad(format!(
        "Invalid mapping expression specified: Validation Result: warnings : [], errors : [{error}]"
    ))
}

fn mock_response(status: &str, response: &IntegrationResponseRecord) -> Result<MockResponse, Error> {
    let status: u16 = status.parse().map_err(|_| Error::bad("Invalid Response status code specified"))?;
    if let Some(pattern) = &response.selection_pattern {
        selection_pattern(pattern)?;
    }
    let (mut headers, mut variables) = (BTreeMap::new(), BTreeMap::new());
    for (target, source) in &response.parameters {
        let name = target.strip_prefix("method.response.header.").ok_or_else(|| undeclared(target))?;
        let literal = source.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
        if !is_header(name, literal.unwrap_or_default()) {
            return Err(Error::bad(format!("Invalid response parameter: {target}")));
        }
        match literal {
            Some(text) => headers.insert(name.to_owned(), text.to_owned()),
            None => variables.insert(name.to_owned(), variable(source)?),
        };
    }
    response.templates.values().try_for_each(|text| template(text).map(|_| ()))?;
    Ok(MockResponse {
        status,
        selection_pattern: response.selection_pattern.clone(),
        headers,
        variables,
        templates: response.templates.clone(),
    })
}

/// What a response's parameter may be besides a quoted text: a variable of the request's context or of the stage.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/request-response-data-mappings.html>
fn variable(source: &str) -> Result<String, Error> {
    let named = |kind: &str| source.strip_prefix(kind).is_some_and(|name| !name.is_empty());
    if named("integration.response.") {
        return Err(Error::unsupported("A response parameter of a mock's integration response"));
    }
    if (named("context.") || named("stageVariables.")) && source.len() <= VARIABLE_BYTES_MAX {
        return Ok(source.to_owned());
    }
    Err(invalid_mapping(&format!("Invalid mapping expression specified: {source}")))
}

/// True where a header may have this name and this value.
pub(crate) fn is_header(name: &str, value: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let visible = |byte: u8| byte == b'\t' || (byte >= b' ' && byte != 0x7f);
    !name.is_empty() && name.bytes().all(token) && value.bytes().all(visible)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::MethodResponseRecord;

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
    fn templates_are_texts_with_variables() {
        let put = |text: &str| {
            mock(&IntegrationRecord {
                passthrough_behavior: "WHEN_NO_TEMPLATES".into(),
                request_templates: BTreeMap::from([("Application/JSON".into(), text.to_owned())]),
                responses: BTreeMap::from([(
                    "200".into(),
                    IntegrationResponseRecord {
                        templates: BTreeMap::from([("text/plain".into(), text.to_owned())]),
                        ..IntegrationResponseRecord::default()
                    },
                )]),
                ..IntegrationRecord::default()
            })
        };
        let (fixed, varies) = ("{\n  \"statusCode\" : 204\n}\n", "{\"statusCode\": $input.params('s')}");
        let mocks = [put(fixed).unwrap(), put(varies).unwrap()];
        let kept = mocks.each_ref().map(|mock| {
            let template = mock.request_templates.get("application/json").map(String::as_str);
            (mock.statuses.get("application/json").copied(), template, mock.passes_through)
        });
        assert_eq!(kept, [(Some(204), None, false), (None, Some(varies), false)]);
        for text in ["{ statusCode: 204 }", "{statusCode:204}", "{'statusCode': 204, message: 'a',}"] {
            assert_eq!(put(text).unwrap().statuses["application/json"], 204, "{text}");
        }
        for (text, expected) in [
            (
                "{statusCode: '204'}",
                "A request template that is not JSON with a statusCode is not supported yet",
            ),
            (
                "{statusCode 204}",
                "A request template that is not JSON with a statusCode is not supported yet",
            ),
            ("{}", "A request template that is not JSON with a statusCode is not supported yet"),
            ("#set($x = 1)", "`#set($x = 1)` in a mapping template is not supported yet"),
            ("{\"statusCode\": ${x}}", "`${x}}` in a mapping template is not supported yet"),
            ("$util.urlEncode('a')", "`$util.urlEncode('a')` in a mapping template is not supported yet"),
        ] {
            assert!(put(text).unwrap_err().to_string().contains(expected), "{text}");
        }
        assert!(put(&"x".repeat(TEMPLATE_BYTES_MAX + 1)).is_err());
    }

    #[test]
    fn parameters_of_responses_are_texts_and_variables() {
        let put = |source: &str| {
            let parameters = BTreeMap::from([("method.response.header.X".to_owned(), source.to_owned())]);
            mock_response(
                "200",
                &IntegrationResponseRecord { parameters, ..IntegrationResponseRecord::default() },
            )
        };
        assert_eq!(put("'a'").unwrap().headers["X"], "a");
        for variable in ["context.requestId", "stageVariables.v"] {
            assert_eq!(put(variable).unwrap().variables["X"], variable);
        }
        for (source, expected) in [
            ("integration.response.header.Y", "integration response is not supported yet"),
            ("integration.response.body.a", "integration response is not supported yet"),
            ("context.", "errors : [Invalid mapping expression specified: context.]"),
            ("method.request.header.Y", "expression specified: method.request.header.Y]"),
            ("'a\n'", "Invalid response parameter: method.response.header.X"),
        ] {
            let message = put(source).unwrap_err().to_string();
            assert!(message.ends_with(expected), "{message}");
        }
        assert!(put(&format!("context.{}", "a".repeat(VARIABLE_BYTES_MAX))).is_err());
    }

    #[test]
    fn responses_are_declared() {
        let header = "method.response.header.X";
        let method = MethodRecord {
            responses: BTreeMap::from([(
                "200".to_owned(),
                MethodResponseRecord {
                    parameters: BTreeMap::from([(header.to_owned(), false)]),
                    ..MethodResponseRecord::default()
                },
            )]),
            ..MethodRecord::default()
        };
        let with = |name: &str| IntegrationResponseRecord {
            parameters: BTreeMap::from([(name.to_owned(), "'a'".to_owned())]),
            ..IntegrationResponseRecord::default()
        };
        assert!(declared(&method, "200", &with(header)).is_ok());
        assert!(declared(&method, "200", &IntegrationResponseRecord::default()).is_ok());
        for (status, response, expected) in [
            ("201", with(header), "errors : [No method response exists for method.]"),
            (
                "200",
                with("method.response.header.Y"),
                "errors : [Invalid mapping expression parameter specified: method.response.header.Y]",
            ),
        ] {
            let message = declared(&method, status, &response).unwrap_err().to_string();
            assert!(message.ends_with(expected), "{message}");
        }
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
