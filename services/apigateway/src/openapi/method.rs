//! One operation of a document: who may call it, and its integration.
//!
//! What its requests must look like stands in `request`.

use std::collections::BTreeMap;

use gateway::INTEGRATION_MILLIS_MAX;
use gateway::records::Authorization;
use serde_json::{Map, Value};

use super::models::Schemas;
use super::{malformed, request};
use crate::Error;
use crate::integration;
use crate::records::{
    AuthorizerRecord, IntegrationRecord, IntegrationResponseRecord, MethodRecord, MethodResponseRecord,
};

/// How callers are told apart, and by which authorizer.
type Way = (Authorization, Option<String>);

/// Not at all.
const OPEN: Way = (Authorization::None, None);

/// What a security requirement asks for.
enum Asked {
    Callers(Way),
    /// An API key, besides.
    Key,
}

/// Where a scheme describes a function.
const AUTHORIZER: &str = "x-amazon-apigateway-authorizer";

/// The document's security schemes, and the requirement of methods that state none.
pub(crate) struct Security<'d> {
    schemes: Option<&'d Map<String, Value>>,
    default: Option<&'d Value>,
}

impl<'d> Security<'d> {
    pub(crate) fn read(root: &'d Map<String, Value>) -> Result<Self, Error> {
        let schemes =
            root.get("securityDefinitions").or_else(|| root.get("components")?.get("securitySchemes"));
        let schemes = match schemes {
            None => None,
            Some(Value::Object(schemes)) => Some(schemes),
            Some(_) => return Err(malformed("securityDefinitions")),
        };
        Ok(Self { schemes, default: root.get("security") })
    }

    /// How callers of an operation are told apart.
    // SECURITY: a requirement that is not understood is an error; taking it for none would open the method.
    fn authorization(&self, operation: &Map<String, Value>) -> Result<(Way, bool), Error> {
        let mut needs_key = false;
        let own = match operation
            .get("x-amazon-apigateway-auth")
            .map(|auth| auth.get("type").and_then(Value::as_str))
        {
            None => None,
            Some(Some(kind)) if kind.eq_ignore_ascii_case("AWS_IAM") => Some((Authorization::AwsIam, None)),
            Some(Some(kind)) if kind.eq_ignore_ascii_case("NONE") => Some(OPEN),
            Some(_) => {
                return Err(Error::unsupported(
                    "An x-amazon-apigateway-auth type other than AWS_IAM and NONE",
                ));
            }
        };
        let none = Vec::new();
        let requirements = match operation.get("security").or(self.default) {
            None => &none,
            Some(Value::Array(requirements)) => requirements,
            Some(_) => return Err(malformed("security")),
        };
        let mut found = OPEN;
        for requirement in requirements {
            let Value::Object(names) = requirement else { return Err(malformed("security")) };
            for name in names.keys() {
                let way = match self.scheme(name)? {
                    Asked::Callers(way) => way,
                    Asked::Key => {
                        needs_key = true;
                        continue;
                    }
                };
                if found != OPEN && way != OPEN && way != found {
                    return Err(Error::unsupported("More than one way to tell a method's callers apart"));
                }
                if way != OPEN {
                    found = way;
                }
            }
        }
        Ok((own.unwrap_or(found), needs_key))
    }

    /// The functions that tell callers apart, by the names of their schemes.
    pub(crate) fn authorizers(&self) -> Result<Vec<AuthorizerRecord>, Error> {
        let schemes = self.schemes.into_iter().flatten();
        let described = schemes.filter_map(|(name, scheme)| Some((name, scheme, scheme.get(AUTHORIZER)?)));
        described.map(|(name, scheme, authorizer)| read_authorizer(name, scheme, authorizer)).collect()
    }

    fn scheme(&self, name: &str) -> Result<Asked, Error> {
        let scheme = self.schemes.and_then(|schemes| schemes.get(name));
        let kind =
            scheme.and_then(|scheme| scheme.get("x-amazon-apigateway-authtype")).and_then(Value::as_str);
        match (scheme, kind) {
            (Some(_), Some(kind)) if kind.eq_ignore_ascii_case("awsSigv4") => {
                Ok(Asked::Callers((Authorization::AwsIam, None)))
            }
            (Some(scheme), _) if scheme.get(AUTHORIZER).is_some() => {
                Ok(Asked::Callers((Authorization::Custom, Some(name.to_owned()))))
            }
            (Some(scheme), None) if is_api_key(scheme) => Ok(Asked::Key),
            // The names that templates use for methods that are open, or need no key, although there is a default.
            (None, _) if name == "NONE" || name == "api_key_false" => Ok(Asked::Callers(OPEN)),
            (Some(_), _) => Err(Error::unsupported(&format!(
                "The security scheme {name}: AWS_IAM, functions and API keys in x-api-key are; another one"
            ))),
            (None, _) => Err(Error::bad(format!("Unable to find the security scheme {name}"))),
        }
    }
}

