//! Which operation a request means.
//!
//! Runs before authentication. SECURITY: it reads the path, the query, two headers and, for the query protocol, one
//! parameter of the body; it answers the same for what does not exist and what is not implemented.

mod address;
mod host;
mod subresource;
mod uri_template;

pub use address::addressed_path;
pub use uri_template::UriTemplate;

use crate::codec::fault;
use crate::codec::form;
use crate::model::{Location, Model, OperationModel, Protocol, model, models};
use crate::{Fault, WireRequest, WireResponse};

/// The longest text of [`asked`].
pub const ASKED_CHARS_MAX: usize = 256;

/// No operation was found; knows in which form to say so.
#[derive(Debug)]
pub struct RouteFault {
    /// The API that was meant, where that much was clear.
    pub model: Option<&'static Model>,
    /// How to answer.
    pub protocol: Protocol,
    /// What to answer.
    pub fault: Fault,
}

impl RouteFault {
    fn of(model: &'static Model, fault: Fault) -> Self {
        Self { model: Some(model), protocol: model.protocol(), fault }
    }

    /// The answer.
    pub fn encode(&self, request_id: &str) -> WireResponse {
        fault::encode(self.model, self.protocol, &self.fault, request_id)
    }
}

/// Finds the operation as AWS does: `X-Amz-Target`, `Action`, or method and path, within the API that the credential
/// scope names. Without a scope, the target, the action's version, the host or the path say which API is meant.
pub fn route(scope_service: Option<&str>, request: &WireRequest<'_>) -> Result<OperationModel, RouteFault> {
    let api = api(scope_service, request);
    let Some(api) = api.map(|api| by_prefix(api, request)) else {
        return Err(unknown_api(scope_service, request));
    };
    match api.protocol() {
        Protocol::Json10 | Protocol::Json11 => by_target(api, request),
        Protocol::Query => by_action(api, request),
        Protocol::RestJson | Protocol::RestXml | Protocol::Cbor => by_path(api, request),
    }
}

/// The API with this request's target prefix, of those that sign by the same name.
fn by_prefix(api: &'static Model, request: &WireRequest<'_>) -> &'static Model {
    match target(request).and_then(|target| target.split_once('.')) {
        Some((prefix, _)) if api.target_prefix().is_some_and(|own| own != prefix) => {
            let same = |other: &&'static Model| other.signing_name() == api.signing_name();
            models().filter(same).find(|other| other.target_prefix() == Some(prefix)).unwrap_or(api)
        }
        _ => api,
    }
}

/// The API that a request means, from its credential scope or, where it has none, from its form. For an API whose
/// bodies are streams the body has no say in it.
pub fn api(scope_service: Option<&str>, request: &WireRequest<'_>) -> Option<&'static Model> {
    match scope_service {
        // Most APIs sign by their own name: the other models need not be read.
        Some(scope) => model(scope)
            .filter(|model| model.signing_name() == scope)
            .or_else(|| models().find(|model| model.signing_name() == scope)),
        None => unsigned(request),
    }
}

fn target<'a>(request: &WireRequest<'a>) -> Option<&'a str> {
    request.headers.get("x-amz-target")?.to_str().ok()
}

fn parameter(request: &WireRequest<'_>, name: &str) -> Option<String> {
    form::find(request.query.as_bytes(), name)
        .or_else(|| form::find(request.body, name))
        .map(std::borrow::Cow::into_owned)
}

