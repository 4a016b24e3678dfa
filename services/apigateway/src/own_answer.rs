//! What the gateway's own answers may look like: status, headers and templates of an API's owner.
//!
//! One that could not be written is refused when it is put.

use gateway::records::{GatewayResponse, HeaderSource, ResponseType};

use crate::Error;
use crate::integration::is_header;
use crate::records::GatewayResponseRecord;

/// The body of an answer that nobody described.
pub(crate) const TEMPLATE: (&str, &str) = ("application/json", r#"{"message":$context.error.messageString}"#);

/// Headers of one answer.
const HEADERS_MAX: usize = 100;
/// The longest template, in bytes: API Gateway's bound for mapping templates is larger, but this one has no program.
const TEMPLATE_BYTES_MAX: usize = 32 * 1_024;

/// Checks an answer, and puts it into the form that is served.
pub(crate) fn served(kind: ResponseType, record: &GatewayResponseRecord) -> Result<GatewayResponse, Error> {
    let status = record.status.as_deref().map(status).transpose()?;
    if record.parameters.len() > HEADERS_MAX || record.templates.len() > HEADERS_MAX {
        return Err(Error::bad(format!(
            "A gateway response has at most {HEADERS_MAX} headers and templates"
        )));
    }
    let mut headers = std::collections::BTreeMap::new();
    for (target, source) in &record.parameters {
        let name = target.strip_prefix("gatewayresponse.header.").filter(|name| is_header(name, ""));
        let name = name.ok_or_else(|| Error::bad(format!("Invalid gateway response parameter: {target}")))?;
        headers.insert(name.to_owned(), header(target, source)?);
    }
    for (content_type, template) in &record.templates {
        if !is_header("content-type", content_type) || template.len() > TEMPLATE_BYTES_MAX {
            return Err(Error::bad(format!(
                "Invalid response template of {} for {content_type}: it has at most {TEMPLATE_BYTES_MAX} bytes",
                kind.name()
            )));
        }
        // Read as text with variables: what would have to be evaluated is refused, not handed on as it stands.
        if template.contains("#set") || template.contains("#if") || template.contains("#foreach") {
            return Err(Error::unsupported("A directive in a gateway response's template"));
        }
    }
    Ok(GatewayResponse { status, headers, templates: record.templates.clone() })
}

fn status(text: &str) -> Result<u16, Error> {
    let status = text.parse().ok().filter(|status| (200..600).contains(status));
    status.ok_or_else(|| Error::bad("Invalid Response status code specified"))
}

fn header(target: &str, source: &str) -> Result<HeaderSource, Error> {
    let invalid = || {
        Error::bad(format!(
            "Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping expression specified: {source}]"
        ))
    };
    if let Some(text) = source.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        let name = target.rsplit('.').next().unwrap_or_default();
        return if is_header(name, text) { Ok(HeaderSource::Text(text.to_owned())) } else { Err(invalid()) };
    }
    let known = [
        "context.",
        "stageVariables.",
        "method.request.header.",
        "method.request.querystring.",
        "method.request.path.",
    ];
    let named = known.iter().any(|prefix| source.strip_prefix(prefix).is_some_and(|name| !name.is_empty()));
    if named && source.len() <= 512 { Ok(HeaderSource::Variable(source.to_owned())) } else { Err(invalid()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn what_could_not_be_answered_is_refused() {
        let with = |status: Option<&str>, parameter: (&str, &str), template: &str| {
            let record = GatewayResponseRecord {
                status: status.map(str::to_owned),
                parameters: BTreeMap::from([(parameter.0.to_owned(), parameter.1.to_owned())]),
                templates: BTreeMap::from([("application/json".to_owned(), template.to_owned())]),
            };
            served(ResponseType::Throttled, &record)
        };
        let origin = "gatewayresponse.header.Access-Control-Allow-Origin";
        assert!(with(Some("429"), (origin, "'*'"), TEMPLATE.1).is_ok());
        assert!(with(None, (origin, "method.request.header.Origin"), "$context.requestId").is_ok());
        assert!(with(None, (origin, "context.requestId"), "").is_ok());
        for (status, parameter, template) in [
            (Some("100"), (origin, "'*'"), ""),
            (Some("abc"), (origin, "'*'"), ""),
            (None, (origin, "*"), ""),
            (None, (origin, "'a\r\nb'"), ""),
            (None, (origin, "integration.response.body"), ""),
            (None, ("gatewayresponse.header.a b", "'*'"), ""),
            (None, ("gatewayresponse.path.a", "'*'"), ""),
            (None, ("method.response.header.a", "'*'"), ""),
            (None, (origin, "'*'"), "#set($a = 1)"),
        ] {
            assert!(with(status, parameter, template).is_err(), "{status:?} {parameter:?} {template}");
        }
        assert!(with(None, (origin, "'*'"), &"x".repeat(TEMPLATE_BYTES_MAX + 1)).is_err());
    }
}