/// True where a scheme asks for an API key in the one header that API Gateway reads.
fn is_api_key(scheme: &Value) -> bool {
    let text = |name: &str| scheme.get(name).and_then(Value::as_str).unwrap_or_default();
    text("type") == "apiKey" && text("in") == "header" && text("name").eq_ignore_ascii_case("x-api-key")
}

/// Reads what stands under a scheme's authorizer.
fn read_authorizer(name: &str, scheme: &Value, value: &Value) -> Result<AuthorizerRecord, Error> {
    let Value::Object(members) = value else { return Err(malformed(AUTHORIZER)) };
    let mut record = AuthorizerRecord { name: name.to_owned(), ..AuthorizerRecord::default() };
    for (member, value) in members {
        let text = || value.as_str().map(str::to_owned).ok_or_else(|| malformed(member));
        match member.as_str() {
            "type" => record.kind = text()?.to_ascii_uppercase(),
            "authorizerUri" => record.uri = text()?,
            "authorizerCredentials" => record.credentials = Some(text()?),
            "identitySource" => record.identity_source = Some(text()?),
            "identityValidationExpression" => record.validation = Some(text()?),
            "authorizerResultTtlInSeconds" => {
                record.ttl_secs = Some(seconds(value).ok_or_else(|| malformed(member))?);
            }
            "providerARNs" => {}
            _ => return Err(Error::unsupported(&format!("{AUTHORIZER}/{member}"))),
        }
    }
    // The header of a token is the scheme's own.
    if record.kind == "TOKEN" && record.identity_source.is_none() {
        let header = scheme.get("name").and_then(Value::as_str).unwrap_or("Authorization");
        record.identity_source = Some(format!("method.request.header.{header}"));
    }
    Ok(record)
}

fn seconds(value: &Value) -> Option<u32> {
    let text = || value.as_str().and_then(|text| text.parse().ok());
    value.as_u64().and_then(|seconds| u32::try_from(seconds).ok()).or_else(text)
}

/// Elements that describe an operation and change nothing.
const DESCRIPTIVE: [&str; 13] = [
    "summary",
    "description",
    "tags",
    "externalDocs",
    "consumes",
    "produces",
    "schemes",
    "deprecated",
    "parameters",
    "requestBody",
    "callbacks",
    "servers",
    "security",
];

/// What is known of a document where its operations are read.
pub(crate) struct Surroundings<'d> {
    pub(crate) root: &'d Map<String, Value>,
    pub(crate) security: &'d Security<'d>,
    /// The parameters of all operations of a path.
    pub(crate) shared: Option<&'d Value>,
}

/// Names the validator of an operation, or of all that name none.
pub(crate) const VALIDATOR: &str = "x-amazon-apigateway-request-validator";

/// Reads one operation.
pub(crate) fn read(
    operation: &Value,
    around: &Surroundings<'_>,
    schemas: &mut Schemas,
) -> Result<MethodRecord, Error> {
    let Value::Object(operation) = operation else { return Err(malformed("operation")) };
    // The authorizer is named as the document names it, until its id is known. So is the validator.
    let ((authorization, authorizer_id), api_key_required) = around.security.authorization(operation)?;
    let request = request::read(around.root, operation, around.shared, schemas)?;
    let validator = operation.get(VALIDATOR).or_else(|| around.root.get(VALIDATOR));
    let validator = validator.map(|name| name.as_str().ok_or_else(|| malformed(VALIDATOR))).transpose()?;
    let mut method = MethodRecord {
        authorization,
        authorizer_id,
        api_key_required,
        validator_id: validator.map(str::to_owned),
        request_parameters: request.parameters,
        request_models: request.models,
        ..MethodRecord::default()
    };
    for (name, value) in operation {
        match name.as_str() {
            "operationId" => method.operation_name = value.as_str().map(str::to_owned),
            "responses" => method.responses = responses(around.root, value)?,
            "x-amazon-apigateway-integration" => method.integration = Some(read_integration(value)?),
            "x-amazon-apigateway-auth" | VALIDATOR => {}
            known if DESCRIPTIVE.contains(&known) => {}
            other if other.starts_with("x-amazon-apigateway-") => return Err(Error::unsupported(other)),
            other if other.starts_with("x-") => {}
            other => return Err(malformed(other)),
        }
    }
    check_responses(&method)?;
    Ok(method)
}

/// Answers of a mock are among the operation's responses. Those of a proxy are never given.
fn check_responses(method: &MethodRecord) -> Result<(), Error> {
    let mock = method.integration.as_ref().filter(|integration| integration.kind == "MOCK");
    let mut responses = mock.into_iter().flat_map(|mock| &mock.responses);
    responses.try_for_each(|(status, response)| integration::declared(method, status, response))
}