/// The API of a request that carries no scope.
fn unsigned(request: &WireRequest<'_>) -> Option<&'static Model> {
    if let Some((prefix, _)) = target(request).and_then(|target| target.split_once('.')) {
        return models().find(|model| model.target_prefix() == Some(prefix));
    }
    if address::names_s3(request.headers) {
        return model(address::S3);
    }
    if let Some(service) = host::service(request.headers) {
        return model(service).or_else(|| models().find(|model| model.endpoint_prefix() == service));
    }
    if let Some(action) = parameter(request, "Action") {
        let version = parameter(request, "Version");
        let queries = || models().filter(|model| model.protocol() == Protocol::Query);
        let named = queries().find(|model| Some(model.api_version()) == version.as_deref());
        return named.or_else(|| queries().find(|model| model.operation(&action).is_some()));
    }
    let by_path = models()
        .filter(|model| model.protocol() == Protocol::RestJson)
        .find(|model| find_path(model, request, None).is_some());
    by_path.or_else(|| address::could_be_s3(request).then(|| model(address::S3)).flatten())
}

/// How a request asks for its operation, for the record of one that has none: its target, its action, or its method and
/// path. At most [`ASKED_CHARS_MAX`] characters, all of them printable.
// SECURITY: never the query or the body, which may hold secrets; of a form only what it names as its action.
pub fn asked(request: &WireRequest<'_>) -> String {
    let asked = match (target(request), parameter(request, "Action")) {
        (Some(target), _) => target.to_owned(),
        (None, Some(action)) => action,
        (None, None) => format!("{} {}", request.method, request.path),
    };
    let printable = |char: char| if char.is_control() { '\u{fffd}' } else { char };
    asked.chars().take(ASKED_CHARS_MAX).map(printable).collect()
}

/// A service that is not here is named: programs that need it are told what is missing.
fn unknown_api(scope_service: Option<&str>, request: &WireRequest<'_>) -> RouteFault {
    let protocol = if target(request).is_some() {
        Protocol::Json11
    } else if parameter(request, "Action").is_some() {
        Protocol::Query
    } else {
        Protocol::RestJson
    };
    let fault = match scope_service.filter(|name| is_service_name(name)) {
        Some(name) => {
            let message = format!("The service {name} is not available on this platform.");
            Fault::sender("NotImplemented", message).with_status(501)
        }
        None => unknown_operation(),
    };
    RouteFault { model: None, protocol, fault }
}

fn is_service_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn unknown_operation() -> Fault {
    Fault::sender("UnknownOperationException", "The requested operation is not recognized by the service.")
}

fn by_target(api: &'static Model, request: &WireRequest<'_>) -> Result<OperationModel, RouteFault> {
    let unknown = || RouteFault::of(api, unknown_operation());
    if request.method != "POST" {
        return Err(unknown());
    }
    let (prefix, name) = target(request).and_then(|target| target.split_once('.')).ok_or_else(unknown)?;
    // Some prefixes have dots of their own: the operation is what stands behind the whole prefix.
    let name = match api.target_prefix() {
        Some(whole) if whole == prefix => Some(name),
        Some(whole) => target(request).and_then(|target| target.strip_prefix(whole)?.strip_prefix('.')),
        None => None,
    };
    name.and_then(|name| api.operation(name)).ok_or_else(unknown)
}

fn by_action(api: &'static Model, request: &WireRequest<'_>) -> Result<OperationModel, RouteFault> {
    // SECURITY: methods that proxies and caches hold to be safe change nothing.
    if !["GET", "POST"].contains(&request.method) {
        return Err(RouteFault::of(api, unknown_operation()));
    }
    let Some(action) = parameter(request, "Action").filter(|action| !action.is_empty()) else {
        return Err(RouteFault::of(api, Fault::sender("MissingAction", "Missing Action")));
    };
    let version = parameter(request, "Version");
    let known = version.as_deref() == Some(api.api_version());
    api.operation(&action).filter(|_| known).ok_or_else(|| {
        let action: String = action.chars().take(128).collect();
        let version: String = version.as_deref().unwrap_or("NO_VERSION_SPECIFIED").chars().take(32).collect();
        let message = format!("Could not find operation {action} for version {version}");
        RouteFault::of(api, Fault::sender("InvalidAction", message))
    })
}

fn by_path(api: &'static Model, request: &WireRequest<'_>) -> Result<OperationModel, RouteFault> {
    let refuse = |fault| RouteFault::of(api, fault);
    if api.protocol() != Protocol::RestXml {
        return find_path(api, request, None).ok_or_else(|| refuse(unknown_operation()));
    }
    let selector = subresource::selected(api, request).map_err(refuse)?;
    let unknown =
        || selector.map_or_else(unknown_operation, |name| subresource::not_allowed(request.method, name));
    let operation = find_path(api, request, selector).ok_or_else(|| refuse(unknown()))?;
    subresource::version_refused(operation, request).map_or(Ok(operation), |fault| Err(refuse(fault)))
}

/// The operation of this method and path; of this sub-resource, where one is named.
fn find_path(
    api: &'static Model,
    request: &WireRequest<'_>,
    selector: Option<&str>,
) -> Option<OperationModel> {
    let is_xml = api.protocol() == Protocol::RestXml;
    api.operations()
        .filter(|operation| operation.http_method() == request.method)
        .filter(|operation| operation.uri().matches(request.path, request.query))
        .filter(|operation| selector.is_none_or(|name| subresource::is_of(*operation, name)))
        .filter_map(|operation| {
            // In S3 many operations share a path: what an operation requires beside the path tells them apart.
            let required = if is_xml { required(operation, request)? } else { 0 };
            Some((operation, operation.uri().specificity(), required))
        })
        .max_by_key(|(_, specificity, required)| (*specificity, *required))
        .map(|(operation, ..)| operation)
}

/// How many members an operation requires in query and headers; `None` where one of them is missing.
fn required(operation: OperationModel, request: &WireRequest<'_>) -> Option<usize> {
    let members = operation.input().map(crate::Shape::members).unwrap_or_default();
    let mut count = 0;
    for member in members.iter().filter(|member| member.is_required()) {
        let present = match member.location {
            Location::Query => uri_template::has_parameter(request.query, member.wire_name, None),
            Location::Header => request.headers.contains_key(member.wire_name),
            _ => continue,
        };
        if !present {
            return None;
        }
        count += 1;
    }
    Some(count)
}