/// The declared responses: their status codes and the names of their headers.
fn responses(
    root: &Map<String, Value>,
    value: &Value,
) -> Result<BTreeMap<String, MethodResponseRecord>, Error> {
    let Value::Object(responses) = value else { return Err(malformed("responses")) };
    let is_status = |name: &str| name.len() == 3 && name.bytes().all(|byte| byte.is_ascii_digit());
    let one = |(status, response): (&String, &Value)| {
        let headers = described(root, response).get("headers").and_then(Value::as_object);
        let names = headers.into_iter().flat_map(Map::keys);
        let parameters = names.map(|name| (format!("method.response.header.{name}"), false)).collect();
        (status.clone(), MethodResponseRecord { parameters, models: BTreeMap::new() })
    };
    Ok(responses.iter().filter(|(status, _)| is_status(status)).map(one).collect())
}

/// A response, or the document's own that it refers to.
fn described<'d>(root: &'d Map<String, Value>, response: &'d Value) -> &'d Value {
    let reference = response.get("$ref").and_then(Value::as_str);
    let path = reference.and_then(|reference| reference.strip_prefix("#/")?.split_once('/'));
    let found = path.and_then(|(first, rest)| root.get(first)?.pointer(&format!("/{rest}")));
    found.unwrap_or(response)
}

fn read_integration(value: &Value) -> Result<IntegrationRecord, Error> {
    let Value::Object(members) = value else { return Err(malformed("x-amazon-apigateway-integration")) };
    let mut record = IntegrationRecord {
        passthrough_behavior: "WHEN_NO_MATCH".to_owned(),
        timeout_millis: INTEGRATION_MILLIS_MAX,
        ..IntegrationRecord::default()
    };
    for (name, value) in members {
        let text = || value.as_str().map(str::to_owned).ok_or_else(|| malformed(name));
        match name.as_str() {
            "type" => record.kind = text()?.to_ascii_uppercase(),
            "httpMethod" => record.http_method = Some(text()?.to_ascii_uppercase()),
            "uri" => record.uri = Some(text()?),
            "credentials" => record.credentials = Some(text()?),
            "passthroughBehavior" => record.passthrough_behavior = text()?.to_ascii_uppercase(),
            "contentHandling" => record.content_handling = Some(text()?),
            "timeoutInMillis" => {
                record.timeout_millis = milliseconds(value).ok_or_else(|| malformed(name))?
            }
            "cacheNamespace" => record.cache_namespace = Some(text()?),
            "requestParameters" => record.request_parameters = texts(value).ok_or_else(|| malformed(name))?,
            "requestTemplates" => record.request_templates = texts(value).ok_or_else(|| malformed(name))?,
            "responses" => record.responses = integration_responses(value)?,
            "cacheKeyParameters" if value.as_array().is_some_and(Vec::is_empty) => {}
            "connectionType" if value.as_str() == Some("INTERNET") => {}
            _ => return Err(Error::unsupported(&format!("x-amazon-apigateway-integration/{name}"))),
        }
    }
    integration::served(&record)?;
    Ok(record)
}

fn milliseconds(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|millis| u32::try_from(millis).ok())
}

/// By selection pattern; `default` is the one without.
fn integration_responses(value: &Value) -> Result<BTreeMap<String, IntegrationResponseRecord>, Error> {
    let Value::Object(responses) = value else { return Err(malformed("responses")) };
    let mut read = BTreeMap::new();
    for (pattern, response) in responses {
        let Value::Object(members) = response else { return Err(malformed("responses")) };
        let mut status = None;
        let mut record = IntegrationResponseRecord {
            selection_pattern: (pattern != "default").then(|| pattern.clone()),
            ..IntegrationResponseRecord::default()
        };
        for (name, value) in members {
            match name.as_str() {
                "statusCode" => {
                    status =
                        value.as_str().map(str::to_owned).or_else(|| value.as_u64().map(|it| it.to_string()));
                }
                "responseParameters" => record.parameters = texts(value).ok_or_else(|| malformed(name))?,
                "responseTemplates" => record.templates = texts(value).ok_or_else(|| malformed(name))?,
                _ => {
                    return Err(Error::unsupported(&format!(
                        "x-amazon-apigateway-integration/responses/{name}"
                    )));
                }
            }
        }
        read.insert(status.ok_or_else(|| malformed("responses/statusCode"))?, record);
    }
    Ok(read)
}

/// A map of texts.
pub(crate) fn texts(value: &Value) -> Option<BTreeMap<String, String>> {
    let entries = value.as_object()?.iter();
    entries.map(|(key, value)| value.as_str().map(|value| (key.clone(), value.to_owned()))).collect()
}
